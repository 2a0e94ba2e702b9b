package sigstore

import (
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/plimsoll-ci/plimsoll/internal/sign"
)

func FuzzBundle(f *testing.F) {
	private, public, err := GenerateKey([]byte(password))
	if err != nil {
		f.Fatal(err)
	}
	k := writeKeys(f, private, public)
	subject := v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("ab", 32)}
	s, err := NewSigner(sign.KeyOptions{Reference: k.private, Password: []byte(password)}, Options{Now: time.Now})
	if err != nil {
		f.Fatal(err)
	}
	mine, _ := s.(*signer)
	good, err := mine.bundle(f.Context(), subject, map[string]string{"a": "b"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte("{}"))
	f.Add(edit(f, good, func(b map[string]any) { envelope(b)["signatures"] = nil }))
	f.Add(edit(f, good, func(b map[string]any) {
		material(b)["tlogEntries"] = []any{map[string]any{"canonicalizedBody": "e30="}}
	}))
	f.Add(edit(f, good, func(b map[string]any) { material(b)["certificate"] = map[string]any{"rawBytes": "AAAA"} }))
	other := v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("cd", 32)}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if c := mine.check.bundle(t.Context(), raw, other); c.Verified {
			t.Errorf("verifies for a digest that was never signed: %q", raw)
		}
		c := mine.check.bundle(t.Context(), raw, subject)
		if c.Verified == (c.Rejected != "") {
			t.Errorf("verified is %t with reason %q", c.Verified, c.Rejected)
		}
		if strings.Contains(c.Rejected, "panic") {
			t.Logf("a parser panicked: %s", c.Rejected)
		}
	})
}

func FuzzSimple(f *testing.F) {
	_, public, err := GenerateKey(nil)
	if err != nil {
		f.Fatal(err)
	}
	v, err := NewVerifier(sign.KeyOptions{Reference: "env://KEY"}, Options{Getenv: func(string) string { return string(public) }})
	if err != nil {
		f.Fatal(err)
	}
	subject := v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("ab", 32)}
	f.Add([]byte(`{"critical":{"type":"cosign container image signature","image":{"docker-manifest-digest":"`+subject.String()+`"}}}`), "AAAA")
	f.Fuzz(func(t *testing.T, raw []byte, signed string) {
		if c := v.(*verifier).simple(t.Context(), raw, signed, subject); c.Verified {
			t.Errorf("verifies without a signature: %q %q", raw, signed)
		}
	})
}
