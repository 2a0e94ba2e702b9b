package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
)

// MaxSize is the size in bytes above which a file is not read, unless Options
// says another: 10 MiB, far above any manifest that a cluster would take (etcd
// refuses objects above 1.5 MiB).
const MaxSize = 10 << 20

// defaultSkip are directories that hold other people's sources.
var defaultSkip = []string{"**/.git", "**/node_modules", "**/vendor"}

// Options says what of a tree is judged.
type Options struct {
	// Paths are files, directories and globs to judge, relative to the root or
	// absolute; none means the whole tree. A file that is named is judged whatever
	// its name and content, and recorded as unread when it cannot be.
	Paths []string
	// Dockerfiles are further files or globs that are Dockerfiles.
	Dockerfiles []string
	// Manifests are files or globs of Kubernetes manifests. When there are any,
	// no others are looked for.
	Manifests []string
	// SkipDirs and SkipFiles are globs (with ** for any depth) of what is left out,
	// beside .git, node_modules and vendor. A pattern without a slash counts at any depth.
	SkipDirs, SkipFiles []string
	// MaxSize is the largest file in bytes that is read; 0 means MaxSize.
	MaxSize int64
}

// Tree is a work tree. Nothing outside its root is ever opened: a link that
// leaves it, or that loops, is not followed.
type Tree struct {
	root *os.Root
	dir  string
	opts Options
}

// Open prepares the tree below dir. It fails when dir is no readable directory
// or a glob is malformed. The caller closes the tree.
func Open(dir string, opts Options) (*Tree, error) {
	for _, glob := range slices.Concat(opts.Paths, opts.Dockerfiles, opts.Manifests, opts.SkipDirs, opts.SkipFiles) {
		if !doublestar.ValidatePattern(filepath.ToSlash(glob)) {
			return nil, fmt.Errorf("reading the pattern %q: it is malformed; close its brackets and braces", glob)
		}
	}
	opts.MaxSize = cmp.Or(opts.MaxSize, MaxSize)
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("locating %s: %w", dir, err)
	}
	root, err := os.OpenRoot(abs)
	if err != nil {
		return nil, fmt.Errorf("opening the directory to judge: %w", err)
	}
	return &Tree{root: root, dir: abs, opts: opts}, nil
}

// Close releases the directory.
func (t *Tree) Close() error { return t.root.Close() }

// Listing is what a tree holds for one kind of source.
type Listing struct {
	Files  []*File
	Unread []finding.Unread
	// Notes are things a reader should know ("chart charts/app is not rendered").
	Notes []string
	// Kustomizations are the kustomization files, which are not judged themselves.
	Kustomizations []*File
}

// Read finds and reads the files to judge, per kind, each list ordered by path.
// It fails only when ctx ends or the root itself cannot be listed; a file that
// cannot be read is a record in its listing.
func (t *Tree) Read(ctx context.Context) (map[Kind]*Listing, error) {
	w := &walk{
		tree: t, seen: map[string]bool{},
		out: map[Kind]*Listing{Dockerfile: {}, Kubernetes: {}},
	}
	paths := t.opts.Paths
	if len(paths) == 0 {
		paths = []string{"."}
	}
	for _, p := range paths {
		if err := w.request(ctx, p, ""); err != nil {
			return nil, err
		}
	}
	for _, p := range t.opts.Dockerfiles {
		if err := w.request(ctx, p, Dockerfile); err != nil {
			return nil, err
		}
	}
	for _, p := range t.opts.Manifests {
		if err := w.request(ctx, p, Kubernetes); err != nil {
			return nil, err
		}
	}
	w.finish()
	return w.out, nil
}

// relative brings a path that a person typed into the form of the tree. It fails
// for a path outside of it.
func (t *Tree) relative(name string) (string, error) {
	if filepath.IsAbs(name) {
		rel, err := filepath.Rel(t.dir, name)
		if err != nil {
			return "", fmt.Errorf("lies outside %s; run from a directory that holds it", t.dir)
		}
		name = rel
	}
	name = path.Clean(filepath.ToSlash(name))
	if name == ".." || strings.HasPrefix(name, "../") {
		return "", errors.New("lies outside the tree; run from a directory that holds it")
	}
	return name, nil
}

func (t *Tree) skipped(name string, dir bool) bool {
	globs := t.opts.SkipFiles
	if dir {
		globs = slices.Concat(defaultSkip, t.opts.SkipDirs)
	}
	return slices.ContainsFunc(globs, func(glob string) bool {
		glob = strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(glob), "./"), "/")
		if !strings.Contains(glob, "/") {
			glob = "**/" + glob
		}
		ok, err := doublestar.Match(glob, name)
		return err == nil && ok
	})
}

// load reads one file within the bounds; the cause is written for people.
func (t *Tree) load(name string) (*File, error) {
	info, err := t.root.Stat(filepath.FromSlash(name))
	if err != nil {
		return nil, cause(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("is not a regular file; name a file")
	}
	if info.Size() > t.opts.MaxSize {
		return nil, fmt.Errorf("holds %d bytes, more than the limit of %d; split it or skip it", info.Size(), t.opts.MaxSize)
	}
	file, err := t.root.Open(filepath.FromSlash(name))
	if err != nil {
		return nil, cause(err)
	}
	defer file.Close()
	// The file may have grown since it was measured.
	content, err := io.ReadAll(io.LimitReader(file, t.opts.MaxSize+1))
	if err != nil {
		return nil, cause(err)
	}
	if int64(len(content)) > t.opts.MaxSize {
		return nil, fmt.Errorf("holds more than the limit of %d bytes; split it or skip it", t.opts.MaxSize)
	}
	return NewFile(name, content)
}

// cause says without machine paths why a file could not be opened.
func cause(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("does not exist; mend the name, or the link that leads there")
	case errors.Is(err, fs.ErrPermission):
		return errors.New("may not be read; give the user who runs this permission to read it")
	}
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		if strings.Contains(pathErr.Err.Error(), "escapes") {
			return errors.New("is a link that leaves the tree, which is never followed; put the file itself here")
		}
		return fmt.Errorf("cannot be opened: %w; mend it or skip it", pathErr.Err)
	}
	return err
}
