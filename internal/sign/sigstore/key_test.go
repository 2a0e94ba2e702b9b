package sigstore

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/registry/registrytest"
	"github.com/plimsoll-ci/plimsoll/internal/sign"
)

// plainKey is an unencrypted private key in PEM.
func plainKey(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func TestBadSigningKeys(t *testing.T) {
	private, public, err := GenerateKey([]byte(password))
	if err != nil {
		t.Fatal(err)
	}
	plain := plainKey(t)
	damaged := []byte(strings.Replace(string(private), "\n", "\nAAAA", 1))
	huge := filepath.Join(t.TempDir(), "huge")
	if err := os.WriteFile(huge, make([]byte, keyLimit+1), 0o600); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(t.TempDir(), "no such.key")
	const wrong = "wrong-password-4711"
	// An unknown scheme must run no program, whatever lies in PATH.
	plugin := filepath.Join(t.TempDir(), "sigstore-kms-evil")
	ran := plugin + ".ran"
	if err := os.WriteFile(plugin, []byte("#!/bin/sh\ntouch "+ran+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Dir(plugin)+":"+os.Getenv("PATH"))

	tests := []struct {
		name, reference, value, password, want string
	}{
		{"wrong password", "env://KEY", string(private), wrong, "check COSIGN_PASSWORD"},
		{"no password", "env://KEY", string(private), "", "set COSIGN_PASSWORD"},
		{"damaged", "env://KEY", string(damaged), password, "check COSIGN_PASSWORD, and that the key is whole"},
		{"not encrypted", "env://KEY", string(plain), password, "cosign import-key-pair"},
		{"public half", "env://KEY", string(public), password, "name the private half"},
		{"not PEM", "env://KEY", "hello", password, "is not PEM"},
		{"another form", "env://KEY", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", password, "not in cosign's form"},
		{"empty variable", "env://KEY", "", password, "set the environment variable KEY"},
		{"content as variable name", "env://" + strings.ReplaceAll(string(private), "\n", ""), "", password, "holds a key's content"},
		{"odd variable name", "env://a b", "", password, "not of the form env://NAME"},
		{"content as reference", string(private), "", password, "holds a key's content"},
		{"no reference", "", "", password, "name a file or env://NAME"},
		{"missing file", missing, "", password, "no such file"},
		{"a directory", t.TempDir(), "", password, "is a directory"},
		{"too large", huge, "", password, "it is no key"},
		{"KMS", "awskms:///alias/x", "", password, "not supported yet"},
		{"plugin", "evil://x", "", password, "use a file or env://NAME"},
	}
	p := newPort(t, registrytest.Options{})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := p.options()
			o.Getenv = func(name string) string {
				if name == "KEY" {
					return test.value
				}
				return ""
			}
			_, err := NewSigner(sign.KeyOptions{Reference: test.reference, Password: []byte(test.password)}, o)
			if err == nil {
				t.Fatal("no error")
			}
			text := err.Error()
			if !strings.Contains(text, test.want) || strings.Contains(text, "\n") {
				t.Errorf("message %q, want one line with %q", text, test.want)
			}
			for _, secret := range []string{password, wrong, string(private[40:80]), string(plain[40:80])} {
				if strings.Contains(text, secret) {
					t.Errorf("message %q tells %q", text, secret)
				}
			}
		})
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("a program was run for an unknown scheme")
	}
	if writes := p.server.Writes(); len(writes) != 0 {
		t.Errorf("a bad key led to writes: %v", writes)
	}
}

func TestBadVerificationKeys(t *testing.T) {
	private, public, err := GenerateKey([]byte(password))
	if err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]string{
		string(private):          "name the public half",
		"hello":                  "not a public key in PEM",
		"":                       "set the environment variable",
		string(public[:60]):      "not a public key in PEM",
		string(plainKey(t)[:90]): "not a public key in PEM",
	} {
		_, err := NewVerifier(sign.KeyOptions{Reference: "env://KEY"}, Options{Getenv: func(string) string { return value }})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("key %.20q: error %v, want %q", value, err, want)
		}
	}
	if _, err := NewVerifier(sign.KeyOptions{Reference: "env://KEY"}, Options{Getenv: func(string) string { return string(public) }}); err != nil {
		t.Error(err)
	}
}
