package dockerfile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var ineffectiveRun = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "COR-41", Name: "ineffective-run", Severity: finding.Medium, Since: "0.1.0",
		Summary: "A RUN does something that outlives its shell",
		Also:    []string{"DL3003", "DS-0013"},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		for l := range layers(f.Stages) {
			commands := l.commands()
			if len(commands) == 0 || l.in.Exec || len(l.in.Heredocs) > 0 || slices.ContainsFunc(commands, func(c *dockerfile.Command) bool { return !transient(c) }) {
				continue
			}
			last := commands[len(commands)-1]
			p.Report(lint.Problem{
				At: l.in.At, Subject: f.Subject(l.stage), Path: "run[" + last.Name + "]",
				Message: fmt.Sprintf("%q is forgotten when this RUN ends; %s", told(last), lasting(last)),
			})
		}
	},
}

// transient says that a command changes nothing but the shell it runs in. The
// options that "set" switches on are for the commands behind it.
func transient(c *dockerfile.Command) bool {
	if c.Substituted || c.Redirects || c.To != nil || len(c.Prefix) > 0 {
		return false
	}
	switch c.Name {
	case "cd", "export", "alias", "ulimit", "umask", "unset", "set":
		return true
	case ".", "source":
		return c.Words != nil && strings.HasSuffix(c.Words[0].Text, "bin/activate")
	case "":
		return len(c.Assigned) > 0
	}
	return false
}

// told is a command as a message names it: without the values of variables.
func told(c *dockerfile.Command) string {
	if c.Name == "" || c.Name == "export" {
		name := c.Name
		for _, w := range append(c.Assigned, c.Words...) {
			key, _, _ := strings.Cut(w.Text, "=")
			return strings.TrimSpace(name + " " + key)
		}
	}
	if len(c.Words) > 0 {
		return c.Name + " " + c.Words[0].Text
	}
	return c.Name
}

func lasting(c *dockerfile.Command) string {
	switch c.Name {
	case "cd":
		return "write WORKDIR instead"
	case "export", "":
		return "write ENV instead"
	case ".", "source":
		return "put the environment's bin directory into PATH with ENV"
	}
	return "join it to the command that needs it with &&"
}
