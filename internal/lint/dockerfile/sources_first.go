package dockerfile

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var sourcesFirst = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "IMG-2.a", Name: "sources-first", Points: []string{"IMG-2"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "Dependencies are installed before the sources are copied",
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		for _, s := range f.Stages {
			var all *dockerfile.Instruction
			seen := false // an installation before, so that the copy does not repeat it
			for _, in := range s.Instructions {
				if _, ok := copiesAll(in); ok && all == nil {
					all = in
				}
				if in.Name != "RUN" || in.Script == nil {
					continue
				}
				c, manifest := fetchesDependencies(in.Script)
				if c == nil {
					continue
				}
				l := layer{s, in}
				if all == nil {
					seen = true
				}
				if all == nil || seen || l.mounted("/") {
					continue
				}
				p.Report(lint.Problem{
					At: c.At, Subject: f.Subject(s), Path: "run[" + c.Name + "]", Related: []finding.Location{all.At},
					Message: fmt.Sprintf("all sources are copied before %q, so that every change of theirs fetches all dependencies again; copy %s first, install, then copy the rest", command(c), manifest),
				})
				break
			}
		}
	},
}

// fetchesDependencies finds the command that installs what a manifest lists, and
// names the manifest.
func fetchesDependencies(s *dockerfile.Script) (*dockerfile.Command, string) {
	for _, c := range s.Commands {
		sub, rest, ok := c.Sub()
		if !ok && c.Name != "yarn" {
			continue
		}
		switch {
		case c.Name == "npm" && (sub == "ci" || (sub == "install" || sub == "i") && len(rest) == countFlags(rest)):
			return c, "package.json and package-lock.json"
		case c.Name == "yarn" && (sub == "" || sub == "install"):
			return c, "package.json and yarn.lock"
		case c.Name == "pnpm" && (sub == "install" || sub == "i") && len(rest) == countFlags(rest):
			return c, "package.json and pnpm-lock.yaml"
		case pip(c) && c.Has("-r"):
			return c, "requirements.txt"
		case c.Name == "bundle" && sub == "install":
			return c, "Gemfile and Gemfile.lock"
		case c.Name == "composer" && sub == "install":
			return c, "composer.json and composer.lock"
		case c.Name == "go" && sub == "mod" && len(rest) > 0 && rest[0].Text == "download":
			return c, "go.mod and go.sum"
		case c.Name == "poetry" && sub == "install":
			return c, "pyproject.toml and poetry.lock"
		}
	}
	return nil, ""
}

func countFlags(words []dockerfile.Argument) int {
	n := 0
	for _, w := range words {
		if len(w.Text) > 0 && w.Text[0] == '-' {
			n++
		}
	}
	return n
}

// command is a command as messages name it: the program and what it is to do.
func command(c *dockerfile.Command) string {
	if sub, _, ok := c.Sub(); ok {
		return c.Name + " " + sub
	}
	return c.Name
}
