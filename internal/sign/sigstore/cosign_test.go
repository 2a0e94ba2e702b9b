package sigstore

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
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
		t.Skip("needs the cosign program: run `make interop`, which builds it and sets PLIMSOLL_COSIGN to its path")
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Main.Path != "github.com/sigstore/cosign/v2" || info.Main.Version != "v2.6.5" {
		t.Fatalf("PLIMSOLL_COSIGN is %s %s; want cosign v2.6.5, as `make interop` builds it", info.Main.Path, info.Main.Version)
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

// sign lets cosign sign, as a bundle or under the older tag.
func (c cosignCLI) sign(t *testing.T, k keys, p port, bundle bool) {
	t.Helper()
	if _, err := c.run(t, "sign", "--key", k.private, "--tlog-upload=false", "--use-signing-config=false", "--yes",
		fmt.Sprintf("--new-bundle-format=%t", bundle), p.digest.String()); err != nil {
		t.Fatal("cosign does not sign")
	}
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

func TestCosignSignsWhatWeVerify(t *testing.T) {
	cosign := newCosignCLI(t)
	for form, bundle := range map[string]bool{"bundle": true, "tag": false} {
		for what, o := range stores {
			t.Run(form+"/"+what, func(t *testing.T) {
				p, k := newPort(t, o), newKeys(t)
				cosign.sign(t, k, p, bundle)
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
