package githubtest

import (
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
)

// TooLong is which of GitHub's two answers a long comment gets; both are seen.
type TooLong int

// The two shapes of one refusal.
const (
	TooLongUnprocessable TooLong = iota // code "unprocessable", field "data"
	TooLongCustom                       // code "custom", field "body"
)

// MaxComment is the length of a comment, in UTF-16 units.
const MaxComment = 65_536

// lockDocs is the page that a refusal for a locked conversation points to.
const lockDocs = "https://docs.github.com/articles/locking-conversations/"

func (s *Server) listComments(r *request) answer {
	p := r.repo.pulls[int(r.number("issue_number"))]
	if p == nil {
		return notFound()
	}
	all := p.comments
	if since, err := time.Parse(time.RFC3339, r.query.Get("since")); err == nil {
		all = slices.DeleteFunc(slices.Clone(all), func(c *Comment) bool { return c.Updated.Before(since) })
	}
	shown, header := page(s, r, all)
	rendered := make([]object, len(shown))
	for i, c := range shown {
		rendered[i] = s.renderComment(r.repo, p, c)
	}
	return answer{http.StatusOK, header, rendered}
}

func (s *Server) createComment(r *request) answer {
	p := r.repo.pulls[int(r.number("issue_number"))]
	if p == nil {
		return notFound()
	}
	body, refused, ok := s.commentBody(r, p)
	if !ok {
		return refused
	}
	c := p.comment(s, r.token.Identity, body)
	a := answer{status: http.StatusCreated, body: s.renderComment(r.repo, p, c)}
	a.header = http.Header{"Location": {s.URL + "/repos/" + r.repo.Name + "/issues/comments/" + node(c.ID)[3:]}}
	return a
}

// commentBody reads a comment to write, or refuses it.
func (s *Server) commentBody(r *request, p *pull) (string, answer, bool) {
	var sent struct{ Body *string }
	if refused, ok := r.decode(&sent); !ok {
		return "", refused, false
	}
	switch {
	case p.Locked:
		return "", fail(http.StatusForbidden, "Unable to create comment because issue is locked.", lockDocs), false
	case sent.Body == nil:
		return "", invalid("missing_field", "body", ""), false
	case strings.TrimSpace(*sent.Body) == "":
		return "", invalid("unprocessable", "data", "Body cannot be blank"), false
	case units(*sent.Body) <= MaxComment:
		return *sent.Body, answer{}, true
	case s.options.TooLong == TooLongCustom:
		return "", invalid("custom", "body", "body is too long (maximum is 65536 characters)"), false
	}
	return "", invalid("unprocessable", "data", "Body is too long (maximum is 65536 characters)"), false
}

// units is a text's length in UTF-16.
func units(text string) int {
	n := 0
	for _, r := range text {
		n += utf16.RuneLen(r)
	}
	return n
}

// comment finds one by the id in the path.
func (r *request) comment() (*pull, *Comment) {
	id := r.number("comment_id")
	for _, p := range r.repo.pulls {
		for _, c := range p.comments {
			if c.ID == id {
				return p, c
			}
		}
	}
	return nil, nil
}

func (s *Server) getComment(r *request) answer {
	p, c := r.comment()
	if c == nil {
		return notFound()
	}
	return ok(s.renderComment(r.repo, p, c))
}

func (s *Server) editComment(r *request) answer {
	p, c := r.comment()
	if c == nil {
		return notFound()
	}
	body, refused, allowed := s.commentBody(r, p)
	if !allowed {
		return refused
	}
	c.Body, c.Updated = body, s.now()
	return ok(s.renderComment(r.repo, p, c))
}

func (s *Server) deleteComment(r *request) answer {
	p, c := r.comment()
	if c == nil {
		return notFound()
	}
	p.comments = slices.DeleteFunc(p.comments, func(other *Comment) bool { return other == c })
	return answer{status: http.StatusNoContent}
}
