package buildkit

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/plimsoll-ci/plimsoll/internal/build"
)

// gunzipped opens a docker archive that is compressed as a whole.
func gunzipped(t testing.TB, path string) tarball.Opener {
	t.Helper()
	return func() (io.ReadCloser, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		return gzip.NewReader(f)
	}
}

// fileNames lists the regular files of all layers.
func fileNames(t testing.TB, result build.Result) []string {
	t.Helper()
	var manifest v1.Manifest
	readJSON(t, blobPath(result.Layout, result.Digest), &manifest)
	var names []string
	for _, l := range manifest.Layers {
		f, err := os.Open(blobPath(result.Layout, l.Digest.String()))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		unzipped, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		for archive := tar.NewReader(unzipped); ; {
			header, err := archive.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if header.Typeflag == tar.TypeReg {
				names = append(names, header.Name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// notIn fails when a file below dir holds the text, as it lies or uncompressed.
func notIn(t testing.TB, dir, text string) {
	t.Helper()
	read := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		read++
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if unzipped, err := gzip.NewReader(bytes.NewReader(raw)); err == nil {
			more, err := io.ReadAll(unzipped)
			if err != nil {
				return err
			}
			raw = append(raw, more...)
		}
		if strings.Contains(string(raw), text) {
			t.Errorf("%s holds %q", path, text)
		}
		return nil
	})
	if err != nil || read == 0 {
		t.Fatalf("read %d files: %v", read, err)
	}
}
