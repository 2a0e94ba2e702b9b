package replica_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/plimsoll-ci/plimsoll/internal/progress"
	"github.com/plimsoll-ci/plimsoll/internal/registry"
	"github.com/plimsoll-ci/plimsoll/internal/registry/registrytest"
	"github.com/plimsoll-ci/plimsoll/internal/registry/replica"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func start(t *testing.T, o registrytest.Options) *registrytest.Server {
	t.Helper()
	o.OwnBlobs = true
	server := registrytest.Start(o)
	t.Cleanup(server.Close)
	return server
}

func client(t testing.TB, o registry.Options) *registry.Client {
	t.Helper()
	o.Waits, o.UserAgent = []time.Duration{0}, "plimsoll/test"
	c, err := registry.New(o)
	check(t, err)
	return c
}

func repository(t testing.TB, server *registrytest.Server, path string) name.Repository {
	t.Helper()
	repo, err := name.NewRepository(server.Host + "/" + path)
	check(t, err)
	return repo
}

// laden is an index of two images with everything that can lie beside it: a
// signature and an inventory as referrers, an attestation about the inventory, a
// referrer of a child, and cosign's old tags of index and child.
type laden struct {
	digest                                    name.Digest
	child                                     name.Digest
	signature, inventory, about, ofChild, att name.Digest
}

func artifact(text string) registry.Artifact {
	return registry.Artifact{Type: "application/vnd.example." + text, MediaType: "application/json", Data: []byte(`{"` + text + `":1}`), Annotations: map[string]string{"kind": text}}
}

func lade(t *testing.T, c *registry.Client, repo name.Repository) laden {
	t.Helper()
	index := v1.ImageIndex(empty.Index)
	var l laden
	for _, arch := range []string{"amd64", "arm64"} {
		img, err := random.Image(3000, 1)
		check(t, err)
		digest, err := img.Digest()
		check(t, err)
		l.child = repo.Digest(digest.String())
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	digest, err := index.Digest()
	check(t, err)
	l.digest = repo.Digest(digest.String())
	check(t, remote.WriteIndex(l.digest, index))
	refer := func(subject name.Digest, text string) name.Digest {
		ref, err := c.Refer(t.Context(), subject, artifact(text))
		check(t, err)
		return ref
	}
	l.signature, l.inventory = refer(l.digest, "signature"), refer(l.digest, "inventory")
	l.about, l.ofChild = refer(l.inventory, "about"), refer(l.child, "child")
	legacy(t, l.digest, ".sig", "one")
	l.att = legacy(t, l.child, ".att", "statement")
	return l
}

// legacy writes a tag of cosign that lists payloads, and returns what it names.
func legacy(t *testing.T, of name.Digest, suffix string, payloads ...string) name.Digest {
	t.Helper()
	img := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	for _, p := range payloads {
		var err error
		img, err = mutate.Append(img, mutate.Addendum{
			Layer:       static.NewLayer([]byte("payload"), "application/vnd.dev.cosign.simplesigning.v1+json"),
			Annotations: map[string]string{"dev.cosignproject.cosign/signature": p},
		})
		check(t, err)
	}
	check(t, remote.Write(of.Context().Tag(strings.Replace(of.DigestStr(), ":", "-", 1)+suffix), img))
	digest, err := img.Digest()
	check(t, err)
	return of.Context().Digest(digest.String())
}

func read(t *testing.T, c *registry.Client, digest name.Digest) *replica.Original {
	t.Helper()
	o, err := replica.Read(t.Context(), c, digest)
	check(t, err)
	return o
}

func copyTo(t *testing.T, o *replica.Original, to name.Repository) replica.Record {
	t.Helper()
	check(t, o.Check(t.Context(), to))
	record, err := o.Copy(t.Context(), to, "copy", progress.Discard)
	check(t, err)
	return record
}

// arrived checks that everything lies at the destination, byte for byte, with the
// same media types, and is found as those who verify look for it.
func (l laden) arrived(t *testing.T, c *registry.Client, to name.Repository) {
	t.Helper()
	for _, ref := range []name.Digest{l.digest, l.child, l.signature, l.inventory, l.about, l.ofChild, l.att} {
		want, err := c.Manifest(t.Context(), ref)
		check(t, err)
		got, err := c.Manifest(t.Context(), to.Digest(ref.DigestStr()))
		check(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s differs (-source +destination):\n%s", ref, diff)
		}
	}
	for subject, want := range map[name.Digest][]name.Digest{l.digest: {l.signature, l.inventory}, l.inventory: {l.about}, l.child: {l.ofChild}} {
		list, err := c.Referrers(t.Context(), to.Digest(subject.DigestStr()))
		check(t, err)
		listed := map[string]bool{}
		for _, d := range list {
			listed[d.Digest.String()] = true
		}
		for _, w := range want {
			if !listed[w.DigestStr()] || len(list) != len(want) {
				t.Errorf("%s is listed with %v, want %v", subject, list, want)
			}
		}
	}
	for _, of := range []string{l.digest.DigestStr() + ".sig", l.child.DigestStr() + ".att"} {
		tag := strings.Replace(of, ":", "-", 1)
		want, err := c.Resolve(t.Context(), l.digest.Context().Tag(tag))
		check(t, err)
		if got, err := c.Resolve(t.Context(), to.Tag(tag)); err != nil || got.DigestStr() != want.DigestStr() {
			t.Errorf("%s names %v (%v), want %s", tag, got, err, want.DigestStr())
		}
	}
	img, err := remote.Index(to.Digest(l.digest.DigestStr()))
	check(t, err)
	check(t, walk(img))
}

// walk reads every blob of an index.
func walk(index v1.ImageIndex) error {
	m, err := index.IndexManifest()
	if err != nil {
		return err
	}
	for _, d := range m.Manifests {
		img, err := index.Image(d.Digest)
		if err != nil {
			return err
		}
		layers, err := img.Layers()
		if err != nil {
			return err
		}
		for _, l := range layers {
			rc, err := l.Compressed()
			if err != nil {
				return err
			}
			if _, err := io.Copy(io.Discard, rc); err != nil {
				return err
			}
		}
	}
	return nil
}

func TestAcrossRegistries(t *testing.T) {
	t.Parallel()
	for title, o := range map[string][2]registrytest.Options{
		"API to API":           {},
		"API to fallback tag":  {{}, {NoReferrers: true}},
		"fallback tag to API":  {{NoReferrers: true}, {}},
		"fallback tag to same": {{NoReferrers: true}, {NoReferrers: true}},
		"tags that never move": {{}, {ImmutableTags: true}},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			from, to := start(t, o[0]), start(t, o[1])
			c := client(t, registry.Options{})
			l := lade(t, c, repository(t, from, "acme/app"))
			from.Reset(nil)
			destination := repository(t, to, "live/app")
			record := copyTo(t, read(t, c, l.digest), destination)
			if record.Manifests != 3 || record.Evidence != 6 || record.Tags != 2 || record.Mounted != 0 || record.Bytes == 0 {
				t.Errorf("record %+v", record)
			}
			l.arrived(t, c, destination)
			if w := from.Writes(); len(w) > 0 {
				t.Errorf("the source was written to: %v", w)
			}
			inOrder(t, to, l)

			to.Reset(nil)
			if record := copyTo(t, read(t, c, l.digest), destination); record.String() != "all was there" || len(to.Writes()) > 0 {
				t.Errorf("a second copy wrote %v: %v", to.Writes(), record)
			}
		})
	}
}

// inOrder checks: blobs, children, index, evidence after it.
func inOrder(t *testing.T, to *registrytest.Server, l laden) {
	t.Helper()
	at := map[string]int{}
	for i, e := range to.Writes() {
		_, target, manifest := strings.Cut(e.Path, "/manifests/")
		switch {
		case e.Status >= 400:
			t.Errorf("the registry refused %v", e)
		case manifest:
			at[target] = i
		case len(at) > 0:
			t.Errorf("%v came after a manifest", e)
		}
	}
	order := []name.Digest{l.child, l.digest, l.inventory, l.about}
	for i := 1; i < len(order); i++ {
		if at[order[i-1].DigestStr()] >= at[order[i].DigestStr()] {
			t.Errorf("%s was not written before %s", order[i-1], order[i])
		}
	}
}

func TestWithinARegistry(t *testing.T) {
	t.Parallel()
	for title, o := range map[string]registrytest.Options{
		"mounted":          {},
		"not mounted":      {NoMount: true},
		"tokens by scope":  {Username: "anna", Password: "pw", Bearer: true, Scoped: true},
		"without referrer": {NoReferrers: true},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			server := start(t, registrytest.Options{OwnBlobs: true, NoReferrers: o.NoReferrers, NoMount: o.NoMount})
			c := client(t, registry.Options{})
			if o.Scoped {
				server = start(t, o)
				c = client(t, registry.Options{Auths: []registry.Auth{{Registry: server.Host, Username: o.Username, Password: o.Password}}})
				l := pushed(t, c, repository(t, server, "acme/app"))
				record := copyTo(t, read(t, c, l), repository(t, server, "live/app"))
				if record.Mounted == 0 || record.Streamed > 0 {
					t.Errorf("record %+v, want all mounted", record)
				}
				return
			}
			l := lade(t, c, repository(t, server, "acme/app"))
			destination := repository(t, server, "live/app")
			record := copyTo(t, read(t, c, l.digest), destination)
			if (record.Mounted > 0) == o.NoMount || (record.Streamed > 0) != o.NoMount {
				t.Errorf("record %+v", record)
			}
			l.arrived(t, c, destination)
			server.Reset(nil)
			same, err := read(t, c, l.digest).Copy(t.Context(), l.digest.Context(), "copy", progress.Discard)
			if err != nil || same != (replica.Record{}) || len(server.Writes()) > 0 {
				t.Errorf("a copy to itself did %v, %v: %v", same, err, server.Writes())
			}
		})
	}
}

// pushed is a small image written through the client itself.
func pushed(t *testing.T, c *registry.Client, repo name.Repository) name.Digest {
	t.Helper()
	o := []remote.Option{remote.WithAuthFromKeychain(c.Keychain())}
	img, err := random.Image(1000, 2)
	check(t, err)
	digest, err := img.Digest()
	check(t, err)
	ref := repo.Digest(digest.String())
	check(t, remote.Write(ref, img, o...))
	_, err = c.Refer(t.Context(), ref, artifact("signature"))
	check(t, err)
	return ref
}

// Each registry sees its own credentials only.
func TestCredentialsOfBothSides(t *testing.T) {
	t.Parallel()
	from := start(t, registrytest.Options{Username: "anna", Password: "pw-a", Bearer: true, Scoped: true})
	to := start(t, registrytest.Options{Username: "bert", Password: "pw-b"})
	c := client(t, registry.Options{Auths: []registry.Auth{{Registry: from.Host, Username: "anna", Password: "pw-a"}, {Registry: to.Host, Username: "bert", Password: "pw-b"}}})
	ref := pushed(t, c, repository(t, from, "acme/app"))
	if record := copyTo(t, read(t, c, ref), repository(t, to, "live/app")); record.Streamed == 0 {
		t.Errorf("record %+v", record)
	}
	half := client(t, registry.Options{Auths: []registry.Auth{{Registry: from.Host, Username: "anna", Password: "pw-a"}}})
	_, err := read(t, half, ref).Copy(t.Context(), repository(t, to, "other/app"), "copy", progress.Discard)
	var e *registry.Error
	if !errors.As(err, &e) || e.Kind != registry.Unauthorized || !strings.Contains(e.Error(), to.Host) {
		t.Errorf("error %v, want one about %s", err, to.Host)
	}
}

// What another writer listed at the destination stays listed.
func TestListsAreMerged(t *testing.T) {
	t.Parallel()
	from, to := start(t, registrytest.Options{}), start(t, registrytest.Options{NoReferrers: true})
	c := client(t, registry.Options{})
	l := lade(t, c, repository(t, from, "acme/app"))
	destination := repository(t, to, "live/app")
	first := copyTo(t, read(t, c, l.digest), destination)
	theirs, err := c.Refer(t.Context(), destination.Digest(l.digest.DigestStr()), artifact("theirs"))
	check(t, err)
	if _, err := c.Refer(t.Context(), l.digest, artifact("later")); err != nil {
		t.Fatal(err)
	}
	second := copyTo(t, read(t, c, l.digest), destination)
	if first.Evidence != 6 || second.Evidence != 1 {
		t.Errorf("records %+v, %+v", first, second)
	}
	list, err := c.Referrers(t.Context(), destination.Digest(l.digest.DigestStr()))
	check(t, err)
	found := false
	for _, d := range list {
		found = found || d.Digest.String() == theirs.DigestStr()
	}
	if !found || len(list) != 4 {
		t.Errorf("listed are %v, want four with %s", list, theirs)
	}
}

// A referrer that lies at the destination unlisted is listed by the next run.
func TestUnlistedReferrerIsListed(t *testing.T) {
	t.Parallel()
	from, to := start(t, registrytest.Options{}), start(t, registrytest.Options{NoReferrers: true})
	c := client(t, registry.Options{})
	l := lade(t, c, repository(t, from, "acme/app"))
	destination := repository(t, to, "live/app")
	o := read(t, c, l.digest)
	to.Reset(func(_ int, r *http.Request) registrytest.Fate {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/sha256-") {
			return registrytest.Fate{Status: http.StatusForbidden}
		}
		return registrytest.Fate{}
	})
	if _, err := o.Copy(t.Context(), destination, "copy", progress.Discard); err == nil {
		t.Fatal("a copy whose list was refused ended well")
	}
	to.Reset(nil)
	copyTo(t, o, destination)
	l.arrived(t, c, destination)
}

func TestCosignTags(t *testing.T) {
	t.Parallel()
	for title, test := range map[string]struct {
		here, there []string
		want        []string // nil is a conflict
	}{
		"more here":       {[]string{"a", "b"}, []string{"a"}, []string{"a", "b"}},
		"more there":      {[]string{"a"}, []string{"a", "b"}, []string{"a", "b"}},
		"other signature": {[]string{"a"}, []string{"b"}, nil},
		"same":            {[]string{"a"}, []string{"a"}, []string{"a"}},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			from, to := start(t, registrytest.Options{}), start(t, registrytest.Options{})
			c := client(t, registry.Options{})
			ref := pushed(t, c, repository(t, from, "acme/app"))
			destination := repository(t, to, "live/app")
			legacy(t, ref, ".sig", test.here...)
			was := legacy(t, destination.Digest(ref.DigestStr()), ".sig", test.there...)
			o := read(t, c, ref)
			to.Reset(nil)
			err := o.Check(t.Context(), destination)
			if len(to.Writes()) > 0 {
				t.Errorf("a look wrote %v", to.Writes())
			}
			var conflict *replica.ConflictError
			if (test.want == nil) != errors.As(err, &conflict) {
				t.Fatalf("error %v", err)
			}
			_, err = o.Copy(t.Context(), destination, "copy", progress.Discard)
			if (test.want == nil) != errors.As(err, &conflict) {
				t.Fatalf("error %v", err)
			}
			want := was
			if test.want != nil {
				want = legacy(t, repository(t, from, "elsewhere").Digest(ref.DigestStr()), ".sig", test.want...)
			}
			now, err := c.Resolve(t.Context(), destination.Tag(strings.Replace(ref.DigestStr(), ":", "-", 1)+".sig"))
			if err != nil || now.DigestStr() != want.DigestStr() {
				t.Errorf("the tag names %v (%v), want %v", now, err, want)
			}
		})
	}
}

// Foreign layers are said and left where they are; entries of lists that are lies too.
func TestWhatIsNotCopied(t *testing.T) {
	t.Parallel()
	from, to := start(t, registrytest.Options{NoReferrers: true}), start(t, registrytest.Options{})
	c := client(t, registry.Options{})
	repo := repository(t, from, "acme/app")
	img, err := random.Image(500, 1)
	check(t, err)
	img, err = mutate.Append(img, mutate.Addendum{Layer: static.NewLayer([]byte("base of windows"), types.DockerForeignLayer), URLs: []string{"https://example.com/base"}})
	check(t, err)
	digest, err := img.Digest()
	check(t, err)
	ref := repo.Digest(digest.String())
	check(t, remote.Write(ref, img))
	stranger := pushed(t, c, repo)
	raw, err := json.Marshal(v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{
		{MediaType: types.OCIManifestSchema1, Digest: hash(t, stranger)}, {MediaType: "application/vnd.example.gone", Digest: v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("0", 64)}}, {MediaType: types.DockerManifestSchema2, Digest: digest},
	}})
	check(t, err)
	put(t, from.Host, "acme/app/manifests/sha256-"+digest.Hex, string(types.OCIImageIndex), raw)

	o := read(t, c, ref)
	if notes := strings.Join(o.Notes, "\n"); len(o.Notes) != 3 || !strings.Contains(notes, "may not be distributed") || !strings.Contains(notes, "does not have it") || !strings.Contains(notes, "which does not") {
		t.Errorf("notes %q", o.Notes)
	}
	record := copyTo(t, o, repository(t, to, "live/app"))
	if record.Manifests != 1 || record.Evidence != 0 || record.Streamed != 2 {
		t.Errorf("record %+v", record)
	}
}

func hash(t *testing.T, ref name.Digest) v1.Hash {
	t.Helper()
	h, err := v1.NewHash(ref.DigestStr())
	check(t, err)
	return h
}

func put(t *testing.T, host, path, mediaType string, raw []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+host+"/v2/"+path, bytes.NewReader(raw))
	check(t, err)
	req.Header.Set("Content-Type", mediaType)
	resp, err := http.DefaultClient.Do(req)
	check(t, err)
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		t.Fatal(resp.Status)
	}
}

// Lists that go round in circles and evidence about evidence without end are bounded.
func TestEndlessEvidence(t *testing.T) {
	t.Parallel()
	server := start(t, registrytest.Options{})
	c := client(t, registry.Options{})
	ref := pushed(t, c, repository(t, server, "acme/app"))
	at := ref
	for range 5 {
		var err error
		at, err = c.Refer(t.Context(), at, artifact("deeper"))
		check(t, err)
	}
	_, err := replica.Read(t.Context(), c, ref)
	var e *registry.Error
	if !errors.As(err, &e) || e.Kind != registry.TooLarge {
		t.Errorf("error %v, want too large", err)
	}

	round := pushed(t, c, repository(t, server, "round"))
	m, err := c.Manifest(t.Context(), round)
	check(t, err)
	for _, suffix := range []string{".sig", ".att"} {
		put(t, server.Host, "round/manifests/"+strings.Replace(round.DigestStr(), ":", "-", 1)+suffix, string(m.MediaType), m.Bytes)
	}
	copyTo(t, read(t, c, round), repository(t, server, "round/copy"))
}
