package dockerfile

import (
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var nodeEnv = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "IMG-1.f", Name: "node-env", Points: []string{"IMG-1"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "An image that runs node says that it runs in production",
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		final := f.Final()
		command, _ := started(final)
		name, _ := repository(final.Root().Base)
		if !document(p) || name != "node" || command.in == nil || !command.in.Exec || len(command.in.Args) == 0 || command.in.Args[0] != "node" {
			return // what starts the container may set it
		}
		for _, v := range f.Variables() {
			if v.Name == "NODE_ENV" && v.In.Name == "ENV" && v.Stage != nil && ships(f, v.Stage) {
				return
			}
		}
		p.Report(lint.Problem{
			At: final.From.At, Subject: f.Subject(final), Path: "env[NODE_ENV]",
			Message: "NODE_ENV is not set, so that frameworks run as in development; add \"ENV NODE_ENV=production\"",
		})
	},
}
