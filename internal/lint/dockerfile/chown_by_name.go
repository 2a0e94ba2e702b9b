package dockerfile

import (
	"fmt"
	"regexp"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var chownByName = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "USR-1.f", Name: "chown-by-name", Points: []string{"USR-1"}, Severity: finding.Low, Since: "0.1.0",
		Summary: "Owners are written as numbers, which need no /etc/passwd",
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		var first *dockerfile.Instruction
		var related []finding.Location
		final := f.Final()
		for _, in := range final.Instructions {
			owner, at, ok := in.Flag("chown")
			if !document(p) || !ok || !letters.MatchString(owner) {
				continue
			}
			if first == nil {
				first = in
				continue
			}
			related = append(related, at)
		}
		if first == nil {
			return
		}
		owner, at, _ := first.Flag("chown")
		p.Report(lint.Problem{
			At: at, Subject: f.Subject(final), Path: "chown[" + owner + "]", Related: related,
			Message: fmt.Sprintf("the owner %q is a name, which means what /etc/passwd says; write numbers", owner),
		})
	},
}

var letters = regexp.MustCompile(`^[A-Za-z_]`)
