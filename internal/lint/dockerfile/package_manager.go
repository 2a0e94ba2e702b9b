package dockerfile

import (
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var packageManager = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "IMG-1.g", Name: "package-manager", Points: []string{"IMG-1"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "The image that ships holds no package manager",
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		final := f.Final()
		base := final.Root().Base
		name, tag := repository(base)
		if !document(p) || final.Windows() || name != "node" {
			return // only the founding document asks for it
		}
		managers := "npm, corepack, yarn and apt"
		if strings.Contains(tag, "alpine") {
			managers = "npm, corepack, yarn and apk"
		}
		for l := range layers(shipped(f)) {
			if l.removes("node_modules") || l.removes("npm") {
				return
			}
		}
		p.Report(lint.Problem{
			At: base.At, Subject: f.Subject(final), Path: "base[package managers]",
			Message: fmt.Sprintf("%q ships %s; build on a distroless image, or remove them", base.Text, managers),
		})
	},
}
