package classic

import (
	"archive/tar"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// ignoreName is the file that the engine looks at once more.
const ignoreName = ".dockerignore"

// packed is a build context on its way to the engine.
type packed struct {
	root    *os.Root
	matcher *patternmatcher.PatternMatcher
	file    *dockerfile
	out     *tar.Writer
}

// pack writes the context as a tar: what the ignore file leaves, owned by root as
// docker build sends it, and the Dockerfile as it was read. It gives the Dockerfile's
// name in the tar. What cannot be read is an error, never left out.
func pack(dir string, file *dockerfile) (name string, write func(io.Writer) error, err error) {
	patterns, err := ignorefile.ReadAll(bytes.NewReader(file.ignore))
	if err != nil {
		return "", nil, fmt.Errorf("reading the ignore file: %w", err)
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		return "", nil, fmt.Errorf("reading the ignore file: %w; correct the pattern", err)
	}
	name = file.path
	ignore := file.ignore
	if name == "" {
		// It lies outside: it travels under a name that the ignore file hides from COPY.
		name = ".plimsoll-" + strings.ToLower(rand.Text())
		ignore = fmt.Appendf(bytes.Clone(ignore), "\n%s\n%s\n", name, ignoreName)
	}
	return name, func(w io.Writer) error {
		root, err := os.OpenRoot(dir)
		if err != nil {
			return fmt.Errorf("reading the build context: %w", err)
		}
		defer func() { _ = root.Close() }() // it was only read
		p := &packed{root: root, matcher: matcher, file: file, out: tar.NewWriter(w)}
		if err := fs.WalkDir(root.FS(), ".", p.visit); err != nil {
			return fmt.Errorf("reading the build context: %w", err)
		}
		if err := p.document(name, file.content); err != nil {
			return err
		}
		if ignore != nil {
			if err := p.document(ignoreName, ignore); err != nil {
				return err
			}
		}
		return p.out.Close()
	}, nil
}

func (p *packed) document(name string, content []byte) error {
	header := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), Typeflag: tar.TypeReg, ModTime: time.Unix(0, 0)}
	if err := p.out.WriteHeader(header); err != nil {
		return err
	}
	_, err := p.out.Write(content)
	return err
}

func (p *packed) visit(path string, entry fs.DirEntry, err error) error {
	if err != nil || path == "." {
		return err
	}
	ignored, err := p.matcher.MatchesOrParentMatches(filepath.FromSlash(path))
	if err != nil {
		return err
	}
	switch {
	case path == p.file.path || path == ignoreName && p.file.ignore != nil:
		return nil // written at the end, as it was read
	case ignored && entry.IsDir() && !p.matcher.Exclusions():
		return fs.SkipDir
	case ignored:
		return nil
	}
	return p.add(path, entry)
}

func (p *packed) add(path string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSocket != 0 {
		return nil // nothing could be done with one, and docker build leaves it out too
	}
	var target string
	if info.Mode()&fs.ModeSymlink != 0 {
		if target, err = p.root.Readlink(path); err != nil {
			return err
		}
	}
	header, err := tar.FileInfoHeader(info, filepath.ToSlash(target))
	if err != nil {
		return err
	}
	header.Name = path
	if info.IsDir() {
		header.Name += "/"
	}
	header.Uid, header.Gid, header.Uname, header.Gname = 0, 0, "", ""
	header.Format = tar.FormatPAX
	header.AccessTime, header.ChangeTime = time.Time{}, time.Time{}
	if err := p.out.WriteHeader(header); err != nil || !info.Mode().IsRegular() {
		return err
	}
	f, err := p.root.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	n, err := io.CopyN(p.out, f, info.Size())
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%s has %d bytes and had %d; do not change the context while it is read", path, n, info.Size())
	}
	return err
}
