package dockerfile

import (
	"path"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var processOne = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "PRB-4.e", Name: "process-one", Points: []string{"PRB-4"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "Process 1 of the container ends when it is asked to",
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		final := f.Final()
		command, entrypoint := started(final)
		first := entrypoint
		if first.in == nil {
			first = command
		}
		if first.in == nil || !first.in.Exec || len(first.in.Args) == 0 || final.Windows() {
			return
		}
		program := path.Base(first.in.Args[0])
		switch {
		case slices.Contains([]string{"npm", "yarn", "pnpm", "npx"}, program):
			p.Report(lint.Problem{
				At: first.in.ArgumentsAt(), Subject: f.Subject(first.stage), Path: strings.ToLower(first.in.Name) + "[" + program + "]",
				Message: program + " as process 1 starts the program below a shell, and SIGTERM does not reach it reliably; start the program itself, as in [\"node\", \"server.js\"]",
			})
		case document(p) && program == "node":
			p.Report(lint.Problem{
				At: first.in.ArgumentsAt(), Subject: f.Subject(first.stage), Path: strings.ToLower(first.in.Name) + "[" + program + "]",
				Message: "node as process 1 ignores SIGTERM unless the program handles it; handle it, or start under an init such as tini",
			})
		}
	},
}
