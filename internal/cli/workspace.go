package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/config"
)

// workspace is the directory that paths in findings are relative to: where we
// stand, or the directory that was named when that lies elsewhere.
type workspace struct {
	dir  string // absolute
	path string // what was named, relative to dir, slash-separated; "." is all of it
}

// workspaceOf finds the workspace of a directory or file that was named.
func workspaceOf(named string) (workspace, error) {
	here, err := filepath.Abs(".")
	if err != nil {
		return workspace{}, fmt.Errorf("finding the working directory: %w", err)
	}
	abs, err := filepath.Abs(named)
	if err != nil {
		return workspace{}, fmt.Errorf("finding %s: %w", named, err)
	}
	if rel, ok := below(here, abs); ok {
		return workspace{here, rel}, nil
	}
	info, err := os.Stat(abs)
	if err != nil {
		return workspace{}, &config.UsageError{Where: named, Err: pathCause(err)}
	}
	if info.IsDir() {
		return workspace{abs, "."}, nil
	}
	return workspace{filepath.Dir(abs), filepath.Base(abs)}, nil
}

// rel names a path as findings do. A path outside the workspace is an error,
// because no finding could be placed in it.
func (w workspace) rel(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("finding %s: %w", path, err)
	}
	rel, ok := below(w.dir, abs)
	if !ok {
		return "", &config.UsageError{Where: path, Err: errors.New("lies outside the workspace; run from a directory that holds it")}
	}
	return rel, nil
}

func below(dir, path string) (string, bool) {
	rel, err := filepath.Rel(dir, path)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return "", false
	}
	return filepath.ToSlash(rel), true
}

// cacheDir is where we keep things between runs, with rights for its owner only.
// Where the user has no such place, and named none, this run keeps its own and
// the next begins anew: a directory that others may write to is no cache.
func (r *runner) cacheDir() (string, error) {
	dir := r.cfg.CacheDir
	if dir == "" {
		base := cmp.Or(r.env.getenv("XDG_CACHE_HOME"), r.env.getenv("LocalAppData"))
		if home := r.env.getenv("HOME"); base == "" && home != "" {
			base = filepath.Join(home, ".cache")
		}
		if base != "" {
			if dir = filepath.Join(base, "plimsoll"); os.MkdirAll(dir, 0o700) == nil {
				return dir, nil
			}
		}
		const note = "nothing is kept for the next run: there is no cache directory of the user's; name one with --cache-dir"
		if !slices.Contains(r.notes, note) {
			r.notes = append(r.notes, note)
		}
		return filepath.Join(r.scratch, "cache"), nil
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("finding the cache directory: %w", err)
	}
	if err := os.MkdirAll(abs, 0o700); err != nil {
		return "", &config.UsageError{Where: "cache-dir", Err: fmt.Errorf("%s cannot be made: %w; name another", dir, pathCause(err))}
	}
	return abs, nil
}
