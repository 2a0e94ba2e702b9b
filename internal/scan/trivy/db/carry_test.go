package db

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/scan"
)

// carried is what Pack gives of a database that was just fetched, by name of its parts.
func carried(t *testing.T, s *Source, o scan.DatabaseOptions) map[string][]byte {
	t.Helper()
	d, _ := mustOpen(t, s, o, nil)
	var b bytes.Buffer
	if err := s.Pack(t.Context(), o, d.Info().Digest, &b); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for archive := tar.NewReader(&b); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[header.Name], err = io.ReadAll(archive); err != nil {
			t.Fatal(err)
		}
	}
}

func archived(t *testing.T, files map[string][]byte, names ...string) io.Reader {
	t.Helper()
	var b bytes.Buffer
	archive := tar.NewWriter(&b)
	for _, name := range names {
		if err := archive.WriteHeader(&tar.Header{Name: name, Size: int64(len(files[name])), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write(files[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}

// TestCarriedByOthers unpacks what somebody who can write to the cache wrote there.
func TestCarriedByOthers(t *testing.T) {
	t.Parallel()
	m := newMirror(t)
	m.push(t, built(t, now.Add(-time.Hour)))
	o := options(t, m.ref())
	o.MaxAge = 72 * time.Hour
	s := source()
	good := carried(t, s, o)
	edit := func(name string, change func(map[string]any)) func(map[string][]byte) {
		return func(files map[string][]byte) {
			var object map[string]any
			if err := json.Unmarshal(files[name], &object); err != nil {
				t.Fatal(err)
			}
			change(object)
			text, err := json.Marshal(object)
			if err != nil {
				t.Fatal(err)
			}
			files[name] = text
		}
	}
	at := func(age time.Duration) string { return now.Add(-age).Format(time.RFC3339) }
	for name, test := range map[string]struct {
		change func(map[string][]byte)
		names  []string
		says   string
	}{
		"as it was":         {},
		"another file":      {change: func(f map[string][]byte) { f[databaseName] = append(bytes.Clone(f[databaseName]), 0) }, says: "not the file that its record says"},
		"no database":       {change: func(f map[string][]byte) { f[databaseName] = nil }, says: "not the file"},
		"another source":    {change: edit(recordName, func(r map[string]any) { r["reference"] = "evil.example/db:2" }), says: "does not name"},
		"a path for digest": {change: edit(recordName, func(r map[string]any) { r["digest"] = "sha256:../../../../x" }), says: "record"},
		"too old":           {change: edit(metadataName, func(r map[string]any) { r["UpdatedAt"] = at(100 * time.Hour) }), says: "older than db-max-age"},
		"from the future":   {change: edit(metadataName, func(r map[string]any) { r["UpdatedAt"] = at(-100 * time.Hour) }), says: "from the future"},
		"never due":         {change: edit(metadataName, func(r map[string]any) { r["NextUpdate"] = at(-10000 * time.Hour) }), says: "from the future"},
		"another schema":    {change: edit(metadataName, func(r map[string]any) { r["Version"] = 9 }), says: "schema version 9"},
		"no JSON":           {change: func(f map[string][]byte) { f[recordName] = []byte("{") }, says: "reading record.json"},
		"another order":     {names: []string{databaseName, metadataName, recordName}, says: "where record.json should be"},
		"one part":          {names: parts[:1], says: "reading metadata.json"},
		"one part too many": {names: append(append([]string{}, parts...), recordName), says: `it holds "record.json", too`},
		"a path":            {change: func(f map[string][]byte) { f["../x"] = nil }, names: []string{"../x"}, says: "where record.json should be"},
	} {
		t.Run(name, func(t *testing.T) {
			files := maps.Clone(good)
			if test.change != nil {
				test.change(files)
			}
			names := test.names
			if names == nil {
				names = parts
			}
			to := o
			to.CacheDir = t.TempDir()
			err := s.Unpack(t.Context(), to, archived(t, files, names...))
			left, _ := os.ReadDir(filepath.Join(to.CacheDir, "db"))
			if test.says == "" {
				if digest, fresh := s.Kept(to); err != nil || !fresh || digest == "" || len(left) != 1 {
					t.Errorf("%v, kept %q, fresh %v, %v", err, digest, fresh, left)
				}
				to.Offline = true
				mustOpen(t, s, to, nil)
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %q", err, test.says)
			}
			if len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}
