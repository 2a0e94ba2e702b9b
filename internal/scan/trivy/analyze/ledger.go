package analyze

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
)

// ledger keeps what could not be read. What a later layer replaces or deletes is
// no part of the image any more, so its record goes with it.
type ledger struct {
	artifact string
	entries  []loss
}

// loss is one record about one file.
type loss struct {
	path  string // in the image; empty when it is about the image
	kind  finding.Kind
	cause string
	layer int
	// stays says that the record concerns the bytes of the layer, which are shipped
	// whatever later layers say.
	stays bool
}

func newLedger(artifact string) *ledger { return &ledger{artifact: artifact} }

func (l *ledger) add(e loss) {
	same := func(o loss) bool { return o.path == e.path && o.kind == e.kind && o.cause == e.cause }
	if !slices.ContainsFunc(l.entries, same) {
		l.entries = append(l.entries, e)
	}
}

// replace forgets what was at and below path in lower layers.
func (l *ledger) replace(path string, layer int, itself bool) {
	if len(l.entries) == 0 {
		return
	}
	l.entries = slices.DeleteFunc(l.entries, func(e loss) bool {
		gone := itself && e.path == path || path == "." && e.path != "" || strings.HasPrefix(e.path, path+"/")
		return gone && !e.stays && e.layer < layer
	})
}

// has says whether something of that kind is missing.
func (l *ledger) has(kind finding.Kind) bool {
	return slices.ContainsFunc(l.entries, func(e loss) bool { return e.kind == kind })
}

// unread gives the records, sorted.
func (l *ledger) unread() []finding.Unread {
	var out []finding.Unread
	for _, e := range l.entries {
		cause := e.cause
		if e.path != "" {
			cause = quote(e.path) + " " + cause
		}
		out = append(out, finding.Unread{Kind: e.kind, Location: finding.Location{Artifact: l.artifact}, Cause: cause})
	}
	slices.SortFunc(out, func(a, b finding.Unread) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Cause, b.Cause))
	})
	return out
}

// quote quotes text from an image for people.
func quote(s string) string { return strconv.Quote(s) }
