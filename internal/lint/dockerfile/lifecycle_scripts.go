package dockerfile

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var lifecycleScripts = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "IMG-4.e", Name: "lifecycle-scripts", Points: []string{"IMG-4"}, Severity: finding.Low, Since: "0.1.0",
		Summary: "Scripts of dependencies do not run as root in a build",
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		for l := range layers(f.Stages) {
			for _, c := range l.commands() {
				sub, _, _ := c.Sub()
				if !document(p) || c.Name != "npm" || sub != "ci" && sub != "install" || c.Has("--ignore-scripts") || userBefore(l) {
					continue
				}
				p.Report(lint.Problem{
					At: c.At, Subject: f.Subject(l.stage), Path: "run[" + command(c) + "]",
					Message: fmt.Sprintf("%q runs the scripts of all dependencies as root; add --ignore-scripts, or build as another user", command(c)),
				})
				break
			}
		}
	},
}

// userBefore says that a USER other than root stands before the layer.
func userBefore(l layer) bool {
	other := false
	for _, in := range l.stage.Instructions {
		if in == l.in {
			break
		}
		if in.Name == "USER" && len(in.Args) > 0 {
			other = !isRoot(in.Args[0])
		}
	}
	return other
}
