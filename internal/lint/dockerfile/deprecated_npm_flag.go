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
						Fix:     omitting(f, l, c.Words[i:]),
					})
				}
			}
		}
	},
}

// omitting writes the flag anew. Npm knows it since version 7, which came with Node.js
// 15: what an image without a known version brings along is to be looked up first.
func omitting(f *dockerfile.File, l layer, words []dockerfile.Argument) *finding.Fix {
	last := words[0]
	if last.Text == "--only" {
		last = words[1]
	}
	edits, ok := rewritten(f, words[0], last, "--omit=dev")
	class := finding.Suggested
	if name, tag := repository(l.stage.Root().Base); name == "node" {
		number, _, _ := strings.Cut(tag, ".")
		number, _, _ = strings.Cut(number, "-")
		major, err := strconv.Atoi(number)
		old := slices.Contains([]string{"argon", "boron", "carbon", "dubnium", "erbium", "fermium"}, number)
		if err == nil && major >= 15 || err != nil && !old { // "lts" and "alpine" are newer
			class = finding.Safe
		}
	}
	return lint.Mend(class, "write --omit=dev", edits, ok)
}
