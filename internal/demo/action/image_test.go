package action

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/plimsoll-ci/plimsoll/internal/report/actions/runnertest/actionimage"
)

// What runners ask of an image, and what each target is for.
func TestImageHoldsWhatRunnersAskFor(t *testing.T) {
	t.Parallel()
	d := needDock(t)
	for target, holdsRuntime := range map[string]bool{"": true, "slim": false} {
		image, err := actionimage.Open(d.layouts[target])
		check(t, err)
		config, err := image.ConfigFile()
		check(t, err)
		if entry := config.Config.Entrypoint; len(entry) != 1 || entry[0] != "/usr/local/bin/plimsoll" || config.Config.User != "" || len(config.Config.Cmd) > 0 {
			t.Errorf("%q: entrypoint %v, command %v, user %q", target, entry, config.Config.Cmd, config.Config.User)
		}
		files := map[string]*tar.Header{}
		var program []byte
		for r := tar.NewReader(mutate.Extract(image)); ; {
			header, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			check(t, err)
			files["/"+strings.Trim(header.Name, "/")] = header
			if header.Name == "usr/local/bin/plimsoll" {
				program, err = io.ReadAll(r)
				check(t, err)
			}
		}
		for _, path := range []string{"/bin/sh", "/usr/bin/env", "/bin/tail", actionimage.Certificates, "/tmp", "/usr/local/bin/plimsoll"} {
			if files[path] == nil {
				t.Errorf("%q: there is no %s", target, path)
			}
		}
		if has := files["/usr/bin/runc"] != nil; has != holdsRuntime {
			t.Errorf("%q: holds runc %t, want %t", target, has, holdsRuntime)
		}
		binary, err := elf.NewFile(bytes.NewReader(program))
		check(t, err)
		if libraries, err := binary.ImportedLibraries(); err != nil || len(libraries) > 0 || binary.Section(".interp") != nil {
			t.Errorf("%q: the program is linked to %v, %v", target, libraries, err)
		}
		var compressed, unpacked int64
		manifest, err := image.Manifest()
		check(t, err)
		for _, layer := range manifest.Layers {
			compressed += layer.Size
		}
		for _, header := range files {
			unpacked += header.Size
		}
		t.Logf("target %q: %.1f MB compressed, %.1f MB unpacked, of it the program %.1f MB", target, mega(compressed), mega(unpacked), mega(int64(len(program))))
	}
}

func mega(n int64) float64 { return float64(n) / 1e6 }

// The slim program leaves the builder out, and says so.
func TestSlimLeavesTheBuilderOut(t *testing.T) {
	t.Parallel()
	list := exec.Command("go", "list", "-tags=slim", "-deps", ".")
	list.Dir = root
	list.Env = append(list.Environ(), "GOEXPERIMENT=jsonv2", "CGO_ENABLED=0")
	out, err := list.Output()
	check(t, err)
	for _, module := range []string{"github.com/moby/buildkit/client", "github.com/moby/buildkit/solver", "github.com/containerd/containerd/v2/core/snapshots", "/internal/build/buildkit", "/internal/build/engine"} {
		if strings.Contains(string(out), module) {
			t.Errorf("the slim program links %s", module)
		}
	}
}
