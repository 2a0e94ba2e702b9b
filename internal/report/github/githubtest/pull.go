package githubtest

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"
)

func (s *Server) getUser(r *request) answer {
	switch {
	case r.token.Secret == "":
		return fail(http.StatusUnauthorized, "Requires authentication", "")
	case r.token.Bot:
		return fail(http.StatusForbidden, "Resource not accessible by integration", "")
	}
	self := s.renderUser(r.token.Identity)
	self["user_view_type"] = "private"
	return ok(self)
}

func (s *Server) getRepository(r *request) answer { return ok(s.renderRepository(r.repo)) }

func (s *Server) getPull(r *request) answer {
	p := r.repo.pulls[int(r.number("pull_number"))]
	if p == nil {
		return notFound()
	}
	rendered := s.renderPull(r.repo, p)
	rendered["mergeable"], rendered["mergeable_state"] = true, "clean"
	return ok(rendered)
}

// listPulls is newest first, as GitHub sorts unless told otherwise. A head
// without an owner is ignored, as GitHub does.
func (s *Server) listPulls(r *request) answer {
	state := cmp.Or(r.query.Get("state"), "open")
	head, base := r.query.Get("head"), r.query.Get("base")
	var found []object
	numbers := slices.Sorted(maps.Keys(r.repo.pulls))
	slices.Reverse(numbers)
	if r.query.Get("direction") == "asc" {
		slices.Reverse(numbers)
	}
	for _, number := range numbers {
		p := r.repo.pulls[number]
		owner, _, _ := strings.Cut(p.Head.Repository, "/")
		switch {
		case state != "all" && (state == "closed") != p.Closed,
			strings.Contains(head, ":") && (p.HeadGone || !strings.EqualFold(head, owner+":"+p.Head.Branch)),
			base != "" && base != p.Base.Branch:
		default:
			found = append(found, s.renderPull(r.repo, p))
		}
	}
	shown, header := page(s, r, found)
	return answer{http.StatusOK, header, append([]object{}, shown...)}
}
