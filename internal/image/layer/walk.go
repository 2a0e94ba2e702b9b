package layer

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/plimsoll-ci/plimsoll/internal/image"
)

// The names of whiteouts: OCI image specification, layer.md. Other names that
// begin like opaqueName are metadata of aufs, which runtimes pass over.
const (
	whiteout   = ".wh."
	auxiliary  = ".wh..wh."
	opaqueName = ".wh..wh..opq"
)

// Walk shows every entry of every layer of img to every visitor, the lowest
// layer first, and recomputes both digests of each layer on the way.
//
// A layer that cannot be read to its end, passes a limit or has another digest
// than the manifest (of the blob) or the config (of the tar in it) say, ends the
// walk with an *Error. An error of a visitor ends it too and is returned as it
// is. A layer that lies uncompressed in a layout is read by seeking: what no
// visitor opens is read for its digest only, from another goroutine.
func Walk(ctx context.Context, img image.Image, limits Limits, visitors ...Visitor) error {
	layers, err := img.Layers()
	if err != nil {
		return fmt.Errorf("listing the layers of %s: %w", img.Reference, err)
	}
	manifest, err := img.Manifest()
	if err != nil {
		return fmt.Errorf("reading the manifest of %s: %w", img.Reference, err)
	}
	ids := img.Config.RootFS.DiffIDs
	if len(layers) != len(ids) || len(layers) != len(manifest.Layers) {
		return fmt.Errorf("reading %s: it has %d layers, %d in its manifest and %d in its config; the image is damaged",
			img.Reference, len(layers), len(manifest.Layers), len(ids))
	}
	w := &walk{ctx: ctx, limits: limits, visitors: visitors, budget: newBudget(limits)}
	defer w.spool.close()
	for i := range layers {
		w.layer = Layer{Index: i, DiffID: ids[i], Digest: manifest.Layers[i].Digest, Size: manifest.Layers[i].Size}
		if err := w.one(img, layers[i]); err != nil {
			return err
		}
	}
	return nil
}

// walk is one walk over one image.
type walk struct {
	ctx      context.Context
	limits   Limits
	visitors []Visitor
	budget   *budget
	spool    spool

	layer Layer
	path  string // of the entry at hand
}

// failed wraps what concerns the layer at hand.
func (w *walk) failed(err error) error {
	if ctx := w.ctx.Err(); ctx != nil {
		return ctx
	}
	return &Error{Layer: w.layer, Path: w.path, Err: err}
}

func (w *walk) one(img image.Image, l v1.Layer) error {
	w.path = ""
	for _, v := range w.visitors {
		if err := v.BeginLayer(w.layer); err != nil {
			return err
		}
	}
	blob, err := openBlob(img, w.layer, l)
	if err != nil {
		return w.failed(err)
	}
	defer blob.Close()
	src, err := newSource(w.ctx, blob, w.layer, w.budget)
	if err != nil {
		return w.failed(err)
	}
	defer src.close()
	if err := w.entries(src); err != nil {
		return err
	}
	w.path = ""
	if err := src.finish(); err != nil {
		return w.failed(err)
	}
	for _, v := range w.visitors {
		if err := v.EndLayer(w.layer); err != nil {
			return err
		}
	}
	return nil
}

// openBlob opens a layer as it lies.
func openBlob(img image.Image, at Layer, l v1.Layer) (io.ReadCloser, error) {
	if img.Layout != "" {
		f, err := image.OpenBlob(img.Layout, at.Digest)
		if err != nil {
			return nil, err
		}
		return f, nil
	}
	return l.Compressed()
}

// entries shows what the tar holds.
func (w *walk) entries(src *source) error {
	tr := tar.NewReader(src.tar)
	for {
		w.path = ""
		if err := w.ctx.Err(); err != nil {
			return err
		}
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return w.failed(src.cause(err))
		}
		if err := w.budget.entry(); err != nil {
			return w.failed(err)
		}
		entry, err := w.entry(h)
		if err != nil {
			return w.failed(err)
		}
		if entry.Path == "" {
			continue
		}
		w.path = entry.Path
		if err := w.show(entry, tr, src); err != nil {
			return err
		}
	}
}

// entry reads a header. An entry without a path is one to pass over.
func (w *walk) entry(h *tar.Header) (Entry, error) {
	e := Entry{Layer: w.layer, Header: h}
	e.Path, e.Escapes = clean("", h.Name)
	if err := w.bounds(e.Path); err != nil {
		return e, err
	}
	dir, name := path.Split(e.Path)
	switch {
	case name == opaqueName:
		e.Path, e.Whiteout = path.Clean("./"+dir), "opaque"
	case strings.HasPrefix(name, auxiliary):
		e.Path = ""
	case strings.HasPrefix(name, whiteout):
		name = strings.TrimPrefix(name, whiteout)
		if name == "" || name == "." || name == ".." {
			return e, fmt.Errorf("the whiteout %q names nothing", h.Name)
		}
		e.Path, e.Whiteout = dir+name, "file"
	case h.Typeflag == tar.TypeSymlink:
		var above bool
		e.Link, above = clean(dir, h.Linkname)
		e.Escapes = e.Escapes || above
	case h.Typeflag == tar.TypeLink:
		var above bool
		e.Link, above = clean("", h.Linkname)
		e.Escapes = e.Escapes || above
	}
	return e, nil
}

func (w *walk) bounds(p string) error {
	if w.limits.PathBytes > 0 && len(p) > w.limits.PathBytes {
		return &LimitError{What: "bytes in a path", Limit: int64(w.limits.PathBytes)}
	}
	if w.limits.Depth > 0 && strings.Count(p, "/") >= w.limits.Depth {
		return &LimitError{What: "names in a path", Limit: int64(w.limits.Depth)}
	}
	return nil
}

// clean makes name, which is relative to dir unless it begins with a slash,
// relative to the root; the root is ".". It says whether the name led above the
// root, to which it is then clamped.
func clean(dir, name string) (cleaned string, escapes bool) {
	if !strings.HasPrefix(name, "/") {
		relative := path.Join(dir, name)
		escapes = relative == ".." || strings.HasPrefix(relative, "../")
	}
	cleaned = strings.TrimPrefix(path.Join("/", dir, name), "/")
	if strings.HasPrefix(name, "/") {
		cleaned = strings.TrimPrefix(path.Clean(name), "/")
	}
	if cleaned == "" {
		cleaned = "."
	}
	return cleaned, escapes
}

// show shows one entry to every visitor.
func (w *walk) show(e Entry, tr *tar.Reader, src *source) error {
	open := func() (Content, error) { return nil, fmt.Errorf("%q is not a regular file", e.Path) }
	var broken error
	if e.Regular() {
		file := &file{walk: w, header: e.Header, tar: tr, source: src}
		open = func() (Content, error) {
			c, err := file.open()
			var limit *LimitError
			if err != nil && !errors.As(err, &limit) {
				broken = err
			}
			return c, err
		}
	}
	for _, v := range w.visitors {
		err := v.Visit(e, open)
		if broken != nil {
			return w.failed(src.cause(broken))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
