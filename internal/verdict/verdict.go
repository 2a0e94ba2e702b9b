// Package verdict holds what the gate concludes and everything it tells: the
// decision with its reasons, the evidence it saw, and the Result that every form
// of report is rendered from.
package verdict

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
)

// Decision is the gate's answer. The zero value is Fail: what nobody decided
// does not sail.
type Decision int

// The decisions.
const (
	Fail          Decision = iota
	Pass                   // everything was looked at and nothing forbids it
	Indeterminate          // something that decides could not be looked at
)

var decisionNames = [...]string{"fail", "pass", "indeterminate"}

// String returns the word users read and outputs carry.
func (d Decision) String() string {
	if d < 0 || int(d) >= len(decisionNames) {
		return decisionNames[Fail]
	}
	return decisionNames[d]
}

// MarshalText writes the word.
func (d Decision) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the word. It fails on any other, because a decision that
// cannot be read must not become one.
func (d *Decision) UnmarshalText(text []byte) error {
	for i, name := range decisionNames {
		if string(text) == name {
			*d = Decision(i)
			return nil
		}
	}
	return fmt.Errorf("unknown verdict %q; want pass, fail or indeterminate", text)
}

// Verdict is a decision with its reasons, the most important first.
type Verdict struct {
	Decision Decision `json:"decision"`
	// Incomplete says that the decision is fail although something else could not
	// be looked at: mending the reasons may bring new ones.
	Incomplete bool     `json:"incomplete,omitempty"`
	Reasons    []Reason `json:"reasons,omitempty"`
}

// Reason is one cause of a verdict that is not a pass.
type Reason struct {
	// Code is a word for machines: "finding", "build-failed", "unread",
	// "stage-failed", "not-built".
	Code     string           `json:"code"`
	Message  string           `json:"message"`
	Location finding.Location `json:"location"`
	Rule     string           `json:"rule,omitempty"`
	Severity finding.Severity `json:"severity,omitempty"`
	// Decides is the decision this reason alone would lead to.
	Decides Decision `json:"decides"`
	// Count is how many findings this reason stands for (several advisories on one
	// package on one line are one reason); 1 or more.
	Count int `json:"count"`
}
