package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/plimsoll-ci/plimsoll/internal/registry"
	"github.com/plimsoll-ci/plimsoll/internal/registry/registrytest"
	"github.com/plimsoll-ci/plimsoll/internal/sign"
	"github.com/plimsoll-ci/plimsoll/internal/sign/sigstore"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// voyage is a world with a second registry, where promoted ships land.
type voyage struct {
	*world
	far    *registrytest.Server
	client *registry.Client
}

func newVoyage(t *testing.T, near, far registrytest.Options) *voyage {
	t.Helper()
	near.OwnBlobs, far.OwnBlobs = true, true
	v := &voyage{world: newBareWorld(t, near), far: registrytest.Start(far)}
	t.Cleanup(v.far.Close)
	var err error
	v.client, err = registry.New(registry.Options{Waits: []time.Duration{}})
	check(t, err)
	return v
}

// launch pushes an image for one platform, or an index for two, and signs it with
// the world's key when it is told to.
func (v *voyage) launch(repository, cargo string, signed bool, platforms ...string) name.Digest {
	v.t.Helper()
	repo, err := name.NewRepository(v.Host + "/" + repository)
	check(v.t, err)
	var thing interface{ Digest() (v1.Hash, error) }
	if len(platforms) == 0 {
		img := pack(v.t, empty.Image, files{"srv/cargo": cargo})
		digest, err := img.Digest()
		check(v.t, err)
		check(v.t, remote.Write(repo.Digest(digest.String()), img))
		thing = img
	} else {
		index := v1.ImageIndex(empty.Index)
		for _, p := range platforms {
			os, arch, _ := strings.Cut(p, "/")
			index = mutate.AppendManifests(index, mutate.IndexAddendum{
				Add: pack(v.t, empty.Image, files{"srv/cargo": cargo + p}), Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: os, Architecture: arch}},
			})
		}
		digest, err := index.Digest()
		check(v.t, err)
		check(v.t, remote.WriteIndex(repo.Digest(digest.String()), index))
		thing = index
	}
	digest, err := thing.Digest()
	check(v.t, err)
	ref := repo.Digest(digest.String())
	if signed {
		signer, err := sigstore.NewSigner(sign.KeyOptions{Reference: v.key, Password: []byte(password)}, sigstore.Options{Registry: v.client, Getenv: os.Getenv, Now: time.Now})
		check(v.t, err)
		_, err = signer.Sign(v.t.Context(), ref, nil)
		check(v.t, err)
	}
	return ref
}

// promote runs plimsoll promote with the world's key, unless args name another.
func (v *voyage) promote(args ...string) outcome {
	v.t.Helper()
	return v.startPromote(args...).wait()
}

func (v *voyage) startPromote(args ...string) *running {
	v.t.Helper()
	check(v.t, os.RemoveAll(v.reports))
	all := []string{"promote", "--report-dir=" + v.reports}
	if !strings.Contains(strings.Join(args, " "), "--verification-key=") {
		all = append(all, "--verification-key="+v.pub)
	}
	return v.start(v.dir, append(all, args...)...)
}

// landed is the digest that a reference in the far registry names, "" when there is none.
func (v *voyage) landed(reference string) string {
	v.t.Helper()
	ref, err := name.ParseReference(v.far.Host + "/" + reference)
	check(v.t, err)
	d, err := remote.Head(ref)
	if err != nil {
		return ""
	}
	return d.Digest.String()
}

func (v *voyage) wroteNothing() {
	v.t.Helper()
	if near, far := v.Writes(), v.far.Writes(); len(near)+len(far) > 0 {
		v.t.Errorf("written was %v %v", near, far)
	}
}

func TestPromote(t *testing.T) {
	t.Parallel()
	for title, o := range map[string][2]registrytest.Options{
		"across":                     {},
		"to one without referrers":   {{}, {NoReferrers: true}},
		"from one without":           {{NoReferrers: true}, {}},
		"where tags are never moved": {{}, {ImmutableTags: true}},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			v := newVoyage(t, o[0], o[1])
			fleet := v.launch("ships/fleet", "rope", true, "linux/amd64", "linux/arm64")
			v.Reset(nil)
			to := v.far.Host + "/live/fleet:1.0"

			o := v.promote("--dry-run", fleet.String(), to)
			o.exits(0)
			o.last("pass", fleet.DigestStr(), "--dry-run")
			if !strings.Contains(o.stdout, "live/fleet:1.0 is new") || !strings.Contains(o.stdout, "nothing was written") || o.Acted != nil {
				t.Errorf("it does not say what would be done:\n%s", o.stdout)
			}
			v.wroteNothing()

			o = v.promote(fleet.String(), to)
			o.exits(0)
			o.last("pass, pushed, tagged", fleet.DigestStr())
			if v.landed("live/fleet:1.0") != fleet.DigestStr() || len(v.Writes()) > 0 {
				t.Errorf("it names %q; the source saw %v", v.landed("live/fleet:1.0"), v.Writes())
			}
			if o.Acted == nil || !o.Acted.Done || len(o.Acted.Tags) != 1 || !strings.HasSuffix(o.Acted.Pushed, fleet.DigestStr()) || o.Subjects[0].Kind != "index" || len(o.Evidence) != 1 {
				t.Errorf("acted %+v, subjects %+v, evidence %+v", o.Acted, o.Subjects, o.Evidence)
			}
			check(t, os.RemoveAll(v.reports))
			v.run(v.dir, "verify", "--verification-key="+v.pub, to).exits(0)

			v.far.Reset(nil)
			o = v.promote(fleet.String(), to)
			o.exits(0)
			v.wroteNothing()

			// Another image does not take the tag, and nothing of it arrives.
			other := v.launch("ships/fleet", "sail", true)
			v.Reset(nil)
			o = v.promote(other.String(), to)
			o.exits(1)
			o.decides(verdict.Fail)
			o.reason("live/fleet:1.0 names "+fleet.DigestStr()+" already", "mutable-tags")
			o.last("fail: 1 reason", "mutable-tags")
			v.wroteNothing()
		})
	}
}

func TestPromoteMovesMutableTags(t *testing.T) {
	t.Parallel()
	v := newVoyage(t, registrytest.Options{}, registrytest.Options{})
	first, second := v.launch("ships/sloop", "rope", true), v.launch("ships/sloop", "sail", true)
	to := []string{v.far.Host + "/live/sloop:1.0", v.far.Host + "/live/sloop:production", v.far.Host + "/edge/sloop:production"}
	v.promote(append([]string{first.String()}, to...)...).exits(0)
	v.far.Reset(nil)
	// The inputs of the action say the same as the operands.
	v.env = append(v.env, "INPUT_SOURCE="+second.String(), "INPUT_DESTINATION="+strings.Join(to[1:], ",")+","+v.far.Host+"/live/sloop:1.1", "INPUT_MUTABLE-TAGS=production")
	o := v.promote()
	o.exits(0)
	for reference, want := range map[string]name.Digest{"live/sloop:1.0": first, "live/sloop:1.1": second, "live/sloop:production": second, "edge/sloop:production": second} {
		if got := v.landed(reference); got != want.DigestStr() {
			t.Errorf("%s names %q, want %s", reference, got, want.DigestStr())
		}
	}
	writes := v.far.Writes()
	for _, e := range writes[:len(writes)-3] {
		if !strings.Contains(e.Path, "sha256") && !strings.Contains(e.Path, "/blobs/uploads") {
			t.Errorf("%v came before the last copy", e)
		}
	}
}

func TestPromoteRefuses(t *testing.T) {
	t.Parallel()
	v := newVoyage(t, registrytest.Options{}, registrytest.Options{})
	good, unsigned, borrowed := v.launch("ships/sloop", "rope", true), v.launch("ships/sloop", "contraband", false), v.launch("ships/sloop", "stolen", false)
	// The good ship's signature beside another.
	list, err := v.client.Referrers(t.Context(), good)
	check(t, err)
	m, err := v.client.Manifest(t.Context(), good.Context().Digest(list[0].Digest.String()))
	check(t, err)
	var manifest v1.Manifest
	check(t, json.Unmarshal(m.Bytes, &manifest))
	bundle, err := v.client.Blob(t.Context(), good.Context(), manifest.Layers[0], registry.BlobLimit)
	check(t, err)
	_, err = v.client.Refer(t.Context(), borrowed, registry.Artifact{Type: manifest.ArtifactType, MediaType: string(manifest.Layers[0].MediaType), Data: bundle})
	check(t, err)
	other := inStore(v.dir)
	check(t, other.makeKey())
	v.Reset(nil)

	to := v.far.Host + "/live/sloop:1.0"
	for title, test := range map[string]struct {
		args []string
		code int
		want []string
	}{
		"unsigned":                 {[]string{unsigned.String(), to}, 1, []string{"there is no signature"}},
		"another key":              {[]string{"--verification-key=" + other.pub, good.String(), to}, 1, []string{"another key"}},
		"signature of another":     {[]string{borrowed.String(), to}, 1, []string{"speaks of another digest"}},
		"no such source":           {[]string{v.Host + "/ships/sloop:absent", to}, 3, []string{"ships/sloop:absent", "does not have it"}},
		"source out of reach":      {[]string{"127.0.0.1:1/ships/sloop:1.0", to}, 3, []string{"cannot be reached"}},
		"destination out of reach": {[]string{good.String(), "127.0.0.1:1/live/sloop:1.0"}, 3, []string{"cannot be reached"}},
		"no key":                   {[]string{"--verification-key=", good.String(), to}, 2, []string{"verification-key", "only what is signed is promoted"}},
		"no destination":           {[]string{good.String()}, 2, []string{"there is no destination"}},
		"nothing":                  {nil, 2, []string{"there is no source"}},
		"mutable glob":             {[]string{"--mutable-tags=v*", good.String(), to}, 2, []string{"mutable-tags", `"v*"`}},
	} {
		o := v.promote(test.args...)
		if o.code != test.code {
			t.Errorf("%s: exit code %d, want %d\n%s%s", title, o.code, test.code, o.stdout, o.stderr)
		}
		if said := o.stdout + o.stderr; !holdsAll(said, test.want) {
			t.Errorf("%s: it does not say %q:\n%s", title, test.want, said)
		}
		if o.told && (o.Verdict.Decision == verdict.Pass || o.Acted != nil) {
			t.Errorf("%s: %+v", title, o.Verdict)
		}
		v.wroteNothing()
	}
}

// A blob that is not what its manifest says is not tagged, and what was refused is
// an act that failed, not a verdict.
func TestPromoteOfADamagedImage(t *testing.T) {
	t.Parallel()
	v := newVoyage(t, registrytest.Options{}, registrytest.Options{})
	good := v.launch("ships/sloop", "rope", true)
	m, err := v.client.Manifest(t.Context(), good)
	check(t, err)
	var manifest v1.Manifest
	check(t, json.Unmarshal(m.Bytes, &manifest))
	v.Damage("ships/sloop", manifest.Layers[0].Digest)
	o := v.promote(good.String(), v.far.Host+"/live/sloop:1.0")
	o.exits(3)
	o.decides(verdict.Pass)
	o.last("but an act failed", "ships/sloop@"+manifest.Layers[0].Digest.String(), "has the digest")
	if o.Acted == nil || o.Acted.Done || v.landed("live/sloop:1.0") != "" || v.landed("live/sloop@"+good.DigestStr()) != "" {
		t.Errorf("acted %+v", o.Acted)
	}
}

// Each registry asks for its own credentials, with tokens for what is asked only.
func TestPromoteBetweenAccounts(t *testing.T) {
	t.Parallel()
	v := newVoyage(t, registrytest.Options{}, registrytest.Options{Username: "harbourmaster", Password: "a-password-of-the-far-one", Bearer: true, Scoped: true})
	good := v.launch("ships/sloop", "rope", true)
	to := v.far.Host + "/live/sloop:1.0"
	o := v.promote(good.String(), to)
	o.exits(3)
	o.last("indeterminate", "docker login "+v.far.Host)
	auth := `--registry-auths=[{registry: "` + v.far.Host + `", username: harbourmaster, password: a-password-of-the-far-one}]`
	o = v.promote(auth, good.String(), to)
	o.exits(0)
	if told := o.stdout + o.stderr; strings.Contains(told, "a-password-of") {
		t.Errorf("it tells the password:\n%s", told)
	}
	// Within one registry blobs are mounted, which takes both rights in one token.
	o = v.promote(auth, v.far.Host+"/live/sloop:1.0", v.far.Host+"/edge/sloop:1.0")
	o.exits(0)
	if !strings.Contains(o.stdout, "blobs mounted") {
		t.Errorf("nothing was mounted:\n%s", o.stdout)
	}
}

// A signature under cosign's old tag vouches, and travels.
func TestPromoteWithAnOldSignature(t *testing.T) {
	t.Parallel()
	v := newVoyage(t, registrytest.Options{}, registrytest.Options{})
	good := v.launch("ships/sloop", "rope", false)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	check(t, err)
	pub := filepath.Join(v.dir, "old.pub")
	check(t, os.WriteFile(pub, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o644))
	payload := fmt.Sprintf(`{"critical":{"identity":{"docker-reference":%q},"image":{"docker-manifest-digest":%q},"type":"cosign container image signature"},"optional":null}`, good.Context().Name(), good.DigestStr())
	sum := sha256.Sum256([]byte(payload))
	signature, err := key.Sign(rand.Reader, sum[:], crypto.SHA256)
	check(t, err)
	img, err := mutate.Append(mutate.MediaType(empty.Image, types.OCIManifestSchema1), mutate.Addendum{
		Layer:       static.NewLayer([]byte(payload), "application/vnd.dev.cosign.simplesigning.v1+json"),
		Annotations: map[string]string{"dev.cosignproject.cosign/signature": base64.StdEncoding.EncodeToString(signature)},
	})
	check(t, err)
	tag := strings.Replace(good.DigestStr(), ":", "-", 1) + ".sig"
	check(t, remote.Write(good.Context().Tag(tag), img))
	digest, err := img.Digest()
	check(t, err)

	v.promote("--verification-key="+pub, good.String(), v.far.Host+"/live/sloop:1.0").exits(0)
	if got := v.landed("live/sloop:" + tag); got != digest.String() {
		t.Errorf("%s names %q, want %s", tag, got, digest)
	}
	check(t, os.RemoveAll(v.reports))
	v.run(v.dir, "verify", "--verification-key="+pub, v.far.Host+"/live/sloop:1.0").exits(0)
}

// A promotion that is broken off at any write leaves no tag, and can be repeated.
func TestPromoteBrokenOffAtEachWrite(t *testing.T) {
	t.Parallel()
	v := newVoyage(t, registrytest.Options{}, registrytest.Options{})
	good := v.launch("ships/sloop", "rope", true)
	v.promote(good.String(), v.far.Host+"/live/sloop:1.0").exits(0)
	writes := len(v.far.Writes())
	if writes < 10 {
		t.Fatalf("a promotion is %d writes, want more: %v", writes, v.far.Writes())
	}
	slots := make(chan struct{}, atOnce)
	var wait sync.WaitGroup
	for _, c := range calamities {
		if c.mended {
			continue // what the program gets over by itself it gets over in registry/replica's tests
		}
		for k := range int64(writes) {
			slots <- struct{}{}
			wait.Go(func() {
				defer func() { <-slots }()
				t.Run(fmt.Sprintf("%s write %d", c.name, k+1), func(t *testing.T) {
					sunk(t, k+1, c.killed, c.fate)
				})
			})
		}
	}
	wait.Wait()
}

func sunk(t *testing.T, k int64, killed bool, fate func(k, n int64) registrytest.Fate) {
	v := newVoyage(t, registrytest.Options{}, registrytest.Options{NoReferrers: k%2 == 0})
	good := v.launch("ships/sloop", "rope", true)
	to := v.far.Host + "/live/sloop:1.0"
	var writes atomic.Int64
	ready, kill := make(chan struct{}), func() {}
	v.far.Reset(func(_ int, r *http.Request) registrytest.Fate {
		if !(registrytest.Entry{Method: r.Method}).Write() {
			return registrytest.Fate{}
		}
		f := fate(k, writes.Add(1))
		if killed && f != (registrytest.Fate{}) {
			<-ready
			kill()
		}
		return f
	})
	run := v.startPromote(good.String(), to)
	kill = func() { _ = run.Process.Kill() }
	close(ready)
	o := run.wait()
	seen := v.far.Writes()
	tagging := len(seen) > 0 && strings.HasSuffix(seen[len(seen)-1].Path, "/manifests/1.0")
	switch {
	case killed && o.code != -1:
		t.Fatalf("the program was to be killed, and ended with %d", o.code)
	case !killed:
		o.exits(3)
		o.decides(verdict.Pass)
		o.last("but an act failed", "HTTP 403")
	}
	if named := v.landed("live/sloop:1.0"); named != "" && (!killed || !tagging) {
		t.Errorf("the tag names %q after %v", named, seen)
	}
	v.far.Reset(nil)
	v.forget()
	v.promote(good.String(), to).exits(0)
	if named := v.landed("live/sloop:1.0"); named != good.DigestStr() {
		t.Errorf("after a second run the tag names %q", named)
	}
}

// The cosign command finds and verifies what was promoted.
func TestCosignVerifiesWhatWasPromoted(t *testing.T) {
	t.Parallel()
	cosign := os.Getenv("PLIMSOLL_COSIGN")
	if cosign == "" {
		t.Skip("needs the cosign program\nthe command that makes this test run: make cosign && PLIMSOLL_COSIGN=$PWD/.tools/cosign go test -run Cosign ./internal/demo")
	}
	for title, o := range map[string]registrytest.Options{"referrers": {}, "fallback tag": {NoReferrers: true}} {
		t.Run(title, func(t *testing.T) {
			v := newVoyage(t, registrytest.Options{}, o)
			good := v.launch("ships/fleet", "rope", true, "linux/amd64", "linux/arm64")
			v.promote(good.String(), v.far.Host+"/live/fleet:1.0").exits(0)
			root := filepath.Join(v.dir, "trusted_root.json")
			check(t, os.WriteFile(root, []byte(`{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`), 0o644))
			verify := exec.Command(cosign, "verify", "--key", v.pub, "--trusted-root", root, "--insecure-ignore-tlog", v.far.Host+"/live/fleet:1.0")
			verify.Env = []string{"HOME=" + v.dir, "HTTP_PROXY=http://127.0.0.1:9", "HTTPS_PROXY=http://127.0.0.1:9", "NO_PROXY=127.0.0.1,localhost"}
			var out recorder
			verify.Stdout, verify.Stderr = io.Writer(&out), io.Writer(&out)
			if err := verify.Run(); err != nil || !strings.Contains(out.String(), good.DigestStr()) {
				t.Errorf("cosign: %v\n%s", err, out.String())
			}
		})
	}
}
