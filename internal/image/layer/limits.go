package layer

import (
	"errors"
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
)

// Limits bound what a walk takes on. Zero means no bound. All but FileBytes end
// the walk when they are passed: an image that cannot be read to its end must
// not look like one that was.
type Limits struct {
	Bytes     int64 // uncompressed, all layers together
	FileBytes int64 // of one file that a visitor opens
	Entries   int   // all layers together
	PathBytes int   // of one cleaned path
	Depth     int   // names in one path
	// Ratio bounds how many bytes one byte of a layer may become; it counts only
	// beyond RatioFree bytes, so that a file of zeros is no bomb.
	Ratio     int64
	RatioFree int64
}

// DefaultLimits are far above what real images need: the largest public
// machine-learning images unpack to some 40 GiB in half a million entries.
// PathBytes is Linux's PATH_MAX; gzip cannot pass a ratio of 1032, so Ratio
// stops bombs of zstd only.
func DefaultLimits() Limits {
	return Limits{
		Bytes:     128 << 30,
		FileBytes: 4 << 30,
		Entries:   2_000_000,
		PathBytes: 4096,
		Depth:     512,
		Ratio:     1100,
		RatioFree: 1 << 30,
	}
}

// LimitError is a bound that an image passed.
type LimitError struct {
	What  string // "bytes", "entries", …
	Limit int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("more than %d %s; raise the limit if the image is meant to be like that", e.Limit, e.What)
}

// Error is a layer that could not be read to its end, or is not what the
// manifest and the config say it is.
type Error struct {
	Layer Layer
	Path  string // the entry that was being read, empty when none was
	Err   error
}

func (e *Error) Error() string {
	at := ""
	if e.Path != "" {
		at = fmt.Sprintf(" at %q", e.Path)
	}
	return fmt.Sprintf("reading layer %d (%s)%s: %v", e.Layer.Index, e.Layer.Digest, at, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Unread is the record of e for the image of that name.
func (e *Error) Unread(artifact string) finding.Unread {
	cause := e.Error()
	if _, ok := errors.AsType[*LimitError](e.Err); !ok {
		cause += "; build or pull the image again"
	}
	return finding.Unread{Kind: finding.UnreadLayer, Location: finding.Location{Artifact: artifact}, Cause: cause}
}
