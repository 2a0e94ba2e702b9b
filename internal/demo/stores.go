package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/plimsoll-ci/plimsoll/internal/scan/trivy/dbbuild"
	"github.com/plimsoll-ci/plimsoll/internal/sign/sigstore"
)

// password protects the demo's key; it protects nothing else.
const password = "only for this demo"

// programs are what the ships carry, compiled before they are built.
var programs = map[string]string{"bad": "greeter", "good": "lookout"}

// stores are the files that a harbour is stocked with, all of them in one directory.
// Gathering them takes the Go toolchain; what follows does not.
type stores struct {
	base     string            // docker archive of Alpine
	database string            // directory of the vulnerability database
	key, pub string            // files
	ships    map[string]string // directories, by name
}

// gather makes stores in out, from the repository at root.
func gather(ctx context.Context, root, out string) (*stores, error) {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, fmt.Errorf("making %s: %w", out, err)
	}
	s := inStore(out)
	if err := s.takeBase(ctx, root); err != nil {
		return nil, err
	}
	if err := s.buildDatabase(ctx, root); err != nil {
		return nil, err
	}
	if err := s.makeKey(); err != nil {
		return nil, err
	}
	for ship := range programs {
		if err := s.prepare(ctx, root, ship); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// inStore names the stores that lie, or will lie, in a directory.
func inStore(out string) *stores {
	s := &stores{
		base: filepath.Join(out, "alpine-3.11.tar"), database: filepath.Join(out, "database"),
		key: filepath.Join(out, "cosign.key"), pub: filepath.Join(out, "cosign.pub"), ships: map[string]string{},
	}
	for ship := range programs {
		s.ships[ship] = filepath.Join(out, "ships", ship)
	}
	return s
}

// takeBase takes the Alpine image that lies in Trivy's module, which every build
// of plimsoll has downloaded anyway.
func (s *stores) takeBase(ctx context.Context, root string) error {
	const trivy = "github.com/aquasecurity/trivy"
	find := exec.CommandContext(ctx, "go", "mod", "download", "-json", trivy)
	find.Dir, find.Stderr = root, os.Stderr
	said, err := find.Output()
	if err != nil {
		return fmt.Errorf("finding the module %s: %w", trivy, err)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(said, &module); err != nil {
		return fmt.Errorf("finding the module %s: %w", trivy, err)
	}
	if err := gunzip(filepath.Join(module.Dir, "pkg", "fanal", "test", "testdata", "alpine-311.tar.gz"), s.base); err != nil {
		return fmt.Errorf("unpacking the Alpine base: %w", err)
	}
	return nil
}

func gunzip(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	z, err := gzip.NewReader(in)
	if err != nil {
		return err
	}
	file, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(file, z); err != nil {
		return err
	}
	return file.Close()
}

func (s *stores) buildDatabase(ctx context.Context, root string) error {
	if err := os.RemoveAll(s.database); err != nil {
		return fmt.Errorf("clearing %s: %w", s.database, err)
	}
	return dbbuild.Build(ctx, os.DirFS(filepath.Join(root, "testdata", "advisories")), s.database, time.Now().UTC())
}

func (s *stores) makeKey() error {
	private, public, err := sigstore.GenerateKey([]byte(password))
	if err != nil {
		return fmt.Errorf("generating a key: %w", err)
	}
	if err := os.WriteFile(s.key, private, 0o600); err != nil {
		return fmt.Errorf("writing the key: %w", err)
	}
	if err := os.WriteFile(s.pub, public, 0o644); err != nil {
		return fmt.Errorf("writing the key: %w", err)
	}
	return nil
}

// prepare copies a ship's repository and compiles its program into it.
func (s *stores) prepare(ctx context.Context, root, ship string) error {
	dir := s.ships[ship]
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("clearing %s: %w", dir, err)
	}
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, "testdata", "ships", ship))); err != nil {
		return fmt.Errorf("copying the %s ship: %w", ship, err)
	}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-o", filepath.Join(dir, "bin", programs[ship]), ".")
	build.Dir = filepath.Join(dir, "app")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOEXPERIMENT=", "GOFLAGS=", "GOWORK=off")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("compiling the %s ship's program: %w", ship, err)
	}
	return nil
}
