package kubernetes

import (
	"context"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// Renderer makes manifests of what is none yet: a chart, a kustomization. It reads
// through the tree only: no network, no process, no environment. It fails only when
// ctx ends; what could not be rendered is in the rendering.
type Renderer interface {
	Render(ctx context.Context, tree *source.Tree, root Root) (*Rendering, error)
}

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
	Unread    []finding.Unread
	// Missing says what the root needs and the tree does not hold, and how to get it;
	// the rest was rendered without. Empty when all is there.
	Missing string
	Notes   []string
	// Used are the files that it was made of. They mean nothing standing alone.
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
