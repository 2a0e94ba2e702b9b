package finding

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

// fingerprintVersion is hashed in first. Changing what goes into a fingerprint
// makes every stored comparison forget what it knew, so it must be deliberate:
// the golden vectors in testdata/fingerprints.txtar fail until they are changed
// together with this number.
const fingerprintVersion = "plimsoll/1"

// Fingerprints returns one identity per finding, in the same order: 32
// hexadecimal digits of a SHA-256 over rule, subject, semantic path inside the
// subject, normalised offending text, and an ordinal among findings that are
// equal in all of these.
//
// Line numbers, installed versions and file names take no part, so that an
// identity survives re-indenting, moved lines and upgrades that do not mend. A
// subject that does not name itself (a Dockerfile's stage) holds its path, as
// the rule wrote it.
func Fingerprints(findings []Finding) []string {
	prints := make([]string, len(findings))
	seen := make(map[string]int, len(findings))
	for i := range findings {
		f := &findings[i]
		key := joined(fingerprintVersion, f.Rule.ID, f.Subject, f.Path, normalise(f.offence()))
		ordinal := seen[key]
		seen[key] = ordinal + 1
		sum := sha256.Sum256([]byte(key + strconv.Itoa(ordinal)))
		prints[i] = hex.EncodeToString(sum[:16])
	}
	return prints
}

// joined writes each part behind its length, so that no text inside one part can
// pass for the border between two.
func joined(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(strconv.Itoa(len(p)))
		b.WriteByte(':')
		b.WriteString(p)
	}
	return b.String()
}

// offence is the text whose change makes it another finding. For a vulnerability
// the subject says everything: its excerpt is the installed version.
func (f *Finding) offence() string {
	if f.Vulnerability != nil {
		return ""
	}
	return f.Excerpt
}

// normalise folds white space, so that re-indenting and re-wrapping change nothing.
func normalise(text string) string { return strings.Join(strings.Fields(text), " ") }
