package revision

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// planter writes a tree below one directory. Links come last, so that no file is
// ever written through one.
type planter struct {
	ctx   context.Context
	root  *os.Root
	opts  Options
	tree  Tree
	seen  map[string]bool
	held  map[string]bool // directories that hold something
	links []link
}

type link struct{ name, target string }

// maxPath is the longest path in bytes that is written: Linux's PATH_MAX.
const maxPath = 4096

// admit checks a path that somebody else wrote. It fails for what no commit made
// by git holds.
func (p *planter) admit(name string) error {
	if err := p.ctx.Err(); err != nil {
		return context.Cause(p.ctx)
	}
	if !fs.ValidPath(name) || name == "." || strings.ContainsRune(name, 0) {
		return fmt.Errorf("the path %q leaves the tree or is malformed", name)
	}
	if len(name) > maxPath {
		return fmt.Errorf("a path has %d bytes; at most %d are read", len(name), maxPath)
	}
	for part := range strings.SplitSeq(name, "/") {
		if strings.EqualFold(part, ".git") || strings.EqualFold(part, "git~1") {
			return fmt.Errorf("the path %q goes into a git directory", name)
		}
	}
	if p.seen[name] {
		return fmt.Errorf("the path %q is there twice", name)
	}
	if len(p.seen) >= p.opts.MaxEntries {
		return fmt.Errorf("it has more than %d files and directories", p.opts.MaxEntries)
	}
	p.seen[name] = true
	for dir := path.Dir(name); dir != "." && !p.held[dir]; dir = path.Dir(dir) {
		p.held[dir] = true
	}
	return nil
}

// directory makes one. It may be made by what it holds already.
func (p *planter) directory(name string) error {
	if err := p.root.MkdirAll(filepath.FromSlash(name), 0o755); err != nil {
		return fmt.Errorf("making directory %q: %w", name, err)
	}
	return nil
}

// lfsPointer begins a file whose content lies in Git LFS
// (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md; below 1024 bytes).
const lfsPointer = "version https://git-lfs.github.com/spec/v1\n"

// wants says whether a file of this size is to be read, and names it when it is
// wanted and too large.
func (p *planter) wants(name string, size int64) bool {
	if !p.opts.Keep(name) {
		return false
	}
	if size > p.opts.MaxFile {
		p.tree.leave(name, fmt.Sprintf("has %d bytes; at most %d are read", size, p.opts.MaxFile))
		return false
	}
	return true
}

// local is a path as this system writes it, where it can.
func (p *planter) local(name string) (string, bool) {
	local, err := filepath.Localize(name)
	if err != nil {
		p.tree.leave(name, "this system has no such file names")
	}
	return local, err == nil
}

// file writes an admitted file that is wanted.
func (p *planter) file(name string, size int64, executable bool, content io.Reader) error {
	if p.tree.Bytes += size; p.tree.Bytes > p.opts.MaxBytes {
		return fmt.Errorf("its files have more than %d bytes", p.opts.MaxBytes)
	}
	local, ok := p.local(name)
	if !ok {
		return nil
	}
	if dir := path.Dir(name); dir != "." {
		if err := p.directory(dir); err != nil {
			return err
		}
	}
	mode := fs.FileMode(0o644)
	if executable {
		mode = 0o755
	}
	f, err := p.root.OpenFile(local, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		p.tree.leave(name, "this system does not tell its name from another one")
		return nil
	}
	if err != nil {
		return fmt.Errorf("writing %q: %w", name, err)
	}
	buffered := bufio.NewReader(content)
	if start, _ := buffered.Peek(len(lfsPointer)); size < 1024 && bytes.Equal(start, []byte(lfsPointer)) {
		p.tree.leave(name, "its content lies in Git LFS")
	}
	n, err := io.Copy(f, buffered)
	if err == nil && n != size {
		err = io.ErrUnexpectedEOF
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing %q: %w", name, err)
	}
	p.tree.Files++
	return nil
}

// link keeps an admitted link for finish. One that leaves the tree, or may, is
// left out: only its leading ".." are bound to real directories, so that a ".."
// behind a name could climb out of where another link leads.
func (p *planter) link(name, target string) {
	depth := strings.Count(name, "/")
	climbing, up := true, 0
	for part := range strings.SplitSeq(target, "/") {
		switch {
		case part == "" || part == ".":
		case part == ".." && climbing:
			up++
		case part == "..":
			up = depth + 1
		default:
			climbing = false
		}
	}
	if target == "" || path.IsAbs(target) || filepath.IsAbs(target) || strings.ContainsRune(target, 0) || up > depth || len(target) > maxPath {
		p.tree.leave(name, "the link leads out of the tree")
		return
	}
	p.links = append(p.links, link{name, target})
}

// finish writes the links.
func (p *planter) finish() error {
	for _, l := range p.links {
		if p.held[l.name] {
			return fmt.Errorf("%q is a link and a directory", l.name)
		}
		local, ok := p.local(l.name)
		if !ok {
			continue
		}
		if _, err := p.root.Lstat(local); err == nil {
			p.tree.leave(l.name, "this system does not tell its name from another one")
			continue
		}
		if dir := path.Dir(l.name); dir != "." {
			if err := p.directory(dir); err != nil {
				return err
			}
		}
		if err := p.root.Symlink(filepath.FromSlash(l.target), local); err != nil {
			// Windows lets only some users make links.
			p.tree.leave(l.name, "the link cannot be made: "+err.Error())
			continue
		}
		p.tree.Files++
	}
	return nil
}
