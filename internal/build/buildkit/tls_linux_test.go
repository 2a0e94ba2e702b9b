package buildkit

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/build"
)

// authority signs certificates for a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	raw  []byte
}

func newAuthority(t testing.TB, name string) *authority {
	t.Helper()
	a := &authority{key: newKey(t)}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	var err error
	if a.raw, err = x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key); err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(a.raw); err != nil {
		t.Fatal(err)
	}
	return a
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// directory writes a directory as --tlsdir wants it: trusted's certificate, and
// one of a's own that is valid until then; none when a is nil.
func directory(t testing.TB, trusted, a *authority, until time.Time) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, kind string, der []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("ca.pem", "CERTIFICATE", trusted.raw)
	if a == nil {
		return dir
	}
	key := newKey(t)
	raw, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "end"},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write("cert.pem", "CERTIFICATE", raw)
	write("key.pem", "PRIVATE KEY", der)
	return dir
}

func TestRemoteOverTCP(t *testing.T) {
	address := freePort(t)
	startDaemon(t, "tcp://"+address)
	spec := specFor(t, tree(t, "-- Dockerfile --\nFROM scratch\nCOPY . /\n"))
	through(t, reached(t, Endpoint{URL: "tcp://" + address}), spec)
}

func TestRemoteOverTLS(t *testing.T) {
	ours, others := newAuthority(t, "ours"), newAuthority(t, "others")
	later, before := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	server := directory(t, ours, ours, later)
	address := freePort(t)
	startDaemon(t, "tcp://"+address, "--tlscacert", filepath.Join(server, "ca.pem"), "--tlscert", filepath.Join(server, "cert.pem"), "--tlskey", filepath.Join(server, "key.pem"))

	at := Endpoint{URL: "tcp://" + address, TLSDir: directory(t, ours, ours, later)}
	spec := specFor(t, tree(t, "-- Dockerfile --\nFROM scratch\nCOPY . /\n"))
	through(t, reached(t, at), spec)

	half := directory(t, ours, ours, later)
	if err := os.Remove(filepath.Join(half, "key.pem")); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ dir, says string }{
		"another authority":        {directory(t, others, ours, later), "unknown authority"},
		"signed by another":        {directory(t, ours, others, later), "it may not know our certificate"},
		"no certificate":           {directory(t, ours, nil, later), "it may not know our certificate"},
		"an expired certificate":   {directory(t, ours, ours, before), "expired on"},
		"plain text":               {"", "cannot run here"},
		"a key that is missing":    {half, "key.pem"},
		"a directory without them": {t.TempDir(), "ca.pem"},
	} {
		b := &Builder{Door: build.DoorRemote, Connect: Endpoint{URL: at.URL, TLSDir: test.dir}.Connect}
		begun := time.Now()
		err := b.Ready(t.Context(), build.Spec{})
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got %v, want %q", name, err, test.says)
		}
		t.Logf("%s: %v (%s)", name, err, time.Since(begun))
	}
}
