// Package layer walks the layers of an image once, from the lowest to the
// highest, and shows every entry to visitors. The walk is ours so that it can be
// bounded, so that nothing that cannot be read goes unsaid, and so that what
// nobody wants to open is skipped instead of read where the layer allows seeking.
package layer

import (
	"archive/tar"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Layer is one layer of the image.
type Layer struct {
	Index  int     // 0 is the lowest
	DiffID v1.Hash // of the uncompressed tar
	Digest v1.Hash // of the blob as it lies
	Size   int64   // of the blob in bytes
}

// Entry is one entry of a layer: a file, a directory, a link or a whiteout.
type Entry struct {
	Layer Layer
	// Path is slash-separated, cleaned and relative to the root of the image: "etc/passwd".
	Path   string
	Header *tar.Header
	// Whiteout is "" for an ordinary entry, "file" when this entry deletes Path in
	// lower layers, "opaque" when it hides everything below the directory Path.
	Whiteout string
	// Link is where a symbolic or hard link leads, cleaned like Path; empty for
	// everything else. Links are recorded and never followed.
	Link string
	// Escapes says that the name or the target of the link leads above the root of
	// the image, to which Path and Link are then clamped, as container runtimes do.
	Escapes bool
}

// Regular says whether e is a file with content. It goes by the type of the
// entry alone: the mode may claim another one, and container runtimes do not
// believe it.
func (e Entry) Regular() bool {
	switch e.Header.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse, tar.TypeCont:
		return e.Whiteout == ""
	}
	return false
}

// Content is the content of one file. It may be used from several goroutines
// only through ReadAt.
type Content interface {
	io.ReadSeekCloser
	io.ReaderAt
}

// Opener gives the content of a regular file, from its start at each call. It is
// valid only until Visit returns, and costs a spooled copy where the layer
// cannot seek. A file above Limits.FileBytes gives a *LimitError, which concerns
// that file only; any other error ends the walk with it, whatever Visit returns.
type Opener func() (Content, error)

// Visitor looks at an image while it is walked. Its methods are called from one
// goroutine, in the order of the layers and of the entries inside them. An error
// ends the walk: a visitor keeps what concerns one file as its own record.
type Visitor interface {
	BeginLayer(Layer) error
	Visit(Entry, Opener) error
	EndLayer(Layer) error
}
