package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/registry/registrytest"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// calamities are what can befall the k-th write of a run. What the registry holds
// when a program is killed before a write it holds when it was killed after the
// one before.
var calamities = []struct {
	name   string
	killed bool // the program dies with it
	mended bool // the program gets over it by itself
	fate   func(k, n int64) registrytest.Fate
}{
	{name: "killed", killed: true, fate: only(registrytest.Fate{DropAfter: true})},
	{name: "dropped", mended: true, fate: only(registrytest.Fate{Drop: true})},
	{name: "answer dropped", mended: true, fate: only(registrytest.Fate{DropAfter: true})},
	{name: "refused", fate: from(registrytest.Fate{Status: http.StatusForbidden})},
}

func only(f registrytest.Fate) func(k, n int64) registrytest.Fate {
	return func(k, n int64) registrytest.Fate {
		if n == k {
			return f
		}
		return registrytest.Fate{}
	}
}

func from(f registrytest.Fate) func(k, n int64) registrytest.Fate {
	return func(k, n int64) registrytest.Fate {
		if n >= k {
			return f
		}
		return registrytest.Fate{}
	}
}

// atOnce is how many of these runs go side by side; they wait more than they work.
const atOnce = 4

// A push, a signature and a tag that are broken off at any write leave no tag,
// and can be repeated.
func TestBrokenOffAtEachWrite(t *testing.T) {
	t.Parallel()
	good := builtShip(t)
	w := newBareWorld(t, registrytest.Options{})
	dir := w.ship("good")
	o := w.gate(dir, append(w.toHarbour(), "--input="+good.layout, "--scanners=secret", "--skip-files=lookout")...)
	o.exits(0)
	check(t, sailed(o.Result, good.digest))
	inOrder(t, w, good.digest)
	writes := len(w.Writes())
	if writes < 10 {
		t.Fatalf("a push, a signature and a tag are %d writes, want more: %v", writes, w.Writes())
	}
	t.Logf("%d writes, %d calamities each", writes, len(calamities))

	slots := make(chan struct{}, atOnce)
	var wait sync.WaitGroup
	for _, c := range calamities {
		for k := range int64(writes) {
			slots <- struct{}{}
			wait.Go(func() {
				defer func() { <-slots }()
				t.Run(fmt.Sprintf("%s write %d", c.name, k+1), func(t *testing.T) {
					brokenOff(t, good, k+1, c.killed, c.mended, c.fate)
				})
			})
		}
	}
	wait.Wait()
}

func brokenOff(t *testing.T, good built, k int64, killed, mended bool, fate func(k, n int64) registrytest.Fate) {
	w := newBareWorld(t, registrytest.Options{})
	dir := w.ship("good")
	args := append(w.toHarbour(), "--input="+good.layout, "--scanners=secret", "--skip-files=lookout")

	var writes atomic.Int64
	var struck atomic.Value // the request
	ready, kill := make(chan struct{}), func() {}
	w.Reset(func(_ int, r *http.Request) registrytest.Fate {
		if !(registrytest.Entry{Method: r.Method}).Write() {
			return registrytest.Fate{}
		}
		f := fate(k, writes.Add(1))
		if f != (registrytest.Fate{}) {
			struck.CompareAndSwap(nil, r.Method+" "+r.URL.Path)
			if killed {
				<-ready
				kill()
			}
		}
		return f
	})
	run := w.startGate(dir, args...)
	kill = func() { _ = run.Process.Kill() }
	close(ready)
	o := run.wait()
	if struck.Load() == nil {
		t.Fatalf("there was no write %d\n%s", k, o.stderr)
	}
	what := struck.Load().(string)
	moved := w.tagged("ships/good", "1.0.0")
	switch tagging := strings.HasSuffix(what, "/manifests/1.0.0"); {
	case mended:
		o.exits(0)
		if moved != good.digest {
			t.Errorf("%s was lost once: the tag names %q", what, moved)
		}
	case killed && o.code != -1:
		t.Fatalf("%s: the program was to be killed, and ended with %d", what, o.code)
	case moved != "" && !tagging:
		t.Errorf("%s never came through and the tag names %s", what, moved)
	case !killed:
		o.exits(3)
		o.decides(verdict.Pass)
		if o.Acted == nil || o.Acted.Done || o.Acted.Error == "" || moved != "" {
			t.Errorf("%s was refused: acted %+v, tag %q", what, o.Acted, moved)
		}
		o.last("pass, ", "but an act failed", "HTTP 403", "docker login")
	}
	for _, e := range w.Log() {
		if e.Status == http.StatusBadRequest {
			t.Errorf("out of order: %v", e)
		}
	}
	if !killed {
		if mended {
			holdsOneSignature(t, w, good.digest)
		}
		return
	}

	w.Reset(nil)
	w.forget()
	again := w.gate(dir, args...)
	again.exits(0)
	check(t, sailed(again.Result, good.digest))
	if moved := w.tagged("ships/good", "1.0.0"); moved != good.digest {
		t.Errorf("after a second run the tag names %q", moved)
	}
	holdsOneSignature(t, w, good.digest)
}
