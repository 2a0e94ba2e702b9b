// Package match finds the advisories of a Trivy database that name the packages
// of an inventory. It links Trivy's detectors only, none of its analyzers, so
// that an image can be matched again without being read again.
//
// Trivy's detectors stay silent about much that they cannot do. What they leave
// out is found here and told as unread: a distribution they do not know, a
// database without data for the release, a version that does not parse.
package match

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	trivydb "github.com/aquasecurity/trivy-db/pkg/db"
	"github.com/aquasecurity/trivy/pkg/clock"
	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/image"
	"github.com/plimsoll-ci/plimsoll/internal/scan"
	"github.com/plimsoll-ci/plimsoll/internal/scan/trivy"
)

// lockTimeout bounds the wait for bbolt's lock on the file. Without it bbolt
// waits for ever while somebody writes the database.
const lockTimeout = 5 * time.Second

// ErrDamaged is what errors about a file that is no usable database wrap; the
// file has to be replaced.
var ErrDamaged = errors.New("it is damaged or no Trivy database")

// engine holds the right to use trivy-db, which keeps its one open database in a
// package variable that its detectors read. Two databases may be open here at
// once because each match opens its file in trivy-db anew (under 100 µs) and
// closes it again; only the matches themselves take turns.
var engine = make(chan struct{}, 1)

// Matcher is one database file, held open for reading. It is safe for concurrent use.
type Matcher struct {
	file    string
	now     time.Time
	bolt    *bolt.DB
	buckets map[string]bool // the names of the top-level buckets: which data there is
}

// Open opens the database file (trivy.db) read-only and checks that it is whole
// as far as its own headers say. It never writes, creates or removes the file.
// now is the day that ends of life are judged by.
//
// A file that is empty, truncated or no vulnerability database is an error that
// names it; an error never means that there are no vulnerabilities.
func Open(file string, now time.Time) (*Matcher, error) {
	m := &Matcher{file: file, now: now, buckets: map[string]bool{}}
	if err := guard(m.open); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the vulnerability database %q: %w", file, err), m.Close())
	}
	return m, nil
}

func (m *Matcher) open() error {
	info, err := os.Stat(m.file)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return errors.New("it is not a regular file")
	case info.Size() == 0:
		return fmt.Errorf("%w: it is empty", ErrDamaged)
	}
	if m.bolt, err = bolt.Open(m.file, 0, &bolt.Options{ReadOnly: true, Timeout: lockTimeout}); err != nil {
		return reword(err)
	}
	return m.bolt.View(func(tx *bolt.Tx) error {
		// bbolt maps the file without looking at its length, and reading a page
		// beyond the end kills the process: this is where truncation is found.
		if tx.Size() > info.Size() {
			return fmt.Errorf("%w: it is truncated, %d of %d bytes are there", ErrDamaged, info.Size(), tx.Size())
		}
		if err := tx.ForEach(func(name []byte, _ *bolt.Bucket) error {
			m.buckets[string(name)] = true
			return nil
		}); err != nil {
			return err
		}
		if !m.buckets["vulnerability"] || !m.buckets["data-source"] {
			return fmt.Errorf("%w: the bucket \"vulnerability\" or \"data-source\" is missing", ErrDamaged)
		}
		return nil
	})
}

// reword says what bbolt's errors mean here.
func reword(err error) error {
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("another process has it open for writing; wait for it, or use a copy (waited %s)", lockTimeout)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// Close lets go of the file. It may be called more than once.
func (m *Matcher) Close() error {
	if m.bolt == nil {
		return nil
	}
	if err := m.bolt.Close(); err != nil {
		return fmt.Errorf("closing the vulnerability database %q: %w", m.file, err)
	}
	return nil
}

// Match returns one finding per advisory, package and path inside the image, in
// an order that depends on the inventory and the database only, and what could
// not be matched. It waits while another database of this process is matched.
//
// A database that turns out to be damaged is an error, and so is an inventory
// that cannot be read.
func (m *Matcher) Match(ctx context.Context, inventory scan.Inventory, img image.Image) ([]finding.Finding, []finding.Unread, error) {
	detail, err := trivy.Decode(inventory.Detail)
	if err != nil {
		return nil, nil, err
	}
	select {
	case engine <- struct{}{}:
		defer func() { <-engine }()
	case <-ctx.Done():
		return nil, nil, fmt.Errorf("waiting for another match in this process: %w", context.Cause(ctx))
	}
	r := run{matcher: m, detail: detail, artifact: artifact(img), lowest: lowest(img)}
	err = guard(func() error {
		stop, err := m.lend()
		if err != nil {
			return err
		}
		defer stop()
		return r.detect(clock.With(ctx, m.now))
	})
	if err != nil {
		return nil, nil, fmt.Errorf("matching against the vulnerability database %q: %w", m.file, err)
	}
	return r.sorted(), r.unread, nil
}

// lend makes our file the one that trivy-db reads until stop is called.
//
// trivy-db opens "<dir>/trivy.db", makes that directory, and removes the file
// when bbolt panics. It is given an empty directory of its own and our file
// through OpenFile, so that nobody's database is ever removed.
func (m *Matcher) lend() (stop func(), err error) {
	dir, err := os.MkdirTemp("", "plimsoll-match-")
	if err != nil {
		return nil, fmt.Errorf("making a directory for the matcher: %w", err)
	}
	err = trivydb.Init(dir, trivydb.WithBoltOptions(&bolt.Options{
		ReadOnly: true,
		Timeout:  lockTimeout,
		OpenFile: func(string, int, os.FileMode) (*os.File, error) { return os.Open(filepath.Clean(m.file)) },
	}))
	if err != nil {
		return nil, errors.Join(reword(err), os.RemoveAll(dir))
	}
	return func() {
		// Both are best effort: the database was read only and the directory is empty.
		_ = trivydb.Close()
		_ = os.RemoveAll(dir)
	}, nil
}

// guard turns bbolt's panics and the faults of its memory map into errors. bbolt
// checks nothing of what it reads and panics on damaged pages, and a fault would
// otherwise end the process without a verdict.
func guard(look func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			text, _, _ := strings.Cut(fmt.Sprint(r), "\n")
			err = fmt.Errorf("%w: %s", ErrDamaged, text)
		}
	}()
	return look()
}

// artifact names the image for people.
func artifact(img image.Image) string {
	switch {
	case img.Reference != "":
		return img.Reference
	case img.Digest.Hex != "":
		return img.Digest.String()
	case img.ID.Hex != "":
		return img.ID.String()
	}
	return ""
}

// lowest is the diffID of the lowest layer, which brought the distribution.
func lowest(img image.Image) string {
	if img.Config == nil || len(img.Config.RootFS.DiffIDs) == 0 {
		return ""
	}
	return img.Config.RootFS.DiffIDs[0].String()
}
