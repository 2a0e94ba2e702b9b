// Package finding holds what every look at an artefact produces: findings about
// rules at places, and records of what could not be read. It imports the
// standard library only, so that everything else may import it.
//
// A finding is data: a rule saw a problem. What could not be looked at is an
// Unread, never a finding and never silence.
package finding

import (
	"cmp"
	"slices"
	"strings"
)

// Rule is what is wrong in general.
type Rule struct {
	// ID is the point and a letter ("USR-1.a"), or a family ("VUL-OS"). Never reused.
	ID string `json:"id"`
	// Name is kebab-case and names the rule's file, fixture and page.
	Name string `json:"name"`
	// Points are the checklist points the rule takes part in deciding.
	Points []string `json:"points,omitempty"`
	// Severity is the default; a Finding may carry another.
	Severity Severity `json:"severity"`
	// Summary is one sentence that says what is right, without a full stop.
	Summary string `json:"summary"`
	// Since is the first release with the rule.
	Since string `json:"since,omitempty"`
	// Also lists the ids of peers' rules that mean the same ("DL3007", "KSV-0013").
	Also []string `json:"also,omitempty"`
}

// Location is a place in a file, an image or package, or both. Lines and columns
// are one-based and columns count code points; zero means "not known". EndLine
// and EndColumn are inclusive of the last code point's line and exclusive of its
// column, as in editors: the text "ab" at column 1 ends at column 3.
type Location struct {
	// Path is slash-separated and relative to the workspace.
	Path      string `json:"path,omitempty"`
	Line      int    `json:"line,omitempty"`
	Column    int    `json:"column,omitempty"`
	EndLine   int    `json:"endLine,omitempty"`
	EndColumn int    `json:"endColumn,omitempty"`
	// Artifact is an image reference or a package URL.
	Artifact string `json:"artifact,omitempty"`
	// Note says what this place is when it is not the finding's own, or how sure
	// the place is ("the layer was made here").
	Note string `json:"note,omitempty"`
}

// Status says how a finding relates to what it was compared with.
type Status int

// The statuses; the zero value is NotCompared.
const (
	NotCompared Status = iota
	Introduced         // the change brought it
	Existing           // it was there before
	Disclosed          // a new advisory on unchanged content
	Fixed              // it was there before and no longer is
)

var statusNames = [...]string{"not compared", "introduced", "existing", "disclosed", "fixed"}

// String returns the word users read.
func (s Status) String() string {
	if s < 0 || int(s) >= len(statusNames) {
		return statusNames[0]
	}
	return statusNames[s]
}

// MarshalText writes the word.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the word; anything unknown is NotCompared, so that a newer
// report stays readable.
func (s *Status) UnmarshalText(text []byte) error {
	*s = NotCompared
	if i := slices.Index(statusNames[:], string(text)); i > 0 {
		*s = Status(i)
	}
	return nil
}

// Suppressed records that somebody excused a finding.
type Suppressed struct {
	Reason   string   `json:"reason"`
	Expires  string   `json:"expires,omitempty"` // YYYY-MM-DD, empty for never
	Location Location `json:"location"`          // where the excuse stands
}

// Edit replaces the bytes [Start, End) of one file with New. Offsets count from
// behind a byte order mark.
type Edit struct {
	Start int    `json:"start"`
	End   int    `json:"end"`
	New   string `json:"new"`
}

// The classes of fixes (docs/rules/README.md).
const (
	Safe      = "safe"      // keeps behaviour whatever is not seen here; --fix applies it
	Verified  = "verified"  // safe once the image that is built confirms it
	Suggested = "suggested" // may change behaviour; offered, and never applied unasked
	Advised   = "advised"   // words only
)

// Fix is a mend that a rule proposes, of one of the classes. Its edits are of the
// file that the finding is placed in; all of them are made or none.
type Fix struct {
	Class   string `json:"class"`
	Message string `json:"message"`
	Edits   []Edit `json:"edits,omitempty"`
}

// Vulnerability is what is known of an advisory that a package matches. It is
// set on findings of the rules VUL-OS and VUL-LANG only.
type Vulnerability struct {
	ID               string   `json:"id"` // CVE or GHSA
	Aliases          []string `json:"aliases,omitempty"`
	Title            string   `json:"title,omitempty"`
	Package          string   `json:"package"`
	PackageURL       string   `json:"packageUrl,omitempty"`
	Installed        string   `json:"installed"`
	FixedIn          string   `json:"fixedIn,omitempty"` // empty when no fix is published
	Status           string   `json:"status,omitempty"`  // the vendor's word: fixed, affected, will_not_fix, …
	SeveritySource   string   `json:"severitySource,omitempty"`
	DataSource       string   `json:"dataSource,omitempty"`
	URL              string   `json:"url,omitempty"`
	LayerDiffID      string   `json:"layerDiffId,omitempty"`
	FromBase         bool     `json:"fromBase,omitempty"` // the FROM image brought the package
	FilePath         string   `json:"filePath,omitempty"` // path inside the image of a language package
	KnownExploited   bool     `json:"knownExploited,omitempty"`
	AdvisoryModified string   `json:"advisoryModified,omitempty"`
}

// Finding is one problem at one place.
type Finding struct {
	Rule     Rule     `json:"rule"`
	Severity Severity `json:"severity"`
	// Subject is what the finding is about and takes part in the fingerprint:
	// "Deployment/shop/web", "Dockerfile#runtime", "CVE-2020-1 pkg:apk/musl".
	Subject string `json:"subject"`
	// Path is the semantic path inside the subject: "containers[app].resources".
	Path string `json:"path,omitempty"`
	// Message is one sentence in lower case: what is wrong, the offending text in
	// quotes, then "; " and what to do. No position, severity or id.
	Message  string     `json:"message"`
	Location Location   `json:"location"`
	Related  []Location `json:"related,omitempty"`
	// Excerpt is the offending text, as it stands in the file; never a secret.
	Excerpt string `json:"excerpt,omitempty"`
	// SourceLine is the first line of Location as it stands in the file, without
	// its line ending and cut at 400 code points, so that a report can draw a
	// caret under Location.Column without the file. A secret's value is masked,
	// one character of mask per code point, which keeps the columns.
	SourceLine string `json:"sourceLine,omitempty"`
	// Layer is the diffID of the image layer that holds the offence, empty when it
	// is not in a layer; scan.Place turns it into a line of the Dockerfile.
	Layer         string         `json:"layer,omitempty"`
	Fix           *Fix           `json:"fix,omitempty"`
	Suppressed    *Suppressed    `json:"suppressed,omitempty"`
	Status        Status         `json:"status"`
	Vulnerability *Vulnerability `json:"vulnerability,omitempty"`
}

// ImageSecret says whether the finding is a secret in an image, as opposed to one
// that stands in a source.
func (f *Finding) ImageSecret() bool {
	return strings.HasPrefix(f.Rule.ID, "SEC-1.") && f.Location.Artifact != "" && f.Vulnerability == nil
}

// Kind says what an Unread is about; policy decides by it (architecture rule 2).
type Kind string

// The kinds of things that could not be read.
const (
	UnreadSource   Kind = "source"   // a Dockerfile, manifest or other file that was to be judged
	UnreadLayer    Kind = "layer"    // a layer, config or manifest of the image
	UnreadOS       Kind = "os"       // the package database of the operating system, or an unknown system
	UnreadLanguage Kind = "language" // one language manifest inside the image
	UnreadFile     Kind = "file"     // any other file inside the image (a secret scan that failed, say)
	UnreadDatabase Kind = "database" // the vulnerability database: missing, too old, damaged
)

// Unread records something that was to be looked at and could not be.
type Unread struct {
	Kind     Kind     `json:"kind"`
	Location Location `json:"location"`
	Cause    string   `json:"cause"` // why, and what to do
}

// Sort orders findings for people and machines alike: most severe first, then by
// path, line, column, rule, subject and message. It is stable.
func Sort(findings []Finding) {
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(b.Severity, a.Severity),
			cmp.Compare(a.Location.Path, b.Location.Path),
			cmp.Compare(a.Location.Line, b.Location.Line),
			cmp.Compare(a.Location.Column, b.Location.Column),
			cmp.Compare(a.Rule.ID, b.Rule.ID),
			cmp.Compare(a.Subject, b.Subject),
			cmp.Compare(a.Path, b.Path),
			cmp.Compare(a.Message, b.Message),
		)
	})
}
