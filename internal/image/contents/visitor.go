package contents

import (
	"io"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/image"
	"github.com/plimsoll-ci/plimsoll/internal/image/layer"
)

// The bounds of what a visitor keeps, beside the index: a hostile image fills no
// memory with them.
const (
	accountBytes = 1 << 20 // of one /etc/passwd, /etc/group or /etc/shadow
	accountFiles = 64      // of such files, in all layers together
	largeFiles   = 32      // that are remembered by name in one layer
	largeBytes   = 64 << 10
)

// Visitor keeps what a container of an image would find: ride it on layer.Walk
// and ask for the Image after the walk ended without an error.
type Visitor struct {
	index    layer.Index
	current  layer.Layer
	programs map[string]program // by path; of executables
	accounts map[string]account // by path; the databases of users and groups
	layers   []Layer
	gone     map[string][]int // path → layers that delete it, or what is below it
	strings  map[string]string
}

// program is what the kernel would make of an executable.
type program struct {
	Program
	layer int
}

// account is one database of users or groups.
type account struct {
	text  []byte
	whole bool // not cut at accountBytes
	layer int
}

// NewVisitor makes a visitor of one walk.
func NewVisitor() *Visitor {
	return &Visitor{
		programs: map[string]program{}, accounts: map[string]account{},
		gone: map[string][]int{}, strings: map[string]string{},
	}
}

// BeginLayer is part of layer.Visitor.
func (v *Visitor) BeginLayer(l layer.Layer) error {
	v.current = l
	v.layers = append(v.layers, Layer{Layer: l})
	return v.index.BeginLayer(l)
}

// EndLayer is part of layer.Visitor.
func (v *Visitor) EndLayer(l layer.Layer) error { return v.index.EndLayer(l) }

// Visit is part of layer.Visitor.
func (v *Visitor) Visit(e layer.Entry, open layer.Opener) error {
	switch {
	case e.Whiteout == "opaque":
		v.gone[e.Path+"/"] = append(v.gone[e.Path+"/"], e.Layer.Index)
	case e.Whiteout == "file":
		v.gone[e.Path] = append(v.gone[e.Path], e.Layer.Index)
	case e.Regular():
		v.regular(e, open)
	case e.Link != "":
		v.link(e)
	}
	return v.index.Visit(e, open)
}

// regular looks at a file with content. A file that cannot be opened is not
// known, and what is not known is not judged; see layer.Opener for the rest.
func (v *Visitor) regular(e layer.Entry, open layer.Opener) {
	at := &v.layers[len(v.layers)-1]
	at.add(e)
	if isAccounts(e.Path) && (len(v.accounts) < accountFiles || v.known(e.Path)) {
		if c, err := open(); err == nil {
			text, err := io.ReadAll(io.LimitReader(c, accountBytes))
			_ = c.Close()
			v.accounts[e.Path] = account{text: text, whole: err == nil && e.Header.Size <= accountBytes, layer: e.Layer.Index}
		}
	}
	if e.Header.Mode&0o111 == 0 || library(e.Path) {
		return
	}
	c, err := open()
	if err != nil {
		return
	}
	p := probe(c, e.Header.Size)
	_ = c.Close()
	p.Interpreter, p.Argument = v.intern(p.Interpreter), v.intern(p.Argument)
	v.programs[e.Path] = program{Program: p, layer: e.Layer.Index}
}

// link gives a hard link what its target has: another layer may take the target
// away, and leaves the link its content.
func (v *Visitor) link(e layer.Entry) {
	if p, ok := v.programs[e.Link]; ok {
		p.layer = e.Layer.Index
		v.programs[e.Path] = p
	}
	if a, ok := v.accounts[e.Link]; ok && isAccounts(e.Path) {
		a.layer = e.Layer.Index
		v.accounts[e.Path] = a
	}
}

func (v *Visitor) known(p string) bool {
	_, ok := v.accounts[p]
	return ok
}

// intern keeps one copy of each string: thousands of programs share a loader.
func (v *Visitor) intern(s string) string {
	if known, ok := v.strings[s]; ok {
		return known
	}
	v.strings[s] = s
	return s
}

// isAccounts says whether a path is a database of users or groups; those of
// images made by Nix lie elsewhere and are linked.
func isAccounts(p string) bool {
	dir, name := path.Split(p)
	switch name {
	case "passwd", "group", "shadow":
		return dir == "etc/" || strings.HasSuffix(dir, "/etc/")
	}
	return false
}

// library says whether a path is that of a shared library, which many
// distributions mark executable and nobody executes.
func library(p string) bool {
	name := path.Base(p)
	return strings.HasSuffix(name, ".so") || strings.Contains(name, ".so.")
}

// Image gives what the walk found. The visitor may not be used after.
func (v *Visitor) Image(img image.Image) *Image {
	i := &Image{
		Reference: img.Reference, Digest: img.Digest.String(), Platform: img.Platform,
		index: &v.index, programs: v.programs, accounts: v.accounts, layers: v.layers,
	}
	if img.Config != nil {
		i.Config = img.Config.Config
		i.OS, i.Architecture, i.History = img.Config.OS, img.Config.Architecture, img.Config.History
	}
	if manifest, err := img.Manifest(); err == nil { // the walk has read it before
		i.Annotations = manifest.Annotations
	}
	v.settle()
	return i
}

// settle tells what of each layer no container sees.
func (v *Visitor) settle() {
	left := make([]int64, len(v.layers))
	for f := range v.index.All() {
		if f.Layer.Index < len(left) {
			left[f.Layer.Index] += f.Size
		}
	}
	for n := range v.layers {
		l := &v.layers[n]
		l.Hidden = max(0, l.Bytes-left[n])
		for _, file := range l.large {
			now, ok := v.index.Lookup(file.Path)
			if ok && now.Layer.Index == n {
				continue
			}
			file.By = v.remover(file.Path, n)
			if ok && (file.By < 0 || now.Layer.Index <= file.By) {
				file.By, file.Replaced = now.Layer.Index, true
			}
			l.Gone = append(l.Gone, file)
		}
		l.large = nil
		slices.SortStableFunc(l.Gone, func(a, b Gone) int { return int(min(1, max(-1, b.Size-a.Size))) })
	}
}

// remover is the first layer above n that deletes p, -1 when none does.
func (v *Visitor) remover(p string, n int) int {
	by := -1
	look := func(key string) {
		for _, at := range v.gone[key] {
			if at > n && (by < 0 || at < by) {
				by = at
			}
		}
	}
	look(p)
	for dir := path.Dir(p); ; dir = path.Dir(dir) {
		look(dir + "/")
		if dir == "." {
			return by
		}
		look(dir)
	}
}
