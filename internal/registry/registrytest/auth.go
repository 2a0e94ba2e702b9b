package registrytest

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

const token = "registrytest-token"

func (s *Server) credentials(r *http.Request) bool {
	user, password, ok := r.BasicAuth()
	return ok && user == s.options.Username && subtle.ConstantTimeCompare([]byte(password), []byte(s.options.Password)) == 1
}

func (s *Server) authorized(r *http.Request) bool {
	switch {
	case s.options.Username == "":
		return true
	case s.options.Bearer:
		return s.bearer(r)
	}
	return s.credentials(r)
}

// bearer says whether the token that came with a request opens what it asks for.
func (s *Server) bearer(r *http.Request) bool {
	given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "+token)
	if !ok || !s.options.Scoped {
		return ok && given == ""
	}
	action, rest := "pull", strings.TrimPrefix(r.URL.Path, "/v2/")
	if (Entry{Method: r.Method}).Write() {
		action = "push"
	}
	if rest == "" {
		return true
	}
	for scope := range strings.FieldsSeq(given) {
		parts := strings.Split(scope, ":")
		if len(parts) == 3 && strings.HasPrefix(rest, parts[1]+"/") && strings.Contains(parts[2], action) {
			return true
		}
	}
	return false
}

func (s *Server) challenge(w http.ResponseWriter) {
	challenge := `Basic realm="registrytest"`
	if s.options.Bearer {
		challenge = fmt.Sprintf("Bearer realm=%q,service=%q", "http://"+s.Host+"/token", s.Host)
	}
	w.Header().Set("WWW-Authenticate", challenge)
	fail(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
}

func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	if !s.credentials(r) {
		fail(w, http.StatusUnauthorized, "UNAUTHORIZED", "incorrect username or password")
		return
	}
	given := token
	if s.options.Scoped {
		given += " " + strings.Join(r.URL.Query()["scope"], " ")
	}
	_ = json.NewEncoder(w).Encode(map[string]string{"token": given})
}
