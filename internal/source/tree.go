package source

import (
	"bytes"
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
var defaultSkip = []string{".git", "node_modules", "vendor"}

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
	// ComposeFiles are files or globs of Compose files. When there are any, no others
	// are looked for. Several names joined by ":" are one project, in that order, as in
	// Compose's own COMPOSE_FILE.
	ComposeFiles []string
	// SkipDirs and SkipFiles are patterns, as Globs reads them, of what is left out
	// beside .git, node_modules and vendor.
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

	skipDirs, skipFiles Globs
}

// Open prepares the tree below dir. It fails when dir is no readable directory
// or a glob is malformed. The caller closes the tree.
func Open(dir string, opts Options) (*Tree, error) {
	for _, glob := range slices.Concat(opts.Paths, opts.Dockerfiles, opts.Manifests, joined(opts.ComposeFiles)) {
		if !doublestar.ValidatePattern(filepath.ToSlash(glob)) {
			return nil, malformed(glob)
		}
	}
	skipDirs, err := NewGlobs(slices.Concat(defaultSkip, opts.SkipDirs)...)
	if err != nil {
		return nil, err
	}
	skipFiles, err := NewGlobs(opts.SkipFiles...)
	if err != nil {
		return nil, err
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
	return &Tree{root: root, dir: abs, opts: opts, skipDirs: skipDirs, skipFiles: skipFiles}, nil
}

// Close releases the directory.
func (t *Tree) Close() error { return t.root.Close() }

// Listing is what a tree holds for one kind of source.
type Listing struct {
	Files  []*File
	Unread []finding.Unread
	// Notes are things a reader should know ("Dockerfile.tmpl is a template …").
	Notes []string
	// Unjudged counts the files that Notes say were there and are not in Files.
	Unjudged int
	// Kustomizations are the kustomization files, which are not judged themselves. One
	// is Named when it or the directory that holds it was.
	Kustomizations []*File
	// Charts are the directories, in order, of the Helm charts that somebody named, or
	// of which they named a part. "." names none: it is what is judged by default.
	Charts []string
	// Discovered are the directories of all charts that were come by, in order.
	Discovered []string
	// Projects are the Compose files that somebody named as one project, in their order.
	Projects [][]string
	// Tree is where the files come from: what they name is beside them.
	Tree *Tree
}

// File reads any file of the tree within its bounds, for what a judged file leans
// on: a Dockerfile on its .dockerignore. The error says why there is none.
func (t *Tree) File(name string) (*File, error) { return t.load(name) }

// Exists says whether the tree holds a file or directory of that name.
func (t *Tree) Exists(name string) bool {
	_, err := t.root.Stat(filepath.FromSlash(name))
	return err == nil
}

// Read finds and reads the files to judge, per kind, each list ordered by path.
// It fails only when ctx ends or the root itself cannot be listed; a file that
// cannot be read is a record in its listing.
func (t *Tree) Read(ctx context.Context) (map[Kind]*Listing, error) {
	w := &walk{
		tree: t, seen: map[string]bool{}, charts: map[string]bool{},
		out: map[Kind]*Listing{Dockerfile: {}, Kubernetes: {}, Compose: {}, Workflow: {}},
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
	for _, p := range t.opts.ComposeFiles {
		if err := w.project(ctx, p); err != nil {
			return nil, err
		}
	}
	w.finish(ctx)
	for _, listing := range w.out {
		listing.Tree = t
	}
	return w.out, nil
}

// joined takes the names apart that stand for one project.
func joined(composeFiles []string) []string {
	var all []string
	for _, names := range composeFiles {
		all = append(all, strings.Split(names, ":")...)
	}
	return all
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

// load reads one text within the bounds; the cause is written for people.
func (t *Tree) load(name string) (*File, error) {
	content, err := t.Content(name)
	if err != nil {
		return nil, err
	}
	return NewFile(name, content)
}

// Content reads the bytes of any file of the tree within its bounds. The error says
// why there are none.
func (t *Tree) Content(name string) ([]byte, error) {
	info, err := t.root.Stat(filepath.FromSlash(name))
	if err != nil {
		return nil, cause(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("is not a regular file; name a file")
	}
	if info.Size() > t.opts.MaxSize {
		return nil, &sizeError{limit: t.opts.MaxSize, size: info.Size()}
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
		return nil, &sizeError{limit: t.opts.MaxSize, size: int64(len(content))}
	}
	return content, nil
}

// sizeError is of a file with more bytes than are read.
type sizeError struct{ limit, size int64 }

func (e *sizeError) Error() string {
	return fmt.Sprintf("holds %d bytes, more than the limit of %d; split it or skip it", e.size, e.limit)
}

// mayBeManifest says of a file that is too large to be read whether it may be a
// Kubernetes manifest: both keys that every object has stand in it somewhere. The
// file passes through a small buffer. It errs to the side of a manifest, and so
// does UTF-16, in which the words look different.
func (t *Tree) mayBeManifest(ctx context.Context, name string) (bool, error) {
	file, err := t.root.Open(filepath.FromSlash(name))
	if err != nil {
		return false, cause(err)
	}
	defer file.Close()
	words := [][]byte{[]byte("apiVersion"), []byte("kind")}
	const overlap = len("apiVersion") - 1 // a word may lie across two reads
	buffer, kept := make([]byte, 64<<10), 0
	for first := true; ; first = false {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		n, err := io.ReadFull(file, buffer[kept:])
		text := buffer[:kept+n]
		if first {
			switch err := checkHead(text); {
			case errors.Is(err, errUTF16):
				return true, nil
			case err != nil:
				return false, nil // binary, which is passed over at any size
			}
		}
		words = slices.DeleteFunc(words, func(word []byte) bool { return bytes.Contains(text, word) })
		switch {
		case len(words) == 0:
			return true, nil
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return false, nil
		case err != nil:
			return false, cause(err)
		}
		kept = copy(buffer, text[len(text)-overlap:])
	}
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
