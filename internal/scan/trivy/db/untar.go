package db

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
)

// The names of the two files that a database consists of.
const (
	databaseName = "trivy.db"
	metadataName = "metadata.json"
)

// limits bound what is taken from an archive, in bytes.
type limits struct{ database, metadata int64 }

// defaultLimits are what Trivy publishes with room to grow: in 2026 its database
// takes about 1 GB unpacked and 100 MB packed, its metadata 150 bytes.

func defaultLimits() limits { return limits{database: 8 << 30, metadata: 64 << 10} }

// unpacked is what untar wrote.
type unpacked struct {
	sha256 string // of trivy.db, in hexadecimal
	size   int64  // of trivy.db in bytes
}

// untar writes trivy.db and metadata.json from a gzipped tar into dir. Anything
// else in the archive is an error, except directories: nothing that is not
// needed is trusted. It reads r to its end, so that a reader which verifies a
// digest has its say.
func untar(r io.Reader, dir string, most limits) (unpacked, error) {
	zipped, err := gzip.NewReader(r)
	if err != nil {
		return unpacked{}, fmt.Errorf("reading the archive: %w", err)
	}
	var out unpacked
	seen := map[string]bool{}
	archive := tar.NewReader(zipped)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return unpacked{}, fmt.Errorf("reading the archive: %w", err)
		}
		if header.Typeflag == tar.TypeDir {
			continue
		}
		name := path.Clean(header.Name)
		limit := map[string]int64{databaseName: most.database, metadataName: most.metadata}[name]
		switch {
		case limit == 0 || header.Typeflag != tar.TypeReg:
			return unpacked{}, fmt.Errorf("%w: the archive holds %q; want only the files %q and %q", errUnfit, header.Name, databaseName, metadataName)
		case seen[name]:
			return unpacked{}, fmt.Errorf("%w: the archive holds %q twice", errUnfit, name)
		case header.Size > limit:
			return unpacked{}, fmt.Errorf("%w: %q is %d bytes long, more than the limit of %d", errUnfit, name, header.Size, limit)
		}
		seen[name] = true
		written, err := writeFile(filepath.Join(dir, name), archive, limit)
		if err != nil {
			return unpacked{}, err
		}
		if name == databaseName {
			out = written
		}
	}
	if !seen[databaseName] || !seen[metadataName] {
		return unpacked{}, fmt.Errorf("%w: the archive lacks %q or %q", errUnfit, databaseName, metadataName)
	}
	// What follows the archive's end is bounded too: it may be zeros that unpack for ever.
	if err := drain(zipped, most.metadata); err != nil {
		return unpacked{}, fmt.Errorf("reading the end of the archive: %w", err)
	}
	if err := drain(r, most.metadata); err != nil {
		return unpacked{}, fmt.Errorf("reading the end of the archive: %w", err)
	}
	return out, nil
}

// drain reads r to its end, and fails when that is more than limit bytes away.
func drain(r io.Reader, limit int64) error {
	n, err := io.Copy(io.Discard, io.LimitReader(r, limit+1))
	if err == nil && n > limit {
		err = errors.New("there is more behind it than padding")
	}
	return err
}

// writeFile writes and syncs one file, and hashes what it wrote.
func writeFile(file string, content io.Reader, limit int64) (unpacked, error) {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return unpacked{}, fmt.Errorf("writing the vulnerability database: %w", err)
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, sum), io.LimitReader(content, limit))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return unpacked{}, fmt.Errorf("unpacking %q: %w", filepath.Base(file), err)
	}
	return unpacked{sha256: hex.EncodeToString(sum.Sum(nil)), size: n}, nil
}

// hashFile returns the SHA-256 of a file in hexadecimal, and its size in bytes.
func hashFile(ctx context.Context, file string) (unpacked, error) {
	f, err := os.Open(filepath.Clean(file))
	if err != nil {
		return unpacked{}, err
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, stoppable{ctx, f})
	if err != nil {
		return unpacked{}, fmt.Errorf("reading %q: %w", file, err)
	}
	return unpacked{sha256: hex.EncodeToString(sum.Sum(nil)), size: n}, nil
}

// stoppable is a reader that ends with its context.
type stoppable struct {
	ctx  context.Context
	from io.Reader
}

func (s stoppable) Read(p []byte) (int, error) {
	if s.ctx.Err() != nil {
		return 0, context.Cause(s.ctx)
	}
	return s.from.Read(p)
}
