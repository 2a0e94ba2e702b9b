package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/registry/registrytest"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// inTime is how long the program may take to end after a signal (architecture,
// rule 2).
const inTime = 5 * time.Second

// hold makes a registry silent on the requests that match, until the test ends.
// The channel is closed when the first of them arrived.
func (w *world) hold(match func(*http.Request) bool) <-chan struct{} {
	arrived, end := make(chan struct{}), make(chan struct{})
	var once sync.Once
	w.Reset(func(_ int, r *http.Request) registrytest.Fate {
		if !match(r) {
			return registrytest.Fate{}
		}
		once.Do(func() { close(arrived) })
		select {
		case <-end:
		case <-r.Context().Done():
		}
		return registrytest.Fate{Drop: true}
	})
	w.t.Cleanup(func() { close(end) })
	return arrived
}

// stopped sends a signal and checks that the program ends in time, writes its
// reports and moves no tag.
func (r *running) stopped(s os.Signal) outcome {
	t := r.world.t
	t.Helper()
	sent := time.Now()
	check(t, r.Process.Signal(s))
	o := r.wait()
	r.world.Reset(nil)
	if took := time.Since(sent); took > inTime {
		t.Errorf("it took %s to end after the signal\n%s", took, o.stderr)
	} else {
		t.Logf("ended %s after the signal", took.Round(time.Millisecond))
	}
	o.exits(130)
	if !strings.HasSuffix(o.stderr, "plimsoll: stopped by a signal; no tag was moved after it\n") {
		t.Errorf("it does not say why it ended:\n%s", o.stderr)
	}
	if !o.told {
		t.Errorf("it left no report\n%s", o.stderr)
	}
	if moved := r.world.tagged("ships/good", "1.0.0"); moved != "" {
		t.Errorf("the tag names %s", moved)
	}
	return o
}

func waitFor(t *testing.T, r *running, arrived <-chan struct{}) {
	t.Helper()
	select {
	case <-arrived:
	case <-time.After(limit):
		t.Fatalf("the request never came\n%s", r.stderr)
	}
}

func TestSignalWhileAStepRuns(t *testing.T) {
	t.Parallel()
	needsBuilder(t)
	w := newWorld(t, registrytest.Options{})
	const sleep = "98765.4321"
	dir := w.source("sleeper", "Dockerfile", "ARG REGISTRY\nFROM ${REGISTRY}/alpine:3.11\nRUN sleep "+sleep+"\nUSER 1000\n")
	run := w.startGate(dir, w.toHarbour()...)
	eventually(t, "the step", func() bool { return sleeps(sleep) })
	o := run.stopped(syscall.SIGTERM)
	o.decides(verdict.Indeterminate)
	if sleeps(sleep) {
		t.Error("the step goes on")
	}
	// What was cut short can be built upon.
	check(t, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("ARG REGISTRY\nFROM ${REGISTRY}/alpine:3.11\nRUN true\n"), 0o644))
	again := w.gate(dir)
	again.exits(1)
	again.decides(verdict.Fail)
	if len(again.Subjects) != 1 || strings.Contains(again.stderr, "another build") {
		t.Errorf("subjects %v\n%s", again.Subjects, again.stderr)
	}
}

// sleeps looks for a process that sleeps so long.
func sleeps(seconds string) bool {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range lines {
		if line, err := os.ReadFile(path); err == nil && string(line) == "sleep\x00"+seconds+"\x00" {
			return true
		}
	}
	return false
}

func TestSignalWhileTheBaseIsPulled(t *testing.T) {
	t.Parallel()
	needsBuilder(t)
	w := newWorld(t, registrytest.Options{})
	arrived := w.hold(func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/alpine/blobs/") })
	run := w.startGate(w.ship("bad"), w.toHarbour()...)
	waitFor(t, run, arrived)
	o := run.stopped(os.Interrupt)
	o.decides(verdict.Fail) // lint was done, and what it found stands
	if !o.Verdict.Incomplete || len(o.Subjects) > 0 {
		t.Errorf("the verdict is %+v about %v", o.Verdict, o.Subjects)
	}
}

func TestSignalWhileTheDatabaseIsFetched(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	arrived := w.hold(func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/trivy-db/blobs/") })
	run := w.startGate(w.ship("good"), append(w.toHarbour(), "--input="+w.hull())...)
	waitFor(t, run, arrived)
	run.stopped(syscall.SIGTERM).decides(verdict.Indeterminate)
	for _, left := range below(t, filepath.Join(w.dir, "cache")) {
		if !strings.HasSuffix(left, "lock") {
			t.Errorf("left in the cache: %s", left)
		}
	}
}

// below lists the files below a directory.
func below(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	check(t, filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, path)
		}
		return err
	}))
	return files
}

func TestSignalWhileActing(t *testing.T) {
	t.Parallel()
	for name, on := range map[string]string{"push": "/ships/good/blobs/uploads", "sign": "/ships/good/referrers/", "tag": "/ships/good/manifests/1.0.0"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{})
			arrived := w.hold(func(r *http.Request) bool { return strings.Contains(r.URL.Path, on) })
			run := w.startGate(w.ship("good"), append(w.toHarbour(), "--input="+w.hull())...)
			waitFor(t, run, arrived)
			o := run.stopped(syscall.SIGTERM)
			o.decides(verdict.Pass)
			if o.Acted == nil || o.Acted.Done || len(o.Acted.Tags) > 0 {
				t.Errorf("acted %+v", o.Acted)
			}
		})
	}
}

// A silent registry is not waited for beyond the timeout.
func TestTimeout(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.hold(func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/trivy-db/blobs/") })
	o := w.gate(w.ship("good"), append(w.toHarbour(), "--input="+w.hull(), "--timeout=1s")...)
	o.exits(3)
	o.decides(verdict.Indeterminate)
	o.last("indeterminate", "timeout of 1s", "--timeout")
	if o.took > inTime {
		t.Errorf("it took %s", o.took)
	}
}
