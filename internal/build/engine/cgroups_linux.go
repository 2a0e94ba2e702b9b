package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// cgroupRoot is where an engine mounts the cgroups of a container into it.
const cgroupRoot = "/sys/fs/cgroup"

// WritableCgroups is called in a sibling before anything builds. An engine mounts
// a container's own cgroups read-only; runc makes one below them for each RUN. They
// are the container's own, so that its limits hold for RUN and the engine removes
// all of them with it; nothing of the host's is touched.
func WritableCgroups() error {
	var stat unix.Statfs_t
	if err := unix.Statfs(cgroupRoot, &stat); err != nil {
		return fmt.Errorf("looking at the cgroups of this container: %w", err)
	}
	mounts := []string{cgroupRoot}
	if stat.Type == unix.TMPFS_MAGIC { // version 1: one mount per controller
		entries, err := os.ReadDir(cgroupRoot)
		if err != nil {
			return fmt.Errorf("looking at the cgroups of this container: %w", err)
		}
		for _, entry := range entries {
			if entry.IsDir() { // links are other names of these
				mounts = append(mounts, filepath.Join(cgroupRoot, entry.Name()))
			}
		}
	}
	// What the engine set beside read-only stays.
	const flags = unix.MS_BIND | unix.MS_REMOUNT | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	for _, path := range mounts {
		if err := unix.Mount("", path, "", flags, ""); err != nil && !errors.Is(err, unix.EINVAL) { // EINVAL: no mount of its own
			return fmt.Errorf("making the cgroups of this container writable: %w", &fs.PathError{Op: "mount", Path: path, Err: err})
		}
	}
	if stat.Type == unix.CGROUP2_SUPER_MAGIC {
		return leave(cgroupRoot)
	}
	return nil
}

// leave moves this process into a leaf: in version 2 a cgroup with processes of its
// own passes no controllers on (kernel, Documentation/admin-guide/cgroup-v2.rst,
// "No Internal Process Constraint").
func leave(root string) error {
	leaf := filepath.Join(root, "plimsoll")
	if err := os.Mkdir(leaf, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("making a cgroup: %w", err)
	}
	if err := os.WriteFile(filepath.Join(leaf, "cgroup.procs"), []byte("0"), 0o644); err != nil {
		return fmt.Errorf("moving into a cgroup: %w", err)
	}
	return nil
}
