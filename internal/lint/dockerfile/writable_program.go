package dockerfile

import (
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var writableProgram = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "USR-4.d", Name: "writable-program", Points: []string{"USR-4"}, Severity: finding.Low, Since: "0.1.0",
		Summary: "The program cannot be changed by the user who runs it",
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		final := f.Final()
		in, stage := lastUser(final)
		if in == nil {
			return
		}
		user, known := f.Expand(stage, in, strings.Join(in.Args, " "))
		user, _, _ = strings.Cut(user, ":")
		if !known || isRoot(user) {
			return
		}
		var first finding.Location
		var related []finding.Location
		for _, c := range final.Instructions {
			owner, at, ok := c.Flag("chown")
			owner, known := f.Expand(final, c, owner)
			name, _, _ := strings.Cut(owner, ":")
			if mode, _, set := c.Flag("chmod"); !ok || !known || c.Name != "COPY" || name != user || set && !strings.ContainsAny(mode[max(0, len(mode)-3):][:1], "2367") {
				continue
			}
			if first.Line == 0 {
				first = at
				continue
			}
			related = append(related, at)
		}
		if first.Line == 0 {
			return
		}
		p.Report(lint.Problem{
			At: first, Subject: f.Subject(final), Path: "chown", Severity: lowByDefault(p), Related: related,
			Message: fmt.Sprintf("the program belongs to %q, who runs it, so that whoever breaks in can change it; leave it to root, or take the right to write off with --chmod", user),
		})
	},
}
