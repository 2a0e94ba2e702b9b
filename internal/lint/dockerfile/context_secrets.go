package dockerfile

import (
	"fmt"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var contextSecrets = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "SEC-1.f", Name: "context-secrets", Points: []string{"SEC-1"}, Severity: finding.Low, Since: "0.1.0",
		Summary: "A stage that copies everything gets no local settings with secrets",
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		for _, s := range f.Stages {
			for _, in := range s.Instructions {
				at, ok := copiesAll(in)
				if !ok || !f.Beside() {
					continue
				}
				ignore, context := f.Ignore()
				switch {
				case ignore == nil && !document(p): // no-dockerignore says it
					return
				case ignore != nil && (leavesOut(dockerfile.Patterns(ignore), ".env") || !f.Ignored(context, ".env") && !document(p)):
					return
				}
				p.Report(lint.Problem{
					At: at, Subject: f.Subject(s), Path: "copy[.env]", Severity: lowByDefault(p),
					Message: fmt.Sprintf("%q takes a .env or .npmrc with it, which stay in the layer and in exported caches; leave them out in .dockerignore", in.Name+" "+flat(f, at)),
				})
				return
			}
		}
	},
}

// leavesOut says that the patterns of a .dockerignore match a file at the top.
func leavesOut(patterns []string, name string) bool {
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		return true // what it means is not known
	}
	out, err := matcher.MatchesOrParentMatches(name)
	return err != nil || out || strings.Contains(strings.Join(patterns, "\n"), name)
}
