package dockerfile

import (
	"fmt"
	"slices"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var deprecatedNpmFlag = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "IMG-1.d", Name: "deprecated-npm-flag", Points: []string{"IMG-1"}, Severity: finding.Low, Since: "0.1.0",
		Summary: "npm is told with --omit=dev to leave development dependencies out",
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		for l := range layers(f.Stages) {
			for _, c := range l.commands() {
				for i, w := range c.Words {
					next := ""
					if i+1 < len(c.Words) {
						next = c.Words[i+1].Text
					}
					if c.Name != "npm" || !slices.Contains([]string{"--only=production", "--only=prod", "--production"}, w.Text) && (w.Text != "--only" || next != "production" && next != "prod") {
						continue
					}
					p.Report(lint.Problem{
						At: w.At, Subject: f.Subject(l.stage), Path: "run[npm " + w.Text + "]", Severity: lowByDefault(p),
						Message: fmt.Sprintf("npm has deprecated %q and some releases ignored it; write --omit=dev", w.Text),
					})
				}
			}
		}
	},
}
