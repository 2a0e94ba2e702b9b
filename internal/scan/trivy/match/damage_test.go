package match_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/plimsoll-ci/plimsoll/internal/image"
	"github.com/plimsoll-ci/plimsoll/internal/scan/trivy/match"
)

// used returns a database without the room to grow that bbolt leaves at the end.
func used(t *testing.T, file string) []byte {
	t.Helper()
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	db, err := bolt.Open(file, 0o600, &bolt.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var size int64
	if err := db.View(func(tx *bolt.Tx) error { size = tx.Size(); return nil }); err != nil {
		t.Fatal(err)
	}
	return whole[:size]
}

func TestOpenRefuses(t *testing.T) {
	whole := used(t, database(t))
	other := filepath.Join(t.TempDir(), "other.db")
	db, err := bolt.Open(other, 0o600, &bolt.Options{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	foreign, err := os.ReadFile(other)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		content []byte
		want    string
	}{
		"empty":     {nil, "it is empty"},
		"truncated": {whole[:len(whole)-1], "it is truncated"},
		"half":      {whole[:len(whole)/2], "it is truncated"},
		"one page":  {whole[:4096], ""},
		"text":      {[]byte(strings.Repeat("not a database\n", 1000)), "damaged or no Trivy database"},
		"other":     {foreign, "no Trivy database"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "trivy.db")
			if err := os.WriteFile(file, test.content, 0o600); err != nil {
				t.Fatal(err)
			}
			m, err := match.Open(file, now)
			if err == nil {
				t.Fatal("opened, and closed with", m.Close())
			}
			if !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v; want the file and %q", err, test.want)
			}
			if after, err := os.ReadFile(file); err != nil || len(after) != len(test.content) {
				t.Errorf("the file was changed: %d bytes, %v", len(after), err)
			}
		})
	}
	if _, err := match.Open(t.TempDir(), now); err == nil {
		t.Error("a directory was opened")
	}
	if _, err := match.Open(filepath.Join(t.TempDir(), "none"), now); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

// TestDamageNeverPanics overwrites every page in turn, and demands an error or
// the full answer: with the page zeroed bbolt panics, or faults, in many ways.
func TestDamageNeverPanics(t *testing.T) {
	whole := used(t, database(t))
	detail := inventory(t, alpine311())
	failed := 0
	for page := range len(whole) / 4096 {
		for _, fill := range []byte{0, 0xff} {
			damaged := append([]byte(nil), whole...)
			for i := range 4096 {
				damaged[page*4096+i] = fill
			}
			file := filepath.Join(t.TempDir(), "trivy.db")
			if err := os.WriteFile(file, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			m, err := match.Open(file, now)
			if err == nil {
				_, _, err = m.Match(t.Context(), detail, image.Image{})
				if err := m.Close(); err != nil {
					t.Errorf("page %d: closing: %v", page, err)
				}
			}
			if err != nil {
				failed++
				if !strings.Contains(err.Error(), file) {
					t.Errorf("page %d: %v does not name the file", page, err)
				}
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("page %d: the database was removed: %v", page, err)
			}
		}
	}
	if failed < 10 {
		t.Errorf("%d errors only: the damage was not noticed", failed)
	}
}

func TestOpenDoesNotWaitForEver(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for bbolt's lock; run without -short")
	}
	file := database(t)
	writer, err := bolt.Open(file, 0o600, &bolt.Options{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	if _, err := match.Open(file, now); err == nil || !strings.Contains(err.Error(), "another process has it open for writing") {
		t.Errorf("a locked database: %v", err)
	}
}
