package registry_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/plimsoll-ci/plimsoll/internal/progress"
	"github.com/plimsoll-ci/plimsoll/internal/registry"
	"github.com/plimsoll-ci/plimsoll/internal/registry/registrytest"
)

// A tag that somebody else wrote since it was looked at stays.
func TestRetag(t *testing.T) {
	server, c := start(t, registrytest.Options{})
	repo := repository(t, server)
	var refs []name.Digest
	var hashes []v1.Hash
	for range 2 {
		dir, digest := imageLayout(t)
		ref, err := c.Push(t.Context(), dir, digest, repo, "push", progress.Discard)
		if err != nil {
			t.Fatal(err)
		}
		refs, hashes = append(refs, ref), append(hashes, digest)
	}
	tag, nothing := repo.Tag("1.0"), v1.Hash{}
	if err := c.Retag(t.Context(), refs[0], tag, nothing); err != nil {
		t.Fatal(err)
	}
	if err := c.Retag(t.Context(), refs[0], tag, nothing); err != nil {
		t.Errorf("a tag that names it already: %v", err)
	}
	server.Reset(nil)
	e := ofKind(t, c.Retag(t.Context(), refs[1], tag, nothing), registry.TagMoved)
	if !strings.Contains(e.Error(), "named nothing when") || len(server.Writes()) > 0 {
		t.Errorf("%v; writes %v", e, server.Writes())
	}
	if err := c.Retag(t.Context(), refs[1], tag, hashes[0]); err != nil {
		t.Error(err)
	}
	// What may not be read cannot be known not to have moved.
	server.Reset(func(_ int, r *http.Request) registrytest.Fate {
		if strings.HasSuffix(r.URL.Path, "/manifests/1.0") && r.Method != http.MethodPut {
			return registrytest.Fate{Status: http.StatusForbidden}
		}
		return registrytest.Fate{}
	})
	kind(t, c.Retag(t.Context(), refs[0], tag, hashes[1]), registry.Unauthorized)
	if len(server.Writes()) > 0 {
		t.Errorf("writes %v", server.Writes())
	}
}

// pattern is a blob of any size that nobody keeps.
type pattern struct{ left int64 }

func (p *pattern) Read(buf []byte) (int, error) {
	if p.left == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(buf)), p.left))
	for i := range buf[:n] {
		buf[i] = byte(i)
	}
	p.left -= int64(n)
	return n, nil
}

// blank is a registry that has one blob, or swallows it.
func blank(size int64) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodHead:
			w.WriteHeader(http.StatusNotFound)
		case r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/"):
			w.Header().Set("Content-Length", strconv.Itoa(int(size)))
			_, _ = io.CopyBuffer(w, &pattern{size}, make([]byte, 1<<15))
		case r.Method == http.MethodGet:
		case r.Method == http.MethodPut:
			w.WriteHeader(http.StatusCreated)
		default:
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Location", "/v2/live/blobs/uploads/1")
			w.WriteHeader(http.StatusAccepted)
		}
	})
}

// BenchmarkCopyBlob copies 200 MB across registries that keep nothing, so that the
// memory is the copy's and the test servers' own.
func BenchmarkCopyBlob(b *testing.B) {
	const size = 200 << 20
	digest, _, err := v1.SHA256(&chunked{&pattern{size}})
	if err != nil {
		b.Fatal(err)
	}
	from, to := httptest.NewServer(blank(size)), httptest.NewServer(blank(0))
	defer from.Close()
	defer to.Close()
	repo := func(s *httptest.Server, path string) name.Repository {
		r, err := name.NewRepository(strings.TrimPrefix(s.URL, "http://") + path)
		if err != nil {
			b.Fatal(err)
		}
		return r
	}
	source, destination := repo(from, "/acme"), repo(to, "/live")
	var peak atomic.Uint64
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	go func() {
		var m runtime.MemStats
		for ctx.Err() == nil {
			runtime.ReadMemStats(&m)
			peak.Store(max(peak.Load(), m.HeapInuse))
			time.Sleep(5 * time.Millisecond)
		}
	}()
	b.SetBytes(size)
	for b.Loop() {
		c, err := registry.New(registry.Options{})
		if err != nil {
			b.Fatal(err)
		}
		passage, err := c.CopyBlob(b.Context(), source, destination, v1.Descriptor{Digest: digest, Size: size}, nil)
		if err != nil || passage != registry.Streamed {
			b.Fatal(passage, err)
		}
	}
	b.ReportMetric(float64(peak.Load())/(1<<20), "peak-MiB")
}

// chunked reads as the server writes, so that the pattern is the same.
type chunked struct{ io.Reader }

func (c *chunked) Read(buf []byte) (int, error) { return c.Reader.Read(buf[:min(len(buf), 1<<15)]) }
