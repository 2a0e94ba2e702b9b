// Package kubernetes is the positioned model of Kubernetes manifests: YAML nodes
// with small typed views on the workloads in them. Kinds that it does not know
// are counted and otherwise left alone.
package kubernetes

import (
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/yaml"
)

// maxNodes bounds the values of one file with every alias followed: the largest
// objects in the wild (custom resource definitions) hold some 100,000. What lies
// above is written to break readers, not to be applied.
const maxNodes = 1_000_000

// Node is one value of a manifest with its place.
type Node = yaml.Node

// Entry is one key and value of a mapping.
type Entry = yaml.Entry

// File is one manifest file.
type File struct {
	Source *source.File
	// Objects are those of all documents, the items of Lists unrolled, in order.
	Objects []*Object

	yaml   *yaml.File
	masked []finding.Location
}

// Comments are the comments and annotations that may excuse something, with what they
// cover.
func (f *File) Comments() []source.Comment { return slices.Concat(f.yaml.Comments(), f.annotations()) }

// Masked are the places of values that may be secrets and are never shown.
func (f *File) Masked() []finding.Location { return f.masked }

// Object is one Kubernetes object.
type Object struct {
	File                              *File
	Node                              Node
	APIVersion, Kind, Namespace, Name string
	// Set is all manifests that are judged together; nil when only one file is known.
	Set *Set

	workload *Workload // nil when it runs no pods
	source   string    // its subject in what it was rendered from
}

// Subject names an object in findings and fingerprints: kind, namespace where it
// has one, and name.
func (o *Object) Subject() string {
	if o.source != "" {
		return o.source
	}
	if o.Namespace == "" {
		return o.Kind + "/" + o.Name
	}
	return o.Kind + "/" + o.Namespace + "/" + o.Name
}

// Group is the API group, "" for the core one.
func (o *Object) Group() string {
	group, _, ok := strings.Cut(o.APIVersion, "/")
	if !ok {
		return ""
	}
	return group
}

// Parse reads a file of one or more documents. Each document that cannot be
// judged is an unread record, and the others are judged all the same; after a
// syntax error YAML has no way to go on, so the rest of the file is part of it.
func Parse(src *source.File) (*File, []finding.Unread) {
	parsed, unread := yaml.Parse(src, maxNodes)
	if parsed == nil {
		return nil, unread
	}
	f := &File{Source: src, yaml: parsed}
	for _, document := range parsed.Documents {
		f.collect(document, 0)
	}
	f.masked = f.secrets()
	return f, unread
}

// collect adds the objects in n: n itself, or the items of a List.
func (f *File) collect(n Node, depth int) {
	object := &Object{
		File: f, Node: n,
		APIVersion: n.Get("apiVersion").Text(), Kind: n.Get("kind").Text(),
		Namespace: n.Get("metadata").Get("namespace").Text(), Name: n.Get("metadata").Get("name").Text(),
	}
	if object.APIVersion == "" || object.Kind == "" {
		return
	}
	if items := n.Get("items"); strings.HasSuffix(object.Kind, "List") && items.IsList() && depth < 4 {
		for _, item := range items.Items() {
			f.collect(item, depth+1)
		}
		return
	}
	if object.Name == "" {
		object.Name = n.Get("metadata").Get("generateName").Text()
	}
	object.workload = object.pods()
	f.Objects = append(f.Objects, object)
}
