package githubtest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"
)

// Limits of a check run.
const (
	maxAnnotations = 50     // in one request; later ones are added to those before
	maxOutput      = 65_535 // of summary and of text, in characters
)

// Annotation is one of a check run.
type Annotation struct {
	Path        string `json:"path"`
	StartLine   int    `json:"start_line"`
	EndLine     int    `json:"end_line"`
	StartColumn *int   `json:"start_column"`
	EndColumn   *int   `json:"end_column"`
	Level       string `json:"annotation_level"`
	Title       string `json:"title"`
	Message     string `json:"message"`
	Details     string `json:"raw_details"`
}

// CheckRun is what the server knows of one.
type CheckRun struct {
	ID                       int64
	Author                   Identity
	Name, SHA                string
	Status, Conclusion       string
	Title, Summary, Text     string
	Details, External        string
	Annotations              []Annotation
	started, completed, made time.Time
}

// checkRun is what a request may say of one; a nil field says nothing.
type checkRun struct {
	Name        *string    `json:"name"`
	HeadSHA     *string    `json:"head_sha"`
	Status      *string    `json:"status"`
	Conclusion  *string    `json:"conclusion"`
	DetailsURL  *string    `json:"details_url"`
	ExternalID  *string    `json:"external_id"`
	StartedAt   *time.Time `json:"started_at"`
	CompletedAt *time.Time `json:"completed_at"`
	Output      *struct {
		Title       *string      `json:"title"`
		Summary     *string      `json:"summary"`
		Text        *string      `json:"text"`
		Annotations []Annotation `json:"annotations"`
	} `json:"output"`
}

// CheckRuns are a repository's, oldest first.
func (s *Server) CheckRuns(repo string) []CheckRun {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repository(repo)
	var all []CheckRun
	for _, id := range slices.Sorted(maps.Keys(r.checks)) {
		run := *r.checks[id]
		run.Annotations = slices.Clone(run.Annotations)
		all = append(all, run)
	}
	return all
}

func (s *Server) createCheckRun(r *request) answer {
	var sent checkRun
	if refused, ok := r.decode(&sent); !ok {
		return refused
	}
	switch {
	case !r.token.Bot:
		return fail(http.StatusForbidden, "You must authenticate via a GitHub App.", "")
	case sent.Name == nil || sent.HeadSHA == nil:
		return fail(http.StatusUnprocessableEntity, "Invalid request.\n\n\"name\", \"head_sha\" weren't supplied.", "")
	case r.repo.commits[*sent.HeadSHA] == nil:
		return fail(http.StatusUnprocessableEntity, "No commit found for SHA: "+*sent.HeadSHA, "")
	}
	run := &CheckRun{ID: s.next(), Author: r.token.Identity, SHA: *sent.HeadSHA, Status: "queued", made: s.now()}
	if refused, ok := sent.apply(run, s.now()); !ok {
		return refused
	}
	r.repo.checks[run.ID] = run
	return answer{http.StatusCreated, nil, s.renderCheckRun(r.repo, run)}
}

func (s *Server) getCheckRun(r *request) answer {
	run := r.repo.checks[r.number("check_run_id")]
	if run == nil {
		return notFound()
	}
	return ok(s.renderCheckRun(r.repo, run))
}

func (s *Server) updateCheckRun(r *request) answer {
	run := r.repo.checks[r.number("check_run_id")]
	if run == nil {
		return notFound()
	}
	if run.Author != r.token.Identity {
		return fail(http.StatusForbidden, "Invalid app_id `1` - check run can only be modified by the GitHub App that created it.", "")
	}
	var sent checkRun
	if refused, ok := r.decode(&sent); !ok {
		return refused
	}
	if refused, ok := sent.apply(run, s.now()); !ok {
		return refused
	}
	return ok(s.renderCheckRun(r.repo, run))
}

// apply is all or nothing.
func (sent *checkRun) apply(run *CheckRun, now time.Time) (answer, bool) {
	if problem := sent.check(); problem != "" {
		return fail(http.StatusUnprocessableEntity, "Invalid request.\n\n"+problem, ""), false
	}
	set := func(to, from *string) {
		if from != nil {
			*to = *from
		}
	}
	set(&run.Name, sent.Name)
	set(&run.Status, sent.Status)
	set(&run.Details, sent.DetailsURL)
	set(&run.External, sent.ExternalID)
	set(&run.Conclusion, sent.Conclusion)
	if sent.Conclusion != nil {
		run.Status, run.completed = "completed", now
	}
	if sent.StartedAt != nil {
		run.started = *sent.StartedAt
	}
	if sent.CompletedAt != nil {
		run.completed = *sent.CompletedAt
	}
	if out := sent.Output; out != nil {
		set(&run.Title, out.Title)
		set(&run.Summary, out.Summary)
		set(&run.Text, out.Text)
		run.Annotations = append(run.Annotations, out.Annotations...)
	}
	return answer{}, true
}

func (sent *checkRun) check() string {
	out := sent.Output
	if out == nil {
		return ""
	}
	for _, text := range []*string{out.Summary, out.Text} {
		if text != nil && units(*text) > maxOutput {
			return fmt.Sprintf("Only %d characters are allowed; %d were supplied.", maxOutput, units(*text))
		}
	}
	if n := len(out.Annotations); n > maxAnnotations {
		return fmt.Sprintf("No more than %d items are allowed; %d were supplied.", maxAnnotations, n)
	}
	for _, a := range out.Annotations {
		switch {
		case a.Path == "" || a.StartLine < 1 || a.EndLine < a.StartLine || a.Message == "":
			return "an annotation lacks its path, lines or message"
		case a.StartLine != a.EndLine && (a.StartColumn != nil || a.EndColumn != nil):
			return "columns are only for annotations of one line"
		}
	}
	return ""
}

func (s *Server) renderCheckRun(r *repository, run *CheckRun) object {
	page := fmt.Sprintf("%s/repos/%s/check-runs/%d", s.URL, r.Name, run.ID)
	moment := func(t time.Time) any {
		if t.IsZero() {
			return nil
		}
		return stamp(t)
	}
	word := func(text string) any {
		if text == "" {
			return nil
		}
		return text
	}
	started := run.started
	if started.IsZero() {
		started = run.made
	}
	return object{
		"id": run.ID, "node_id": fmt.Sprintf("CR_%d", run.ID), "name": run.Name, "head_sha": run.SHA, "status": run.Status, "conclusion": word(run.Conclusion),
		"details_url": word(run.Details), "external_id": word(run.External), "url": page,
		"html_url":   fmt.Sprintf("https://github.com/%s/runs/%d", r.Name, run.ID),
		"started_at": moment(started), "completed_at": moment(run.completed), "pull_requests": []any{},
		"output": object{
			"title": word(run.Title), "summary": word(run.Summary), "text": word(run.Text),
			"annotations_count": len(run.Annotations), "annotations_url": page + "/annotations",
		},
	}
}

func (s *Server) listAnnotations(r *request) answer {
	run := r.repo.checks[r.number("check_run_id")]
	if run == nil {
		return notFound()
	}
	shown, header := page(s, r, run.Annotations)
	rendered := []object{}
	for _, a := range shown {
		rendered = append(rendered, object{
			"path": a.Path, "start_line": a.StartLine, "end_line": a.EndLine, "start_column": a.StartColumn, "end_column": a.EndColumn,
			"annotation_level": a.Level, "title": a.Title, "message": a.Message, "raw_details": a.Details,
			"blob_href": "https://github.com/" + r.repo.Name + "/blob/" + run.SHA + "/" + a.Path,
		})
	}
	return answer{http.StatusOK, header, rendered}
}
