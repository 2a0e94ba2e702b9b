// Package compose is the positioned model of Compose files: what the files of a
// project come to once they are merged, each value with the place it came from.
package compose

import (
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/yaml"
)

// maxNodes bounds the values of one file with every alias followed: the largest
// projects that people write come to some 5,000.
const maxNodes = 100_000

// File is one Compose file.
type File struct {
	Source *source.File
	Root   yaml.Node
	// Legacy says that the file has services at its root, as those of version 1 had.
	Legacy bool

	yaml   *yaml.File
	masked []finding.Location
}

// Comments are the comments that excuse something, with the lines they cover.
func (f *File) Comments() []source.Comment { return f.yaml.Comments() }

// Masked are the places of values that may be secrets and are never shown.
func (f *File) Masked() []finding.Location { return f.masked }

// Parse reads one file. It is nil when it holds nothing that can be judged; the
// records, if there are any, say why.
func Parse(src *source.File) (*File, []finding.Unread) {
	parsed, unread := yaml.Parse(src, maxNodes)
	if parsed == nil || len(unread) > 0 {
		for i := range unread {
			if flat(src.Text) {
				unread[i].Cause += "; keys of services stand at the top level: is the indentation lost?"
			}
		}
		return nil, unread
	}
	switch {
	case len(parsed.Documents) == 0:
		return nil, nil
	case len(parsed.Documents) > 1:
		return nil, []finding.Unread{src.Unread(parsed.Documents[1].At().Line, "begins a second document, and one file is one part of a project; split it")}
	}
	f := &File{Source: src, yaml: parsed, Root: parsed.Documents[0]}
	if !f.Root.IsMap() {
		return nil, []finding.Unread{src.Unread(f.Root.At().Line, "holds no mapping with \"services\"; it is no Compose file")}
	}
	if services := f.Root.Get("services"); services.Exists() && !services.IsNull() && !services.Resolved().IsMap() {
		return nil, []finding.Unread{src.Unread(f.Root.Key("services").At().Line, "has \"services\" that are no mapping of names; is the indentation lost?")}
	}
	f.Legacy = f.legacy()
	f.mask(f.Root)
	return f, nil
}

// flat says that a text whose YAML cannot be read has keys of services at its
// left edge.
func flat(text string) bool {
	n := 0
	for _, key := range []string{"\nimage:", "\nports:", "\nenvironment:", "\nbuild:", "\ndepends_on:", "\nhealthcheck:"} {
		if strings.Contains(text, key) {
			n++
		}
	}
	return n > 1
}

// rootKeys are those of the specification.
var rootKeys = []string{"version", "name", "include", "services", "models", "networks", "volumes", "secrets", "configs"}

// legacy says that the keys of the root are services.
func (f *File) legacy() bool {
	for _, e := range f.Root.Entries() {
		if slices.Contains(rootKeys, e.Key.Text()) {
			return false
		}
	}
	for _, e := range f.Root.Entries() {
		if v := e.Value.Resolved(); v.IsMap() && (v.Get("image").Exists() || v.Get("build").Exists()) {
			return true
		}
	}
	return false
}

// mask collects the places of values that may be secrets.
func (f *File) mask(n yaml.Node) {
	switch {
	case n.IsMap():
		for _, e := range n.Entries() {
			f.maskEntry(e)
		}
	case n.IsList():
		secret := false
		for _, item := range n.Items() {
			if secret && item.IsScalar() {
				f.masked = append(f.masked, item.At())
			}
			secret = item.IsScalar() && source.SecretFlag(item.Text())
			f.mask(item)
		}
	case n.IsScalar():
		text := n.Text()
		name, value, ok := strings.Cut(text, "=")
		switch {
		case ok && value != "" && source.SecretName(strings.TrimLeft(name, "-")) != source.NoSecret && !strings.ContainsAny(name, " \t"):
			f.masked = append(f.masked, n.Part(len(name)+1, len(text)))
		case source.HasToken(text):
			f.masked = append(f.masked, n.At())
		default:
			for _, span := range source.SecretWords(text) {
				f.masked = append(f.masked, n.Part(span[0], span[1]))
			}
		}
	}
}

func (f *File) maskEntry(e yaml.Entry) {
	name := e.Key.Text()
	strength := source.SecretName(name)
	if strength == source.LikelySecret || strength == source.MaybeSecret && strings.ToUpper(name) == name {
		if e.Value.IsScalar() && e.Value.Text() != "" {
			f.masked = append(f.masked, e.Value.Resolved().At())
			return
		}
	}
	f.mask(e.Value)
}
