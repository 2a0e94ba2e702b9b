package dockerfile

import (
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var healthOutput = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "PRB-3.d", Name: "health-output", Points: []string{"PRB-3"}, Severity: finding.Low, Since: "0.1.0",
		Summary: "A health check says nothing and ends in time",
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		in, stage := lastHealth(f.Final())
		if !document(p) || in == nil || in.Script == nil {
			return
		}
		for _, c := range in.Script.Commands {
			if c.Name != "wget" || !c.Has("-qO-", "-O-") && !c.Has("-O", "-") || c.Redirects || c.To != nil || c.Flag('T') {
				continue
			}
			p.Report(lint.Problem{
				At: c.At, Subject: f.Subject(stage), Path: "healthcheck[wget]",
				Message: "wget writes the answer into the state of every check and has no limit of its own; write \"wget -q -T 2 -O /dev/null\"",
			})
		}
	},
}
