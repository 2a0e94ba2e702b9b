package githubtest

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/report/github/githubtest/history"
)

// getTarball sends to another host, with a secret in the address when the
// repository is private.
func (s *Server) getTarball(r *request) answer {
	ref := r.values["ref"]
	c := r.repo.resolve(ref)
	if c == nil {
		return notFound()
	}
	_, port, _ := net.SplitHostPort(s.archive.Listener.Addr().String()) // of our own listener
	location := url.URL{
		Scheme: "http", Host: net.JoinHostPort(s.options.ArchiveHost, port),
		Path: "/" + r.repo.Name + "/legacy.tar.gz/" + c.SHA,
	}
	if r.repo.Private {
		secret := fmt.Sprintf("ARCHIVE%d", s.next())
		s.passes[secret] = r.repo.Name
		location.RawQuery = url.Values{"token": {secret}}.Encode()
	}
	return answer{http.StatusFound, http.Header{"Location": {location.String()}}, []byte{}}
}

// handleArchive serves the other host: no token opens it, only the secret in the address.
func (s *Server) handleArchive(w http.ResponseWriter, r *http.Request, _ []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Header.Get("Authorization") != "" {
		s.violate("%s: an Authorization header was sent to the archive host", r.URL.Path)
	}
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if r.Method != http.MethodGet || len(parts) != 4 || parts[2] != "legacy.tar.gz" {
		http.NotFound(w, r)
		return
	}
	repo := s.repositories[strings.ToLower(parts[0]+"/"+parts[1])]
	if repo == nil || repo.commits[parts[3]] == nil || repo.Private && s.passes[r.URL.Query().Get("token")] != repo.Name {
		http.NotFound(w, r)
		return
	}
	c := repo.commits[parts[3]]
	archive := c.Archive
	if archive == nil {
		var err error
		if archive, err = history.Pack(repo.Name, c); err != nil {
			s.violate("packing %s: %v", c.SHA, err)
		}
	}
	w.Header().Set("Content-Type", "application/x-gzip")
	_, _ = w.Write(archive)
}
