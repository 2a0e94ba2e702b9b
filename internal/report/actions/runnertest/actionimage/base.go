// Package actionimage makes the image of the action from what lies on this machine,
// for tests: a base out of a static busybox, certificates and runc, which the
// Dockerfile takes for BASE, and the way into an engine. Nothing is pulled.
package actionimage

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"regexp"
	"runtime"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Certificates is where Debian, Alpine and Go agree to find them.
const Certificates = "/etc/ssl/certs/ca-certificates.crt"

// Base is an image that has what runners ask for: sh, env and tail, certificates, and
// perhaps an OCI runtime.
type Base struct {
	// Busybox is a static one of the architecture; empty is that of this machine.
	Busybox string
	// Architecture as images name it; empty is this machine's.
	Architecture string
	// Certificates are further ones that the image trusts, as PEM.
	Certificates []byte
	// Runtime adds this machine's runc and the libraries it is linked to.
	Runtime bool
}

// applets are busybox's programs in the image: those that runners start, and what
// their scripts and ours use.
func applets() []string {
	return []string{"sh", "env", "tail", "cat", "cp", "echo", "false", "grep", "head", "id", "ls", "mkdir", "mv", "rm", "seq", "sleep", "stat", "test", "touch", "true", "wc", "yes"}
}

// MissingError says what this machine lacks for a base.
type MissingError struct{ What string }

func (e *MissingError) Error() string {
	return "there is no " + e.What + " here; run: .ci/install-engine"
}

// Image makes the base. A program that this machine lacks is a *MissingError.
func (b Base) Image(ctx context.Context) (v1.Image, error) {
	t := &tree{files: map[string]entry{}}
	if err := b.fill(ctx, t); err != nil {
		return nil, fmt.Errorf("making the base of the action's image: %w", err)
	}
	raw, err := t.tar()
	if err != nil {
		return nil, fmt.Errorf("making the base of the action's image: %w", err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw)), nil }, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, fmt.Errorf("making the base of the action's image: %w", err)
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	if image, err = mutate.AppendLayers(image, layer); err != nil {
		return nil, fmt.Errorf("making the base of the action's image: %w", err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("making the base of the action's image: %w", err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", b.Architecture
	if config.Architecture == "" {
		config.Architecture = runtime.GOARCH
	}
	config.Config.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	return mutate.ConfigFile(image, config)
}

func (b Base) fill(ctx context.Context, t *tree) error {
	busybox := b.Busybox
	if busybox == "" {
		var err error
		if busybox, err = exec.LookPath("busybox"); err != nil {
			return &MissingError{"busybox"}
		}
	}
	if err := t.copy("/bin/busybox", busybox); err != nil {
		return err
	}
	for _, applet := range applets() {
		t.files["bin/"+applet] = entry{link: "busybox"}
	}
	t.files["usr/bin/env"] = entry{link: "/bin/busybox"} // where scripts look for it
	t.files["tmp/"], t.files["root/"] = entry{mode: 0o1777}, entry{mode: 0o700}
	t.files["etc/passwd"] = entry{data: []byte("root:x:0:0:root:/root:/bin/sh\n"), mode: 0o644}
	t.files["etc/group"] = entry{data: []byte("root:x:0:\n"), mode: 0o644}
	bundle, err := os.ReadFile(Certificates)
	if err != nil && len(b.Certificates) == 0 {
		return &MissingError{Certificates}
	}
	t.files[Certificates[1:]] = entry{data: slices.Concat(bundle, []byte("\n"), b.Certificates), mode: 0o644}
	if !b.Runtime {
		return nil
	}
	return t.copyRuntime(ctx)
}

var libraries = regexp.MustCompile(`(?m)^.*?(/\S+) \(0x`)

// copyRuntime copies runc with what the loader will look for.
func (t *tree) copyRuntime(ctx context.Context) error {
	runc, err := exec.LookPath("runc")
	if err != nil {
		return &MissingError{"runc"}
	}
	linked, err := exec.CommandContext(ctx, "ldd", runc).CombinedOutput() //nolint:gosec // what PATH names
	if err != nil && !bytes.Contains(linked, []byte("not a dynamic executable")) {
		return fmt.Errorf("asking ldd what runc is linked to: %w: %s", err, linked)
	}
	for _, library := range libraries.FindAllSubmatch(linked, -1) {
		if err := t.copy(string(library[1]), string(library[1])); err != nil {
			return err
		}
	}
	return t.copy("/usr/bin/runc", runc)
}

// tree is files of a layer, by path without the first slash; a directory's ends in one.
type tree struct{ files map[string]entry }

type entry struct {
	data []byte
	link string
	mode int64
}

func (t *tree) copy(to, from string) error {
	data, err := os.ReadFile(from)
	t.files[strings.TrimPrefix(to, "/")] = entry{data: data, mode: 0o755}
	return err
}

// tar writes the tree in order and with its directories, so that equal trees are
// equal layers.
func (t *tree) tar() ([]byte, error) {
	for name := range t.files {
		for dir := path.Dir(strings.TrimSuffix(name, "/")); dir != "."; dir = path.Dir(dir) {
			if _, ok := t.files[dir+"/"]; !ok {
				t.files[dir+"/"] = entry{mode: 0o755}
			}
		}
	}
	names := make([]string, 0, len(t.files))
	for name := range t.files {
		names = append(names, name)
	}
	slices.Sort(names)
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range names {
		e := t.files[name]
		header := &tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: e.mode, Size: int64(len(e.data)), Linkname: e.link}
		switch {
		case e.link != "":
			header.Typeflag, header.Mode = tar.TypeSymlink, 0o777
		case strings.HasSuffix(name, "/"):
			header.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(header); err != nil {
			return nil, fmt.Errorf("writing %s: %w", name, err)
		}
		if _, err := w.Write(e.data); err != nil {
			return nil, fmt.Errorf("writing %s: %w", name, err)
		}
	}
	return b.Bytes(), errors.Join(w.Close())
}
