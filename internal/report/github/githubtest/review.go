package githubtest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/report/github/githubtest/history"
)

// ReviewComment is one on lines of a diff.
type ReviewComment struct {
	ID        int64
	Author    Identity
	Path      string
	Line      int
	StartLine int // 0 for one line
	Side      string
	Body      string
	made      time.Time
	review    int64
	commit    string
}

// Review is one submitted review with its comments.
type Review struct {
	ID     int64
	Author Identity
	State  string // COMMENTED, APPROVED, CHANGES_REQUESTED, PENDING
	Body   string
	SHA    string
	made   time.Time
}

type reviewRequest struct {
	CommitID *string `json:"commit_id"`
	Body     string  `json:"body"`
	Event    string  `json:"event"`
	Comments []struct {
		Path      string `json:"path"`
		Body      string `json:"body"`
		Line      int    `json:"line"`
		Side      string `json:"side"`
		StartLine int    `json:"start_line"`
		StartSide string `json:"start_side"`
		Position  int    `json:"position"`
	} `json:"comments"`
}

// Reviews are a pull request's, with the comments that are left.
func (s *Server) Reviews(repo string, number int) ([]Review, []ReviewComment) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pull(repo, number)
	comments := make([]ReviewComment, len(p.threads))
	for i, c := range p.threads {
		comments[i] = *c
	}
	return slices.Clone(p.reviews), comments
}

// createReview is all or nothing: one comment beside the diff and nothing is written.
func (s *Server) createReview(r *request) answer {
	p := r.repo.pulls[int(r.number("pull_number"))]
	if p == nil {
		return notFound()
	}
	var sent reviewRequest
	if refused, ok := r.decode(&sent); !ok {
		return refused
	}
	commit := p.Head.SHA
	if sent.CommitID != nil {
		commit = *sent.CommitID
	}
	states := map[string]string{"": "PENDING", "COMMENT": "COMMENTED", "APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED"}
	switch {
	case p.Locked:
		return fail(http.StatusForbidden, "Unable to create comment because issue is locked.", lockDocs)
	case !r.repo.offers(p, commit):
		return unprocessable("Pull request review commit is not part of the pull request")
	case sent.Event == "APPROVE" && r.token.Login == Actions.Login:
		return unprocessable("GitHub Actions is not permitted to approve pull requests.")
	case sent.Event == "APPROVE" && r.token.Login == p.Author.Login:
		return unprocessable("Can not approve your own pull request")
	case strings.TrimSpace(sent.Body) == "" && len(sent.Comments) == 0 && sent.Event != "APPROVE":
		return unprocessable("Review body can't be blank")
	case units(sent.Body) > MaxComment:
		return unprocessable("Body is too long (maximum is 65536 characters)")
	}
	if problems := s.misplaced(r.repo, p, &sent); len(problems) > 0 {
		return unprocessable(problems...)
	}
	review := Review{ID: s.next(), Author: r.token.Identity, State: states[sent.Event], Body: sent.Body, SHA: commit, made: s.now()}
	p.reviews = append(p.reviews, review)
	for _, c := range sent.Comments {
		p.threads = append(p.threads, &ReviewComment{
			ID: s.next(), Author: r.token.Identity, Path: c.Path, Line: c.Line, StartLine: c.StartLine, Side: side(c.Side), Body: c.Body,
			made: s.now(), review: review.ID, commit: commit,
		})
	}
	return ok(s.renderReview(r.repo, p, review))
}

// offers says that a commit is one of those that a pull request brings.
func (r *repository) offers(p *pull, sha string) bool {
	return slices.ContainsFunc(r.commits.Without(r.commits[p.Head.SHA], r.commits[p.Base.SHA]), func(c *Commit) bool { return c.SHA == sha })
}

func side(named string) string {
	if named == "" {
		return "RIGHT"
	}
	return named
}

// misplaced says what is wrong with the first comment that is, and not which one it is.
func (s *Server) misplaced(r *repository, p *pull, sent *reviewRequest) []string {
	diffs := map[string]map[history.Place]int{}
	for _, c := range r.changed(p) {
		diffs[c.Path] = history.Hunks(c.Patch)
	}
	const (
		thread = "Pull request review thread "
		blank  = thread + "diff hunk can't be blank"
	)
	for _, c := range sent.Comments {
		shown, changed := diffs[c.Path]
		hunk := shown[history.Place{Side: side(c.Side), Line: c.Line}]
		switch {
		case strings.TrimSpace(c.Body) == "" || units(c.Body) > MaxComment:
			return []string{"Body is too long (maximum is 65536 characters) or blank"}
		case c.Position != 0:
			return []string{"position is closing down and not modelled"}
		case !changed:
			return []string{thread + "path is invalid", blank}
		case hunk == 0:
			return []string{thread + "line must be part of the diff", blank}
		case c.StartLine != 0 && c.StartLine >= c.Line:
			return []string{thread + "start line must precede the end line."}
		case c.StartLine != 0 && shown[history.Place{Side: side(c.StartSide), Line: c.StartLine}] != hunk:
			return []string{thread + "start line must be part of the same hunk as the line."}
		}
	}
	return nil
}

func (s *Server) renderReview(r *repository, p *pull, review Review) object {
	return object{
		"id": review.ID, "node_id": fmt.Sprintf("PRR_%d", review.ID), "user": s.renderUser(review.Author), "body": review.Body, "state": review.State, "commit_id": review.SHA,
		"submitted_at": stamp(review.made), "html_url": fmt.Sprintf("https://github.com/%s/pull/%d#pullrequestreview-%d", r.Name, p.Number, review.ID),
	}
}

func (s *Server) listReviews(r *request) answer {
	p := r.repo.pulls[int(r.number("pull_number"))]
	if p == nil {
		return notFound()
	}
	shown, header := page(s, r, p.reviews)
	rendered := []object{}
	for _, review := range shown {
		rendered = append(rendered, s.renderReview(r.repo, p, review))
	}
	return answer{http.StatusOK, header, rendered}
}

func (s *Server) listReviewComments(r *request) answer {
	p := r.repo.pulls[int(r.number("pull_number"))]
	if p == nil {
		return notFound()
	}
	shown, header := page(s, r, p.threads)
	rendered := []object{}
	for _, c := range shown {
		o := object{
			"id": c.ID, "node_id": fmt.Sprintf("PRRC_%d", c.ID), "path": c.Path, "line": c.Line, "side": c.Side, "body": c.Body, "user": s.renderUser(c.Author),
			"commit_id": p.Head.SHA, "original_commit_id": c.commit, "pull_request_review_id": c.review,
			"created_at": stamp(c.made), "updated_at": stamp(c.made),
			"html_url": fmt.Sprintf("https://github.com/%s/pull/%d#discussion_r%d", r.repo.Name, p.Number, c.ID),
		}
		if c.StartLine != 0 {
			o["start_line"], o["start_side"] = c.StartLine, c.Side
		}
		rendered = append(rendered, o)
	}
	return answer{http.StatusOK, header, rendered}
}

func (s *Server) deleteReviewComment(r *request) answer {
	id := r.number("comment_id")
	for _, p := range r.repo.pulls {
		at := slices.IndexFunc(p.threads, func(c *ReviewComment) bool { return c.ID == id })
		if at >= 0 {
			p.threads = slices.Delete(p.threads, at, at+1)
			return answer{status: http.StatusNoContent}
		}
	}
	return notFound()
}
