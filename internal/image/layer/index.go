package layer

import (
	"archive/tar"
	"io/fs"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"
)

// File is one file of the image as a container would see it.
type File struct {
	Path string
	// Mode is the type and the permissions; hard links carry those of their own entry.
	Mode     fs.FileMode
	UID, GID int
	Size     int64  // as the entry says; 0 for all but regular files
	Link     string // target of a symbolic or hard link, relative to the root
	HardLink bool
	Escapes  bool // see Entry.Escapes
	Layer    Layer
}

// Index is a visitor that lays the layers over each other: after the walk it
// holds the files of the image. The zero value is ready.
type Index struct {
	root    node
	current Layer
}

// node is a name in the tree. A directory that no entry made has no file.
type node struct {
	file     *File
	children map[string]*node
}

// BeginLayer is part of Visitor.
func (x *Index) BeginLayer(l Layer) error {
	x.current = l
	return nil
}

// EndLayer is part of Visitor.
func (x *Index) EndLayer(Layer) error { return nil }

// Visit is part of Visitor.
func (x *Index) Visit(e Entry, _ Opener) error {
	switch e.Whiteout {
	case "opaque":
		if n := x.find(e.Path); n != nil {
			for name, child := range n.children {
				x.dropBelow(n, name, child)
			}
		}
		return nil
	case "file":
		parent := x.find(path.Dir(e.Path))
		if parent == nil {
			return nil
		}
		if child := parent.children[path.Base(e.Path)]; child != nil {
			x.dropBelow(parent, path.Base(e.Path), child)
		}
		return nil
	}
	n := x.make(e.Path)
	if e.Header.Typeflag != tar.TypeDir && len(n.children) > 0 {
		n.children = nil // a file takes the place of a directory
	}
	n.file = describe(e)
	return nil
}

// describe keeps of an entry what a File tells. The mode is built from the type
// of the entry and the permissions of its header: see Entry.Regular.
func describe(e Entry) *File {
	plain := tar.Header{Typeflag: e.Header.Typeflag, Mode: e.Header.Mode & 0o7777}
	f := &File{
		Path: e.Path, Mode: plain.FileInfo().Mode(), UID: e.Header.Uid, GID: e.Header.Gid,
		Link: e.Link, HardLink: e.Header.Typeflag == tar.TypeLink, Escapes: e.Escapes, Layer: e.Layer,
	}
	if e.Regular() {
		f.Size = e.Header.Size
	}
	return f
}

// dropBelow removes what lower layers put at and below a name; what the layer at
// hand put there stays, in whichever order its entries come.
func (x *Index) dropBelow(parent *node, name string, n *node) {
	for childName, child := range n.children {
		x.dropBelow(n, childName, child)
	}
	if n.file != nil && n.file.Layer.Index < x.current.Index {
		n.file = nil
	}
	if n.file == nil && len(n.children) == 0 {
		delete(parent.children, name)
	}
}

func (x *Index) find(p string) *node {
	n := &x.root
	if p == "." {
		return n
	}
	for name := range strings.SplitSeq(p, "/") {
		if n = n.children[name]; n == nil {
			return nil
		}
	}
	return n
}

// make finds or makes the node of p, and the directories on the way that no
// entry made.
func (x *Index) make(p string) *node {
	n := &x.root
	if p == "." {
		return n
	}
	for name := range strings.SplitSeq(p, "/") {
		child := n.children[name]
		if child == nil {
			if n.children == nil {
				n.children = map[string]*node{}
			}
			child = &node{}
			n.children[name] = child
		}
		n = child
	}
	return n
}

// Lookup finds the file of that path, relative to the root of the image; "." is
// the root itself. It does not follow links.
func (x *Index) Lookup(p string) (File, bool) {
	cleaned, _ := clean("", p)
	n := x.find(cleaned)
	if n == nil || n.file == nil {
		return File{}, false
	}
	return *n.file, true
}

// Len is how many files there are, directories included.
func (x *Index) Len() int {
	count := 0
	x.root.walk(func(File) bool { count++; return true })
	return count
}

// All gives every file in the order of its path, a directory before what is in it.
func (x *Index) All() iter.Seq[File] {
	return func(yield func(File) bool) { x.root.walk(yield) }
}

// Below gives every file below a directory, in the order of its path and without
// the directory itself. A directory that no entry made is there when it gives any.
func (x *Index) Below(dir string) iter.Seq[File] {
	return func(yield func(File) bool) {
		cleaned, _ := clean("", dir)
		n := x.find(cleaned)
		if n == nil {
			return
		}
		for _, name := range slices.Sorted(maps.Keys(n.children)) {
			if !n.children[name].walk(yield) {
				return
			}
		}
	}
}

func (n *node) walk(yield func(File) bool) bool {
	if n.file != nil && !yield(*n.file) {
		return false
	}
	for _, name := range slices.Sorted(maps.Keys(n.children)) {
		if !n.children[name].walk(yield) {
			return false
		}
	}
	return true
}
