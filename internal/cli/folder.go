package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/config"
)

// folder is the directory that reports are written to. What lies there may come
// from the change that is judged, and we may be root: nothing is written through a
// link, and what was there before is replaced and never changed.
type folder struct {
	path string // as people know it
	root *os.Root
	made func(*os.File) // is told of every file and directory that comes to be
}

// openFolder opens a directory and makes what is missing of it. It refuses one that
// is a link, or that lies behind one in a workspace; how people came to a workspace is
// their affair.
func openFolder(path string, workspaces []string, made func(*os.File)) (*folder, error) {
	root, err := descend(path, workspaces, made)
	if err != nil {
		return nil, &config.UsageError{Where: "report-dir", Err: err}
	}
	return &folder{path, root, made}, nil
}

// checkFolder says before any work is done whether openFolder would refuse.
func checkFolder(path string, workspaces []string) error {
	root, err := descend(path, workspaces, nil)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it will be made
	}
	if err != nil {
		return &config.UsageError{Where: "report-dir", Err: err}
	}
	return root.Close()
}

// descend opens a directory one name after the other. Without made it makes nothing.
func descend(path string, workspaces []string, made func(*os.File)) (*os.Root, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("finding %s: %w", path, err)
	}
	at, names := trusted(abs, workspaces)
	root, err := os.OpenRoot(at)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", at, pathCause(err))
	}
	for _, name := range names {
		at = filepath.Join(at, name)
		next, err := enter(root, name, made)
		_ = root.Close()
		if err != nil {
			return nil, fmt.Errorf("%s %w", at, err)
		}
		root = next
	}
	return root, nil
}

// trusted is the directory from where on no link is followed, and the names from
// there: a workspace, or outside of them the last directory on the way that is there.
func trusted(abs string, workspaces []string) (dir string, names []string) {
	dir = filepath.Dir(abs)
	if i := slices.IndexFunc(workspaces, func(w string) bool { _, ok := below(w, abs); return ok }); i >= 0 {
		dir = workspaces[i]
	} else {
		for parent := filepath.Dir(dir); parent != dir; parent = filepath.Dir(dir) {
			if _, err := os.Stat(dir); err == nil {
				break
			}
			dir = parent
		}
	}
	if rel, ok := below(dir, abs); ok && rel != "." {
		names = strings.Split(rel, "/")
	}
	return dir, names
}

var (
	errLink    = errors.New("is a symbolic link, and reports are not written through one; name another directory")
	errNoDir   = errors.New("is no directory; name another one")
	errSwapped = errors.New("became another directory while it was opened; run again when nothing else writes there")
)

// enter opens one directory below another, and makes it when it is not there.
func enter(root *os.Root, name string, made func(*os.File)) (*os.Root, error) {
	ours := false
	if made != nil {
		err := root.Mkdir(name, 0o755)
		if ours = err == nil; err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("cannot be made: %w", pathCause(err))
		}
	}
	was, err := root.Lstat(name)
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot be read: %w", pathCause(err))
	case was.Mode()&fs.ModeSymlink != 0:
		return nil, errLink
	case !was.IsDir():
		return nil, errNoDir
	}
	next, err := root.OpenRoot(name)
	if err != nil {
		return nil, fmt.Errorf("cannot be opened: %w", pathCause(err))
	}
	opened, err := next.Open(".")
	if err == nil {
		defer opened.Close()
		var is fs.FileInfo
		if is, err = opened.Stat(); err == nil && !os.SameFile(was, is) {
			_ = next.Close()
			return nil, errSwapped // OpenRoot follows a link that came after Lstat
		}
	}
	if err != nil {
		_ = next.Close()
		return nil, fmt.Errorf("cannot be read: %w", pathCause(err))
	}
	if ours {
		made(opened)
	}
	return next, nil
}

// write replaces a file as a whole, so that no reader sees half a report. A link of
// that name is replaced too.
func (f *folder) write(name string, data []byte) error {
	part := name + ".part"
	err := f.create(part, data)
	if err == nil {
		err = f.root.Rename(part, name)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Join(f.path, name), pathCause(err))
	}
	return nil
}

func (f *folder) create(name string, data []byte) error {
	if err := f.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := f.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	f.made(file)
	_, err = file.Write(data)
	return errors.Join(err, file.Close())
}

// reports opens the report directory once and leaves it open for the run.
func (r *runner) reports() (*folder, error) {
	if r.folder != nil {
		return r.folder, nil
	}
	made := func(*os.File) {}
	if r.env.runner != nil {
		// The next checkout of a runner of one's own cannot remove root's files.
		made = r.env.runner.Own
	}
	opened, err := openFolder(r.cfg.ReportDir, r.workspaces(), made)
	if err != nil {
		return nil, err
	}
	r.folder = opened
	r.closers = append(r.closers, opened.root)
	if r.ignored {
		err = opened.write(".gitignore", []byte("*\n"))
	}
	return opened, err
}

// workspaces are where links may be a change's: where we stand, by both names that it
// may have, and what is judged.
func (r *runner) workspaces() []string {
	var out []string
	if here, err := filepath.Abs("."); err == nil {
		out = append(out, here)
		if resolved, err := filepath.EvalSymlinks(here); err == nil {
			out = append(out, resolved)
		}
	}
	if r.space.dir != "" {
		out = append(out, r.space.dir)
	}
	return out
}
