package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/klauspost/compress/gzip"

	"github.com/plimsoll-ci/plimsoll/internal/registry/registrytest"
	"github.com/plimsoll-ci/plimsoll/internal/scan/trivy/dbbuild"
	"github.com/plimsoll-ci/plimsoll/internal/sign/sigstore"
)

// password protects the demo's key; it protects nothing else.
const password = "only for this demo"

// harbour is what the ships need around them.
type harbour struct {
	*registrytest.Server
	base     string // docker archive of Alpine
	database string // reference of the vulnerability database
	key, pub string // files
}

func openHarbour(ctx context.Context, out string) (*harbour, error) {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, fmt.Errorf("making %s: %w", out, err)
	}
	h := &harbour{Server: registrytest.Start(registrytest.Options{})}
	for _, step := range []func(context.Context, string) error{h.pushBase, h.pushDatabase, h.makeKey} {
		if err := step(ctx, out); err != nil {
			h.Close()
			return nil, err
		}
	}
	h.Reset(nil)
	return h, nil
}

// pushBase takes the Alpine image that lies in Trivy's module, which every build
// of plimsoll has downloaded anyway.
func (h *harbour) pushBase(ctx context.Context, out string) error {
	dir, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/aquasecurity/trivy").Output()
	if err != nil {
		return fmt.Errorf("finding Trivy's module: %w", err)
	}
	compressed := filepath.Join(strings.TrimSpace(string(dir)), "pkg", "fanal", "test", "testdata", "alpine-311.tar.gz")
	h.base = filepath.Join(out, "alpine-3.11.tar")
	if err := gunzip(compressed, h.base); err != nil {
		return fmt.Errorf("unpacking the Alpine base: %w", err)
	}
	img, err := tarball.ImageFromPath(h.base, nil)
	if err != nil {
		return fmt.Errorf("reading the Alpine base: %w", err)
	}
	return h.push(ctx, "alpine:3.11", img)
}

func (h *harbour) push(ctx context.Context, repository string, img v1.Image) error {
	ref, err := name.ParseReference(h.Host + "/" + repository)
	if err != nil {
		return fmt.Errorf("naming %s: %w", repository, err)
	}
	if err := remote.Write(ref, img, remote.WithContext(ctx)); err != nil {
		return fmt.Errorf("pushing %s: %w", repository, err)
	}
	return nil
}

func gunzip(from, to string) error {
	in, err := os.Open(from) //nolint:gosec // inside a module
	if err != nil {
		return err
	}
	defer in.Close()
	z, err := gzip.NewReader(in)
	if err != nil {
		return err
	}
	file, err := os.Create(to) //nolint:gosec // below -out
	if err != nil {
		return err
	}
	if _, err := io.Copy(file, z); err != nil { //nolint:gosec // 6 MB of a pinned module
		return err
	}
	return file.Close()
}

func (h *harbour) pushDatabase(ctx context.Context, out string) error {
	dir := filepath.Join(out, "database")
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("clearing %s: %w", dir, err)
	}
	if err := dbbuild.Build(ctx, os.DirFS(filepath.Join("testdata", "advisories")), dir, time.Now().UTC()); err != nil {
		return err
	}
	h.database = h.Host + "/trivy-db:2"
	if _, err := dbbuild.Push(ctx, dir, h.database); err != nil {
		return err
	}
	return nil
}

func (h *harbour) makeKey(_ context.Context, out string) error {
	private, public, err := sigstore.GenerateKey([]byte(password))
	if err != nil {
		return fmt.Errorf("generating a key: %w", err)
	}
	h.key, h.pub = filepath.Join(out, "cosign.key"), filepath.Join(out, "cosign.pub")
	if err := os.WriteFile(h.key, private, 0o600); err != nil {
		return fmt.Errorf("writing the key: %w", err)
	}
	if err := os.WriteFile(h.pub, public, 0o644); err != nil { //nolint:gosec // it is public
		return fmt.Errorf("writing the key: %w", err)
	}
	return nil
}

// written lists the writes that a repository has seen.
func (h *harbour) written(repository string) []registrytest.Entry {
	var out []registrytest.Entry
	for _, e := range h.Writes() {
		if strings.HasPrefix(e.Path, "/v2/"+repository+"/") {
			out = append(out, e)
		}
	}
	return out
}

// tagged is the digest that a tag names, "" when there is none.
func (h *harbour) tagged(repository, tag string) string {
	ref, err := name.ParseReference(h.Host + "/" + repository + ":" + tag)
	if err != nil {
		return ""
	}
	d, err := remote.Head(ref)
	if err != nil {
		return ""
	}
	return d.Digest.String()
}
