package registry_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"

	"github.com/plimsoll-ci/plimsoll/internal/image"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
	"github.com/plimsoll-ci/plimsoll/internal/registry"
	"github.com/plimsoll-ci/plimsoll/internal/registry/registrytest"
)

// start runs a registry and a client that tries twice without a pause.
func start(t *testing.T, o registrytest.Options) (*registrytest.Server, *registry.Client) {
	t.Helper()
	server := registrytest.Start(o)
	t.Cleanup(server.Close)
	return server, client(t, registry.Options{})
}

func client(t *testing.T, o registry.Options) *registry.Client {
	t.Helper()
	if o.Waits == nil {
		o.Waits = []time.Duration{0}
	}
	o.UserAgent = "plimsoll/test"
	c, err := registry.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// imageLayout writes a random image into a layout.
func imageLayout(t *testing.T) (string, v1.Hash) {
	t.Helper()
	img, err := random.Image(4096, 2)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, mutate.IndexAddendum{Add: img})
}

// indexLayout writes an index of two images into a layout.
func indexLayout(t *testing.T) (string, v1.Hash) {
	t.Helper()
	index := v1.ImageIndex(empty.Index)
	for _, arch := range []string{"amd64", "arm64"} {
		img, err := random.Image(1024, 1)
		if err != nil {
			t.Fatal(err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	return write(t, mutate.IndexAddendum{Add: index})
}

func write(t *testing.T, addendum mutate.IndexAddendum) (string, v1.Hash) {
	t.Helper()
	dir := t.TempDir()
	if _, err := layout.Write(dir, mutate.AppendManifests(empty.Index, addendum)); err != nil {
		t.Fatal(err)
	}
	digest, err := addendum.Add.(interface{ Digest() (v1.Hash, error) }).Digest()
	if err != nil {
		t.Fatal(err)
	}
	return dir, digest
}

func repository(t *testing.T, server *registrytest.Server) name.Repository {
	t.Helper()
	repo, err := name.NewRepository(server.Host + "/acme/app")
	if err != nil {
		t.Fatal(err)
	}
	return repo
}

func kind(t *testing.T, err error, want registry.Kind) {
	t.Helper()
	_ = ofKind(t, err, want)
}

func ofKind(t *testing.T, err error, want registry.Kind) *registry.Error {
	t.Helper()
	var e *registry.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v (%T), want a *registry.Error", err, err)
	}
	if e.Kind != want {
		t.Fatalf("kind %d, want %d: %v", e.Kind, want, err)
	}
	return e
}

func TestErrorsSayWhatToDo(t *testing.T) {
	const secret = "hunter2-very-secret"
	server, _ := start(t, registrytest.Options{})
	locked, _ := start(t, registrytest.Options{Username: "anna", Password: secret})
	bearer, _ := start(t, registrytest.Options{Username: "anna", Password: secret, Bearer: true})
	status := func(code int) func(int, *http.Request) registrytest.Fate {
		return func(int, *http.Request) registrytest.Fate { return registrytest.Fate{Status: code} }
	}
	tests := []struct {
		name   string
		host   string
		auth   registry.Auth
		before func(int, *http.Request) registrytest.Fate
		kind   registry.Kind
		want   string
	}{
		{"no credentials", locked.Host, registry.Auth{}, nil, registry.Unauthorized, "docker login " + locked.Host},
		{"wrong password", locked.Host, registry.Auth{Registry: locked.Host, Username: "anna", Password: "wrong-" + secret}, nil, registry.Unauthorized, "registry-auths"},
		{"wrong password at a token endpoint", bearer.Host, registry.Auth{Registry: bearer.Host, Username: "anna", Password: "wrong-" + secret}, nil, registry.Unauthorized, "docker login"},
		{"nothing there", server.Host, registry.Auth{}, nil, registry.NotFound, "check the name"},
		{"denied", server.Host, registry.Auth{}, status(403), registry.Unauthorized, "may read from acme/app"},
		{"too many requests", server.Host, registry.Auth{}, status(429), registry.RateLimited, "try later"},
		{"broken registry", server.Host, registry.Auth{}, status(503), registry.Unreachable, "is broken at the moment"},
		{"connection broken", server.Host, registry.Auth{}, func(int, *http.Request) registrytest.Fate { return registrytest.Fate{Drop: true} }, registry.Unreachable, "cannot be reached"},
		{"nobody listens", "127.0.0.1:1", registry.Auth{}, nil, registry.Unreachable, "check the host's name"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server.Reset(test.before)
			var auths []registry.Auth
			if test.auth.Registry != "" {
				auths = append(auths, test.auth)
			}
			c := client(t, registry.Options{Auths: auths})
			ref, err := c.Reference(test.host + "/acme/app:1.0")
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Resolve(t.Context(), ref)
			e := ofKind(t, err, test.kind)
			text := e.Error()
			if !strings.HasPrefix(text, "resolving "+test.host+"/acme/app:1.0: ") || !strings.Contains(text, test.want) {
				t.Errorf("message %q, want the reference and %q", text, test.want)
			}
			if strings.Contains(text, secret) || strings.Contains(fmt.Sprintf("%#v %v", auths, auths), secret) {
				t.Errorf("message %q tells the password", text)
			}
		})
	}
}

func TestCredentials(t *testing.T) {
	for _, scheme := range []bool{false, true} {
		t.Run(fmt.Sprintf("bearer=%t", scheme), func(t *testing.T) {
			server, _ := start(t, registrytest.Options{Username: "anna", Password: "pw", Bearer: scheme})
			c := client(t, registry.Options{Auths: []registry.Auth{{Registry: server.Host, Username: "anna", Password: "pw"}}})
			dir, digest := imageLayout(t)
			ref, err := c.Push(t.Context(), dir, digest, repository(t, server), "push", progress.Discard)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Tag(t.Context(), ref, ref.Context().Tag("1.0")); err != nil {
				t.Fatal(err)
			}
		})
	}
	if _, err := registry.New(registry.Options{Auths: []registry.Auth{{Registry: "https://ghcr.io", Password: "pw"}}}); err == nil || !strings.Contains(err.Error(), `"https://ghcr.io"`) {
		t.Errorf("error %v, want one that names the registry", err)
	}
}

func TestRetriesOnlyWhatIsTemporary(t *testing.T) {
	for status, tries := range map[int]int{500: 3, 502: 3, 503: 3, 429: 3, 403: 1, 404: 1, 400: 1} {
		server, _ := start(t, registrytest.Options{})
		c := client(t, registry.Options{Waits: []time.Duration{0, 0}})
		server.Reset(func(int, *http.Request) registrytest.Fate { return registrytest.Fate{Status: status} })
		if _, err := c.Resolve(t.Context(), repository(t, server).Tag("1.0")); err == nil {
			t.Errorf("status %d: no error", status)
		}
		if got := len(server.Log()); got != tries {
			t.Errorf("status %d: %d tries, want %d", status, got, tries)
		}
	}
}

func TestEndedContext(t *testing.T) {
	server, _ := start(t, registrytest.Options{})
	c := client(t, registry.Options{Waits: []time.Duration{time.Hour}})
	tag := repository(t, server).Tag("1.0")
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	<-ctx.Done()
	_, err := c.Resolve(ctx, tag)
	if e := ofKind(t, err, registry.Stopped); !strings.Contains(e.Error(), "time limit") || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("message %q, want the time limit", e)
	}
	if log := server.Log(); len(log) != 0 {
		t.Errorf("requests were made after the end: %v", log)
	}

	// A pause before another try ends with the context.
	ctx, cancel = context.WithCancel(t.Context())
	server.Reset(func(int, *http.Request) registrytest.Fate {
		time.AfterFunc(10*time.Millisecond, cancel)
		return registrytest.Fate{Status: 503}
	})
	_, err = c.Resolve(ctx, tag)
	kind(t, err, registry.Stopped)
}

func TestTag(t *testing.T) {
	server, c := start(t, registrytest.Options{ImmutableTags: true})
	repo := repository(t, server)
	var refs []name.Digest
	for range 2 {
		dir, digest := imageLayout(t)
		ref, err := c.Push(t.Context(), dir, digest, repo, "push", progress.Discard)
		if err != nil {
			t.Fatal(err)
		}
		refs = append(refs, ref)
	}
	tag := repo.Tag("1.0")
	if err := c.Tag(t.Context(), refs[0], tag); err != nil {
		t.Fatal(err)
	}
	server.Reset(nil)
	if err := c.Tag(t.Context(), refs[0], tag); err != nil || len(server.Writes()) != 0 {
		t.Errorf("tagging again: %v, writes %v; want none", err, server.Writes())
	}
	e := ofKind(t, c.Tag(t.Context(), refs[1], tag), registry.TagImmutable)
	if !strings.Contains(e.Error(), "push under a new tag") {
		t.Errorf("message %q says not what to do", e)
	}
	got, err := c.Resolve(t.Context(), tag)
	if err != nil || got != refs[0] {
		t.Errorf("the tag names %v (%v), want %v", got, err, refs[0])
	}
}

func TestPull(t *testing.T) {
	server, c := start(t, registrytest.Options{})
	repo := repository(t, server)
	dir, digest := indexLayout(t)
	ref, err := c.Push(t.Context(), dir, digest, repo, "push", progress.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Tag(t.Context(), ref, repo.Tag("1.0")); err != nil {
		t.Fatal(err)
	}
	img, err := c.Pull(t.Context(), repo.Tag("1.0"), "linux/arm64")
	if err != nil {
		t.Fatal(err)
	}
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	inner, err := index.ImageIndex(digest)
	if err != nil {
		t.Fatal(err)
	}
	m, err := inner.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if img.Digest != m.Manifests[1].Digest || img.Config == nil || img.ID == (v1.Hash{}) {
		t.Errorf("pulled %s (config %v), want %s", img.Digest, img.ID, m.Manifests[1].Digest)
	}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	rc, err := layers[0].Compressed()
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	if _, err := io.Copy(io.Discard, rc); err != nil {
		t.Error(err)
	}
	_, err = c.Pull(t.Context(), ref, "windows/amd64")
	var ambiguous *image.AmbiguousError
	if !errors.As(err, &ambiguous) || !strings.Contains(err.Error(), `platform "windows/amd64"; choose another with --platforms, it holds:`) {
		t.Errorf("error %v, want the images there are", err)
	}
}

// platformed writes an index of images for the given platforms into a layout, and
// pushes it.
func platformed(t *testing.T, c *registry.Client, repo name.Repository, platforms ...string) name.Digest {
	t.Helper()
	index := v1.ImageIndex(empty.Index)
	for _, text := range platforms {
		platform, err := v1.ParsePlatform(text)
		if err != nil {
			t.Fatal(err)
		}
		img, err := random.Image(1024, 1)
		if err != nil {
			t.Fatal(err)
		}
		config, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		config = config.DeepCopy()
		config.OS, config.Architecture, config.Variant = platform.OS, platform.Architecture, platform.Variant
		if img, err = mutate.ConfigFile(img, config); err != nil {
			t.Fatal(err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: platform}})
	}
	dir, digest := write(t, mutate.IndexAddendum{Add: index})
	ref, err := c.Push(t.Context(), dir, digest, repo, "push", progress.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func TestPullChoosesThePlatform(t *testing.T) {
	server, c := start(t, registrytest.Options{})
	repo, here := repository(t, server), "linux/"+runtime.GOARCH
	many := platformed(t, c, repo, "linux/s390x", "linux/arm/v6", "linux/arm/v7", "linux/arm64/v8", "linux/amd64")
	foreign := platformed(t, c, repo, "linux/riscv64", "linux/mips64le")
	one := platformed(t, c, repo, "linux/riscv64")
	single, err := c.Pull(t.Context(), one, "")
	if err != nil || single.Platform != "linux/riscv64" {
		t.Fatalf("the only image of an index is for %q, %v", single.Platform, err)
	}
	alone := repo.Digest(single.Digest.String())
	for _, test := range []struct {
		ref            name.Digest
		platform, want string // want is a platform, or what the error says
	}{
		{many, "linux/arm64", "linux/arm64/v8"},
		{many, "linux/arm64/v8", "linux/arm64/v8"},
		{many, "linux/arm", "linux/arm/v7"},
		{many, "linux/arm/v6", "linux/arm/v6"},
		{many, "", here},
		{many, "linux/ppc64le", `of platform "linux/ppc64le"`},
		{foreign, "", "holds 2 images; choose one with --platforms:\n  linux/riscv64 sha256:"},
		{alone, "linux/riscv64", "linux/riscv64"},
		{alone, "", "linux/riscv64"},
		{alone, "linux/amd64", `of platform "linux/amd64"`},
	} {
		img, err := c.Pull(t.Context(), test.ref, test.platform)
		if err == nil && (!strings.HasPrefix(img.Platform, test.want) || img.Reference != test.ref.String()) {
			t.Errorf("%q of %s gave %q %q, want %q", test.platform, test.ref, img.Platform, img.Reference, test.want)
		}
		if err != nil && (!strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), test.ref.String())) {
			t.Errorf("%q of %s gave %v, want %q", test.platform, test.ref, err, test.want)
		}
	}
}

func TestPlainHTTPOnlyWhereAllowed(t *testing.T) {
	seen := make(chan string, 8)
	roundTrip := roundTripper(func(r *http.Request) (*http.Response, error) {
		seen <- r.URL.Scheme
		return nil, errors.New("no such wire")
	})
	for host, plain := range map[string]bool{"192.168.7.7:5000": false, "registry.internal:5000": true, "ghcr.io": false} {
		c := client(t, registry.Options{Transport: roundTrip, InsecureHosts: []string{"registry.internal:5000"}})
		ref, err := c.Reference(host + "/acme/app")
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Resolve(t.Context(), ref)
		kind(t, err, registry.Unreachable)
		used := false
		for len(seen) > 0 {
			used = <-seen == "http" || used
		}
		if used != plain {
			t.Errorf("%s: plain HTTP used is %t, want %t", host, used, plain)
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+host+"/v2/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := c.Transport().RoundTrip(request); err == nil {
			_ = resp.Body.Close()
		}
		if used := len(seen) > 0; used != plain {
			t.Errorf("%s: the transport that is lent uses plain HTTP is %t, want %t", host, used, plain)
		}
		for len(seen) > 0 {
			<-seen
		}
	}
}

// TestTamperedAnswers changes manifests and blobs on their way: nothing is
// returned under a digest that it does not have.
func TestTamperedAnswers(t *testing.T) {
	server, c := start(t, registrytest.Options{})
	dir, digest := imageLayout(t)
	ref, err := c.Push(t.Context(), dir, digest, repository(t, server), "push", progress.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = c.Refer(t.Context(), ref, artifact("twelve bytes")); err != nil {
		t.Fatal(err)
	}
	liar := client(t, registry.Options{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err == nil && r.Method == http.MethodGet && strings.Contains(r.URL.Path, "sha256:") {
			raw, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			raw = bytes.Replace(raw, []byte("e"), []byte("E"), 1)
			resp.Body = io.NopCloser(bytes.NewReader(raw))
		}
		return resp, err
	})})
	if m, err := liar.Manifest(t.Context(), ref); err == nil {
		t.Errorf("took a manifest that is not %s: %s", ref, m.Bytes)
	}
	if _, err := liar.Push(t.Context(), dir, digest, ref.Context(), "push", progress.Discard); err == nil {
		t.Error("a push ended well though what lies there is something else")
	}
	d, _, err := v1.SHA256(strings.NewReader("twelve bytes"))
	if err != nil {
		t.Fatal(err)
	}
	if raw, err := liar.Blob(t.Context(), ref.Context(), v1.Descriptor{Digest: d}, 100); err == nil {
		t.Errorf("took a blob that is not %s: %q", d, raw)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
