package db

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aquasecurity/trivy-db/pkg/metadata"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// The cache holds one directory per artefact, named after its digest
// ("sha256-…"), which is complete from the moment it has that name. Directories
// that begin with "tmp-" are downloads under way or killed. Nothing in a complete
// directory changes but its record, which is replaced by renaming. So two
// processes need no lock, and a killed one leaves the last good database as it was.

const (
	recordName   = "record.json"
	snapshotMark = "sha256-"
	temporary    = "tmp-"
	// keep is how long a database or an unfinished download that is no longer
	// wanted stays: longer than any run that may have it open.
	keep = 24 * time.Hour
)

// record says where a snapshot came from.
type record struct {
	Reference string    `json:"reference"` // as asked for, without a digest that pinned it
	Digest    string    `json:"digest"`    // of the artefact's manifest
	Fetched   time.Time `json:"fetched"`
	SHA256    string    `json:"sha256"` // of trivy.db, in hexadecimal
	Size      int64     `json:"size"`   // of trivy.db in bytes
}

// snapshot is one complete directory of the cache.
type snapshot struct {
	dir      string
	record   record
	metadata metadata.Metadata
}

// store is the cache's directory of snapshots.
type store struct{ dir string }

// fits says whether a snapshot is one that ref asks for.
func (s snapshot) fits(ref name.Reference) bool {
	if pin, pinned := ref.(name.Digest); pinned {
		return s.record.Digest == pin.DigestStr()
	}
	return s.record.Reference == ref.Name()
}

// fresh says whether s may be used for ref without asking the repository.
func (s snapshot) fresh(ref name.Reference, now time.Time) bool {
	if _, pinned := ref.(name.Digest); pinned {
		return true
	}
	return now.Before(s.metadata.NextUpdate)
}

// all lists the snapshots that can be read. One that cannot is passed over: it
// will be fetched again.
func (c store) all() ([]snapshot, error) {
	entries, err := os.ReadDir(c.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking into the cache: %w", err)
	}
	var all []snapshot
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), snapshotMark) {
			continue
		}
		if s, err := c.read(filepath.Join(c.dir, e.Name())); err == nil {
			all = append(all, s)
		}
	}
	return all, nil
}

func (c store) read(dir string) (snapshot, error) {
	s := snapshot{dir: dir}
	text, err := readSmall(filepath.Join(dir, recordName))
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(text, &s.record); err != nil {
		return s, fmt.Errorf("reading %q: %w", filepath.Join(dir, recordName), err)
	}
	s.metadata, err = readMetadata(dir)
	return s, err
}

// best returns the snapshot to use for refs, preferring one that is fresh, then
// the most recently updated.
func (c store) best(refs []name.Reference, now time.Time) (best snapshot, fresh, found bool, err error) {
	all, err := c.all()
	if err != nil {
		return snapshot{}, false, false, err
	}
	for _, s := range all {
		for _, ref := range refs {
			if !s.fits(ref) {
				continue
			}
			f := s.fresh(ref, now)
			if !found || f && !fresh || f == fresh && s.metadata.UpdatedAt.After(best.metadata.UpdatedAt) {
				best, fresh, found = s, f, true
			}
		}
	}
	return best, fresh, found, nil
}

// digest returns the snapshot of one artefact.
func (c store) digest(digest v1.Hash) (snapshot, bool) {
	s, err := c.read(filepath.Join(c.dir, snapshotMark+digest.Hex))
	return s, err == nil && s.record.Digest == digest.String()
}

// verify reads the whole database and compares it with what was fetched. It
// costs one to three seconds per gigabyte, which pass while the image is built,
// and is what lets the report say that the database with this digest decided.
func (s snapshot) verify(ctx context.Context) error {
	file := filepath.Join(s.dir, databaseName)
	sum, err := hashFile(ctx, file)
	if err != nil {
		return err
	}
	if sum.size != s.record.Size || sum.sha256 != s.record.SHA256 {
		return fmt.Errorf("the cached vulnerability database %q is damaged: it is not the file that was fetched", file)
	}
	return nil
}

// touch keeps a snapshot from being pruned. Best effort: a cache that can only be
// read is never pruned either.
func (s snapshot) touch() {
	now := time.Now()
	_ = os.Chtimes(s.dir, now, now)
}

func (s snapshot) located() located {
	return located{
		file: filepath.Join(s.dir, databaseName), metadata: s.metadata,
		info:   verdict.Database{Source: s.record.Reference, Digest: s.record.Digest, FetchedAt: s.record.Fetched},
		remedy: fmt.Sprintf("remove the directory %q to have it fetched again", s.dir),
	}
}

// writeRecord replaces the record of a snapshot at once.
func writeRecord(dir string, r record) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the record of the database: %w", err)
	}
	f, err := os.CreateTemp(dir, recordName+".*")
	if err != nil {
		return fmt.Errorf("writing the record of the database: %w", err)
	}
	_, err = f.Write(append(text, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, recordName))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing the record of the database: %w", err), ignoreMissing(os.Remove(f.Name())))
	}
	return nil
}

// publish gives a complete temporary directory its name. When another process
// was faster, its directory stays; when what has the name is damaged, it makes way.
func (c store) publish(ctx context.Context, tmp string, digest v1.Hash) (snapshot, error) {
	dir := filepath.Join(c.dir, snapshotMark+digest.Hex)
	for range 3 {
		if s, ok := c.digest(digest); ok && s.verify(ctx) == nil {
			return s, nil
		}
		err := os.Rename(tmp, dir)
		if err == nil {
			return c.read(dir)
		}
		if moved := c.discard(dir); moved != nil {
			return snapshot{}, fmt.Errorf("putting the database into the cache: %w", errors.Join(err, moved))
		}
	}
	return snapshot{}, fmt.Errorf("putting the database into the cache: another process keeps writing %q", dir)
}

// discard moves a directory out of the way and removes it.
func (c store) discard(dir string) error {
	tmp, err := os.MkdirTemp(c.dir, temporary)
	if err != nil {
		return err
	}
	err = ignoreMissing(os.Rename(dir, filepath.Join(tmp, "old")))
	return errors.Join(err, os.RemoveAll(tmp))
}

// prune removes what has been of no use for a day, except the snapshot in use.
// It is best effort: what stays costs only space, and the next run tries again.
func (c store) prune(inUse string) {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		dir := filepath.Join(c.dir, e.Name())
		ours := strings.HasPrefix(e.Name(), snapshotMark) || strings.HasPrefix(e.Name(), temporary)
		info, err := e.Info()
		if err == nil && ours && dir != inUse && time.Since(info.ModTime()) > keep {
			_ = os.RemoveAll(dir)
		}
	}
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
