package source

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// maxLevels is how deep directories may nest, links to directories included.
const maxLevels = 32

// Stat tells what the tree holds under a name. Links are followed inside the tree.
func (t *Tree) Stat(name string) (fs.FileInfo, error) {
	info, err := t.root.Stat(filepath.FromSlash(name))
	if err != nil {
		return nil, cause(err)
	}
	return info, nil
}

// Entries lists the names in a directory, in order.
func (t *Tree) Entries(dir string) ([]string, error) {
	file, err := t.root.Open(filepath.FromSlash(dir))
	if err != nil {
		return nil, cause(err)
	}
	defer file.Close()
	names, err := file.Readdirnames(-1)
	if err != nil {
		return nil, cause(err)
	}
	slices.Sort(names)
	return names, nil
}

// Below lists the regular files below a directory, in order, links to files and
// directories inside the tree followed. What skip is true of is left out with all
// that it holds. It fails when there are more than limit.
func (t *Tree) Below(dir string, limit int, skip func(name string, info fs.FileInfo) bool) ([]string, error) {
	b := below{tree: t, limit: limit, skip: skip}
	err := b.visit(dir, nil)
	return b.files, err
}

type below struct {
	tree  *Tree
	limit int
	skip  func(string, fs.FileInfo) bool
	files []string
	seen  int
}

func (b *below) visit(dir string, above []fs.FileInfo) error {
	info, err := b.tree.Stat(dir)
	if err != nil {
		return err
	}
	if len(above) > maxLevels || slices.ContainsFunc(above, func(a fs.FileInfo) bool { return os.SameFile(a, info) }) {
		return nil // a link that leads back, of which everything was listed already
	}
	names, err := b.tree.Entries(dir)
	if err != nil {
		return err
	}
	above = append(slices.Clip(above), info)
	for _, name := range names {
		full := path.Join(dir, name)
		info, err := b.tree.Stat(full)
		if err != nil || b.skip(full, info) { // a link that leads nowhere or out of the tree, say
			continue
		}
		if b.seen++; b.seen > b.limit {
			return fmt.Errorf("holds more than %d files; name what is to be judged", b.limit)
		}
		switch {
		case info.IsDir():
			if err := b.visit(full, above); err != nil {
				return err
			}
		case info.Mode().IsRegular():
			b.files = append(b.files, full)
		}
	}
	return nil
}

// Relative brings a path that a person typed into the form of the tree. It fails for
// a path outside of it.
func (t *Tree) Relative(name string) (string, error) { return t.relative(name) }

// Skipped says whether the settings leave a file out.
func (t *Tree) Skipped(name string) bool {
	return t.skipFiles.Match(name) || t.skipDirs.MatchAbove(name)
}

// Clean brings a path that stands in a file, relative to dir, into the form of the
// tree. It is false for a path that leaves it.
func Clean(dir, name string) (string, bool) {
	if path.IsAbs(name) {
		return "", false
	}
	name = path.Join(dir, filepath.ToSlash(name))
	return name, name != ".." && !strings.HasPrefix(name, "../")
}
