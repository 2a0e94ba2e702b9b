package revision

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// FromTar unpacks GitHub's archive of a commit into dir, which must be empty or
// not there: a gzip-compressed tar with one directory around everything and the
// commit's id in its global header, as git archive writes it. An archive of
// another commit, one that is cut off and one that holds what no commit does are
// errors, and dir is empty then.
//
// Such an archive lacks what .gitattributes marks export-ignore; Tree.Left says
// when there may be such files.
func FromTar(ctx context.Context, archive io.Reader, commit, dir string, opts Options) (Tree, error) {
	if err := checkID(commit); err != nil {
		return Tree{}, err
	}
	return unpack(ctx, commit, dir, opts, func(p *planter) error {
		unzipped, err := gzip.NewReader(archive)
		if err != nil {
			return fmt.Errorf("reading the archive: %w", err)
		}
		// What is left out is read all the same: it must not be endless.
		bounded := &boundedReader{ctx: ctx, from: unzipped, left: 8 * p.opts.MaxBytes}
		r := &tarReader{planter: p, tar: tar.NewReader(bounded)}
		if err := r.read(); err != nil {
			return err
		}
		// The checksum comes at the very end.
		if _, err := io.Copy(io.Discard, bounded); err != nil {
			return fmt.Errorf("reading the end of the archive: %w", err)
		}
		return nil
	})
}

type tarReader struct {
	*planter
	tar   *tar.Reader
	top   string // the directory around everything
	named bool   // the archive said whose commit's it is
	dirs  []string
}

func (r *tarReader) read() error {
	for {
		header, err := r.tar.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("reading the archive: %w", err)
		}
		if header.Typeflag == tar.TypeXGlobalHeader {
			if got := header.PAXRecords["comment"]; got != r.tree.Commit {
				return fmt.Errorf("the archive is of commit %q", got)
			}
			r.named = true
			continue
		}
		if !r.named {
			return errors.New("the archive does not say whose commit's it is")
		}
		name, err := r.inside(header.Name)
		if err != nil {
			return err
		}
		if name == "" {
			continue
		}
		if err := r.entry(name, header); err != nil {
			return err
		}
	}
	if r.top == "" {
		return errors.New("the archive is empty")
	}
	for _, dir := range r.dirs {
		if !r.held[dir] {
			// git has no empty directories.
			r.tree.leave(dir, "is a submodule")
		}
	}
	return nil
}

// inside strips the directory around everything.
func (r *tarReader) inside(name string) (string, error) {
	top, rest, ok := strings.Cut(name, "/")
	if !ok || top == "" || top == "." || top == ".." || r.top != "" && top != r.top {
		return "", fmt.Errorf("the path %q does not lie in the archive's one directory", name)
	}
	r.top = top
	return strings.TrimSuffix(rest, "/"), nil
}

func (r *tarReader) entry(name string, header *tar.Header) error {
	if err := r.admit(name); err != nil {
		return err
	}
	switch header.Typeflag {
	case tar.TypeDir:
		r.dirs = append(r.dirs, name)
		return r.directory(name)
	case tar.TypeSymlink:
		r.link(name, header.Linkname)
		return nil
	case tar.TypeReg:
		if !r.wants(name, header.Size) {
			return nil
		}
		var content io.Reader = r.tar
		if path.Base(name) == ".gitattributes" {
			text, err := io.ReadAll(content)
			if err != nil {
				return fmt.Errorf("reading %q: %w", name, err)
			}
			if slices.ContainsFunc(bytes.Fields(text), func(word []byte) bool { return string(word) == "export-ignore" || string(word) == "export-subst" }) {
				r.tree.leave(name, "keeps files out of archives, or changes them there")
			}
			content = bytes.NewReader(text)
		}
		return r.file(name, header.Size, header.Mode&0o100 != 0, content)
	default:
		return fmt.Errorf("%q is of type %q, which no commit holds", name, header.Typeflag)
	}
}

// boundedReader ends with an error after too many bytes or with its context.
type boundedReader struct {
	ctx  context.Context
	from io.Reader
	left int64
}

func (r *boundedReader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	n, err := r.from.Read(p)
	if r.left -= int64(n); r.left < 0 {
		return 0, errors.New("it is larger than anything that is read")
	}
	return n, err
}
