package dockerfile

import (
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var serviceUser = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "USR-1.e", Name: "service-user", Points: []string{"USR-1"}, Severity: finding.Low, Since: "0.1.0",
		Summary: "The user that runs the program cannot log in",
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		for l := range layers(shipped(f)) {
			for _, c := range l.commands() {
				if !document(p) || c.Name != "adduser" && c.Name != "useradd" {
					continue
				}
				for i, w := range c.Words {
					shell, ok := strings.CutPrefix(w.Text, "--shell=")
					if (w.Text == "-s" || w.Text == "--shell") && i+1 < len(c.Words) {
						shell, ok = c.Words[i+1].Text, true
					}
					if !ok || !strings.HasSuffix(shell, "sh") {
						continue
					}
					p.Report(lint.Problem{
						At: c.At, Subject: f.Subject(l.stage), Path: "run[" + c.Name + "]",
						Message: fmt.Sprintf("the user of the program gets the shell %q and may log in; give it /sbin/nologin and no home, or use a user that the base has", shell),
					})
				}
			}
		}
	},
}
