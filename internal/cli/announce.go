package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/report"
	"github.com/plimsoll-ci/plimsoll/internal/report/actions"
	"github.com/plimsoll-ci/plimsoll/internal/report/markdown"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// actionReports is where an action writes its reports when nobody says.
const actionReports = "plimsoll-report"

// announce tells the runner what came of the run: annotations, the job summary,
// outputs; then the pull request, and last what became of that. Whatever fails
// here is told in turn and changes no verdict.
func (r *runner) announce(ctx context.Context, result *verdict.Result) {
	if r.env.runner == nil {
		return
	}
	to := r.env.runner
	if r.cfg.Annotate {
		list, _ := report.Annotations(*result)
		to.Annotate(remarks(list))
	}
	var b bytes.Buffer
	err := markdown.Summary(&b, *result, markdown.SummaryOptions{Budget: to.SummaryBudget(), Report: r.reportPath("json")})
	if err == nil {
		err = to.Summary(b.Bytes())
	}
	r.degrade(result, "summary", err)
	r.degrade(result, "outputs", to.Outputs(r.outputs(*result)...))
	if result.Acted != nil {
		for reference := range strings.FieldsSeq(result.Acted.Pushed) {
			r.degrade(result, "artifact", to.Artifact(reference))
		}
	}
	address := r.comment(ctx, result)
	r.degrade(result, "outputs", to.Outputs(
		actions.Output{Name: "comment-url", Value: address},
		actions.Output{Name: "degraded", Value: strings.Join(result.Degraded, ",")},
	))
}

// degrade notes that something could not be told, and says why.
func (r *runner) degrade(result *verdict.Result, what string, err error) {
	if err == nil {
		return
	}
	fmt.Fprintf(r.env.stderr, "plimsoll: %s\n", printableError(err))
	if !slices.Contains(result.Degraded, what) {
		result.Degraded = append(result.Degraded, what)
	}
}

func remarks(list []report.Annotation) []actions.Annotation {
	out := make([]actions.Annotation, len(list))
	for i, a := range list {
		out[i] = actions.Annotation{
			Level: a.Level, Path: a.Path, Line: a.Line, EndLine: a.EndLine, Column: a.Column,
			EndColumn: max(a.Column, a.EndColumn-1), // the runner's is the last one, ours the one behind it
			Title:     a.Title, Message: a.Message,
		}
	}
	return out
}

// outputs of the action (config.Outputs), from what is known before GitHub is
// written to.
func (r *runner) outputs(result verdict.Result) []actions.Output {
	reason := ""
	if causes, _ := report.Causes(result); len(causes) > 0 {
		reason = causes[0].Sentence()
		if at := report.Line(causes[0].Location); at != "" {
			reason = at + ": " + reason
		}
	}
	of := func(severity finding.Severity) int {
		return report.Distinct(slices.DeleteFunc(slices.Clone(result.Findings), func(f finding.Finding) bool {
			return f.Severity != severity || f.Suppressed != nil || f.Status == finding.Fixed
		}))
	}
	out := []actions.Output{
		{Name: "verdict", Value: result.Verdict.Decision.String()},
		{Name: "enforced", Value: strconv.FormatBool(result.Enforced)},
		{Name: "reason", Value: reason},
		{Name: "critical", Value: strconv.Itoa(of(finding.Critical))},
		{Name: "high", Value: strconv.Itoa(of(finding.High))},
		{Name: "signed", Value: strconv.FormatBool(result.Acted != nil && result.Acted.Signed != "")},
		{Name: "report", Value: r.reportPath("json")},
	}
	if len(result.Points) > 0 {
		out = append(out, actions.Output{Name: "points", Value: result.Points.Score()})
	}
	if result.Acted != nil {
		out = append(out, actions.Output{Name: "acted", Value: strconv.FormatBool(result.Acted.Done)})
	}
	if result.Compared != nil {
		found := report.Split(result)
		introduced := found.Problems.Introduced + found.Secrets.Introduced + found.Vulnerable.Introduced
		out = append(out, actions.Output{Name: "introduced", Value: strconv.Itoa(introduced)})
	}
	if len(result.Subjects) > 0 {
		s := result.Subjects[0]
		out = append(out, actions.Output{Name: "imageid", Value: s.ImageID}, actions.Output{Name: "digest", Value: s.Digest},
			actions.Output{Name: "metadata", Value: metadata(r.cfg.Tags, s)})
	}
	return out
}

// metadata has the names of docker/build-push-action's output of that name.
func metadata(tags []string, s verdict.Subject) string {
	data, err := json.Marshal(struct {
		Config string `json:"containerimage.config.digest,omitempty"`
		Digest string `json:"containerimage.digest"`
		Name   string `json:"image.name,omitempty"`
	}{s.ImageID, s.Digest, strings.Join(tags, ",")})
	if err != nil {
		return "" // three strings always marshal
	}
	return string(data)
}

// reportPath is where a form of the report lies, relative to the workspace; ""
// when it is not written.
func (r *runner) reportPath(form string) string {
	if r.cfg.ReportDir == "" || !slices.Contains(r.cfg.Reports, form) {
		return ""
	}
	path := filepath.Join(r.cfg.ReportDir, files[form])
	if rel, err := r.space.rel(path); err == nil {
		return rel
	}
	return filepath.ToSlash(path)
}

// prepareReports chooses the directory of an action's reports, which git shall not
// see, and refuses one that nothing may be written to before anything is done.
func (r *runner) prepareReports() error {
	if r.env.runner != nil && r.cfg.ReportDir == "" && len(r.cfg.Reports) > 0 {
		r.cfg.ReportDir, r.ignored = actionReports, true
	}
	if r.cfg.ReportDir == "" {
		return nil
	}
	return checkFolder(r.cfg.ReportDir, r.workspaces())
}
