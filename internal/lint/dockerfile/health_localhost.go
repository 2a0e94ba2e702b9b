package dockerfile

import (
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var healthLocalhost = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "PRB-2.e", Name: "health-localhost", Points: []string{"PRB-2"}, Severity: finding.Low, Since: "0.1.0",
		Summary: "A health check on Alpine asks 127.0.0.1, not localhost",
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		final := f.Final()
		in, stage := lastHealth(final)
		if in == nil || in.Script == nil || !in.Script.Parsed {
			return
		}
		name, tag := repository(final.Root().Base)
		if name != "alpine" && !strings.Contains(tag, "alpine") && name != "busybox" {
			return
		}
		for _, c := range in.Script.Commands {
			for _, w := range c.Words {
				if c.Name != "wget" || !strings.Contains(w.Text, "://localhost") || mentionsPackage(final, "wget") {
					continue
				}
				p.Report(lint.Problem{
					At: w.At, Subject: f.Subject(stage), Path: "healthcheck[localhost]", Severity: lowByDefault(p),
					Message: fmt.Sprintf("busybox wget takes \"localhost\" for ::1 first and does not try again, which fails where the program listens on IPv4 only; write %q", strings.Replace(w.Text, "localhost", "127.0.0.1", 1)),
				})
			}
		}
	},
}

// mentionsPackage says that a package of that name is installed, which replaces
// busybox's program.
func mentionsPackage(final *dockerfile.Stage, name string) bool {
	for l := range layers(final.Chain()) {
		for _, c := range l.commands() {
			_, packages := installs(c)
			for _, w := range packages {
				if w.Text == name || !w.Known {
					return true
				}
			}
		}
	}
	return false
}
