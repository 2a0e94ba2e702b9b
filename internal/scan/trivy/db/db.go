// Package db brings a Trivy vulnerability database to this machine and opens it:
// from an OCI repository with mirrors, kept in the cache between runs, or from a
// directory. It decides whether a database may be used; package match reads it.
//
// It fetches by itself instead of with Trivy's downloader, because that one tries
// a mirror on a few kinds of errors only, cannot be pinned to a digest, has no
// bound on age or size, and links the cloud libraries of three vendors.
package db

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/aquasecurity/trivy-db/pkg/metadata"
	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/image"
	"github.com/plimsoll-ci/plimsoll/internal/printable"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
	"github.com/plimsoll-ci/plimsoll/internal/scan"
	"github.com/plimsoll-ci/plimsoll/internal/scan/trivy/match"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// stage is the name under which progress is told.
const stage = "database"

// Source fetches and opens databases. It implements [scan.Databases] and is safe
// for concurrent use, also by several processes with one cache.
type Source struct {
	transport http.RoundTripper
	keychain  authn.Keychain
	limits    limits
	retry     retry
}

var _ scan.Databases = (*Source)(nil)

// New returns a source that speaks to registries through transport, with the
// credentials of keychain; a nil keychain is anonymous. The transport decides who
// may be spoken to in plain HTTP, as that of registry.Client.Transport does:
// go-containerregistry by itself falls back to it for every private address.
func New(transport http.RoundTripper, keychain authn.Keychain) *Source {
	if keychain == nil {
		keychain = authn.NewMultiKeychain()
	}
	return &Source{transport: transport, keychain: keychain, limits: defaultLimits(), retry: defaultRetry()}
}

// Open returns the database that o asks for, fetched where the cached one is
// missing, damaged, not the pinned one, or due for an update (NextUpdate).
//
// A database older than o.MaxAge, or one that claims to be from the future, is
// opened and comes with an Unread. When no repository can be reached the last
// good database is used and a notice says so; without one, Open fails with the
// error of every repository.
func (s *Source) Open(ctx context.Context, o scan.DatabaseOptions, sink progress.Sink) (scan.Database, []finding.Unread, error) {
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	if sink == nil {
		sink = progress.Discard
	}
	var found located
	var err error
	if o.Path != "" {
		found, err = local(ctx, o.Path)
	} else {
		found, err = s.cached(ctx, o, sink)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("opening the vulnerability database: %w", err)
	}
	matcher, err := match.Open(found.file, o.Now)
	if err != nil {
		return nil, nil, advise(err, found.remedy)
	}
	info := found.info
	info.UpdatedAt = found.metadata.UpdatedAt
	info.Age = max(0, o.Now.Sub(info.UpdatedAt))
	return &database{Matcher: matcher, info: info, remedy: found.remedy}, judgeAge(info, o), nil
}

// database is an opened one; Close is the matcher's.
type database struct {
	*match.Matcher
	info   verdict.Database
	remedy string
}

// Info says where the database came from and how old it is.
func (d *database) Info() verdict.Database { return d.info }

// Match is the matcher's, with what to do about damage that shows itself late.
func (d *database) Match(ctx context.Context, inventory scan.Inventory, img image.Image) ([]finding.Finding, []finding.Unread, error) {
	found, unread, err := d.Matcher.Match(ctx, inventory, img)
	return found, unread, advise(err, d.remedy)
}

// advise adds what to do to an error about a damaged database.
func advise(err error, remedy string) error {
	if !errors.Is(err, match.ErrDamaged) {
		return err
	}
	return fmt.Errorf("%w; %s", err, remedy)
}

// located is a database on this machine that was found good.
type located struct {
	file     string // trivy.db
	metadata metadata.Metadata
	info     verdict.Database
	remedy   string // what to do when the file turns out to be damaged after all
}

// local finds the database that a path names: a directory with trivy.db and
// metadata.json, or a trivy.db with metadata.json beside it. It is only read.
func local(ctx context.Context, path string) (located, error) {
	file := filepath.Clean(path)
	info, err := os.Stat(file)
	if err != nil {
		return located{}, fmt.Errorf("%w; db-path names a directory that holds %s and %s", err, databaseName, metadataName)
	}
	if info.IsDir() {
		file = filepath.Join(file, databaseName)
	}
	about, err := readMetadata(filepath.Dir(file))
	if err != nil {
		return located{}, fmt.Errorf("%w; db-path needs %s beside %s", err, metadataName, databaseName)
	}
	sum, err := hashFile(ctx, file)
	if err != nil {
		return located{}, fmt.Errorf("%w; db-path needs %s beside %s", err, databaseName, metadataName)
	}
	return located{
		file: file, metadata: about,
		info:   verdict.Database{Source: path, Digest: "sha256:" + sum.sha256, FetchedAt: about.DownloadedAt},
		remedy: "replace the file, or leave db-path out to fetch one",
	}, nil
}

// future is how far ahead of our clock a database may claim to be updated:
// clocks differ, days do not.
const future = 24 * time.Hour

// judgeAge tells a database that is too old to be believed.
func judgeAge(info verdict.Database, o scan.DatabaseOptions) []finding.Unread {
	if o.MaxAge <= 0 {
		return nil
	}
	cause := ""
	switch age := o.Now.Sub(info.UpdatedAt); {
	case age > o.MaxAge:
		cause = fmt.Sprintf("the vulnerability database %q was updated %s ago (%s), and db-max-age is %s; fetch a newer one or raise db-max-age",
			info.Source, printable.Age(age), info.UpdatedAt.UTC().Format(time.DateOnly), printable.Age(o.MaxAge))
	case age < -future:
		cause = fmt.Sprintf("the vulnerability database %q says that it was updated on %s, which is %s from now, so its age is not known; check this machine's clock and the database",
			info.Source, info.UpdatedAt.UTC().Format(time.DateOnly), printable.Age(-age))
	default:
		return nil
	}
	return []finding.Unread{{Kind: finding.UnreadDatabase, Location: finding.Location{Artifact: info.Source}, Cause: cause}}
}

// errNothing says that no database is there and why none was fetched.
var errNothing = errors.New("no vulnerability database is in the cache and fetching is switched off; " +
	"run once without offline, or give db-path a directory with trivy.db and metadata.json")
