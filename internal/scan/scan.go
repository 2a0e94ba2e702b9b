// Package scan says what scanning an image asks for and gives: an inventory of
// what is installed, which no database takes part in, and the advisories that
// match it, which need nothing but the inventory and a database.
package scan

import (
	"context"
	"encoding/json"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/image"
	"github.com/plimsoll-ci/plimsoll/internal/image/layer"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// Options of an analysis.
type Options struct {
	Packages bool // take the inventory of packages
	Secrets  bool // look for secrets in files and in the image's config
	// SkipDirs and SkipFiles are patterns, as source.Globs reads them, of what in the
	// image is not looked at. What says which packages a distribution installed is
	// looked at all the same.
	SkipDirs, SkipFiles []string
	// BaseLayers is how many of the lowest layers the FROM image brought; -1 when
	// unknown. Secrets are looked for in all others, and in all when unknown.
	BaseLayers int
}

// Inventory is what an image contains. It does not depend on any database, so
// that an image can be matched again tomorrow without being read again.
type Inventory struct {
	OS       string `json:"os,omitempty"` // "alpine 3.11.5", empty when no distribution was found
	Packages int    `json:"packages"`
	// Languages counts the packages of languages among Packages.
	Languages int `json:"languages"`
	// EndOfLife is the day the distribution's support ended, zero when unknown or not over.
	EndOfLife time.Time `json:"endOfLife,omitzero"`
	// Detail is the analyzer's own record, read by the matcher of the same family only.
	Detail json.RawMessage `json:"detail"`
}

// Analysis is what one walk over an image found.
type Analysis struct {
	Inventory Inventory
	// Secrets are placed on a layer and a path inside the image; Place moves them to lines.
	Secrets []finding.Finding
	// Points are what the rules on the contents of an image say, placed like Secrets.
	Points []finding.Finding
	Unread []finding.Unread
	// Notes are what a reader should know: how much settings kept from being looked at.
	Notes []string
}

// Analyzer makes visits. Each visit looks at one image.
type Analyzer interface {
	NewVisit(context.Context, image.Image, Options) (Visit, error)
	// Close removes what it keeps for the whole process; no visit works after it.
	Close() error
}

// Visit is a visitor of one walk. Result may be called once, after the walk ended
// without an error. Close frees what it holds, and may be called at any time.
type Visit interface {
	layer.Visitor
	Result(context.Context) (Analysis, error)
	Close() error
}

// DatabaseOptions say where vulnerability data comes from.
type DatabaseOptions struct {
	// Repositories are OCI references tried in order, each with retries; "ref@sha256:…" pins one.
	Repositories []string
	// Path is a directory with trivy.db and metadata.json; it wins over Repositories.
	Path     string
	CacheDir string
	// MaxAge is the greatest age that is used without an Unread; 0 means no bound.
	MaxAge  time.Duration
	Offline bool
	Now     time.Time
}

// Databases fetches and opens vulnerability data.
type Databases interface {
	// Open returns a database that can be read until it is closed. A database that
	// is older than MaxAge comes with an Unread of kind UnreadDatabase.
	Open(context.Context, DatabaseOptions, progress.Sink) (Database, []finding.Unread, error)
}

// Database is an opened one.
type Database interface {
	Info() verdict.Database
	// Match returns one finding per advisory and package, with Vulnerability set
	// and the layer in it; Place moves them to lines.
	Match(context.Context, Inventory, image.Image) ([]finding.Finding, []finding.Unread, error)
	Close() error
}
