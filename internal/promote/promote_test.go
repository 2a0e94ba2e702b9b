package promote_test

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/plimsoll-ci/plimsoll/internal/progress"
	"github.com/plimsoll-ci/plimsoll/internal/promote"
	"github.com/plimsoll-ci/plimsoll/internal/registry"
	"github.com/plimsoll-ci/plimsoll/internal/registry/registrytest"
	"github.com/plimsoll-ci/plimsoll/internal/sign"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const sealType = "application/vnd.example.seal"

// seal takes a referrer of its own type for a signature: real ones are checked end
// to end, in internal/demo.
type seal struct{ *registry.Client }

func (s seal) Verify(ctx context.Context, digest name.Digest) ([]verdict.Evidence, error) {
	list, err := s.Referrers(ctx, digest)
	var evidence []verdict.Evidence
	for _, d := range list {
		m, err := s.Manifest(ctx, digest.Context().Digest(d.Digest.String()))
		if err != nil {
			return nil, err
		}
		manifest, err := v1.ParseManifest(bytes.NewReader(m.Bytes))
		if err != nil {
			return nil, err
		}
		evidence = append(evidence, verdict.Evidence{Kind: sign.KindSignature, Subject: digest.DigestStr(), Verified: manifest.ArtifactType == sealType})
	}
	return evidence, err
}

type world struct {
	*testing.T
	client   *registry.Client
	from, to *registrytest.Server
}

func newWorld(t *testing.T) *world {
	t.Helper()
	client, err := registry.New(registry.Options{Waits: []time.Duration{0}})
	check(t, err)
	w := &world{T: t, client: client, from: registrytest.Start(registrytest.Options{OwnBlobs: true}), to: registrytest.Start(registrytest.Options{OwnBlobs: true})}
	t.Cleanup(w.from.Close)
	t.Cleanup(w.to.Close)
	return w
}

// ship pushes a random image under a tag.
func (w *world) ship(ref string, sealed bool) name.Digest {
	w.Helper()
	tag, err := name.NewTag(ref)
	check(w.T, err)
	img, err := random.Image(2000, 2)
	check(w.T, err)
	check(w.T, remote.Write(tag, img))
	digest, err := img.Digest()
	check(w.T, err)
	at := tag.Context().Digest(digest.String())
	if sealed {
		_, err = w.client.Refer(w.Context(), at, registry.Artifact{Type: sealType, MediaType: "text/plain", Data: []byte("sealed")})
		check(w.T, err)
	}
	return at
}

func (w *world) named(ref string) string {
	w.Helper()
	tag, err := name.NewTag(ref)
	check(w.T, err)
	d, err := w.client.Resolve(w.Context(), tag)
	if err != nil {
		return ""
	}
	return d.DigestStr()
}

func (w *world) promotion(source string, destinations []string, mutable ...string) *promote.Promotion {
	w.Helper()
	order, err := promote.NewOrder(source, destinations, mutable)
	check(w.T, err)
	p := promote.New(w.client, order)
	_, _, err = p.Resolve(w.Context())
	check(w.T, err)
	return p
}

// act does what follows a pass.
func (w *world) act(p *promote.Promotion) ([]name.Tag, string, error) {
	if _, _, err := p.Copy(w.Context(), "copy", progress.Discard); err != nil {
		return nil, "", err
	}
	if err := p.Confirm(w.Context(), seal{w.client}); err != nil {
		return nil, "", err
	}
	return p.Tag(w.Context())
}

func TestDestinations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := w.ship(w.from.Host+"/acme/app:1.0", true)
	other := w.ship(w.to.Host+"/live/app:taken", false)
	w.ship(w.to.Host+"/live/app:production", false)
	w.from.Reset(nil)
	w.to.Reset(nil)

	p := w.promotion(good.String(), []string{w.to.Host + "/live/app:new", w.to.Host + "/live/app:taken", w.to.Host + "/live/app:production"}, "production")
	found, err := p.Survey(t.Context())
	check(t, err)
	if len(found.Refused) != 1 || !strings.Contains(found.Refused[0], "live/app:taken names "+other.DigestStr()) || !strings.Contains(found.Refused[0], `list "taken" in mutable-tags`) {
		t.Errorf("refused %q", found.Refused)
	}
	if tags := strings.Join(found.Tags, "; "); !strings.Contains(tags, "live/app:new is new") || !strings.Contains(tags, "live/app:production moves from sha256:") {
		t.Errorf("tags %q", tags)
	}
	if len(w.from.Writes())+len(w.to.Writes()) > 0 {
		t.Errorf("a survey wrote %v %v", w.from.Writes(), w.to.Writes())
	}

	p = w.promotion(good.String(), []string{w.to.Host + "/live/app:new", w.to.Host + "/edge/app:new", w.to.Host + "/live/app:production"}, "production")
	if found, err = p.Survey(t.Context()); err != nil || len(found.Refused) > 0 {
		t.Fatalf("refused %q, %v", found.Refused, err)
	}
	tagged, note, err := w.act(p)
	if err != nil || len(tagged) != 3 || note != "" {
		t.Fatalf("tagged %v, %q, %v", tagged, note, err)
	}
	for _, tag := range tagged {
		if w.named(tag.Name()) != good.DigestStr() {
			t.Errorf("%s names %s", tag, w.named(tag.Name()))
		}
	}
	// All copies are made before the first tag moves.
	for i, e := range w.to.Writes() {
		if _, target, ok := strings.Cut(e.Path, "/manifests/"); ok && !strings.Contains(target, "sha256") && i < len(w.to.Writes())-3 {
			t.Errorf("%v is no last write: %v", e, w.to.Writes())
		}
	}
	w.to.Reset(nil)
	p = w.promotion(good.String(), []string{w.to.Host + "/live/app:new"})
	if found, err = p.Survey(t.Context()); err != nil || !strings.Contains(strings.Join(found.Tags, ""), "names it already") {
		t.Errorf("%+v, %v", found, err)
	}
	if _, _, err := w.act(p); err != nil || len(w.to.Writes()) > 0 {
		t.Errorf("again: %v, writes %v", err, w.to.Writes())
	}
}

func TestRetagInOneRepository(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := w.ship(w.from.Host+"/acme/app:1.0", true)
	p := w.promotion(good.String(), []string{w.from.Host + "/acme/app:production"})
	if _, err := p.Survey(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.from.Reset(nil)
	if _, _, err := w.act(p); err != nil {
		t.Fatal(err)
	}
	if writes := w.from.Writes(); len(writes) != 1 || w.named(w.from.Host+"/acme/app:production") != good.DigestStr() {
		t.Errorf("writes %v", writes)
	}
}

// Somebody moves a tag between looking and acting.
func TestMovedBetween(t *testing.T) {
	t.Parallel()
	t.Run("a destination", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		good := w.ship(w.from.Host+"/acme/app:1.0", true)
		p := w.promotion(good.String(), []string{w.to.Host + "/live/app:first", w.to.Host + "/live/app:second"}, "second")
		if found, err := p.Survey(t.Context()); err != nil || len(found.Refused) > 0 {
			t.Fatal(found, err)
		}
		theirs := w.ship(w.to.Host+"/live/app:second", false)
		tagged, _, err := w.act(p)
		if err == nil || !strings.Contains(err.Error(), "was moved to "+theirs.DigestStr()) || len(tagged) > 0 {
			t.Errorf("tagged %v, %v", tagged, err)
		}
		if w.named(w.to.Host+"/live/app:first") != "" || w.named(w.to.Host+"/live/app:second") != theirs.DigestStr() {
			t.Error("a tag was moved")
		}
	})
	t.Run("the source while it is looked at", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.ship(w.from.Host+"/acme/app:1.0", true)
		p := w.promotion(w.from.Host+"/acme/app:1.0", []string{w.to.Host + "/live/app:1.0"})
		now := w.ship(w.from.Host+"/acme/app:1.0", true)
		found, err := p.Survey(t.Context())
		if err != nil || len(found.Refused) != 1 || !strings.Contains(found.Refused[0], "names "+now.DigestStr()+" now; name the source by the digest") {
			t.Errorf("%+v, %v", found, err)
		}
	})
	t.Run("the source after a pass", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		good := w.ship(w.from.Host+"/acme/app:1.0", true)
		p := w.promotion(w.from.Host+"/acme/app:1.0", []string{w.to.Host + "/live/app:1.0"})
		if found, err := p.Survey(t.Context()); err != nil || len(found.Refused) > 0 {
			t.Fatal(found, err)
		}
		w.ship(w.from.Host+"/acme/app:1.0", true)
		_, note, err := w.act(p)
		if err != nil || !strings.Contains(note, "moved") || w.named(w.to.Host+"/live/app:1.0") != good.DigestStr() {
			t.Errorf("note %q, %v", note, err)
		}
	})
}

// What arrived unsigned is not tagged.
func TestUnconfirmed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bad := w.ship(w.from.Host+"/acme/app:1.0", false)
	p := w.promotion(bad.String(), []string{w.to.Host + "/live/app:1.0"})
	_, err := p.Survey(t.Context())
	check(t, err)
	if _, _, err := w.act(p); err == nil || !strings.Contains(err.Error(), "which was just copied: there is no signature") {
		t.Errorf("error %v", err)
	}
	if w.named(w.to.Host+"/live/app:1.0") != "" {
		t.Error("it was tagged")
	}
}

// A registry that cannot be asked leaves everything unknown.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := w.ship(w.from.Host+"/acme/app:1.0", true)
	for _, server := range []*registrytest.Server{w.from, w.to} {
		w.from.Reset(nil)
		w.to.Reset(nil)
		p := w.promotion(good.String(), []string{w.to.Host + "/live/app:1.0"})
		server.Reset(func(int, *http.Request) registrytest.Fate { return registrytest.Fate{Status: http.StatusBadGateway} })
		if found, err := p.Survey(t.Context()); err == nil || len(found.Refused) > 0 || !strings.Contains(err.Error(), server.Host) {
			t.Errorf("%+v, %v", found, err)
		}
	}
}

func TestOrders(t *testing.T) {
	t.Parallel()
	const good = "ghcr.io/acme/app@sha256:0000000000000000000000000000000000000000000000000000000000000000"
	for title, test := range map[string]struct {
		source       string
		destinations []string
		mutable      []string
		want         string
	}{
		"no source":        {"", []string{"a/b:c"}, nil, "there is no source"},
		"no destination":   {good, nil, nil, "there is no destination"},
		"bad source":       {"Ghcr.io/ACME", []string{"a/b:c"}, nil, `"Ghcr.io/ACME"`},
		"bad destination":  {good, []string{"a/B:c"}, nil, `"a/B:c"`},
		"digest":           {good, []string{good}, nil, "names a digest"},
		"whole reference":  {good, []string{"a/b:c"}, []string{"ghcr.io/acme/app:c"}, "mutable-tags"},
		"glob":             {good, []string{"a/b:c"}, []string{"v*"}, "mutable-tags"},
		"empty":            {good, []string{"a/b:c"}, []string{""}, "mutable-tags"},
		"everything right": {good, []string{"a/b:c", "a/b:c", "docker.io/a/b"}, []string{"latest"}, ""},
	} {
		o, err := promote.NewOrder(test.source, test.destinations, test.mutable)
		if test.want == "" && (err != nil || len(o.Destinations) != 2) || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %+v, %v", title, o, err)
		}
	}
}
