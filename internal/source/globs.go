package source

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Globs are the patterns of one setting that names what is passed over. They mean
// the same in a work tree and in an image: a pattern without a slash matches a
// name at any depth ("testdata", "*.gen.yaml"), one with a slash is anchored at
// the root ("deploy/old", "usr/share/**"), and "**" stands for any number of
// directories. A leading "./" or "/" and a trailing "/" change nothing. The zero
// value matches nothing.
type Globs struct{ patterns []string }

// NewGlobs reads patterns. It fails when one is malformed, and names it.
func NewGlobs(patterns ...string) (Globs, error) {
	var g Globs
	for _, given := range patterns {
		p := strings.TrimPrefix(path.Clean("/"+filepath.ToSlash(given)), "/")
		if !doublestar.ValidatePattern(p) {
			return Globs{}, malformed(given)
		}
		if p == "" {
			continue // the root itself, which is never passed over
		}
		if !strings.Contains(p, "/") {
			p = "**/" + p
		}
		g.patterns = append(g.patterns, p)
	}
	return g, nil
}

func malformed(glob string) error {
	return fmt.Errorf("reading the pattern %q: it is malformed; close its brackets and braces", glob)
}

// Match says whether a pattern matches name, a slash-separated path relative to
// the root.
func (g Globs) Match(name string) bool {
	for _, p := range g.patterns {
		if doublestar.MatchUnvalidated(p, name) {
			return true
		}
	}
	return false
}

// MatchAbove says whether a pattern matches a directory above name.
func (g Globs) MatchAbove(name string) bool {
	if len(g.patterns) == 0 {
		return false
	}
	for dir := path.Dir(name); dir != "." && dir != "/"; dir = path.Dir(dir) {
		if g.Match(dir) {
			return true
		}
	}
	return false
}
