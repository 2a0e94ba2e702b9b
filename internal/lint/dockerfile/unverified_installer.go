package dockerfile

import (
	"fmt"
	"slices"
	"strings"

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
			commands := l.commands()
			for i, c := range commands {
				if !slices.Contains([]string{"curl", "wget"}, c.Name) || c.Redirects {
					continue
				}
				runner := interpreter(commands[:i], c)
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

var interpreters = []string{"sh", "bash", "ash", "dash", "zsh", "ksh", "python", "python3", "perl", "ruby", "node", "php"}

// interpreter returns what runs the output of a download: the end of its pipe, or
// the shell in whose arguments it is substituted.
func interpreter(before []*dockerfile.Command, c *dockerfile.Command) string {
	for to, n := c.To, 0; to != nil && n < 8; to, n = to.To, n+1 {
		if slices.Contains(interpreters, to.Name) && (strings.HasSuffix(to.Name, "sh") || !to.Has("-c", "-e", "-m", "-r", "-ne", "-pe")) {
			return to.Name
		}
		if to.Redirects {
			return ""
		}
	}
	if !c.Substituted {
		return ""
	}
	for _, outer := range slices.Backward(before) {
		if outer.Substituted {
			continue
		}
		inside := outer.At.Line <= c.At.Line && outer.At.EndLine >= c.At.EndLine
		if inside && slices.Contains(interpreters[:6], outer.Name) && slices.ContainsFunc(outer.Words, func(w dockerfile.Argument) bool { return w.Text == "$(…)" }) {
			return outer.Name
		}
		return ""
	}
	return ""
}
