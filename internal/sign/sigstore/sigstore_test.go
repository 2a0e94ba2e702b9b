package sigstore

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"

	"github.com/plimsoll-ci/plimsoll/internal/progress"
	"github.com/plimsoll-ci/plimsoll/internal/registry"
	"github.com/plimsoll-ci/plimsoll/internal/registry/registrytest"
	"github.com/plimsoll-ci/plimsoll/internal/sign"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

const password = "correct horse battery staple"

// port is a registry with one image in it, and a client that tries once.
type port struct {
	server *registrytest.Server
	client *registry.Client
	digest name.Digest
}

func newPort(t testing.TB, o registrytest.Options) port {
	t.Helper()
	server := registrytest.Start(o)
	t.Cleanup(server.Close)
	client, err := registry.New(registry.Options{UserAgent: "plimsoll/test", Waits: []time.Duration{}})
	if err != nil {
		t.Fatal(err)
	}
	p := port{server: server, client: client}
	p.digest = p.push(t)
	server.Reset(nil)
	return p
}

// push puts one more random image into the registry.
func (p port) push(t testing.TB) name.Digest {
	t.Helper()
	img, err := random.Image(512, 1)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if _, err := layout.Write(dir, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: img})); err != nil {
		t.Fatal(err)
	}
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	repo, err := name.NewRepository(p.server.Host + "/acme/app")
	if err != nil {
		t.Fatal(err)
	}
	ref, err := p.client.Push(t.Context(), dir, digest, repo, "push", progress.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func (p port) hash(t testing.TB) v1.Hash {
	t.Helper()
	h, err := v1.NewHash(p.digest.DigestStr())
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// keys are a key pair as files.
type keys struct{ private, public string }

// newKeys makes a key pair. Encrypting a key takes a third of a second on
// purpose, so tests share what they can: keyring holds opened keys by file.
func newKeys(t testing.TB) keys {
	t.Helper()
	private, public, err := GenerateKey([]byte(password))
	if err != nil {
		t.Fatal(err)
	}
	return writeKeys(t, private, public)
}

var keyring sync.Map

func writeKeys(t testing.TB, private, public []byte) keys {
	t.Helper()
	dir := t.TempDir()
	k := keys{filepath.Join(dir, "cosign.key"), filepath.Join(dir, "cosign.pub")}
	for path, data := range map[string][]byte{k.private: private, k.public: public} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return k
}

func (p port) options() Options {
	return Options{
		Registry: p.client,
		Getenv:   func(string) string { return "" },
		Now:      func() time.Time { return time.Unix(1_800_000_000, 0) },
	}
}

func (p port) signer(t testing.TB, k keys) *signer {
	t.Helper()
	opened, ok := keyring.Load(k.private)
	if !ok {
		s, err := NewSigner(sign.KeyOptions{Reference: k.private, Password: []byte(password)}, p.options())
		if err != nil {
			t.Fatal(err)
		}
		opened, _ = keyring.LoadOrStore(k.private, s.(*signer).pair)
	}
	pair := opened.(*keypair)
	check, err := newVerifier(pair.public, p.client)
	if err != nil {
		t.Fatal(err)
	}
	return &signer{pair: pair, check: check, registry: p.client, now: p.options().Now}
}

func (p port) sign(t testing.TB, k keys) sign.Signature {
	t.Helper()
	signed, err := p.signer(t, k).Sign(t.Context(), p.digest, nil)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func (p port) verify(t testing.TB, k keys) []verdict.Evidence {
	t.Helper()
	v, err := NewVerifier(sign.KeyOptions{Reference: k.public}, p.options())
	if err != nil {
		t.Fatal(err)
	}
	evidence, err := v.Verify(t.Context(), p.digest)
	if err != nil {
		t.Fatal(err)
	}
	return evidence
}
