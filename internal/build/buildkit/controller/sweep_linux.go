package controller

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// containersDir holds one file per container that was started and not yet seen
// to be gone: its name is the container's id, its content the runtime's path.
const containersDir = "containers"

// mountTemp is what BuildKit calls the mount points it makes in the temporary directory.
const mountTemp = "buildkit-mount"

// sweep removes what a build leaves behind when it is killed or cut short:
// running containers, and mounts of the root's snapshots. Nobody else may use the
// root. What cannot be removed is left for the next time.
func sweep(root string) {
	removeContainers(root)
	unmountAll(root)
	// Bundles of containers that are gone.
	bundles, _ := filepath.Glob(filepath.Join(root, "*", "executor", "*", "config.json"))
	for _, config := range bundles {
		_ = os.RemoveAll(filepath.Dir(config))
	}
}

// removeContainers kills and removes the containers of a root. Containers outlive
// a killed runtime, and BuildKit removes finished ones in the background.
func removeContainers(root string) {
	dir := filepath.Join(root, containersDir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	var group errgroup.Group
	group.SetLimit(4)
	for _, entry := range entries {
		group.Go(func() error {
			marker := filepath.Join(dir, entry.Name())
			if runtime, err := os.ReadFile(marker); err == nil && removeContainer(string(runtime), entry.Name()) == nil {
				_ = os.Remove(marker)
			}
			return nil
		})
	}
	_ = group.Wait()
}

// removeContainer succeeds when the container is gone, also when it never was.
func removeContainer(runtime, id string) error {
	// Both runtimes keep a directory per container below /run for root, and
	// starting one only to hear that there is nothing to remove costs 20 ms.
	state := filepath.Join("/run", filepath.Base(runtime))
	if _, err := os.Stat(state); err == nil {
		if _, err := os.Stat(filepath.Join(state, id)); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, runtime, "delete", "--force", id).CombinedOutput() //nolint:gosec // the marker was written by us, into a directory of our own
	if err != nil && bytes.Contains(out, []byte("does not exist")) {
		return nil
	}
	return err
}

// unmountAll unmounts what is mounted below the root, and the root's snapshots
// where BuildKit mounted them in the temporary directory.
func unmountAll(root string) {
	mounts, err := mountinfo.GetMounts(nil)
	if err != nil {
		return
	}
	home := mountOf(mounts, root)
	// Later mounts may lie on earlier ones.
	for _, m := range slices.Backward(mounts) {
		temporary := strings.HasPrefix(filepath.Base(m.Mountpoint), mountTemp)
		if !within(m.Mountpoint, root) && (!temporary || !shows(m, root, home)) {
			continue
		}
		if unix.Unmount(m.Mountpoint, unix.MNT_DETACH) == nil && temporary {
			_ = os.Remove(m.Mountpoint)
		}
	}
}

// shows says whether a mount shows something of the root: an overlay of its
// directories, or a bind mount of one of them.
func shows(m *mountinfo.Info, root string, home *mountinfo.Info) bool {
	if m.FSType == "overlay" {
		return strings.Contains(m.VFSOptions, "="+root+"/") || strings.Contains(m.VFSOptions, ":"+root+"/")
	}
	if home == nil || m.Major != home.Major || m.Minor != home.Minor {
		return false
	}
	inside, err := filepath.Rel(home.Mountpoint, root)
	return err == nil && within(m.Root, filepath.Join(home.Root, inside))
}

// mountOf finds the mount that a path lies on.
func mountOf(mounts []*mountinfo.Info, path string) *mountinfo.Info {
	on := slices.DeleteFunc(slices.Clone(mounts), func(m *mountinfo.Info) bool { return !within(path, m.Mountpoint) })
	if len(on) == 0 {
		return nil
	}
	return slices.MaxFunc(on, func(a, b *mountinfo.Info) int { return cmp.Compare(len(a.Mountpoint), len(b.Mountpoint)) })
}

// within says whether a path is dir or lies below it; both are clean.
func within(path, dir string) bool {
	return path == dir || dir == "/" || strings.HasPrefix(path, dir+"/")
}
