package db

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/plimsoll-ci/plimsoll/internal/scan"
)

// longestValidity bounds how long a database that was carried here may go without
// its repository being asked, whatever it says of itself. Trivy publishes daily.
const longestValidity = 48 * time.Hour

// Kept implements cache.Carrier.
func (s *Source) Kept(o scan.DatabaseOptions) (digest string, fresh bool) {
	refs, err := references(o.Repositories)
	if err != nil || o.CacheDir == "" {
		return "", false
	}
	best, fresh, _, err := storeOf(o).best(refs, nowOf(o))
	if err != nil {
		return "", false
	}
	return best.record.Digest, fresh
}

func storeOf(o scan.DatabaseOptions) store { return store{dir: filepath.Join(o.CacheDir, "db")} }

func nowOf(o scan.DatabaseOptions) time.Time {
	if o.Now.IsZero() {
		return time.Now()
	}
	return o.Now
}

// parts are the files of a snapshot in the order in which they are carried: what
// says no comes before the gigabyte.
var parts = []string{recordName, metadataName, databaseName}

// Pack implements cache.Carrier: a tar of the files of one snapshot.
func (s *Source) Pack(ctx context.Context, o scan.DatabaseOptions, digest string, w io.Writer) error {
	hash, err := v1.NewHash(digest)
	if err != nil {
		return fmt.Errorf("packing the vulnerability database: %w", err)
	}
	kept, ok := storeOf(o).digest(hash)
	if !ok {
		return fmt.Errorf("packing the vulnerability database: %s is not in the cache directory", digest)
	}
	archive := tar.NewWriter(w)
	for _, name := range parts {
		if err := addPart(ctx, archive, filepath.Join(kept.dir, name)); err != nil {
			return fmt.Errorf("packing the vulnerability database: %w", err)
		}
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("packing the vulnerability database: %w", err)
	}
	return nil
}

func addPart(ctx context.Context, archive *tar.Writer, path string) error {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := archive.WriteHeader(&tar.Header{Name: filepath.Base(path), Mode: 0o644, Size: info.Size(), Format: tar.FormatPAX}); err != nil {
		return err
	}
	_, err = io.Copy(archive, stoppable{ctx, f})
	return err
}

// Unpack implements cache.Carrier. What it takes is fetched from nobody and checked
// as if it had been: it is for one of the repositories, has the hash that its record
// says, can be opened, is younger than MaxAge, and is due for an update soon.
func (s *Source) Unpack(ctx context.Context, o scan.DatabaseOptions, r io.Reader) error {
	refs, err := references(o.Repositories)
	if err != nil {
		return err
	}
	cache, now := storeOf(o), nowOf(o)
	if err := os.MkdirAll(cache.dir, 0o755); err != nil {
		return fmt.Errorf("making the cache: %w", err)
	}
	tmp, err := os.MkdirTemp(cache.dir, temporary)
	if err != nil {
		return fmt.Errorf("making room in the cache: %w", err)
	}
	defer os.RemoveAll(tmp) // gone already when it was published
	written, err := s.unpackParts(stoppable{ctx, r}, tmp, func(got snapshot) error {
		if slices.ContainsFunc(refs, got.fits) {
			return believable(got, o.MaxAge, now)
		}
		return fmt.Errorf("it is from %q, which db-repository does not name", got.record.Reference)
	})
	if err != nil {
		return err
	}
	got, err := cache.read(tmp)
	if err != nil {
		return err
	}
	digest, err := v1.NewHash(got.record.Digest)
	if err != nil {
		return fmt.Errorf("reading its record: %w", err)
	}
	if written.sha256 != got.record.SHA256 || written.size != got.record.Size {
		return errors.New("it is not the file that its record says")
	}
	if err := check(tmp, now); err != nil {
		return err
	}
	_, err = cache.publish(ctx, tmp, digest)
	return err
}

// believable says whether the ages of a carried database can be true and are wanted.
func believable(got snapshot, maxAge time.Duration, now time.Time) error {
	age := now.Sub(got.metadata.UpdatedAt)
	switch {
	case maxAge > 0 && age > maxAge:
		return fmt.Errorf("it is of %s, older than db-max-age", got.metadata.UpdatedAt.UTC().Format(time.RFC3339))
	case age < -future || got.metadata.NextUpdate.After(now.Add(longestValidity)):
		return errors.New("it says that it is from the future")
	case got.record.Fetched.After(now.Add(future)):
		return errors.New("it says that it was fetched in the future")
	}
	return nil
}

// unpackParts writes the files of a snapshot into dir, and asks about what the small
// ones say before it writes the large one.
func (s *Source) unpackParts(r io.Reader, dir string, ask func(snapshot) error) (unpacked, error) {
	archive := tar.NewReader(r)
	var got snapshot
	var out unpacked
	for _, name := range parts {
		header, err := archive.Next()
		if err != nil {
			return out, fmt.Errorf("reading %s: %w", name, err)
		}
		limit := s.limits.metadata
		if name == databaseName {
			limit = s.limits.database
			if err := ask(got); err != nil {
				return out, err
			}
		}
		if header.Name != name || header.Typeflag != tar.TypeReg || header.Size > limit {
			return out, fmt.Errorf("it holds %q of %d bytes where %s should be", header.Name, header.Size, name)
		}
		if out, err = writeFile(filepath.Join(dir, name), archive, limit); err != nil {
			return out, err
		}
		switch name {
		case recordName:
			err = readRecord(dir, &got.record)
		case metadataName:
			got.metadata, err = readMetadata(dir)
		}
		if err != nil {
			return out, err
		}
	}
	if header, err := archive.Next(); err == nil {
		return out, fmt.Errorf("it holds %q, too", header.Name)
	} else if !errors.Is(err, io.EOF) {
		return out, fmt.Errorf("reading its end: %w", err)
	}
	return out, drain(r, s.limits.metadata)
}

func readRecord(dir string, into *record) error {
	text, err := readSmall(filepath.Join(dir, recordName))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("reading %s: %w", recordName, err)
	}
	return nil
}
