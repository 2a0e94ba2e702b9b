package dockerfile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var unattendedInstall = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "COR-43", Name: "unattended-install", Severity: finding.High, Since: "0.1.0",
		Summary: "A package manager that asks is told yes",
		Also:    []string{"DL3014", "DL3030", "DL3034", "DL3038", "DS-0021"},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		for l := range layers(f.Stages) {
			for _, c := range l.commands() {
				manager, packages := installs(c)
				if len(packages) == 0 || manager == "apk" || l.in.Exec || answered(l, c, manager) {
					continue
				}
				p.Report(lint.Problem{
					At: c.At, Subject: f.Subject(l.stage), Path: "run[" + c.Name + " install]",
					Message: fmt.Sprintf("%q asks before it installs and a build cannot answer, so that it ends there; add -y", c.Name+" install"),
					Fix:     assenting(f, c),
				})
			}
		}
	},
}

// assenting adds the flag: without it the build does not come to an end at all.
func assenting(f *dockerfile.File, c *dockerfile.Command) *finding.Fix {
	i := slices.IndexFunc(c.Words, func(w dockerfile.Argument) bool { return !strings.HasPrefix(w.Text, "-") })
	if i < 0 {
		return nil
	}
	edits, ok := followed(f, c.Words[i], "-y")
	return lint.Mend(finding.Safe, "add -y", edits, ok)
}

// answered says that a command does not ask, or may be told not to by settings
// and pipes.
func answered(l layer, c *dockerfile.Command, manager string) bool {
	if c.Flag('y') || c.Has("--yes", "--assume-yes", "--assumeyes", "-qq", "--download-only", "-d", "-s", "--non-interactive", "-n", "--force-yes", "--noconfirm", "--simulate", "--nodeps", "--no-confirm") ||
		slices.ContainsFunc(c.Words, func(w dockerfile.Argument) bool {
			return !w.Known || strings.Contains(strings.ToLower(w.Text), "assume") || strings.HasPrefix(w.Text, "-") && strings.Contains(w.Text, "qq")
		}) {
		return true
	}
	if manager == "microdnf" || manager == "zypper" && slices.ContainsFunc(c.Words, func(w dockerfile.Argument) bool { return strings.HasPrefix(w.Text, "--non") }) {
		return true
	}
	for other := range layers(l.stage.Chain()) {
		for _, o := range other.commands() {
			if o.To == c && (o.Name == "yes" || o.Name == "echo" || o.Name == "printf") || slices.ContainsFunc(o.Words, func(w dockerfile.Argument) bool {
				return strings.Contains(strings.ToLower(w.Text), "assume") || strings.Contains(w.Text, "apt.conf")
			}) {
				return true
			}
		}
	}
	return false
}
