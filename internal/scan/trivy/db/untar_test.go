package db

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/scan"
)

type member struct {
	name, content string
	kind          byte
}

func packed(t testing.TB, members ...member) []byte {
	t.Helper()
	var buf bytes.Buffer
	zipped := gzip.NewWriter(&buf)
	archive := tar.NewWriter(zipped)
	for _, m := range members {
		h := &tar.Header{Name: m.name, Typeflag: m.kind, Mode: 0o644}
		if m.kind == tar.TypeReg {
			h.Size = int64(len(m.content))
		} else {
			h.Linkname = m.content
		}
		if err := archive.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if m.kind == tar.TypeReg {
			if _, err := archive.Write([]byte(m.content)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(archive.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestUntar(t *testing.T) {
	database := member{databaseName, "database", tar.TypeReg}
	about := member{metadataName, "{}", tar.TypeReg}
	small := limits{database: 100, metadata: 10}
	good := packed(t, member{"./", "", tar.TypeDir}, member{"./" + databaseName, "database", tar.TypeReg}, about)
	dir := t.TempDir()
	got, err := untar(bytes.NewReader(good), dir, small)
	if err != nil || got.size != 8 {
		t.Fatalf("%+v, %v", got, err)
	}
	if again, err := hashFile(t.Context(), filepath.Join(dir, databaseName)); err != nil || again != got {
		t.Errorf("%+v, %v; want %+v", again, err, got)
	}
	for name, test := range map[string]struct {
		archive []byte
		want    string
	}{
		"climbs out":  {packed(t, member{"../" + databaseName, "x", tar.TypeReg}), "want only the files"},
		"absolute":    {packed(t, member{"/etc/" + databaseName, "x", tar.TypeReg}), "want only the files"},
		"link":        {packed(t, member{databaseName, "/etc/passwd", tar.TypeSymlink}), "want only the files"},
		"hard link":   {packed(t, about, member{databaseName, metadataName, tar.TypeLink}), "want only the files"},
		"other file":  {packed(t, database, about, member{"more", "x", tar.TypeReg}), `holds "more"`},
		"twice":       {packed(t, database, database, about), "twice"},
		"no metadata": {packed(t, database), "lacks"},
		"nothing":     {packed(t), "lacks"},
		"too big":     {packed(t, member{databaseName, strings.Repeat("x", 101), tar.TypeReg}, about), "limit of 100"},
		"long about":  {packed(t, database, member{metadataName, strings.Repeat("x", 11), tar.TypeReg}), "limit of 10"},
		"cut":         {good[:len(good)/2], ""},
		"no gzip":     {[]byte("plain text"), "gzip"},
		"trailing":    {append(append([]byte(nil), good...), bytes.Repeat([]byte("x"), 5000)...), ""},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := untar(bytes.NewReader(test.archive), t.TempDir(), small); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v; want %q", err, test.want)
			}
		})
	}
}

func FuzzUntar(f *testing.F) {
	f.Add(packed(f, member{databaseName, "database", tar.TypeReg}, member{metadataName, "{}", tar.TypeReg}))
	f.Add(packed(f, member{"../x", "y", tar.TypeReg}))
	f.Add([]byte{0x1f, 0x8b, 8})
	f.Fuzz(func(t *testing.T, archive []byte) {
		outer := t.TempDir()
		dir := filepath.Join(outer, "in")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		most := limits{database: 1 << 12, metadata: 1 << 8}
		got, err := untar(bytes.NewReader(archive), dir, most)
		if err == nil && (got.size > most.database || got.sha256 == "") {
			t.Errorf("unpacked %+v", got)
		}
		if entries, err := os.ReadDir(outer); err != nil || len(entries) != 1 {
			t.Errorf("wrote outside of the directory: %v, %v", entries, err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) > 2 {
			t.Errorf("wrote %v, %v", entries, err)
		}
	})
}

func FuzzMetadata(f *testing.F) {
	f.Add([]byte(`{"Version":2,"NextUpdate":"2026-09-02T00:00:00Z","UpdatedAt":"2026-09-01T00:00:00Z"}`))
	f.Add([]byte(`{"Version":1}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if m, err := parseMetadata(text); err == nil && (m.Version != 2 || m.UpdatedAt.IsZero()) {
			t.Errorf("took %+v", m)
		}
	})
}

func BenchmarkOpenPath(b *testing.B) {
	dir := built(b, now)
	for b.Loop() {
		d, _, err := New(http.DefaultTransport, nil).Open(b.Context(), scan.DatabaseOptions{Path: dir, Now: now}, nil)
		if err != nil {
			b.Fatal(err)
		}
		if err := d.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkVerify measures what checking the cached file costs per byte.
func BenchmarkVerify(b *testing.B) {
	file := filepath.Join(b.TempDir(), databaseName)
	const size = 256 << 20
	if err := os.WriteFile(file, make([]byte, size), 0o600); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(size)
	for b.Loop() {
		if _, err := hashFile(b.Context(), file); err != nil {
			b.Fatal(err)
		}
	}
}
