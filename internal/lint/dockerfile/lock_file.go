package dockerfile

import (
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var lockFile = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "IMG-2.d", Name: "lock-file", Points: []string{"IMG-2"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "npm ci finds a lock file",
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		if !f.Beside() || f.Lookup("package.json") == nil || f.Lookup("package-lock.json") != nil || f.Lookup("npm-shrinkwrap.json") != nil {
			return
		}
		for l := range layers(f.Stages) {
			for _, c := range l.commands() {
				if sub, _, _ := c.Sub(); c.Name != "npm" || sub != "ci" && sub != "clean-install" || !copiesManifest(l) {
					continue
				}
				p.Report(lint.Problem{
					At: c.At, Subject: f.Subject(l.stage), Path: "run[npm ci]",
					Message: "\"npm ci\" fails without a package-lock.json, and there is none beside package.json; commit it",
				})
				return
			}
		}
	},
}

// copiesManifest says that the stage of a layer takes package.json, by name, from
// the build context.
func copiesManifest(l layer) bool {
	for _, in := range l.stage.Instructions {
		if _, _, from := in.Flag("from"); from || in.Name != "COPY" {
			continue
		}
		sources, _ := in.Paths()
		for _, w := range sources {
			if strings.HasPrefix(strings.TrimPrefix(w.Text, "./"), "package") {
				return true
			}
		}
	}
	return false
}
