package workflow

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/workflow"
)

var workflowInstaller = lint.Check[*file]{
	Rule: finding.Rule{
		ID: "WF-07", Name: "workflow-installer", Severity: finding.Medium, Since: "0.1.0",
		Summary: "No job with secrets runs a script straight from the network",
		Also:    []string{"scorecard/Pinned-Dependencies"},
	},
	Run: func(p *lint.Pass, f *file) {
		for _, j := range f.jobs() {
			trusted, asked := false, false
			for _, s := range j.Steps {
				if s.Script == nil {
					continue
				}
				for i, c := range s.Script.Commands {
					runner := s.Script.Runner(i)
					if runner == "" || c.Remote {
						continue
					}
					if !asked {
						trusted, asked = writes(j) || f.usesSecrets(j), true
					}
					severity, what := finding.Low, ""
					if trusted {
						severity, what = finding.Medium, ", in a job that holds a token that may write, or secrets"
					}
					p.Report(lint.Problem{
						At: c.At, Subject: f.Subject(j), Path: "run[" + c.Name + "]", Severity: severity,
						Message: fmt.Sprintf("%q runs whatever the address serves that day%s; fetch a named version into a file, compare its checksum, then run it", c.Name+" | "+runner, what),
					})
				}
			}
		}
	},
}

// writes says that a job asks for a token that may write.
func writes(j *workflow.Job) bool {
	permissions := j.Root.Get("permissions")
	if !permissions.Exists() {
		permissions = j.File.Root.Get("permissions")
	}
	if permissions.Text() == "write-all" {
		return true
	}
	for _, e := range permissions.Entries() {
		if e.Value.Text() == "write" {
			return true
		}
	}
	return false
}
