package replica_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/plimsoll-ci/plimsoll/internal/progress"
	"github.com/plimsoll-ci/plimsoll/internal/registry"
	"github.com/plimsoll-ci/plimsoll/internal/registry/registrytest"
	"github.com/plimsoll-ci/plimsoll/internal/registry/replica"
)

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A source whose blobs are not what its manifests say gives nothing to the destination.
func TestDamagedSource(t *testing.T) {
	t.Parallel()
	for title, test := range map[string]struct {
		damage func(resp *http.Response, raw []byte) []byte
		want   string
		kind   registry.Kind
	}{
		"another byte": {func(_ *http.Response, raw []byte) []byte { raw[len(raw)/2] ^= 1; return raw }, "has the digest", registry.Mismatch},
		"longer": {func(resp *http.Response, raw []byte) []byte {
			resp.ContentLength = -1
			return append(raw, "more"...)
		}, "has more bytes", registry.Mismatch},
		"shorter":         {func(resp *http.Response, raw []byte) []byte { resp.ContentLength = -1; return raw[:len(raw)-1] }, "bytes", registry.Mismatch},
		"said to be less": {func(resp *http.Response, raw []byte) []byte { resp.ContentLength--; return raw[:len(raw)-1] }, "bytes", registry.Mismatch},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			from, to := start(t, registrytest.Options{}), start(t, registrytest.Options{})
			c := client(t, registry.Options{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				resp, err := http.DefaultTransport.RoundTrip(r)
				if err == nil && r.Method == http.MethodGet && r.URL.Host == from.Host && strings.Contains(r.URL.Path, "/blobs/") {
					raw, _ := io.ReadAll(resp.Body)
					_ = resp.Body.Close()
					resp.Body = io.NopCloser(bytes.NewReader(test.damage(resp, raw)))
				}
				return resp, err
			})})
			ref := pushed(t, c, repository(t, from, "acme/app"))
			_, err := read(t, c, ref).Copy(t.Context(), repository(t, to, "live/app"), "copy", progress.Discard)
			var e *registry.Error
			if !errors.As(err, &e) || e.Kind != test.kind || !strings.Contains(e.Error(), from.Host) || !strings.Contains(e.Error(), test.want) {
				t.Errorf("error %v, want %q of %s", err, test.want, from.Host)
			}
			for _, w := range to.Writes() {
				if strings.Contains(w.Path, "/manifests/") || w.Method == http.MethodPut && w.Status == http.StatusCreated {
					t.Errorf("the destination was given %v", w)
				}
			}
		})
	}
}

// A source that breaks off is asked again.
func TestSourceBreaksOffOnce(t *testing.T) {
	t.Parallel()
	from, to := start(t, registrytest.Options{}), start(t, registrytest.Options{})
	broken := map[string]bool{}
	c := client(t, registry.Options{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err == nil && r.Method == http.MethodGet && r.URL.Host == from.Host && strings.Contains(r.URL.Path, "/blobs/") {
			if !broken["once"] {
				broken["once"] = true
				resp.Body = io.NopCloser(io.MultiReader(io.LimitReader(resp.Body, 3), brokenReader{}))
			}
		}
		return resp, err
	})})
	img, err := random.Image(5000, 0)
	check(t, err)
	digest, err := img.Digest()
	check(t, err)
	ref := repository(t, from, "acme/app").Digest(digest.String())
	check(t, remote.Write(ref, img))
	var counted int64
	sink := counter(func(e progress.Event) { counted = e.Done })
	record, err := read(t, c, ref).Copy(t.Context(), repository(t, to, "live/app"), "copy", sink)
	if err != nil || record.Streamed != 1 || !broken["once"] || counted != record.Bytes {
		t.Errorf("record %+v, %v, counted %d", record, err, counted)
	}
}

type counter func(progress.Event)

func (f counter) Emit(e progress.Event) { f(e) }

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// Whatever befalls a request, what was broken off once is got over, and what was
// refused is completed by the next run. The index never comes before its children.
func TestBrokenOffAtEachWrite(t *testing.T) {
	t.Parallel()
	for _, noReferrers := range []bool{false, true} {
		from := start(t, registrytest.Options{})
		c := client(t, registry.Options{})
		l := lade(t, c, repository(t, from, "acme/app"))
		o := read(t, c, l.digest)
		whole := start(t, registrytest.Options{NoReferrers: noReferrers})
		copyTo(t, o, repository(t, whole, "live/app"))
		writes := len(whole.Writes())
		for title, fate := range map[string]registrytest.Fate{"dropped": {Drop: true}, "answer lost": {DropAfter: true}, "refused": {Status: http.StatusForbidden}, "cancelled": {DropAfter: true}} {
			if !noReferrers && title != "refused" {
				continue // with the API there are fewer writes, and none of another kind
			}
			t.Run(fmt.Sprintf("%s, without the API %t", title, noReferrers), func(t *testing.T) {
				t.Parallel()
				for k := 1; k <= writes; k++ {
					brokenOff(t, c, o, l, registrytest.Options{NoReferrers: noReferrers}, k, title, fate)
				}
			})
		}
	}
}

func brokenOff(t *testing.T, c *registry.Client, o *replica.Original, l laden, options registrytest.Options, k int, title string, fate registrytest.Fate) {
	t.Helper()
	to := start(t, options)
	defer to.Close()
	destination := repository(t, to, "live/app")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n, lasting := 0, title == "refused" || title == "cancelled"
	to.Reset(oneAtATime(func(r *http.Request) registrytest.Fate {
		if !(registrytest.Entry{Method: r.Method}).Write() {
			return registrytest.Fate{}
		}
		if n++; n == k || n > k && lasting {
			if title == "cancelled" {
				cancel()
			}
			return fate
		}
		return registrytest.Fate{}
	}))
	if _, err := o.Copy(ctx, destination, "copy", progress.Discard); lasting != (err != nil) {
		t.Fatalf("at write %d: %v", k, err)
	}
	for _, e := range to.Log() {
		if e.Status == http.StatusBadRequest {
			t.Errorf("at write %d: out of order: %v", k, e)
		}
	}
	to.Reset(nil)
	if lasting {
		copyTo(t, o, destination)
	}
	l.arrived(t, c, destination)
}

// oneAtATime serialises what decides on requests that come side by side.
func oneAtATime(decide func(*http.Request) registrytest.Fate) func(int, *http.Request) registrytest.Fate {
	turn := make(chan struct{}, 1)
	return func(_ int, r *http.Request) registrytest.Fate {
		turn <- struct{}{}
		defer func() { <-turn }()
		return decide(r)
	}
}
