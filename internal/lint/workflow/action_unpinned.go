package workflow

import (
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/workflow"
)

var actionUnpinned = lint.Check[*file]{
	Rule: finding.Rule{
		ID: "WF-01", Name: "action-unpinned", Severity: finding.Medium, Since: "0.1.0",
		Summary: "Every action and workflow of somebody else is pinned to a commit",
		Also:    []string{"zizmor/unpinned-uses", "scorecard/Pinned-Dependencies", "poutine/github_action_from_unverified_creator_used"},
	},
	Run: func(p *lint.Pass, f *file) {
		var order []string
		places := map[string][]workflow.Uses{}
		note := func(u workflow.Uses) {
			if u.Owner == "" || u.Ref == "" || u.Pinned() || strings.Contains(u.Text, "${{") {
				return
			}
			if places[u.Text] == nil {
				order = append(order, u.Text)
			}
			places[u.Text] = append(places[u.Text], u)
		}
		for _, j := range f.jobs() {
			note(j.Calls)
			for _, s := range j.Steps {
				note(s.Uses)
			}
		}
		for _, text := range order {
			uses := places[text]
			u := uses[0]
			problem := lint.Problem{At: u.At, Subject: f.Subject(nil), Path: "uses[" + u.Name() + "]"}
			what, severity := "action", finding.Medium
			if strings.HasPrefix(u.Path, ".github/workflows/") {
				// Most are of the organisation that calls them.
				what, severity = "workflow", finding.Low
			}
			if official(u) {
				severity = finding.Low
			}
			problem.Severity = severity
			more := ""
			if len(uses) > 1 {
				more = fmt.Sprintf(" (%d times in this file)", len(uses))
				for _, other := range uses[1:min(len(uses), 20)] {
					problem.Related = append(problem.Related, other.At)
				}
			}
			name, _, _ := strings.Cut(u.Text, "@")
			problem.Message = fmt.Sprintf("%s %q is named by a tag or branch, which its owner, or whoever takes the account, can move to other code%s; pin it as \"%s@<commit> # %s\"", what, u.Text, more, name, u.Ref)
			p.Report(problem)
		}
	},
}

// official says that an action is by those who run the runner.
func official(u workflow.Uses) bool {
	return strings.EqualFold(u.Owner, "actions") || strings.EqualFold(u.Owner, "github")
}
