package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/cache/gha"
	"github.com/plimsoll-ci/plimsoll/internal/cache/gha/ghatest"
	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/event"
	"github.com/plimsoll-ci/plimsoll/internal/image"
	"github.com/plimsoll-ci/plimsoll/internal/pipeline"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
	"github.com/plimsoll-ci/plimsoll/internal/scan"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

const (
	baseCommit = "0123456789abcdef0123456789abcdef01234567"
	hexDigest  = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
)

// job is a runner of one job on an event, and what it says on standard error.
func job(t *testing.T, e event.Event, env map[string]string, args ...string) (*runner, *bytes.Buffer, error) {
	t.Helper()
	getenv := func(name string) string { return env[name] }
	cfg, _, err := config.Load("gate", args, getenv)
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	r, err := newRunner(&environment{
		getenv: getenv, stderr: &stderr, event: e,
		deps: Deps{Version: "test", Cache: gha.New},
	}, cfg, "gate", ".")
	if r != nil {
		t.Cleanup(r.close)
	}
	return r, &stderr, err
}

func pushed(commit string) event.Event {
	return event.Event{Kind: event.Default, Run: &verdict.Run{Event: "push", Commit: commit}}
}

func TestCacheThatCannotBeHad(t *testing.T) {
	t.Parallel()
	service := ghatest.Start()
	defer service.Close()
	main := ghatest.Scope{Scope: "refs/heads/main", Permission: 3}
	over := service.Env(service.TokenUntil(time.Now().Add(-time.Minute), main))
	for name, test := range map[string]struct {
		e     event.Event
		env   map[string]string
		args  []string
		says  string // in the log
		notes string
		usage string
		open  bool
	}{
		"no token, nobody asked": {e: pushed(baseCommit), says: "gave no ACTIONS_RUNTIME_TOKEN"},
		"no token":               {e: pushed(baseCommit), args: []string{"--cache=gha"}, notes: "gave no ACTIONS_RUNTIME_TOKEN"},
		"token is over":          {e: pushed(baseCommit), env: over, args: []string{"--cache=gha"}, notes: "was valid until"},
		"none":                   {e: pushed(baseCommit), args: []string{"--cache=none"}},
		"a laptop":               {args: []string{"--cache=gha"}},
		"no repository":          {e: pushed(baseCommit), args: []string{"--cache=registry"}, usage: "needs one"},
		"a tag":                  {e: pushed(baseCommit), args: []string{"--cache=registry", "--cache-repository=ghcr.io/acme/cache:1"}, usage: "without a tag"},
		"the image's own":        {e: pushed(baseCommit), args: []string{"--cache=registry", "--cache-repository=ghcr.io/acme/app", "--tags=ghcr.io/acme/app:1"}, usage: "the image's own"},
		"the image's own, as it is": {
			e: event.Event{}, args: []string{"--cache=registry", "--cache-repository=alpine", "--image-ref=docker.io/library/alpine:3"}, usage: "the image's own",
		},
		"a repository": {e: pushed(baseCommit), args: []string{"--cache=registry", "--cache-repository=ghcr.io/acme/cache", "--tags=ghcr.io/acme/app:1"}, open: true},
		"gha":          {e: pushed(baseCommit), env: service.Env(service.Token(main)), open: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, stderr, err := job(t, test.e, test.env, test.args...)
			if test.usage != "" {
				usage, ok := errors.AsType[*config.UsageError](err)
				if !ok || usage.Where != "cache-repository" || !strings.Contains(err.Error(), test.usage) {
					t.Errorf("got %v, want %q", err, test.usage)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if (r.keeper.cache != nil) != test.open {
				t.Errorf("open: %v", !test.open)
			}
			notes := strings.Join(r.notes, "\n")
			if !strings.Contains(stderr.String(), test.says) || (stderr.Len() > 0) != (test.says != "") || strings.Count(stderr.String(), "\n") > 1 {
				t.Errorf("log %q", stderr)
			}
			if !strings.Contains(notes, test.notes) || (test.notes != "") != (len(r.degraded) == 1) {
				t.Errorf("notes %q, degraded %q", notes, r.degraded)
			}
		})
	}
}

// TestWhatThePullRequestIsComparedWith pushes to the default branch, and judges a
// change to it in another job.
func TestWhatThePullRequestIsComparedWith(t *testing.T) {
	t.Parallel()
	service := ghatest.Start()
	defer service.Close()
	scopes := []ghatest.Scope{{Scope: "refs/heads/main", Permission: 3}}
	args := []string{"--tags=ghcr.io/acme/app:1"}
	first, _, err := job(t, pushed(baseCommit), service.Env(service.Token(scopes...)), args...)
	if err != nil {
		t.Fatal(err)
	}
	spec := build.Spec{DockerfileName: "Dockerfile"}
	first.keepLayers(&spec)
	first.toBuild = &spec
	if len(spec.CacheFrom) != 1 || len(spec.CacheToIfAble) != 1 || len(spec.CacheTo) != 0 {
		t.Errorf("layers %q, %q", spec.CacheFrom, spec.CacheToIfAble)
	}
	digest := v1.Hash{Algorithm: "sha256", Hex: hexDigest}
	origins := []build.LayerOrigin{{DiffID: digest.String(), Base: true}}
	state := &pipeline.State{Images: []pipeline.Image{{
		Image:    image.Image{Digest: digest, ID: digest, Reference: "ghcr.io/acme/app:1", Config: &v1.ConfigFile{RootFS: v1.RootFS{DiffIDs: []v1.Hash{digest}}}},
		Built:    &build.Result{Layers: origins},
		Analysis: scan.Analysis{Inventory: scan.Inventory{Packages: 3, Detail: json.RawMessage(`{}`)}},
	}}}
	result := &verdict.Result{Started: time.Now(), Acted: &verdict.Acted{Done: true, Pushed: "ghcr.io/acme/app@" + digest.String()}}
	first.leave(t.Context(), state, result)
	if len(service.Keys()) != 2 || len(result.Degraded) != 0 {
		t.Fatalf("kept %q, degraded %q", service.Keys(), result.Degraded)
	}

	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	tree := t.TempDir() // of the base commit
	if err := os.WriteFile(filepath.Join(tree, "Dockerfile"), []byte("FROM scratch\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		commit string
		former func(*runner) pipeline.Former
		want   string
	}{
		"inventory":             {baseCommit, func(r *runner) pipeline.Former { return r.inventoryBefore }, "the inventory of base commit 0123456"},
		"published":             {strings.Repeat("f", 40), func(r *runner) pipeline.Former { return r.publishedBefore }, "ghcr.io/acme/app@" + digest.String()},
		"nothing of the commit": {strings.Repeat("f", 40), func(r *runner) pipeline.Former { return r.inventoryBefore }, ""},
	} {
		second, _, err := job(t, event.Event{Kind: event.PullRequest, Run: &verdict.Run{Untrusted: true}, Fork: true},
			service.Env(service.Token(ghatest.Scope{Scope: "refs/pull/7/merge", Permission: 3}, ghatest.Scope{Scope: "refs/heads/main", Permission: 1})), args...)
		if err != nil {
			t.Fatal(err)
		}
		second.toBuild = &build.Spec{DockerfileName: "Dockerfile"}
		second.keepLayers(second.toBuild)
		if len(second.toBuild.CacheFrom) != 1 || len(second.toBuild.CacheToIfAble) != 0 {
			t.Errorf("layers of a fork %q, %q", second.toBuild.CacheFrom, second.toBuild.CacheToIfAble)
		}
		second.env.former = &former{commit: test.commit, root: here, dir: tree}
		img, how, err := test.former(second)(t.Context(), progress.Discard)
		if err != nil {
			t.Fatal(err)
		}
		if img == nil {
			if test.want != "" {
				t.Errorf("%s: nothing was found: %q", name, second.keeper.cache.Trouble())
			}
			continue
		}
		if how != test.want || img.Analysis.Inventory.Packages != 3 || img.Config.RootFS.DiffIDs[0] != digest {
			t.Errorf("%s: %q, %+v", name, how, img)
		}
		if diff := cmp.Diff(origins, img.Built.Layers); diff != "" {
			t.Error(diff)
		}
		before := len(service.Keys())
		second.leave(t.Context(), state, result)
		if len(service.Keys()) != before {
			t.Errorf("a fork left %q", service.Keys())
		}
	}
}
