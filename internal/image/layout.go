package image

import (
	"encoding/json"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// FromLayout opens the image of an OCI layout that digest and platform choose, as
// Choose does; both may be empty where the layout holds only one, or one for
// several platforms. The errors are *AmbiguousError where the choice does not lead
// to exactly one image, and otherwise name the file and its cause.
func FromLayout(dir, digest, platform string) (Image, error) {
	l := layout{dir: dir, kind: "OCI layout", name: dir}
	return l.choose(Choice{Digest: digest, Platform: platform})
}

// layout is an OCI layout on disk, and what people know it as.
type layout struct {
	dir  string
	kind string // "OCI layout" or "image archive"
	name string // the path that was given, which dir need not be
}

func (l layout) choose(choice Choice) (Image, error) {
	index, err := l.index()
	if err != nil {
		return Image{}, l.explain(err)
	}
	img, err := Choose(index, l.name, choice, Shelf{
		Index: func(digest v1.Hash) ([]byte, error) { return readBlob(l.dir, digest, maxManifest) },
		Image: l.open,
	})
	if err != nil {
		return Image{}, l.explain(err)
	}
	return img, nil
}

// explain says what was being read, where the error does not say it itself.
func (l layout) explain(err error) error {
	if _, ok := errors.AsType[*AmbiguousError](err); ok {
		return err
	}
	return fmt.Errorf("reading the %s %s: %w", l.kind, l.name, err)
}

func (l layout) index() (*v1.IndexManifest, error) {
	raw, err := readFile(l.dir, "index.json", maxManifest)
	if err != nil {
		return nil, err
	}
	index := &v1.IndexManifest{}
	if err := json.Unmarshal(raw, index); err != nil {
		return nil, fmt.Errorf("parsing index.json: %w", err)
	}
	return index, nil
}

// open opens an image under its name in the index. One without a name goes by
// the path of its archive, or of its layout with its digest.
func (l layout) open(digest v1.Hash, name string) (Image, error) {
	img, err := load(l.dir, digest)
	if err != nil {
		return Image{}, err
	}
	switch {
	case name != "":
		img.Reference = name
	case l.dir != l.name:
		img.Reference = l.name
	default:
		img.Reference = l.name + "@" + img.Digest.String()
	}
	return img, nil
}
