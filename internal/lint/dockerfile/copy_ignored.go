package dockerfile

import (
	"fmt"
	"path"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var copyIgnored = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "IMG-2.e", Name: "copy-ignored", Points: []string{"IMG-2"}, Severity: finding.High, Since: "0.1.0",
		Summary: "What is copied is not left out by .dockerignore",
		Also:    []string{"CopyIgnoredFile"},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		ignore, context := f.Ignore()
		if ignore == nil || context == "" || context != path.Dir(f.Source.Path) {
			return // from which directory it is built is not sure
		}
		matcher, err := patternmatcher.New(dockerfile.Patterns(ignore))
		if err != nil {
			return
		}
		for _, s := range f.Stages {
			for _, in := range s.Instructions {
				if _, _, from := in.Flag("from"); from || len(in.Heredocs) > 0 {
					continue
				}
				sources, _ := in.Paths()
				for _, w := range sources {
					from, known := f.Expand(s, in, w.Text)
					from = strings.TrimPrefix(path.Clean("/"+from), "/")
					if !known || from == "" || strings.ContainsAny(from, "*?[:") {
						continue
					}
					out, err := matcher.MatchesOrParentMatches(from)
					if err != nil || !out || below(dockerfile.Patterns(ignore), from) {
						continue
					}
					p.Report(lint.Problem{
						At: w.At, Subject: f.Subject(s), Path: "copy[" + from + "]",
						Message: fmt.Sprintf("%q is left out by %s, so that the build does not find it; let it in with a line %q there", from, ignore.Path, "!"+from),
					})
				}
			}
		}
	},
}

// below says that a pattern lets in something inside a directory that is left out.
func below(patterns []string, dir string) bool {
	for _, p := range patterns {
		if in, ok := strings.CutPrefix(p, "!"); ok && (strings.HasPrefix(strings.TrimPrefix(in, "/"), dir+"/") || strings.ContainsAny(in, "*?[")) {
			return true
		}
	}
	return false
}
