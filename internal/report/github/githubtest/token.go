package githubtest

import (
	"net/http"
	"slices"
	"strings"
)

// Identity is who writes.
type Identity struct {
	Login string // of bots with "[bot]"
	ID    int64  // 0 is chosen
	Bot   bool
}

// Known identities.
var (
	Actions    = Identity{Login: "github-actions[bot]", ID: 41898282, Bot: true}
	Dependabot = Identity{Login: "dependabot[bot]", ID: 49699333, Bot: true}
	Mallory    = Identity{Login: "mallory", ID: 666}
)

// Permission is named as in the permissions of a workflow.
type Permission string

// The permissions that endpoints here ask for.
const (
	Contents       Permission = "contents"
	Issues         Permission = "issues"
	PullRequests   Permission = "pull-requests"
	Checks         Permission = "checks"
	SecurityEvents Permission = "security-events"
	metadata       Permission = "metadata" // every token has it
)

// Access is how far a permission goes; what is not named is None.
type Access int

// The degrees of access.
const (
	None Access = iota
	Read
	Write
)

// Token is a secret and what it opens.
type Token struct {
	Secret string
	Identity
	// Repositories ("owner/name") where Permissions hold. Other public ones can be
	// read, other private ones do not exist.
	Repositories []string
	Permissions  map[Permission]Access
}

// GitHubToken is a workflow's own token for one repository.
func GitHubToken(secret, repository string, permissions map[Permission]Access) Token {
	return Token{Secret: secret, Identity: Actions, Repositories: []string{repository}, Permissions: permissions}
}

// AddToken makes a token known.
func (s *Server) AddToken(t Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[t.Secret] = &t
}

// need is one way to be allowed.
type need struct {
	permission Permission
	access     Access
	named      bool // told in the header, and not enough
}

// header is how X-Accepted-GitHub-Permissions tells alternatives.
func header(needs []need) string {
	words := make([]string, len(needs))
	for i, n := range needs {
		words[i] = strings.ReplaceAll(string(n.permission), "-", "_") + "=" + [...]string{"none", "read", "write"}[n.access]
	}
	return strings.Join(words, "; ")
}

// token finds who asks. An unknown secret is not ok; no secret is nobody.
func (s *Server) token(r *http.Request) (*Token, bool) {
	value := r.Header.Get("Authorization")
	if value == "" {
		return &Token{}, true
	}
	scheme, secret, _ := strings.Cut(value, " ")
	if !strings.EqualFold(scheme, "bearer") && !strings.EqualFold(scheme, "token") {
		return nil, false
	}
	t, ok := s.tokens[secret]
	return t, ok
}

// sees says that a repository exists for a token.
func (t *Token) sees(r *repository) bool {
	return !r.Private || slices.Contains(t.Repositories, r.Name)
}

// may says that one of the needs is met. Public repositories can be read by all.
func (t *Token) may(r *repository, needs []need) bool {
	return slices.ContainsFunc(needs, func(n need) bool {
		if n.named {
			return false
		}
		if n.access == Read && !r.Private || n.permission == metadata {
			return true
		}
		return slices.Contains(t.Repositories, r.Name) && t.Permissions[n.permission] >= n.access
	})
}

// refusal is the answer to a token that may not.
func (t *Token) refusal(docs string, needs []need) answer {
	message := "Resource not accessible by personal access token"
	switch {
	case t.Secret == "":
		return fail(http.StatusUnauthorized, "Requires authentication", docs)
	case t.Bot:
		message = "Resource not accessible by integration"
	}
	a := fail(http.StatusForbidden, message, docs)
	if len(needs) > 0 {
		a.header = http.Header{"X-Accepted-Github-Permissions": {header(needs)}}
	}
	return a
}
