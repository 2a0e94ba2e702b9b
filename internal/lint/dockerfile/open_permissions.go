package dockerfile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var openPermissions = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "USR-1.d", Name: "open-permissions", Points: []string{"USR-1"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "No file of the final image may be written by everybody or lends its owner's rights",
		Also:    []string{"CIS-DI-0008", "tally/world-writable-state-path-workaround"},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		for _, s := range shipped(f) {
			for _, in := range s.Instructions {
				if mode, at, ok := in.Flag("chmod"); ok && (in.Name == "COPY" || in.Name == "ADD") && !s.Windows() {
					if why := opens(mode); why != "" {
						p.Report(lint.Problem{
							At: at, Subject: f.Subject(s), Path: "copy[" + mode + "]",
							Message: fmt.Sprintf("mode %q %s; take that bit off", mode, why),
						})
					}
				}
			}
		}
		for l := range layers(shipped(f)) {
			for _, c := range l.commands() {
				at, why := chmods(c)
				if why == "" {
					continue
				}
				p.Report(lint.Problem{At: at.At, Subject: f.Subject(l.stage), Path: "chmod[" + at.Text + "]", Message: fmt.Sprintf("mode %q %s; take that bit off", at.Text, why)})
			}
		}
	},
}

// chmods returns the mode that a command sets and what is wrong with it.
func chmods(c *dockerfile.Command) (mode dockerfile.Argument, why string) {
	if c.Name != "chmod" {
		return dockerfile.Argument{}, ""
	}
	i := slices.IndexFunc(c.Words, func(w dockerfile.Argument) bool { return !strings.HasPrefix(w.Text, "-") })
	if i < 0 || i+1 >= len(c.Words) {
		return dockerfile.Argument{}, ""
	}
	for _, w := range c.Words[i+1:] { // these are everybody's on purpose
		if w.Text == "/tmp" || w.Text == "/var/tmp" || strings.HasPrefix(w.Text, "/dev/") || strings.HasPrefix(w.Text, "/tmp/") {
			return dockerfile.Argument{}, ""
		}
	}
	return c.Words[i], opens(c.Words[i].Text)
}

// opens says what is wrong with a mode, empty when nothing is.
func opens(mode string) string {
	if n, err := strconv.ParseUint(strings.Trim(mode, `"'`), 8, 32); err == nil {
		switch {
		case n&0o4000 != 0:
			return "lets everybody run the file with its owner's rights"
		case n&0o002 != 0 && n&0o1000 == 0: // with the sticky bit nobody can replace another's file
			return "lets every user replace what is there"
		}
		return ""
	}
	for clause := range strings.SplitSeq(mode, ",") {
		who, what, ok := strings.Cut(clause, "+")
		if !ok {
			who, what, ok = strings.Cut(clause, "=")
		}
		switch {
		case !ok:
		case strings.Contains(what, "s") && strings.ContainsAny(who, "ua"):
			return "lets everybody run the file with its owner's rights"
		case strings.Contains(what, "w") && strings.ContainsAny(who, "oa") && !strings.Contains(what, "t"):
			return "lets every user replace what is there"
		}
	}
	return ""
}
