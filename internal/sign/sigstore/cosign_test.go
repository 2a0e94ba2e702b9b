package sigstore

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/registry/registrytest"
	"github.com/plimsoll-ci/plimsoll/internal/sign"
)

// trustedRoot is what cosign needs to be told about authorities when only a key
// counts: nothing.
const trustedRoot = `{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}` + "\n"

// cosignCLI is the real cosign v2.6.5, with no network but this machine: its
// proxy is a closed port.
type cosignCLI struct{ path, home, root string }

func newCosignCLI(t *testing.T) cosignCLI {
	t.Helper()
	path := os.Getenv("PLIMSOLL_COSIGN")
	if path == "" {
		t.Skip("needs the cosign v2.6.5 program: run `make test-cosign`, which builds it and sets PLIMSOLL_COSIGN to its path")
	}
	home := t.TempDir()
	root := filepath.Join(home, "trusted_root.json")
	if err := os.WriteFile(root, []byte(trustedRoot), 0o600); err != nil {
		t.Fatal(err)
	}
	return cosignCLI{path, home, root}
}

func (c cosignCLI) run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), c.path, args...)
	cmd.Env = []string{
		"HOME=" + c.home, "COSIGN_PASSWORD=" + password,
		"HTTP_PROXY=http://127.0.0.1:9", "HTTPS_PROXY=http://127.0.0.1:9", "NO_PROXY=127.0.0.1,localhost",
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	t.Logf("cosign %s: %v\n%s%s", strings.Join(args, " "), err, stdout.String(), stderr.String())
	return stdout.String(), err
}

// verify is the command that the README prints.
func (c cosignCLI) verify(t *testing.T, k keys, p port) (string, error) {
	t.Helper()
	return c.run(t, "verify", "--key", k.public, "--trusted-root", c.root, "--insecure-ignore-tlog", "--new-bundle-format", p.digest.String())
}

func TestCosignVerifies(t *testing.T) {
	cosign := newCosignCLI(t)
	for what, o := range stores {
		t.Run(what, func(t *testing.T) {
			p, mine, other := newPort(t, o), newKeys(t), newKeys(t)
			if _, err := cosign.verify(t, mine, p); err == nil {
				t.Error("cosign verifies what nobody signed")
			}
			if _, err := p.signer(t, mine).Sign(t.Context(), p.digest, map[string]string{"commit": "abc"}); err != nil {
				t.Fatal(err)
			}
			out, err := cosign.verify(t, mine, p)
			if err != nil {
				t.Error("cosign does not verify what we signed")
			}
			if !strings.Contains(out, p.digest.DigestStr()) {
				t.Errorf("cosign says nothing of %s", p.digest.DigestStr())
			}
			if _, err := cosign.verify(t, other, p); err == nil {
				t.Error("cosign verifies it with another key")
			}
			// Without asking for the format it must find the bundle by itself.
			if _, err := cosign.run(t, "verify", "--key", mine.public, "--trusted-root", cosign.root, "--insecure-ignore-tlog", p.digest.String()); err != nil {
				t.Error("cosign does not find the bundle by itself")
			}
		})
	}
}

func TestVerifyWhatCosignSigned(t *testing.T) {
	cosign := newCosignCLI(t)
	forms := map[string][]string{
		"bundle": {"--new-bundle-format=true"},
		"tag":    {"--new-bundle-format=false"},
	}
	for form, flags := range forms {
		for what, o := range stores {
			t.Run(form+"/"+what, func(t *testing.T) {
				p, k := newPort(t, o), newKeys(t)
				args := append([]string{"sign", "--key", k.private, "--tlog-upload=false", "--use-signing-config=false", "--yes"}, flags...)
				if _, err := cosign.run(t, append(args, p.digest.String())...); err != nil {
					t.Fatal("cosign does not sign")
				}
				evidence := p.verify(t, k)
				if ok, reason := sign.Decide(evidence); !ok || len(evidence) != 1 {
					raw, _ := json.MarshalIndent(evidence, "", "  ")
					t.Errorf("not verified: %s\n%s", reason, raw)
				}
				if ok, _ := sign.Decide(p.verify(t, newKeys(t))); ok {
					t.Error("verified with another key")
				}
			})
		}
	}
}

// stores are registries with the referrers API and without.
var stores = map[string]registrytest.Options{"API": {}, "fallback tag": {NoReferrers: true}}
