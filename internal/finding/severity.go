package finding

import (
	"fmt"
	"strings"
)

// Severity says how much a finding matters. The zero value is Unknown, which is
// what a vulnerability without any published severity carries; it orders below
// every known one.
type Severity int

// The severities, from least to most. The words are the contract's
// (docs/rules/README.md): critical is exploitable now, high will hurt, medium
// should be mended, low is a note, info only informs.
const (
	Unknown Severity = iota
	Info
	Low
	Medium
	High
	Critical
)

var severityNames = [...]string{"unknown", "info", "low", "medium", "high", "critical"}

// String returns the lower-case word, "unknown" for anything out of range.
func (s Severity) String() string {
	if s < 0 || int(s) >= len(severityNames) {
		return severityNames[0]
	}
	return severityNames[s]
}

// MarshalText writes the lower-case word.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the word in any case. It fails on any other text and
// lists what is allowed.
func (s *Severity) UnmarshalText(text []byte) error {
	word := strings.ToLower(strings.TrimSpace(string(text)))
	for i, name := range severityNames {
		if word == name {
			*s = Severity(i)
			return nil
		}
	}
	return fmt.Errorf("unknown severity %q; want one of critical, high, medium, low, info", string(text))
}
