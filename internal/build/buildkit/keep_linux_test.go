package buildkit

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/cache"
	"github.com/plimsoll-ci/plimsoll/internal/cache/gha/ghatest"
	"github.com/plimsoll-ci/plimsoll/internal/event"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// TestLayersOfTheDefaultBranch builds a push to the default branch, then a pull
// request of it on another empty machine, with what the setting "cache: gha" adds.
func TestLayersOfTheDefaultBranch(t *testing.T) {
	needRuntime(t)
	service := ghatest.Start()
	defer service.Close()
	dir := tree(t, "-- Dockerfile --\nFROM "+serveImages(t)+"/alpine:3.11 AS tools\nRUN head -c 100000 /dev/urandom > /x\nFROM tools AS b\nRUN sha256sum /x > /y\nFROM tools\nCOPY --from=b /y /y\n")
	run := func(e event.Event, scopes ...ghatest.Scope) (build.Result, string) {
		t.Helper()
		env := service.Env(service.Token(scopes...))
		from, to := cache.Layers(cache.Actions, "", "Dockerfile", cache.For(cache.Actions, e))
		spec := specFor(t, dir)
		spec.CacheFrom = []string{from}
		if to != "" {
			spec.CacheTo = []string{to}
		}
		sink := &heard{}
		result, err := (&Embedded{Actions: ActionsFrom(func(name string) string { return env[name] })}).Build(t.Context(), spec, sink)
		if err != nil {
			t.Fatal(err)
		}
		return result, sink.text(progress.Step)
	}
	main := ghatest.Scope{Scope: "refs/heads/main", Permission: 3}
	pull := ghatest.Scope{Scope: "refs/pull/7/merge", Permission: 3}
	readMain := ghatest.Scope{Scope: "refs/heads/main", Permission: 1}

	first, _ := run(event.Event{Kind: event.Default}, main)
	fork := event.Event{Kind: event.PullRequest, Fork: true, Run: &verdict.Run{Untrusted: true}}
	kept := len(service.Keys())
	second, steps := run(fork, pull, readMain)
	// Random bytes that are the same were not made again.
	if a, b := readConfig(t, first).RootFS.DiffIDs, readConfig(t, second).RootFS.DiffIDs; !slices.Equal(a, b) {
		t.Errorf("layers were %v and are %v; the steps:\n%s", a, b, steps)
	}
	if n := len(service.Keys()); n != kept {
		t.Errorf("a fork wrote %d entries: %q", n-kept, service.Keys())
	}
	// Nothing may be written, or nothing answers at all: slower, and the same build.
	run(event.Event{Kind: event.Default}, readMain)
	service.Spoil = func(w http.ResponseWriter, _ *http.Request) bool {
		http.Error(w, "no", http.StatusServiceUnavailable)
		return true
	}
	run(event.Event{Kind: event.Default}, main)
	// The token is over before the build: it is left out.
	service.Spoil = nil
	env := service.Env(service.TokenUntil(time.Now().Add(-time.Minute), main))
	spec := specFor(t, dir)
	spec.CacheTo = []string{"type=gha,scope=app,ignore-error=true"}
	result, err := (&Embedded{Actions: ActionsFrom(func(name string) string { return env[name] })}).Build(t.Context(), spec, nil)
	if err != nil || !strings.Contains(strings.Join(result.Notes, "\n"), "was valid until") {
		t.Errorf("notes %q, %v", result.Notes, err)
	}
}
