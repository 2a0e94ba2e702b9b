package lint

import "github.com/plimsoll-ci/plimsoll/internal/finding"

// Mend is a fix of a class, nil where the text around leaves no certain edits (ok is
// false): the message of the finding then says all there is.
func Mend(class, message string, edits []finding.Edit, ok bool) *finding.Fix {
	if !ok || len(edits) == 0 {
		return nil
	}
	return &finding.Fix{Class: class, Message: message, Edits: edits}
}
