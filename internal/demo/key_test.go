package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/registry/registrytest"
)

// A key that cannot be used is said before anything is asked or written.
func TestKeysThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	w := newBareWorld(t, registrytest.Options{})
	dir := w.ship("good")
	plain, body := unencryptedKey(t, w.dir)
	half := filepath.Join(w.dir, "half.key")
	whole, err := os.ReadFile(w.key)
	check(t, err)
	check(t, os.WriteFile(half, whole[:len(whole)/2], 0o600))

	for name, test := range map[string]struct {
		key, password string
		want          []string
	}{
		"wrong password": {w.key, "hunter2-is-not-it", []string{"signing-key", "cannot be decrypted", "COSIGN_PASSWORD"}},
		"no password":    {w.key, "", []string{"signing-key", "without a password", "COSIGN_PASSWORD"}},
		"no such file":   {filepath.Join(w.dir, "absent.key"), password, []string{"signing-key", "absent.key", "no such file"}},
		"not encrypted":  {plain, password, []string{"signing-key", "not encrypted", "cosign import-key-pair"}},
		"public half":    {w.pub, password, []string{"signing-key", "public key", "cosign.key"}},
		"cut short":      {half, password, []string{"signing-key", "not PEM"}},
		"a directory":    {w.dir, password, []string{"signing-key", "is a directory"}},
		"empty variable": {"env://NO_SUCH_KEY", password, []string{"signing-key", "NO_SUCH_KEY"}},
		"content":        {string(whole), password, []string{"signing-key", "env://NAME"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.t, w.env = t, []string{"COSIGN_PASSWORD=" + test.password}
			o := w.gate(dir, "--quiet", "--push", "--tags="+w.Host+"/ships/good:1.0.0", "--signing-key="+test.key)
			o.exits(2)
			o.oneError(test.want...)
			for _, secret := range []string{test.password, body} {
				if secret != "" && strings.Contains(o.stderr, secret) {
					t.Errorf("it tells a secret: %s", o.stderr)
				}
			}
			if log := w.Log(); len(log) > 0 {
				t.Errorf("the registry was asked %v", log)
			}
			if o.told {
				t.Error("a report was written")
			}
		})
	}
}

// unencryptedKey writes a private key as openssl would, and returns a part of it.
func unencryptedKey(t *testing.T, dir string) (path, body string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	check(t, err)
	path = filepath.Join(dir, "plain.key")
	check(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
	return path, base64.StdEncoding.EncodeToString(der)[40:64]
}

// What was signed by another key is no signature to the verifier.
func TestVerifyWithAnotherKey(t *testing.T) {
	t.Parallel()
	w := newBareWorld(t, registrytest.Options{})
	dir := w.ship("good")
	w.gate(dir, append(w.toHarbour(), "--input="+w.hull(), "--scanners=secret")...).exits(0)
	other := inStore(w.dir)
	check(t, other.makeKey())
	check(t, os.RemoveAll(w.reports))
	o := w.run(dir, "verify", "--verification-key="+other.pub, w.Host+"/ships/good:1.0.0")
	o.exits(1)
	o.last("fail")
	o = w.run(dir, "verify", "--verification-key="+w.pub, w.Host+"/ships/good:2.0.0")
	o.exits(3)
	o.last("indeterminate", "ships/good:2.0.0", "does not have it")
}
