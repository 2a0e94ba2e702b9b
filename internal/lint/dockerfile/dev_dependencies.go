package dockerfile

import (
	"fmt"
	"path"
	"slices"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var devDependencies = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "IMG-1.c", Name: "dev-dependencies", Points: []string{"IMG-1"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "The node_modules that ship hold no development dependencies",
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		final := f.Final()
		for _, in := range final.Instructions {
			from, _, ok := in.Flag("from")
			sources, _ := in.Paths()
			if !ok || in.Name != "COPY" || len(sources) == 0 {
				continue
			}
			builder := f.CopiedStage(final, in, from)
			if builder == nil || path.Base(sources[0].Text) != "node_modules" {
				continue
			}
			c, how := fullInstall(f, builder)
			if c == nil {
				continue
			}
			p.Report(lint.Problem{
				At: in.At, Subject: f.Subject(final), Path: "copy[node_modules]", Related: []finding.Location{c.At},
				Message: fmt.Sprintf("these node_modules %s; run \"npm prune --omit=dev\" after the build, or install for the image that ships in a stage of its own", how),
			})
		}
	},
}

// fullInstall finds what fills a stage's node_modules, where development
// dependencies are in it: or must be, because a build script of the stage needs them.
func fullInstall(f *dockerfile.File, builder *dockerfile.Stage) (*dockerfile.Command, string) {
	chain := slices.Clone(builder.Chain())
	slices.Reverse(chain)
	var install *dockerfile.Command
	for l := range layers(chain) {
		for _, c := range l.commands() {
			sub, _, _ := c.Sub()
			if !slices.Contains([]string{"npm", "yarn", "pnpm"}, c.Name) || c.Has("-g", "--global") {
				if c.Name == "modclean" || c.Name == "node-prune" {
					return nil, ""
				}
				continue
			}
			switch {
			case sub == "prune", sub == "workspaces", sub == "deploy":
				return nil, ""
			case slices.Contains([]string{"ci", "install", "i"}, sub) || c.Name == "yarn" && sub == "":
				install = c
				if production(c) || l.environmentIs(f, "NODE_ENV", "production") {
					install = nil
				}
			}
		}
	}
	if install != nil {
		return install, fmt.Sprintf("come from %q with the development dependencies", command(install))
	}
	if c, script, run := buildsWithout(f, builder); script != nil {
		if _, severity := needs(f, run); severity != finding.Unknown {
			return c, "get the development dependencies as soon as the build has what it needs"
		}
	}
	return nil, ""
}
