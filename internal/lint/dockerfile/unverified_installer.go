package dockerfile

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var unverifiedInstaller = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "IMG-4.c", Name: "unverified-installer", Points: []string{"IMG-4"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "No build runs a script straight from the network",
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		for l := range layers(f.Stages) {
			for i, c := range l.commands() {
				runner := l.in.Script.Runner(i)
				if runner == "" {
					continue
				}
				severity := finding.Low
				if ships(f, l.stage) {
					severity = finding.Medium
				}
				p.Report(lint.Problem{
					At: c.At, Subject: f.Subject(l.stage), Path: "run[" + c.Name + "]", Severity: severity,
					Message: fmt.Sprintf("%q runs whatever the address serves that day; fetch a named version into a file, compare its checksum, then run it", c.Name+" | "+runner),
				})
			}
		}
	},
}
