package controller

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/containerd/containerd/v2/plugins/snapshots/overlay/overlayutils"
	"golang.org/x/sys/unix"
)

// Snapshotters, by containerd's names.
const (
	overlayfs = "overlayfs"
	native    = "native"
)

// Probe says what a controller can use here, by mounting something in the
// temporary directory. It returns *build.UnavailableError where mounting is not
// allowed. A missing runtime is no error: a Dockerfile without RUN builds without.
func Probe(ctx context.Context, opts Options) (Capability, error) {
	if err := ctx.Err(); err != nil {
		return Capability{}, err
	}
	dir, err := os.MkdirTemp("", "plimsoll-probe-")
	if err != nil {
		return Capability{}, fmt.Errorf("making a directory to try a mount in: %w", err)
	}
	defer os.RemoveAll(dir)
	return probe(ctx, dir, opts.Runtime)
}

// probe tries both kinds of mounts in dir, because what works depends on its
// file system: overlayfs does not stand on overlayfs, say.
func probe(ctx context.Context, dir, program string) (Capability, error) {
	snapshotter := overlayfs
	if overlayErr := overlayutils.Supported(dir); overlayErr != nil {
		snapshotter = native
		if err := bindMount(dir); err != nil {
			return Capability{}, mountError(dir, err)
		}
	}
	capability := Capability{Snapshotter: snapshotter}
	var err error
	capability.Runtime, capability.Missing, err = findRuntime(ctx, program)
	return capability, err
}

func mountError(dir string, err error) error {
	if !errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("trying a mount in %s: %w", dir, err)
	}
	return unavailable(
		fmt.Sprintf("mounting is not permitted here (%v)", err),
		"run plimsoll as root",
		"in a container, give it the right to mount: docker run --privileged, or --cap-add SYS_ADMIN with --security-opt seccomp=unconfined and apparmor=unconfined",
	)
}

// bindMount mounts a directory read-only on another one in dir, as the native
// snapshotter will, and undoes it.
func bindMount(dir string) error {
	probe, err := os.MkdirTemp(dir, "bind-check-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(probe)
	from, to := filepath.Join(probe, "from"), filepath.Join(probe, "to")
	for _, d := range []string{from, to} {
		if err := os.Mkdir(d, 0o700); err != nil {
			return err
		}
	}
	if err := unix.Mount(from, to, "", unix.MS_BIND, ""); err != nil {
		return &os.PathError{Op: "mount", Path: to, Err: err}
	}
	remountErr := unix.Mount("", to, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")
	if err := unix.Unmount(to, unix.MNT_DETACH); err != nil {
		return &os.PathError{Op: "unmount", Path: to, Err: err}
	}
	if remountErr != nil {
		return &os.PathError{Op: "remount", Path: to, Err: remountErr}
	}
	return nil
}

// findRuntime finds the program that runs containers, the one asked for or one on
// PATH, or says why there is none that can be used.
func findRuntime(ctx context.Context, asked string) (program, missing string, err error) {
	if asked != "" {
		path, err := exec.LookPath(asked)
		if err != nil {
			return "", "", fmt.Errorf("looking for the container runtime %q: %w", asked, err)
		}
		return usable(ctx, path)
	}
	missing = "neither runc nor crun is on PATH"
	for _, name := range []string{"runc", "crun", "buildkit-runc"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		if program, missing, err = usable(ctx, path); program != "" || err != nil {
			return program, "", err
		}
	}
	return "", missing, nil
}

// usable asks a runtime for the option that BuildKit starts containers with. crun
// learnt it after the version of Debian 12.
func usable(ctx context.Context, path string) (program, missing string, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return "", "", fmt.Errorf("finding the container runtime: %w", err)
	}
	out, err := exec.CommandContext(ctx, path, "run", "--help").CombinedOutput()
	switch {
	case ctx.Err() != nil:
		return "", "", fmt.Errorf("asking %s for its options: %w", path, context.Cause(ctx))
	case !bytes.Contains(out, []byte("--keep")) && err != nil:
		return "", fmt.Sprintf("%s does not start (%v)", path, err), nil
	case !bytes.Contains(out, []byte("--keep")):
		return "", path + ` is too old: it does not know "run --keep"`, nil
	}
	return path, "", nil
}
