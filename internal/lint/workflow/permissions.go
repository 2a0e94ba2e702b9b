package workflow

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/workflow"
	"github.com/plimsoll-ci/plimsoll/internal/source/yaml"
)

var permissionsMissing = lint.Check[*file]{
	Rule: finding.Rule{
		ID: "WF-02", Name: "permissions-missing", Severity: finding.Medium, Since: "0.1.0",
		Summary: "Every workflow says what its token may do",
		Also:    []string{"zizmor/excessive-permissions", "scorecard/Token-Permissions", "poutine/default_permissions_on_risky_events"},
	},
	Run: func(p *lint.Pass, f *file) {
		if f.File == nil || f.Action || f.Root.Get("permissions").Exists() || called(f.File) {
			return
		}
		var without []*workflow.Job
		for _, j := range f.Jobs {
			if !j.Root.Get("permissions").Exists() {
				without = append(without, j)
			}
		}
		if len(without) == 0 {
			return
		}
		const may = "so the token may do whatever the repository's settings allow by default"
		problem := lint.Problem{
			At: f.Root.Key("jobs").At(), Subject: f.Subject(nil), Path: "permissions",
			Message: "the workflow sets no permissions, " + may + "; add \"permissions: {}\" above the jobs, and to each job what it needs",
		}
		if len(without) < len(f.Jobs) {
			var names []string
			for i, j := range without {
				names = append(names, j.ID)
				if i > 0 {
					problem.Related = append(problem.Related, j.At)
				}
			}
			problem.At = without[0].At
			what := "job " + quotedList(names) + " sets"
			if len(names) > 1 {
				what = "jobs " + quotedList(names) + " set"
			}
			problem.Message = fmt.Sprintf("%s no permissions, %s; add \"permissions: {}\" above the jobs, and here what is needed", what, may)
		}
		p.Report(problem)
	},
}

// called says that other workflows alone start this one: the token is theirs.
func called(f *workflow.File) bool {
	return len(f.Triggers) == 1 && f.Triggers[0].Event == "workflow_call"
}

var permissionsWriteAll = lint.Check[*file]{
	Rule: finding.Rule{
		ID: "WF-03", Name: "permissions-write-all", Severity: finding.High, Since: "0.1.0",
		Summary: "No token may write everything",
		Also:    []string{"zizmor/excessive-permissions", "scorecard/Token-Permissions", "CKV2_GHA_1"},
	},
	Run: func(p *lint.Pass, f *file) {
		if f.File == nil {
			return
		}
		look := func(at yaml.Node, j *workflow.Job, whose string) {
			if at.Text() == "write-all" {
				p.Report(lint.Problem{
					At: at.At(), Subject: f.Subject(j), Path: "permissions",
					Message: fmt.Sprintf("\"write-all\" lets every step of %s change code, packages, releases and settings of pull requests; name what is needed, such as \"contents: read\"", whose),
				})
			}
		}
		look(f.Root.Get("permissions"), nil, "the workflow")
		for _, j := range f.Jobs {
			look(j.Root.Get("permissions"), j, fmt.Sprintf("job %q", j.ID))
		}
	},
}
