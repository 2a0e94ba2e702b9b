package cache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
	"github.com/plimsoll-ci/plimsoll/internal/scan"
)

// databaseLimit bounds a vulnerability database unpacked, in bytes: four times what
// Trivy publishes in 2026.
const databaseLimit = 4 << 30

// Carrier fetches databases into a directory of this machine, and carries them from
// there and back.
type Carrier interface {
	scan.Databases
	// Kept is the digest of the database in the directory that is used next, "" when
	// there is none, and whether it is used without asking its repository.
	Kept(o scan.DatabaseOptions) (digest string, fresh bool)
	// Pack writes the database with this digest.
	Pack(ctx context.Context, o scan.DatabaseOptions, digest string, w io.Writer) error
	// Unpack reads to the end what Pack wrote, and takes it only when the end is
	// io.EOF, when it is one that o asks for, whole, and as young as o wants.
	Unpack(ctx context.Context, o scan.DatabaseOptions, r io.Reader) error
}

// Databases are those of a Carrier that a cache keeps.
type Databases struct {
	from  Carrier
	cache *Cache

	mu      sync.Mutex
	fetched string // digest of what the cache does not have
	opts    scan.DatabaseOptions
}

var _ scan.Databases = (*Databases)(nil)

// Keep puts a cache before a carrier.
func (c *Cache) Keep(from Carrier) *Databases { return &Databases{from: from, cache: c} }

// Open implements scan.Databases: where this machine has no database that may be
// used as it is, it takes the cached one first; what is still fetched is kept by
// Save. A repository that is pinned by a digest is asked itself: that what a cache
// gives has the digest, only the cache says.
func (d *Databases) Open(ctx context.Context, o scan.DatabaseOptions, sink progress.Sink) (scan.Database, []finding.Unread, error) {
	if sink == nil {
		sink = progress.Discard
	}
	if d.cache == nil || o.Path != "" || o.Offline || pinned(o) {
		return d.from.Open(ctx, o, sink)
	}
	kept, fresh := d.from.Kept(o)
	if !fresh && d.cache.access.Database {
		if err := d.restore(ctx, o, sink); err != nil {
			return nil, nil, err
		}
		kept, _ = d.from.Kept(o)
	}
	database, unread, err := d.from.Open(ctx, o, sink)
	if err == nil && database.Info().Digest != kept {
		d.mu.Lock()
		d.fetched, d.opts = database.Info().Digest, o
		d.mu.Unlock()
	}
	return database, unread, err
}

func pinned(o scan.DatabaseOptions) bool {
	for _, r := range o.Repositories {
		if strings.Contains(r, "@") {
			return true
		}
	}
	return false
}

// restore fails only when ctx ended.
func (d *Databases) restore(ctx context.Context, o scan.DatabaseOptions, sink progress.Sink) error {
	key, content, err := d.cache.open(ctx, databaseName(o), true, databaseLimit)
	if errors.Is(err, ErrAbsent) {
		return nil
	}
	if err != nil {
		return err
	}
	defer content.Close()
	if err := d.from.Unpack(ctx, o, content); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		d.cache.failed(reading, spoiled(key, err))
		return nil
	}
	sink.Emit(progress.Event{Kind: progress.Log, Stage: "database", Text: fmt.Sprintf("the vulnerability database came from %s", d.cache.store)})
	return nil
}

// Save keeps a database that was fetched. It does nothing when none was.
func (d *Databases) Save(ctx context.Context) {
	d.mu.Lock()
	digest, o := d.fetched, d.opts
	d.fetched = ""
	d.mu.Unlock()
	if digest == "" {
		return
	}
	key := Key{Name: databaseName(o), Turn: strings.TrimPrefix(digest, "sha256:")}
	d.cache.save(ctx, key, databaseLimit, func(w io.Writer) error { return d.from.Pack(ctx, o, digest, w) })
}

// databaseName tells databases of different repositories apart.
func databaseName(o scan.DatabaseOptions) string {
	return "database-v1-" + short(o.Repositories...)
}

// short is a hash of texts, as long as a name needs it: 32 digits, half of a SHA-256.
func short(texts ...string) string {
	sum := sha256.New()
	for _, t := range texts {
		fmt.Fprintf(sum, "%d:%s", len(t), t)
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}
