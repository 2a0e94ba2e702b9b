package registry_test

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"

	"github.com/plimsoll-ci/plimsoll/internal/progress"
	"github.com/plimsoll-ci/plimsoll/internal/registry"
	"github.com/plimsoll-ci/plimsoll/internal/registry/registrytest"
)

func TestPushWritesBytesAsTheyLie(t *testing.T) {
	for what, make := range map[string]func(*testing.T) (string, v1.Hash){"image": imageLayout, "index": indexLayout} {
		t.Run(what, func(t *testing.T) {
			server, c := start(t, registrytest.Options{})
			repo := repository(t, server)
			dir, digest := make(t)
			var sink counts
			ref, err := c.Push(t.Context(), dir, digest, repo, "push", &sink)
			if err != nil {
				t.Fatal(err)
			}
			if ref.DigestStr() != digest.String() {
				t.Errorf("pushed %s, want %s", ref.DigestStr(), digest)
			}
			m, err := c.Manifest(t.Context(), ref)
			if err != nil {
				t.Fatal(err)
			}
			lies, err := os.ReadFile(filepath.Join(dir, "blobs", "sha256", digest.Hex))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(m.Bytes, lies) {
				t.Error("the manifest in the registry differs from the one in the layout")
			}
			if sink.done != sink.total || sink.total == 0 {
				t.Errorf("progress ended at %d of %d bytes", sink.done, sink.total)
			}
			for _, e := range server.Log() {
				if path, ok := strings.CutPrefix(e.Path, "/v2/acme/app/manifests/"); ok && !strings.HasPrefix(path, "sha256:") {
					t.Errorf("a push touched a tag: %s", e)
				}
			}

			server.Reset(nil)
			if _, err := c.Push(t.Context(), dir, digest, repo, "push", progress.Discard); err != nil {
				t.Fatal(err)
			}
			if writes := server.Writes(); len(writes) != 0 {
				t.Errorf("a second push wrote again: %v", writes)
			}
		})
	}
}

type counts struct{ done, total int64 }

func (c *counts) Emit(e progress.Event) { c.done, c.total = max(c.done, e.Done), e.Total }

// TestPushKilledAtEachRequest breaks the way at every request in turn, before and
// after the registry served it. A manifest before its blobs would be refused by
// the registry; a tag before the end is looked for in the log.
func TestPushKilledAtEachRequest(t *testing.T) {
	dir, digest := indexLayout(t)
	fates := map[string]registrytest.Fate{
		"dropped": {Drop: true}, "answer lost": {DropAfter: true}, "error 500": {Status: http.StatusInternalServerError},
	}
	for what, fate := range fates {
		t.Run(what, func(t *testing.T) {
			for k := 1; ; k++ {
				server := registrytest.Start(registrytest.Options{})
				defer server.Close()
				c := client(t, registry.Options{Waits: []time.Duration{}})
				repo := repository(t, server)
				tag := repo.Tag("1.0")
				act := func(ctx context.Context) error {
					ref, err := c.Push(ctx, dir, digest, repo, "push", progress.Discard)
					if err != nil {
						return err
					}
					return c.Tag(ctx, ref, tag)
				}
				met := false
				server.Reset(func(n int, _ *http.Request) registrytest.Fate {
					if n >= k { // from here on the process is dead
						met = met || n == k
						return fate
					}
					return registrytest.Fate{}
				})
				err := act(t.Context())
				log := server.Log()
				tagged := strings.HasSuffix(log[len(log)-1].Path, "/manifests/1.0")
				server.Reset(nil)
				switch _, tagErr := c.Resolve(t.Context(), tag); {
				case tagErr == nil && !tagged:
					t.Fatalf("request %d: the tag moved before everything else was done", k)
				case tagErr != nil && !registry.IsNotFound(tagErr):
					t.Fatal(tagErr)
				}
				if err := act(t.Context()); err != nil {
					t.Fatalf("request %d: a second run failed: %v", k, err)
				}
				got, resolveErr := c.Resolve(t.Context(), tag)
				if resolveErr != nil || got.DigestStr() != digest.String() {
					t.Fatalf("request %d: the tag names %s (%v), want %s", k, got.DigestStr(), resolveErr, digest)
				}
				if !met {
					if err != nil {
						t.Fatalf("nothing was broken, but: %v", err)
					}
					t.Logf("broken at each of %d requests", k-1)
					return
				}
				if err == nil {
					t.Fatalf("request %d was broken, but the push ended well", k)
				}
			}
		})
	}
}

func TestPushCancelledAtEachRequest(t *testing.T) {
	dir, digest := imageLayout(t)
	for k := 1; ; k++ {
		server, c := start(t, registrytest.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		met := false
		server.Reset(func(n int, _ *http.Request) registrytest.Fate {
			if n == k {
				met = true
				cancel()
			}
			return registrytest.Fate{}
		})
		ref, err := c.Push(ctx, dir, digest, repository(t, server), "push", progress.Discard)
		if err == nil {
			err = c.Tag(ctx, ref, ref.Context().Tag("1.0"))
		}
		cancel()
		if !met {
			if err != nil {
				t.Fatal(err)
			}
			return
		}
		if err != nil { // the last answer may have overtaken the cancellation
			kind(t, err, registry.Stopped)
		}
	}
}

func TestPushRefusesAChangedLayout(t *testing.T) {
	for _, what := range []string{"manifest", "layer"} {
		t.Run(what, func(t *testing.T) {
			server, c := start(t, registrytest.Options{})
			dir, digest := imageLayout(t)
			hex := digest.Hex
			if what == "layer" {
				p, err := layout.FromPath(dir)
				if err != nil {
					t.Fatal(err)
				}
				img, err := p.Image(digest)
				if err != nil {
					t.Fatal(err)
				}
				m, err := img.Manifest()
				if err != nil {
					t.Fatal(err)
				}
				hex = m.Layers[0].Digest.Hex
			}
			file := filepath.Join(dir, "blobs", "sha256", hex)
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			raw[len(raw)/2] ^= 1
			if err := os.WriteFile(file, raw, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err = c.Push(t.Context(), dir, digest, repository(t, server), "push", progress.Discard)
			if err == nil || !strings.Contains(err.Error(), "build it again") || strings.Contains(err.Error(), dir) {
				t.Errorf("error %v, want one that says the layout was changed", err)
			}
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			_, err = c.Push(t.Context(), dir, digest, repository(t, server), "push", progress.Discard)
			if err == nil || !strings.Contains(err.Error(), hex) || strings.Contains(err.Error(), dir) {
				t.Errorf("error %v, want one that names the blob and not the directory, which may be a temporary one", err)
			}
			for _, e := range server.Writes() {
				if e.Method == http.MethodPut && e.Status == http.StatusCreated && strings.Contains(e.Path, "/manifests/") {
					t.Errorf("a manifest was written: %s", e)
				}
			}
		})
	}
}
