// Package contents tells what a container of an image would find: its files, its
// users and what they may do, its programs and what those need to start. It is
// filled by a visitor of the one walk and keeps no content but the databases of
// users and groups.
package contents

import (
	"iter"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/plimsoll-ci/plimsoll/internal/image/layer"
)

// Image is what a container would find. It may be read from several goroutines.
type Image struct {
	// Reference names the image for people, Digest is that of its manifest.
	Reference, Digest string
	// Platform is that of image.Image, OS and Architecture those of the config.
	Platform, OS, Architecture string
	// Config is what a container starts with: user, environment, entrypoint,
	// command, working directory, volumes, ports, labels, health check.
	Config v1.Config
	// History has one entry per instruction; those with EmptyLayer made none.
	History []v1.History
	// Annotations are those of the manifest.
	Annotations map[string]string

	index    *layer.Index
	programs map[string]program
	accounts map[string]account
	layers   []Layer
}

// Layer is a layer and what became of it.
type Layer struct {
	layer.Layer
	// Bytes are those of the files that the layer holds, unpacked.
	Bytes int64
	// Hidden are those of Bytes that no container sees, since a later layer deletes
	// or replaces the file. Everybody who pulls the image pulls them.
	Hidden int64
	// Gone names the largest hidden files, the largest first: at most 32 of 64 KiB
	// and above.
	Gone []Gone

	large []Gone
}

// Gone is a file that no container sees.
type Gone struct {
	Path string
	Size int64
	// By is the layer that deletes or replaces it, -1 when that is not known.
	By       int
	Replaced bool
}

// add counts a file of the layer.
func (l *Layer) add(e layer.Entry) {
	l.Bytes += e.Header.Size
	if e.Header.Size < largeBytes {
		return
	}
	l.large = append(l.large, Gone{Path: e.Path, Size: e.Header.Size})
	if len(l.large) < 2*largeFiles {
		return
	}
	slices.SortStableFunc(l.large, func(a, b Gone) int { return int(min(1, max(-1, b.Size-a.Size))) })
	l.large = slices.Clone(l.large[:largeFiles])
}

// Layers are those of the image, the lowest first.
func (i *Image) Layers() []Layer { return i.layers }

// Linux says whether the rest of this package can judge the image: it knows the
// paths, users and programs of Linux only.
func (i *Image) Linux() bool { return i.OS == "" || i.OS == "linux" }

// All gives every file that a container sees in the order of its path, a
// directory before what is in it. Directories that no entry made are left out.
func (i *Image) All() iter.Seq[layer.File] { return i.index.All() }

// Below gives the files below a directory, which is resolved as Lookup does.
func (i *Image) Below(dir string) iter.Seq[layer.File] {
	f, ok := i.Lookup(dir)
	if !ok {
		return func(func(layer.File) bool) {}
	}
	return i.index.Below(f.Path)
}

// Len is how many files All gives.
func (i *Image) Len() int { return i.index.Len() }

// links is how many symbolic links a path may lead over: Linux's MAXSYMLINKS.
const links = 40

// Lookup finds the file that a path, absolute or relative to the root, leads to.
// It follows symbolic links as a kernel does whose root is the image: none leads
// out of it. A link that leads nowhere, in a circle or over more than 40 others
// is not found. The File tells its own path, which holds no link.
func (i *Image) Lookup(p string) (layer.File, bool) {
	// What lies behind a link that a later layer put files below is there for some
	// builders' images only; it is taken to be there.
	if f, ok := i.follow(p); ok {
		return f, true
	}
	f, ok := i.index.Lookup(p)
	if !ok || f.Mode.Type() != 0 && !f.Mode.IsDir() {
		return layer.File{}, false
	}
	return f, true
}

func (i *Image) follow(p string) (layer.File, bool) {
	left := names(p)
	at, followed := ".", 0
	for len(left) > 0 {
		name := left[0]
		left = left[1:]
		switch name {
		case ".":
			continue
		case "..":
			at = path.Dir(at)
			continue
		}
		next := path.Join(at, name)
		f, ok := i.entry(next)
		switch {
		case ok && f.Link != "" && !f.HardLink:
			if followed++; followed > links {
				return layer.File{}, false
			}
			at, left = ".", append(names(f.Link), left...)
			continue
		case ok && !f.Mode.IsDir() && len(left) > 0:
			return layer.File{}, false
		}
		at = next
	}
	return i.directory(at)
}

// entry is the file of a path without a link in it but the last name. A hard
// link to a symbolic link is one.
func (i *Image) entry(p string) (layer.File, bool) {
	f, ok := i.index.Lookup(p)
	if ok && f.HardLink {
		if target, found := i.index.Lookup(f.Link); found && target.Link != "" && !target.HardLink {
			target.Path = f.Path
			return target, true
		}
	}
	return f, ok
}

// directory gives the file of a path, made up for a directory that no entry
// made: runtimes make those for root, mode 0755.
func (i *Image) directory(p string) (layer.File, bool) {
	if f, ok := i.index.Lookup(p); ok {
		return f, true
	}
	for below := range i.index.Below(p) {
		return layer.File{Path: p, Mode: implied, Layer: below.Layer}, true
	}
	return layer.File{Path: p, Mode: implied}, p == "."
}

// names splits a path; the root has none.
func names(p string) []string {
	return slices.DeleteFunc(strings.Split(p, "/"), func(s string) bool { return s == "" })
}

// Abs makes a path absolute that is relative to the image's working directory.
func (i *Image) Abs(p string) string {
	if path.IsAbs(p) {
		return p
	}
	return path.Join("/", i.Config.WorkingDir, p)
}

// DefaultPath is the PATH of a container whose image has none:
// https://github.com/moby/moby/blob/v28.0.0/oci/defaults.go.
const DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Env is the value of a variable of the image's environment; the last one counts.
func (i *Image) Env(name string) (string, bool) {
	for _, pair := range slices.Backward(i.Config.Env) {
		if key, value, ok := strings.Cut(pair, "="); ok && key == name {
			return value, true
		}
	}
	return "", false
}

// candidates are the paths that a program's name may mean, in order.
func (i *Image) candidates(name string) []string {
	if strings.Contains(name, "/") {
		return []string{i.Abs(name)}
	}
	search, ok := i.Env("PATH")
	if !ok {
		search = DefaultPath
	}
	var all []string
	for dir := range strings.SplitSeq(search, ":") {
		if dir != "" {
			all = append(all, path.Join(i.Abs(dir), name))
		}
	}
	return all
}

// LookPath finds a program by its name through the image's PATH, or Docker's when
// it has none; a name with a slash is relative to the working directory. What is
// found is a regular file that somebody may execute: Can tells who.
func (i *Image) LookPath(name string) (layer.File, bool) {
	for _, p := range i.candidates(name) {
		if f, ok := i.Lookup(p); ok && f.Mode.IsRegular() && f.Mode&0o111 != 0 {
			return f, true
		}
	}
	return layer.File{}, false
}
