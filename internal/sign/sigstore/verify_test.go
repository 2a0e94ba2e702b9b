package sigstore

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	intoto "github.com/in-toto/attestation/go/v1"
	ctypes "github.com/sigstore/cosign/v2/pkg/types"
	"github.com/sigstore/sigstore/pkg/signature/payload"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/plimsoll-ci/plimsoll/internal/registry"
	"github.com/plimsoll-ci/plimsoll/internal/registry/registrytest"
	"github.com/plimsoll-ci/plimsoll/internal/sign"
)

// store lays bytes beside the image as if they were a bundle that signs it.
func (p port) store(t testing.TB, raw []byte) {
	t.Helper()
	if _, err := p.client.Refer(t.Context(), p.digest, registry.Artifact{
		Type: bundleType, MediaType: bundleType, Data: raw,
		Annotations: map[string]string{"dev.sigstore.bundle.predicateType": ctypes.CosignSignPredicateType},
	}); err != nil {
		t.Fatal(err)
	}
}

// made is a good bundle that nobody stored.
func (p port) made(t testing.TB, k keys) []byte {
	t.Helper()
	raw, err := p.signer(t, k).bundle(t.Context(), p.hash(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// attested is a bundle whose statement has another predicate type.
func (p port) attested(t testing.TB, k keys) []byte {
	t.Helper()
	h := p.hash(t)
	raw, err := p.signer(t, k).attest(t.Context(), h, &intoto.Statement{
		Type:          intoto.StatementTypeUri,
		Subject:       []*intoto.ResourceDescriptor{{Digest: map[string]string{h.Algorithm: h.Hex}}},
		PredicateType: "https://slsa.dev/verification_summary/v1",
		Predicate:     &structpb.Struct{},
	})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// edit changes a bundle's JSON.
func edit(t testing.TB, raw []byte, change func(map[string]any)) []byte {
	t.Helper()
	var b map[string]any
	if err := json.Unmarshal(raw, &b); err != nil {
		t.Fatal(err)
	}
	change(b)
	raw, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func envelope(b map[string]any) map[string]any { return b["dsseEnvelope"].(map[string]any) }

func material(b map[string]any) map[string]any { return b["verificationMaterial"].(map[string]any) }

func TestRejectedCandidates(t *testing.T) {
	mine, other := newKeys(t), newKeys(t)
	tests := []struct {
		name string
		make func(*testing.T, port) []byte
		kind string
		want string
	}{
		{"another key", func(t *testing.T, p port) []byte { return p.made(t, other) }, sign.KindSignature, "signed with another key (it says sha256:"},
		{"another digest", func(t *testing.T, p port) []byte { p.digest = p.push(t); return p.made(t, mine) }, sign.KindSignature, "speaks of another digest"},
		{"a changed payload", func(t *testing.T, p port) []byte {
			return edit(t, p.made(t, mine), func(b map[string]any) {
				payload, _ := base64.StdEncoding.DecodeString(envelope(b)["payload"].(string))
				envelope(b)["payload"] = base64.StdEncoding.EncodeToString(append(payload, ' '))
			})
		}, sign.KindSignature, "does not verify"},
		{"an attestation that calls itself a signature", func(t *testing.T, p port) []byte {
			return edit(t, p.attested(t, mine), func(b map[string]any) {
				payload, _ := base64.StdEncoding.DecodeString(envelope(b)["payload"].(string))
				payload = bytes.Replace(payload, []byte("https://slsa.dev/verification_summary/v1"), []byte(ctypes.CosignSignPredicateType), 1)
				envelope(b)["payload"] = base64.StdEncoding.EncodeToString(payload)
			})
		}, sign.KindSignature, "does not verify"},
		{"two signatures", func(t *testing.T, p port) []byte {
			return edit(t, p.made(t, mine), func(b map[string]any) {
				s := envelope(b)["signatures"].([]any)
				envelope(b)["signatures"] = append(s, s[0])
			})
		}, sign.KindSignature, "exactly one signature"},
		{"no signature", func(t *testing.T, p port) []byte {
			return edit(t, p.made(t, mine), func(b map[string]any) { envelope(b)["signatures"] = []any{} })
		}, sign.KindSignature, "exactly one signature"},
		{"a certificate", func(t *testing.T, p port) []byte {
			return edit(t, p.made(t, mine), func(b map[string]any) {
				delete(material(b), "publicKey")
				material(b)["certificate"] = map[string]any{"rawBytes": "AAAA"}
			})
		}, sign.KindSignature, ""},
		{"an attacker's key in the bundle", func(t *testing.T, p port) []byte {
			return edit(t, p.made(t, other), func(b map[string]any) {
				mineHint := material(mustMap(t, p.made(t, mine)))["publicKey"]
				material(b)["publicKey"] = mineHint
			})
		}, sign.KindSignature, "does not verify"},
		{"an old bundle", func(t *testing.T, p port) []byte {
			return edit(t, p.made(t, mine), func(b map[string]any) {
				b["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.1"
			})
		}, sign.KindUnknown, ""},
		{"plain bytes signed", func(t *testing.T, p port) []byte {
			return edit(t, p.made(t, mine), func(b map[string]any) {
				delete(b, "dsseEnvelope")
				b["messageSignature"] = map[string]any{"messageDigest": map[string]any{"algorithm": "SHA2_256", "digest": "AAAA"}, "signature": "AAAA"}
			})
		}, sign.KindUnknown, "plain bytes"},
		{"another payload type", func(t *testing.T, p port) []byte {
			return edit(t, p.made(t, mine), func(b map[string]any) { envelope(b)["payloadType"] = "text/plain" })
		}, sign.KindUnknown, ""},
		{"not JSON", func(*testing.T, port) []byte { return []byte("hello") }, sign.KindUnknown, "cannot be read"},
		{"nothing", func(*testing.T, port) []byte { return []byte("{}") }, sign.KindUnknown, "cannot be read"},
		{"deep JSON", func(*testing.T, port) []byte { return []byte(strings.Repeat(`{"a":`, 100_000)) }, sign.KindUnknown, "cannot be read"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := newPort(t, registrytest.Options{})
			raw := test.make(t, p)
			p.store(t, raw)
			evidence := p.verify(t, mine)
			if len(evidence) != 1 {
				t.Fatalf("%d candidates, want 1: %+v", len(evidence), evidence)
			}
			e := evidence[0]
			if e.Verified || e.Kind != test.kind || e.Rejected == "" || !strings.Contains(e.Rejected, test.want) || e.Referrer == "" || strings.Contains(e.Rejected, "panic") {
				t.Errorf("%+v, want kind %q rejected with %q", e, test.kind, test.want)
			}
			t.Log(e.Rejected)
			// What is bad hides nothing that is good.
			p.sign(t, mine)
			if ok, reason := sign.Decide(p.verify(t, mine)); !ok {
				t.Errorf("a good signature beside it is not found: %s", reason)
			}
		})
	}
}

func mustMap(t *testing.T, raw []byte) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAttestationsAreNoSignatures(t *testing.T) {
	p, k := newPort(t, registrytest.Options{}), newKeys(t)
	p.store(t, p.attested(t, k)) // its label says that it is a signature
	evidence := p.verify(t, k)
	if len(evidence) != 1 || !evidence[0].Verified || evidence[0].Kind != sign.KindAttestation {
		t.Fatalf("%+v, want one verified attestation", evidence)
	}
	if ok, reason := sign.Decide(evidence); ok || !strings.Contains(reason, "no signature") {
		t.Errorf("%t, %q", ok, reason)
	}
	// And signing is not spared because of it.
	if signed := p.sign(t, k); signed.Existed {
		t.Error("an attestation was taken for an earlier signature")
	}
}

func TestNothingThere(t *testing.T) {
	for what, o := range stores {
		t.Run(what, func(t *testing.T) {
			p := newPort(t, o)
			if evidence := p.verify(t, newKeys(t)); len(evidence) != 0 {
				t.Errorf("%+v", evidence)
			}
		})
	}
}

// tag writes an older signature of the claimed digest under the image's ".sig" tag.
func (p port) tag(t *testing.T, k keys, kind, claimed string, layers ...[]byte) {
	t.Helper()
	s := p.signer(t, k)
	simple := payload.SimpleContainerImage{}
	simple.Critical.Type = kind
	simple.Critical.Image.DockerManifestDigest = claimed
	raw, err := json.Marshal(simple)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := s.pair.signer.SignMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	img := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	for i, data := range append([][]byte{raw}, layers...) {
		annotations := map[string]string{signatureAnnotation: "garbage"}
		if i == 0 {
			annotations[signatureAnnotation] = base64.StdEncoding.EncodeToString(signed)
		}
		if img, err = mutate.Append(img, mutate.Addendum{Layer: static.NewLayer(data, ctypes.SimpleSigningMediaType), Annotations: annotations}); err != nil {
			t.Fatal(err)
		}
	}
	h := p.hash(t)
	if err := remote.Write(p.digest.Context().Tag("sha256-"+h.Hex+".sig"), img); err != nil {
		t.Fatal(err)
	}
}

func TestOlderSignatures(t *testing.T) {
	mine := newKeys(t)
	const kind = payload.CosignSignatureType
	p := newPort(t, registrytest.Options{})
	p.tag(t, mine, kind, p.digest.DigestStr(), []byte("garbage"))
	p.store(t, []byte("garbage"))
	evidence := p.verify(t, mine)
	if ok, reason := sign.Decide(evidence); !ok || len(evidence) != 3 {
		t.Errorf("%d candidates, %s; want a good one among 3", len(evidence), reason)
	}
	if ok, _ := sign.Decide(p.verify(t, newKeys(t))); ok {
		t.Error("verified with another key")
	}
	for what, want := range map[string]string{"another digest": "speaks of another digest", "another kind": `of the kind "something"`} {
		p := newPort(t, registrytest.Options{})
		claimed, claimedKind := p.digest.DigestStr(), kind
		if what == "another digest" {
			claimed = p.push(t).DigestStr()
		} else {
			claimedKind = "something"
		}
		p.tag(t, mine, claimedKind, claimed)
		evidence := p.verify(t, mine)
		if ok, reason := sign.Decide(evidence); ok || !strings.Contains(reason, want) {
			t.Errorf("%s: %t, %q; want %q", what, ok, reason, want)
		}
	}
}

// TestAListThatLies forges the list under the fallback tag: it names a good
// signature of another image as if it were this one's, an image, and a manifest
// that the registry no longer has.
func TestAListThatLies(t *testing.T) {
	k := newKeys(t)
	p := newPort(t, registrytest.Options{NoReferrers: true})
	elsewhere := p
	elsewhere.digest = p.push(t)
	list := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex}
	gone := p.sign(t, k).Referrer
	for _, ref := range []string{elsewhere.sign(t, k).Referrer, elsewhere.digest.String(), gone} {
		_, digest, _ := strings.Cut(ref, "@")
		h, err := v1.NewHash(digest)
		if err != nil {
			t.Fatal(err)
		}
		list.Manifests = append(list.Manifests, v1.Descriptor{MediaType: types.OCIManifestSchema1, Digest: h, ArtifactType: bundleType})
	}
	raw, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	tag := p.digest.Context().Tag(strings.Replace(p.digest.DigestStr(), ":", "-", 1))
	if err := remote.Put(tag, rawIndex(raw)); err != nil {
		t.Fatal(err)
	}
	p.server.Reset(func(_ int, r *http.Request) registrytest.Fate {
		if _, digest, _ := strings.Cut(gone, "@"); strings.HasSuffix(r.URL.Path, digest) {
			return registrytest.Fate{Status: http.StatusNotFound}
		}
		return registrytest.Fate{}
	})
	evidence := p.verify(t, k)
	if ok, reason := sign.Decide(evidence); ok || len(evidence) != 2 ||
		!strings.Contains(evidence[0].Rejected, "refers to another digest") || !strings.Contains(evidence[1].Rejected, "does not have it") {
		t.Fatalf("%+v: %s", evidence, reason)
	}
}

type rawIndex []byte

func (r rawIndex) RawManifest() ([]byte, error)        { return r, nil }
func (r rawIndex) MediaType() (types.MediaType, error) { return types.OCIImageIndex, nil }

// TestUnreadableIsNotMissing breaks verification at each request: what could not
// be read is an error, never an empty or shorter list of evidence.
func TestUnreadableIsNotMissing(t *testing.T) {
	k := newKeys(t)
	fates := map[string]registrytest.Fate{
		"dropped": {Drop: true}, "401": {Status: 401}, "403": {Status: 403}, "429": {Status: 429}, "503": {Status: 503},
	}
	for what, o := range stores {
		for how, fate := range fates {
			t.Run(what+"/"+how, func(t *testing.T) {
				p := newPort(t, o)
				p.tag(t, k, payload.CosignSignatureType, p.digest.DigestStr())
				p.sign(t, k)
				v, err := NewVerifier(sign.KeyOptions{Reference: k.public}, p.options())
				if err != nil {
					t.Fatal(err)
				}
				for n := 1; ; n++ {
					met := false
					p.server.Reset(func(i int, _ *http.Request) registrytest.Fate {
						met = met || i == n
						if i == n || (i > n && fate.Drop) { // Go's client asks again on a new connection
							return fate
						}
						return registrytest.Fate{}
					})
					evidence, err := v.Verify(t.Context(), p.digest)
					if !met {
						if err != nil || len(evidence) != 2 {
							t.Fatalf("nothing was broken, but %d candidates and %v", len(evidence), err)
						}
						return
					}
					if err == nil {
						t.Fatalf("request %d of %v was broken, but there is no error", n, p.server.Log())
					}
				}
			})
		}
	}
}
