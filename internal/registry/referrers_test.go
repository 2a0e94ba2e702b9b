package registry_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/plimsoll-ci/plimsoll/internal/progress"
	"github.com/plimsoll-ci/plimsoll/internal/registry"
	"github.com/plimsoll-ci/plimsoll/internal/registry/registrytest"
)

func artifact(text string) registry.Artifact {
	return registry.Artifact{Type: "application/vnd.example", MediaType: "application/vnd.example", Data: []byte(text)}
}

func TestReferrersOfBothKinds(t *testing.T) {
	for _, without := range []bool{false, true} {
		t.Run(fmt.Sprintf("API=%t", !without), func(t *testing.T) {
			server, c := start(t, registrytest.Options{NoReferrers: without})
			dir, digest := imageLayout(t)
			subject, err := c.Push(t.Context(), dir, digest, repository(t, server), "push", progress.Discard)
			if err != nil {
				t.Fatal(err)
			}
			want := make(map[string]bool)
			for _, text := range []string{"one", "two"} {
				ref, err := c.Refer(t.Context(), subject, artifact(text))
				if err != nil {
					t.Fatal(err)
				}
				want[ref.DigestStr()] = true
			}
			list, err := c.Referrers(t.Context(), subject)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range list {
				if !want[d.Digest.String()] {
					t.Errorf("lists %s, which nobody wrote", d.Digest)
				}
				delete(want, d.Digest.String())
			}
			if len(want) != 0 {
				t.Errorf("does not list %v", want)
			}
		})
	}
}

func TestReferNeedsItsSubject(t *testing.T) {
	server, c := start(t, registrytest.Options{})
	subject := repository(t, server).Digest("sha256:" + strings.Repeat("0", 64))
	_, err := c.Refer(t.Context(), subject, artifact("one"))
	kind(t, err, registry.NotFound)
	if writes := server.Writes(); len(writes) != 0 {
		t.Errorf("wrote %v", writes)
	}
}

func TestReferKilledAtEachRequest(t *testing.T) {
	dir, digest := imageLayout(t)
	for _, without := range []bool{false, true} {
		t.Run(fmt.Sprintf("API=%t", !without), func(t *testing.T) {
			for k := 1; ; k++ {
				server, c := start(t, registrytest.Options{NoReferrers: without})
				subject, err := c.Push(t.Context(), dir, digest, repository(t, server), "push", progress.Discard)
				if err != nil {
					t.Fatal(err)
				}
				met := false
				server.Reset(func(n int, _ *http.Request) registrytest.Fate {
					met = met || n == k
					return registrytest.Fate{Drop: n >= k}
				})
				_, err = c.Refer(t.Context(), subject, artifact("one"))
				if met == (err == nil) {
					t.Fatalf("request %d broken is %t, but error %v", k, met, err)
				}
				server.Reset(nil)
				if _, err := c.Refer(t.Context(), subject, artifact("one")); err != nil {
					t.Fatalf("request %d: a second run failed: %v", k, err)
				}
				if list, err := c.Referrers(t.Context(), subject); err != nil || len(list) != 1 {
					t.Fatalf("request %d: lists %d referrers (%v), want 1", k, len(list), err)
				}
				if !met {
					return
				}
			}
		})
	}
}

// paged serves a list of referrers in pages.
func paged(t *testing.T, total, size int, next func(from int) string) (name.Digest, *registry.Client) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.URL.Path, "/referrers/") {
			return
		}
		from, _ := strconv.Atoi(r.URL.Query().Get("from"))
		index := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex}
		for i := from; i < min(from+size, total); i++ {
			digest, n, _ := v1.SHA256(bytes.NewReader([]byte(strconv.Itoa(i))))
			index.Manifests = append(index.Manifests, v1.Descriptor{MediaType: types.OCIManifestSchema1, Digest: digest, Size: n})
		}
		if from+size < total {
			w.Header().Set("Link", next(from+size))
		}
		w.Header().Set("Content-Type", string(types.OCIImageIndex)+"; charset=utf-8")
		_ = json.NewEncoder(w).Encode(index)
	}))
	t.Cleanup(server.Close)
	server.Config.ErrorLog = nil
	ref, err := name.NewDigest(strings.TrimPrefix(server.URL, "http://") + "/acme/app@sha256:" + strings.Repeat("0", 64))
	if err != nil {
		t.Fatal(err)
	}
	return ref, client(t, registry.Options{})
}

func TestReferrersReadsEveryPage(t *testing.T) {
	same := func(from int) string { return fmt.Sprintf(`<?from=%d>; rel="next"`, from) }
	subject, c := paged(t, 250, 100, same)
	list, err := c.Referrers(t.Context(), subject)
	if err != nil || len(list) != 250 {
		t.Errorf("%d referrers (%v), want 250", len(list), err)
	}

	subject, c = paged(t, 5000, 100, same)
	_, err = c.Referrers(t.Context(), subject)
	kind(t, err, registry.TooLarge)

	for _, link := range []string{`<?from=0>; rel="next"`, `<https://elsewhere.example/v2/x>; rel="next"`, `<%zz>; rel="next"`} {
		subject, c = paged(t, 250, 100, func(int) string { return link })
		if list, err := c.Referrers(t.Context(), subject); err == nil {
			t.Errorf("link %q: %d referrers and no error", link, len(list))
		}
	}
}

func TestBlobIsBounded(t *testing.T) {
	server, c := start(t, registrytest.Options{})
	dir, digest := imageLayout(t)
	subject, err := c.Push(t.Context(), dir, digest, repository(t, server), "push", progress.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = c.Refer(t.Context(), subject, artifact("twelve bytes")); err != nil {
		t.Fatal(err)
	}
	d, _, err := v1.SHA256(strings.NewReader("twelve bytes"))
	if err != nil {
		t.Fatal(err)
	}
	if raw, err := c.Blob(t.Context(), subject.Context(), v1.Descriptor{Digest: d}, 12); err != nil || string(raw) != "twelve bytes" {
		t.Errorf("%q, %v", raw, err)
	}
	_, err = c.Blob(t.Context(), subject.Context(), v1.Descriptor{Digest: d}, 11) // the descriptor lies
	kind(t, err, registry.TooLarge)
	_, err = c.Blob(t.Context(), subject.Context(), v1.Descriptor{Digest: d, Size: 12}, 11)
	kind(t, err, registry.TooLarge)
}
