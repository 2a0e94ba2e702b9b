// Package revision unpacks the tree of a commit into a directory: from the git
// repository that the work tree belongs to, where it has the commit, else from
// the archive that GitHub makes of it. Nothing is run, no configuration of git is
// read, and nobody need own the files (research: actions/runner#2033, "dubious
// ownership").
//
// A tree from git is proven by the id of its commit: every object is hashed
// again. An archive names its commit and is as true as who sent it.
package revision

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
)

// ErrNotHere means that the repository does not hold what is needed: there is
// none, it is shallow, partial, or of a kind that cannot be read. Ask the API.
var ErrNotHere = errors.New("git has no such object here")

// Options bound what is unpacked. A zero number means its default.
type Options struct {
	// Keep says which files are wanted, by slash-separated path; nil wants all. Links
	// are always kept.
	Keep func(path string) bool
	// MaxEntries is the largest number of files, directories and links: 200,000.
	MaxEntries int
	// MaxFile is the size in bytes above which a file is left out and named: 32 MiB,
	// far above any source that is judged.
	MaxFile int64
	// MaxBytes is the largest sum of the sizes of all files in bytes: 2 GiB.
	MaxBytes int64
}

func (o Options) filled() Options {
	o.MaxEntries = cmp.Or(o.MaxEntries, 200_000)
	o.MaxFile = cmp.Or(o.MaxFile, 32<<20)
	o.MaxBytes = cmp.Or(o.MaxBytes, 2<<30)
	if o.Keep == nil {
		o.Keep = func(string) bool { return true }
	}
	return o
}

// Tree is what was unpacked.
type Tree struct {
	Commit string
	Files  int
	Bytes  int64
	// Left names what is not there as it is in the commit, and why: submodules,
	// content in Git LFS, files that are too large, links that leave the tree. It ends
	// after maxLeft entries.
	Left []string
}

// maxLeft bounds Tree.Left.
const maxLeft = 100

func (t *Tree) leave(path, why string) {
	if len(t.Left) < maxLeft {
		t.Left = append(t.Left, path+": "+why)
	}
}

var (
	sha1ID   = regexp.MustCompile(`^[0-9a-f]{40}$`)
	sha256ID = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// checkID says whether text names one commit for ever, as a branch does not.
func checkID(commit string) error {
	if !sha1ID.MatchString(commit) && !sha256ID.MatchString(commit) {
		return fmt.Errorf("%q is no id of a commit; want all 40 hexadecimal digits", commit)
	}
	return nil
}

// unpack makes dir, lets fill plant a tree in it, and empties it again when that
// fails: half a tree would tell of findings that are not gone.
func unpack(ctx context.Context, commit, dir string, opts Options, fill func(*planter) error) (tree Tree, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Tree{}, fmt.Errorf("making the directory of commit %s: %w", commit, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Tree{}, fmt.Errorf("opening the directory of commit %s: %w", commit, err)
	}
	defer func() { _ = root.Close() }() // the files in it are closed
	if entries, err := list(root); err != nil || len(entries) > 0 {
		return Tree{}, errors.Join(fmt.Errorf("unpacking commit %s: %s is not an empty directory", commit, dir), err)
	}
	p := &planter{ctx: ctx, root: root, opts: opts.filled(), tree: Tree{Commit: commit}, seen: map[string]bool{}, held: map[string]bool{}}
	if err = fill(p); err == nil {
		err = p.finish()
	}
	if err != nil {
		err = fmt.Errorf("unpacking commit %s: %w", commit, err)
		entries, listErr := list(root)
		err = errors.Join(err, listErr)
		for _, name := range entries {
			err = errors.Join(err, root.RemoveAll(name))
		}
		return Tree{}, err
	}
	return p.tree, nil
}

func list(root *os.Root) ([]string, error) {
	dir, err := root.Open(".")
	if err != nil {
		return nil, fmt.Errorf("listing the directory: %w", err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("listing the directory: %w", err)
	}
	return names, nil
}
