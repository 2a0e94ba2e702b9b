package analyze

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/aquasecurity/trivy/pkg/fanal/analyzer"
	"github.com/aquasecurity/trivy/pkg/mapfs"

	"github.com/plimsoll-ci/plimsoll/internal/image/layer"
)

// The most of one file, and of all files of one layer, that waits for
// post-analyzers in memory; the rest waits on disk.
const (
	postFile  = 1 << 20
	postTotal = 64 << 20
)

// posts are the files of one layer that wait for post-analyzers, which want to
// see several at a time.
type posts struct {
	dir   string
	held  int64
	trees map[analyzer.Type]*mapfs.FS
}

// keep copies one file for the post-analyzers that want it.
func (p *posts) keep(types []analyzer.Type, name string, info fs.FileInfo, open layer.Opener) error {
	c, err := open()
	if err != nil {
		return err
	}
	defer c.Close()
	var write func(*mapfs.FS) error
	if size := info.Size(); size <= postFile && p.held+size <= postTotal {
		data, err := io.ReadAll(c)
		if err != nil {
			return err
		}
		p.held += size
		write = func(tree *mapfs.FS) error { return tree.WriteVirtualFile(name, data, 0o600) }
	} else {
		onDisk, err := p.copy(c)
		if err != nil {
			return err
		}
		write = func(tree *mapfs.FS) error { return tree.WriteFile(name, onDisk) }
	}
	if p.trees == nil {
		p.trees = map[analyzer.Type]*mapfs.FS{}
	}
	for _, t := range types {
		tree := p.trees[t]
		if tree == nil {
			tree = mapfs.New()
			p.trees[t] = tree
		}
		if err := tree.MkdirAll(path.Dir(name), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return &treeError{err}
		}
		if err := write(tree); err != nil {
			return &treeError{err}
		}
	}
	return nil
}

// treeError is a file that has no place among the others of its layer: its
// directory is a file.
type treeError struct{ err error }

func (e *treeError) Error() string {
	return "it has no place among the files of its layer: " + e.err.Error()
}
func (e *treeError) Unwrap() error { return e.err }

func (p *posts) copy(r io.Reader) (string, error) {
	f, err := os.CreateTemp(p.dir, "post-")
	if err != nil {
		return "", err
	}
	defer f.Close()
	if _, err := io.Copy(f, r); err != nil {
		return "", err
	}
	return f.Name(), f.Close()
}

// postAnalyze runs the post-analyzers of the layer, each on its own: Trivy runs
// them in the order of a map and gives up at the first error. The package
// database of the operating system comes first, because what it installed is
// passed over by the others.
func (v *visit) postAnalyze(merged *analyzer.AnalysisResult) error {
	types := slices.SortedFunc(maps.Keys(v.at.posts.trees), rank)
	for _, t := range types {
		single, err := v.at.group.PostAnalyzerFS()
		if err != nil {
			return fmt.Errorf("preparing the analyzer %s: %w", t, err)
		}
		single.Set(t, v.at.posts.trees[t])
		err = v.router.alone(v.at.sink, func() error { return v.guarded(single, merged) })
		if cleaned := single.Cleanup(); err == nil && cleaned != nil {
			return fmt.Errorf("removing temporary files of the analyzer %s: %w", t, cleaned)
		}
		if v.ctx.Err() != nil {
			return v.ctx.Err()
		}
		if err != nil {
			v.losePost(t, err)
		}
		for _, r := range v.at.sink.take() {
			if t == analyzer.TypeDpkg && (r.path == dpkgAvailable || strings.HasSuffix(r.path, ".md5sums")) {
				continue // checksums and lists of files, which hide packages where they can be read, and never where not
			}
			name := r.path
			if name == "" {
				name = nameOf(t)
			}
			v.lose(name, r.err)
		}
	}
	return nil
}

// guarded runs post-analyzers and survives a panic in one.
func (v *visit) guarded(single *analyzer.CompositeFS, merged *analyzer.AnalysisResult) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the analyzer broke down: %v", p)
		}
	}()
	return v.at.group.PostAnalyze(v.at.ctx, single, merged, options())
}

// losePost records a post-analyzer that gave up on all it was to see.
func (v *visit) losePost(t analyzer.Type, err error) {
	var first string
	_ = fs.WalkDir(v.at.posts.trees[t], ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			first = name
			return fs.SkipAll
		}
		return nil
	})
	v.lose(first, fmt.Errorf("the analyzer %s failed on this and all files like it in layer %d: %w", t, v.at.layer.Index, err))
}

// rank orders dpkg before everything else, then by name.
func rank(a, b analyzer.Type) int {
	if first := func(t analyzer.Type) int {
		if t == analyzer.TypeDpkg {
			return 0
		}
		return 1
	}; first(a) != first(b) {
		return first(a) - first(b)
	}
	if a < b {
		return -1
	}
	return 1
}

// nameOf is a file to name where the log of an analyzer names none.
func nameOf(t analyzer.Type) string {
	if t == analyzer.TypeDpkg {
		return dpkgStatus
	}
	return "files of " + string(t)
}
