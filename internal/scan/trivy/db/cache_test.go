package db

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
)

func TestLastGoodAndOffline(t *testing.T) {
	m := newMirror(t)
	m.push(t, built(t, now))
	o := options(t, m.ref())
	o.Offline = true
	if _, _, err := source().Open(t.Context(), o, nil); !errors.Is(err, errNothing) {
		t.Errorf("offline without a cache: %v", err)
	}
	o.Offline = false
	mustOpen(t, source(), o, nil)

	m.answer(status(503))
	o.Now, o.MaxAge = now.Add(5*24*time.Hour), 72*time.Hour
	sink := &events{}
	d, unread := mustOpen(t, source(), o, sink)
	if notices := sink.texts(progress.Notice); !strings.Contains(notices, "no newer one could be fetched") || !strings.Contains(notices, "503") {
		t.Errorf("notices %q", notices)
	}
	if d.Info().Age != 5*24*time.Hour || len(unread) != 1 || unread[0].Kind != finding.UnreadDatabase ||
		!strings.Contains(unread[0].Cause, "updated 5 days ago (2026-09-01), and db-max-age is 3 days") {
		t.Errorf("age %s, unread %+v", d.Info().Age, unread)
	}
	m.forget()
	o.Offline, o.MaxAge = true, 0
	if _, unread := mustOpen(t, source(), o, nil); len(unread) != 0 || m.count("/") != 0 {
		t.Errorf("offline: unread %v, requests %v", unread, m.requests)
	}
}

func TestCloserToTheFutureThanAClockErrs(t *testing.T) {
	m := newMirror(t)
	m.push(t, built(t, now.Add(72*time.Hour)))
	o := options(t, m.ref())
	o.MaxAge = time.Hour
	d, unread := mustOpen(t, source(), o, nil)
	if d.Info().Age != 0 || len(unread) != 1 || !strings.Contains(unread[0].Cause, "3 days from now") {
		t.Errorf("age %s, unread %+v", d.Info().Age, unread)
	}
}

func TestOlderThanTheCacheIsNotTaken(t *testing.T) {
	m := newMirror(t)
	m.push(t, built(t, now.Add(-30*time.Hour)))
	o := options(t, m.ref())
	mustOpen(t, source(), o, nil)
	m.push(t, built(t, now.Add(-90*time.Hour)))
	sink := &events{}
	if d, _ := mustOpen(t, source(), o, sink); d.Info().Age != 30*time.Hour || !strings.Contains(sink.texts(progress.Notice), "serves an older one") {
		t.Errorf("age %s, notices %q", d.Info().Age, sink.texts(progress.Notice))
	}
}

func TestDamagedCache(t *testing.T) {
	m := newMirror(t)
	m.push(t, built(t, now))
	o := options(t, m.ref())
	mustOpen(t, source(), o, nil)
	files, err := filepath.Glob(filepath.Join(o.CacheDir, "db", "*", databaseName))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	if err := os.Truncate(files[0], 8192); err != nil {
		t.Fatal(err)
	}
	o.Offline = true
	if _, _, err := source().Open(t.Context(), o, nil); err == nil || !strings.Contains(err.Error(), files[0]) || !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("offline: %v", err)
	}
	o.Offline = false
	sink := &events{}
	mustOpen(t, source(), o, sink)
	if !strings.Contains(sink.texts(progress.Notice), "fetching it again") {
		t.Errorf("notices %q", sink.texts(progress.Notice))
	}
}

func TestTwoAtOnceAndKilled(t *testing.T) {
	m := newMirror(t)
	m.push(t, built(t, now))
	o := options(t, m.ref())
	// What a killed download leaves behind.
	killed := filepath.Join(o.CacheDir, "db", temporary+"123")
	if err := os.MkdirAll(killed, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(killed, databaseName), "half")
	old := time.Now().Add(-2 * keep)
	if err := os.Chtimes(killed, old, old); err != nil {
		t.Fatal(err)
	}
	errs := make(chan error, 8)
	for range cap(errs) {
		go func() {
			d, _, err := source().Open(context.Background(), o, nil)
			if err == nil {
				err = d.Close()
			}
			errs <- err
		}()
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	entries, err := os.ReadDir(filepath.Join(o.CacheDir, "db"))
	if err != nil || len(entries) != 1 {
		t.Errorf("the cache holds %v, %v; want one snapshot", entries, err)
	}
}
