package kubernetes

import (
	"context"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// Renderer makes manifests of what is none yet: a chart, a kustomization. It reads
// through the tree only: no network, no process, no environment. It fails only when
// ctx ends; what could not be rendered is in the rendering.
type Renderer interface {
	Render(ctx context.Context, tree *source.Tree, root Root) (*Rendering, error)
}

// Renderers are the two there are; nil where the program has none.
type Renderers struct{ Charts, Kustomizations Renderer }

// Root is what is rendered.
type Root struct {
	// Dir holds the Chart.yaml or the kustomization.
	Dir string
	// Values are files of a chart's values over its own, the last one wins.
	Values []string
	// Version is the minor version of Kubernetes that it is rendered for ("1.37").
	Version string
}

// Rendering is what came of a root.
type Rendering struct {
	Manifests []Manifest
	// Unread are the parts that could not be rendered, with no manifest when it is all.
	Unread []finding.Unread
	// Asks are the parts that ask for values which nobody gave, where that is all that
	// keeps them from being rendered.
	Asks []finding.Unread
	// Missing says what the root needs and the tree does not hold, and how to get it;
	// the rest was rendered without. Empty when all is there.
	Missing string
	Notes   []string
	// Empty are templates that these values render to nothing.
	Empty []string
	// Used are the files that it was made of, which mean nothing standing alone.
	Used []string
}

// Manifest is one rendered text.
type Manifest struct {
	// Path is the file that it was made of, for what has no place of its own.
	Path string
	Text string
	// Place says where the bytes [start, end) of the text come from.
	Place func(start, end int) finding.Location
	// Subject names the only object in it as its source does, before prefixes and
	// namespaces were added; empty when it is as it stands.
	Subject string
}

// Approximate is the note of a place near what was found, where the very one is not
// to be had.
const Approximate = "approximate: rendered from here"

// ReleaseNamespace is where charts are rendered to: the namespace of those who name
// none. An object that names it does so in words of its template only.
const ReleaseNamespace = "default"

// ParseManifest reads what was rendered, as Parse does. Tests that Helm runs on
// demand are left out: they are no part of what runs.
func ParseManifest(m Manifest) (*File, []finding.Unread) {
	src, err := source.NewRendered(m.Path, m.Text, m.Place)
	if err != nil {
		return nil, []finding.Unread{{Kind: finding.UnreadSource, Location: finding.Location{Path: m.Path}, Cause: "what it renders to " + err.Error()}}
	}
	f, unread := Parse(src)
	if f == nil {
		return nil, unread
	}
	f.Objects = slices.DeleteFunc(f.Objects, func(o *Object) bool {
		hooks := o.Node.Get("metadata").Get("annotations").Get("helm.sh/hook").Text()
		return slices.ContainsFunc(strings.Split(hooks, ","), func(hook string) bool { return strings.HasPrefix(strings.TrimSpace(hook), "test") })
	})
	for _, o := range f.Objects {
		o.source = m.Subject
		if m.Subject == "" && o.Namespace == ReleaseNamespace {
			o.Namespace = ""
		}
	}
	return f, unread
}
