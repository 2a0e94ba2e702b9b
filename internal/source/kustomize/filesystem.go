package kustomize

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/yaml"
)

// The bounds on what one kustomization reads, its bases included and each time
// that it reads it.
const (
	maxTime  = time.Minute // however busy the machine is
	maxReads = 5000
	maxBytes = 64 << 20
	maxNodes = 1_000_000 // values of one file with every alias followed
)

// files is the tree as kustomize sees it: below "/", read only, each kustomization
// without what would reach out of the tree.
type files struct {
	ctx   context.Context
	tree  *source.Tree
	plan  *plan
	reads int
	bytes int
	used  map[string]bool
	began time.Time
	err   error // the bound that was reached
}

var errReadOnly = errors.New("the tree is not written to")

// name turns a path of kustomize's into one of the tree.
func name(p string) string {
	return strings.TrimPrefix(path.Clean("/"+filepath.ToSlash(p)), "/")
}

func (f *files) stat(p string) (fs.FileInfo, error) {
	n := name(p)
	if n == "" {
		n = "."
	}
	info, err := f.tree.Stat(n)
	if err != nil {
		return nil, fmt.Errorf("%s %w", n, err)
	}
	return info, nil
}

// CleanedAbs takes a path apart into its directory and file.
func (f *files) CleanedAbs(p string) (filesys.ConfirmedDir, string, error) {
	info, err := f.stat(p)
	if err != nil {
		return "", "", err
	}
	full := "/" + name(p)
	if info.IsDir() {
		return filesys.ConfirmedDir(full), "", nil
	}
	return filesys.ConfirmedDir(path.Dir(full)), path.Base(full), nil
}

// ReadFile reads a file of the tree. A kustomization is given as it was planned.
func (f *files) ReadFile(p string) ([]byte, error) {
	n := name(p)
	if err := f.bound(0); err != nil {
		return nil, err
	}
	if isKustomization(n) {
		if _, err := f.stat(n); err != nil {
			return nil, err
		}
		text, err := f.plan.kustomization(n)
		if err != nil && f.plan.failed == nil {
			f.plan.failed = err // kustomize only says that there is none
		}
		return text, err
	}
	content, err := f.tree.Content(n)
	if err != nil {
		return nil, fmt.Errorf("%s %w", n, err)
	}
	if err := f.bound(len(content)); err != nil {
		return nil, err
	}
	f.used[n] = true
	if slices.Contains([]string{".yaml", ".yml", ".json"}, path.Ext(n)) {
		// Kustomize follows every alias.
		if err := f.plan.check(n, content); err != nil {
			return nil, err
		}
	}
	return content, nil
}

func (f *files) bound(n int) error {
	f.reads++
	f.bytes += n
	switch {
	case f.err != nil:
	case f.ctx.Err() != nil:
		f.err = f.ctx.Err()
	case time.Since(f.began) > maxTime:
		f.err = errors.New("takes longer to build than the limit; take it apart")
	case f.reads > f.plan.most || f.bytes > maxBytes:
		f.err = fmt.Errorf("reads more than %d files or %d bytes, the limit; take it apart", f.plan.most, maxBytes)
	}
	return f.err
}

func isKustomization(n string) bool {
	return slices.Contains(konfig.RecognizedKustomizationFileNames(), path.Base(n))
}

// check refuses YAML that only grows when aliases are followed.
func (p *plan) check(n string, content []byte) error {
	if p.parsed[n] != nil {
		return nil
	}
	src, err := source.NewFile(n, content)
	if err != nil {
		return fmt.Errorf("%s %w", n, err)
	}
	parsed, unread := yaml.Parse(src, maxNodes)
	for _, u := range unread {
		if !strings.Contains(u.Cause, "stands twice") { // which kustomize takes
			return &placeError{u}
		}
	}
	p.parsed[n] = parsed
	return nil
}

// Exists and the others tell what the tree holds, and that it stays as it is.
func (f *files) Exists(p string) bool { _, err := f.stat(p); return err == nil }

// IsDir says whether a path is that of a directory.
func (f *files) IsDir(p string) bool {
	info, err := f.stat(p)
	return err == nil && info.IsDir()
}

// ReadDir lists a directory.
func (f *files) ReadDir(p string) ([]string, error) {
	n := name(p)
	if n == "" {
		n = "."
	}
	return f.tree.Entries(n)
}

// Glob is not offered: no kustomization that is read here holds patterns.
func (*files) Glob(string) ([]string, error) { return nil, nil }

// Walk is not offered.
func (*files) Walk(string, filepath.WalkFunc) error { return errReadOnly }

// Open is not offered: files are read as a whole.
func (*files) Open(string) (filesys.File, error) { return nil, errReadOnly }

// Create is refused.
func (*files) Create(string) (filesys.File, error) { return nil, errReadOnly }

// Mkdir is refused.
func (*files) Mkdir(string) error { return errReadOnly }

// MkdirAll is refused.
func (*files) MkdirAll(string) error { return errReadOnly }

// RemoveAll is refused.
func (*files) RemoveAll(string) error { return errReadOnly }

// WriteFile is refused.
func (*files) WriteFile(string, []byte) error { return errReadOnly }
