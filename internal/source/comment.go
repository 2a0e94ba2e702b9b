package source

import (
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
)

// Comment is one comment that may excuse something, and what an excuse in it would
// cover.
type Comment struct {
	// Text is what follows the "#", trimmed.
	Text string
	// At spans the comment from its "#" on.
	At finding.Location
	// From and To are the first and last line covered; 0 when nothing follows.
	From, To int
	// Next is the last line of the statement that begins at From, where To is that of
	// all it begins, such as a stage; 0 where they are the same.
	Next int
	// Subject is the object whose annotation this is, which Text holds as "KEY: VALUE";
	// empty for a comment. It covers the object's findings wherever they stand.
	Subject string
}

// Marker begins an excuse in a comment: "# plimsoll:ignore USR-1.a -- reason".
const Marker = "plimsoll:ignore"

// marks begin what may excuse something: ours, and those of the tools whose excuses
// are read too.
var marks = []string{Marker, "hadolint ", "check=", "check =", "trivy:", "checkov:skip=", "bridgecrew:skip=", "cortex:skip=", "dclint ", "tally "}

// Marked says whether a comment, from its "#" on, may excuse something.
func Marked(comment string) bool {
	text := strings.TrimLeft(comment, "# \t")
	return slices.ContainsFunc(marks, func(mark string) bool { return strings.HasPrefix(text, mark) })
}

// MayExcuse says whether a text holds anything that Marked is true of: most hold
// nothing, and need not be looked at line by line.
func MayExcuse(text string) bool {
	return slices.ContainsFunc(marks, func(mark string) bool { return strings.Contains(text, mark) })
}
