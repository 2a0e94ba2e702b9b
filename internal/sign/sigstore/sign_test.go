package sigstore

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/registry"
	"github.com/plimsoll-ci/plimsoll/internal/registry/registrytest"
	"github.com/plimsoll-ci/plimsoll/internal/sign"
)

func TestSigningTwiceAddsNothing(t *testing.T) {
	for what, o := range stores {
		t.Run(what, func(t *testing.T) {
			p, k := newPort(t, o), newKeys(t)
			first := p.sign(t, k)
			if first.Existed || !strings.HasPrefix(first.Key, "sha256:") {
				t.Errorf("the first signature is %+v", first)
			}
			p.server.Reset(nil)
			second := p.sign(t, k)
			if !second.Existed || second.Referrer != first.Referrer || second.Key != first.Key {
				t.Errorf("the second signature is %+v, want %+v and that it existed", second, first)
			}
			if writes := p.server.Writes(); len(writes) != 0 {
				t.Errorf("signing again wrote %v", writes)
			}
			// Other annotations are another statement, and another key another signer.
			if _, err := p.signer(t, k).Sign(t.Context(), p.digest, map[string]string{"a": "b"}); err != nil {
				t.Fatal(err)
			}
			p.sign(t, newKeys(t))
			if evidence := p.verify(t, k); len(evidence) != 3 {
				t.Errorf("%d candidates, want 3", len(evidence))
			}
		})
	}
}

func TestSignNeedsItsSubject(t *testing.T) {
	p, k := newPort(t, registrytest.Options{}), newKeys(t)
	missing := p.digest.Context().Digest("sha256:" + strings.Repeat("0", 64))
	_, err := p.signer(t, k).Sign(t.Context(), missing, nil)
	if !registry.IsNotFound(err) {
		t.Errorf("error %v, want that the image is not there", err)
	}
	if writes := p.server.Writes(); len(writes) != 0 {
		t.Errorf("wrote %v", writes)
	}
}

func TestSignKilledAtEachRequest(t *testing.T) {
	k := newKeys(t)
	fates := map[string]registrytest.Fate{"dropped": {Drop: true}, "answer lost": {DropAfter: true}}
	for what, o := range stores {
		for how, fate := range fates {
			t.Run(what+"/"+how, func(t *testing.T) {
				for n := 1; ; n++ {
					p := newPort(t, o)
					s := p.signer(t, k)
					met := false
					p.server.Reset(func(i int, _ *http.Request) registrytest.Fate {
						met = met || i == n
						if i >= n {
							return fate
						}
						return registrytest.Fate{}
					})
					_, err := s.Sign(t.Context(), p.digest, nil)
					if met == (err == nil) {
						t.Fatalf("request %d broken is %t, but error %v", n, met, err)
					}
					p.server.Reset(nil)
					p.sign(t, k)
					evidence := p.verify(t, k)
					if ok, reason := sign.Decide(evidence); !ok || len(evidence) != 1 {
						t.Fatalf("request %d: after a second run %d candidates, %s", n, len(evidence), reason)
					}
					if !met {
						t.Logf("broken at each of %d requests", n-1)
						return
					}
				}
			})
		}
	}
}

func TestTwoSignersAtOnceLoseNothing(t *testing.T) {
	p := newPort(t, registrytest.Options{NoReferrers: true})
	all := []keys{newKeys(t), newKeys(t), newKeys(t)}
	var wait sync.WaitGroup
	for _, k := range all {
		s := p.signer(t, k)
		wait.Go(func() {
			if _, err := s.Sign(t.Context(), p.digest, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	for i, k := range all {
		if ok, reason := sign.Decide(p.verify(t, k)); !ok {
			t.Errorf("key %d: %s", i, reason)
		}
	}
}

// TestOnlyTheRegistryIsDialled takes the network away from everything but the
// client that was given.
func TestOnlyTheRegistryIsDialled(t *testing.T) {
	p, k := newPort(t, registrytest.Options{}), newKeys(t)
	was := http.DefaultTransport
	t.Cleanup(func() { http.DefaultTransport = was })
	http.DefaultTransport = refuses{t}
	for _, name := range []string{"COSIGN_REPOSITORY", "TUF_MIRROR", "SIGSTORE_REKOR_PUBLIC_KEY", "COSIGN_EXPERIMENTAL"} {
		t.Setenv(name, "http://elsewhere.example/x")
	}
	client, err := registry.New(registry.Options{Transport: only{p.server.Host, was}, Waits: []time.Duration{}})
	if err != nil {
		t.Fatal(err)
	}
	p.client = client
	p.sign(t, k)
	if ok, reason := sign.Decide(p.verify(t, k)); !ok {
		t.Error(reason)
	}
}

type refuses struct{ t *testing.T }

func (r refuses) RoundTrip(req *http.Request) (*http.Response, error) {
	r.t.Errorf("%s was asked past the client", req.URL.Host)
	return nil, errors.New("no network")
}

type only struct {
	host  string
	inner http.RoundTripper
}

func (o only) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host != o.host {
		return nil, errors.New("another host: " + req.URL.Host)
	}
	return o.inner.RoundTrip(req)
}

func BenchmarkSignAndVerify(b *testing.B) {
	p, k := newPort(b, registrytest.Options{}), newKeys(b)
	b.Run("open key", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := NewSigner(sign.KeyOptions{Reference: k.private, Password: []byte(password)}, p.options()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("sign", func(b *testing.B) {
		s := p.signer(b, k)
		b.ReportAllocs()
		for b.Loop() {
			b.StopTimer()
			q := p
			q.digest = p.push(b)
			b.StartTimer()
			if _, err := s.Sign(b.Context(), q.digest, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("verify", func(b *testing.B) {
		p.sign(b, k)
		b.ReportAllocs()
		for b.Loop() {
			if ok, reason := sign.Decide(p.verify(b, k)); !ok {
				b.Fatal(reason)
			}
		}
	})
}
