// Package kustomize builds kustomizations in process, from the tree and nothing
// else, and says of all that comes out which file it comes from.
package kustomize

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
	"github.com/plimsoll-ci/plimsoll/internal/source/yaml"
)

// Renderer builds kustomizations, one at a time: kustomize keeps the schema that one
// brings along for the whole process.
type Renderer struct {
	one  sync.Mutex
	most int
	read *read
}

// read is what was read of a tree: overlays share their bases.
type read struct {
	tree    *source.Tree
	most    int                   // how many files one kustomization may read
	parsed  map[string]*yaml.File // by path, of all YAML that kustomize was given
	objects map[string][]*kubernetes.Object
}

// New returns a renderer. It costs nothing before it is used.
func New() *Renderer { return &Renderer{most: maxReads} }

// Render builds the kustomization in root.Dir. It fails only when ctx ends.
func (r *Renderer) Render(ctx context.Context, tree *source.Tree, root kubernetes.Root) (*kubernetes.Rendering, error) {
	r.one.Lock()
	defer r.one.Unlock()
	if r.read == nil || r.read.tree != tree {
		r.read = &read{tree: tree, most: r.most, parsed: map[string]*yaml.File{}, objects: map[string][]*kubernetes.Object{}}
	}
	out := &kubernetes.Rendering{}
	p, built, used, err := build(ctx, r.read, root.Dir, types.LoadRestrictionsRootOnly)
	if err != nil && strings.Contains(err.Error(), "is not in or below") {
		p, built, used, err = build(ctx, r.read, root.Dir, types.LoadRestrictionsNone)
		p.notes = append(p.notes, p.file()+": it names files above its own directory, which kustomize refuses unless told otherwise")
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("building the kustomization %s: %w", root.Dir, ctx.Err())
	}
	out.Notes = p.notes
	if len(p.lacks) > 0 {
		slices.Sort(p.lacks)
		out.Missing = "names " + strings.Join(slices.Compact(p.lacks), ", ") + ", which the tree does not hold; the rest was judged without"
	}
	if err != nil {
		out.Unread = append(out.Unread, p.unread(err))
		return out, nil
	}
	out.Used = slices.Sorted(maps.Keys(used))
	t := &trace{plan: p}
	for _, resource := range built.Resources() {
		m, err := t.manifest(resource)
		if err != nil {
			out.Unread = append(out.Unread, p.unread(err))
			continue
		}
		out.Manifests = append(out.Manifests, m)
	}
	return out, nil
}

// build runs kustomize. A panic in it is an error here: it reads what comes from
// outside.
func build(ctx context.Context, from *read, dir string, restrict types.LoadRestrictions) (p *plan, built resmap.ResMap, used map[string]bool, err error) {
	p = &plan{read: from, root: dir, texts: map[string][]byte{}}
	f := &files{ctx: ctx, tree: from.tree, plan: p, used: map[string]bool{}, began: time.Now()}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("kustomize gave up (%v)", r)
		}
		if f.err != nil {
			err = f.err
		} else if err != nil && p.failed != nil {
			err = p.failed
		}
	}()
	options := krusty.MakeDefaultOptions() // no plugins, no functions, no Helm
	options.LoadRestrictions = restrict
	built, err = krusty.MakeKustomizer(options).Run(f, path.Join("/", dir))
	return p, built, f.used, err
}

// file is the path of the root's own kustomization.
func (p *plan) file() string {
	for _, n := range p.order {
		if path.Dir(n) == p.root {
			return n
		}
	}
	return path.Join(p.root, "kustomization.yaml")
}

func (p *plan) unread(err error) finding.Unread {
	if placed, ok := errors.AsType[*placeError](err); ok {
		return placed.Unread
	}
	// Each level of the recursion repeats what it was doing; the last words say what is wrong.
	cause := strings.ReplaceAll(err.Error(), "\n", " ")
	if len(cause) > maxCause {
		cause = "… " + strings.ToValidUTF8(cause[len(cause)-maxCause:], "")
	}
	return finding.Unread{
		Kind: finding.UnreadSource, Location: finding.Location{Path: p.file()},
		Cause: "cannot be built: " + cause + "; mend it until \"kustomize build\" prints it",
	}
}

const maxCause = 400
