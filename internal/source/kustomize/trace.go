package kustomize

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"sync"

	"sigs.k8s.io/kustomize/api/resource"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
	"github.com/plimsoll-ci/plimsoll/internal/source/yaml"
)

// trace finds what built objects come from.
type trace struct {
	plan    *plan
	patches []patch
	settled bool
}

// patch is one change that a kustomization makes to objects.
type patch struct {
	kind, name *regexp.Regexp  // of its target; nil is any
	node       yaml.Node       // of a strategic merge
	ops        map[string][]op // of JSON patches, by the path
}

type op struct{ value yaml.Node }

// manifest is a built object as a text that knows where it comes from.
func (t *trace) manifest(r *resource.Resource) (kubernetes.Manifest, error) {
	origin, err := r.GetOrigin()
	if err != nil {
		return kubernetes.Manifest{}, fmt.Errorf("reading where %s comes from: %w", r.CurId(), err)
	}
	if err := r.SetOrigin(nil); err != nil {
		return kubernetes.Manifest{}, fmt.Errorf("reading where %s comes from: %w", r.CurId(), err)
	}
	text, err := r.RNode.String()
	if err != nil {
		return kubernetes.Manifest{}, fmt.Errorf("writing %s: %w", r.CurId(), err)
	}
	m := kubernetes.Manifest{Path: t.plan.file(), Text: text}
	var from yaml.Node
	if origin != nil {
		if n, ok := source.Clean(t.plan.root, origin.Path); ok && origin.Path != "" {
			m.Path = n
			if o := t.object(n, r.GetKind(), r.GetName()); o != nil {
				from, m.Subject = o.Node, o.Subject()
			}
		}
		if n, ok := source.Clean(t.plan.root, origin.ConfiguredIn); ok && origin.ConfiguredIn != "" {
			m.Path = n
			from = t.generator(n, r.GetKind(), r.GetName())
			if name := from.Get("name").Text(); name != "" {
				m.Subject = r.GetKind() + "/" + name
			}
		}
	}
	kind, name, is := r.GetKind(), r.GetName(), m.Path
	tab := sync.OnceValue(func() *table { return t.table(is, text, kind, name, from) })
	m.Place = func(start, end int) finding.Location { return tab().place(start, end) }
	return m, nil
}

// object finds an object in a source by its kind and by its name, to which prefixes
// and suffixes may have been added.
func (t *trace) object(n, kind, name string) *kubernetes.Object {
	objects, known := t.plan.objects[n]
	if !known {
		if src, err := t.plan.tree.File(n); err == nil {
			if f, _ := kubernetes.Parse(src); f != nil {
				objects = f.Objects
			}
		}
		t.plan.objects[n] = objects
	}
	var best *kubernetes.Object
	for _, o := range objects {
		if o.Kind == kind && strings.Contains(name, o.Name) && (best == nil || len(o.Name) > len(best.Name)) {
			best = o
		}
	}
	return best
}

// generator finds the entry that an object was generated from.
func (t *trace) generator(n, kind, name string) yaml.Node {
	parsed := t.plan.parsed[n]
	if parsed == nil || len(parsed.Documents) == 0 {
		return yaml.Node{}
	}
	var best yaml.Node
	key := strings.ToLower(kind[:min(1, len(kind))]) + kind[min(1, len(kind)):] + "Generator" // configMapGenerator
	for _, entry := range parsed.Documents[0].Get(key).Items() {
		own := entry.Get("name").Text()
		if own != "" && strings.Contains(name, own) && len(own) > len(best.Get("name").Text()) {
			best = entry
		}
	}
	return best
}

// settle reads the patches of all kustomizations, the outermost first: they are
// applied last.
func (t *trace) settle() {
	if t.settled {
		return
	}
	t.settled = true
	for _, n := range t.plan.order {
		parsed := t.plan.parsed[n]
		if parsed == nil || len(parsed.Documents) == 0 {
			continue
		}
		k := parsed.Documents[0]
		for _, key := range []string{"patches", "patchesJson6902"} {
			for _, p := range k.Get(key).Items() {
				t.patch(n, p.Get("target"), p.Get("path").Text(), p.Get("patch"))
			}
		}
		for _, p := range k.Get("patchesStrategicMerge").Items() {
			t.patch(n, yaml.Node{}, p.Text(), p)
		}
	}
}

// patch adds one patch, which stands in a file or in the kustomization n.
func (t *trace) patch(n string, target yaml.Node, file string, inline yaml.Node) {
	var parsed *yaml.File
	if full, ok := source.Clean(path.Dir(n), file); ok && file != "" {
		parsed = t.plan.parsed[full]
	}
	if parsed == nil && inline.Text() != "" {
		parsed = nested(inline)
	}
	if parsed == nil {
		return
	}
	for _, d := range parsed.Documents {
		p := patch{kind: pattern(target.Get("kind").Text()), name: pattern(target.Get("name").Text())}
		if d.IsList() {
			p.ops = map[string][]op{}
			for _, item := range d.Items() {
				p.ops[item.Get("path").Text()] = append(p.ops[item.Get("path").Text()], op{item.Get("value")})
			}
		} else {
			p.node = d
			if !target.Exists() {
				p.kind = pattern(regexp.QuoteMeta(d.Get("kind").Text()))
				p.name = pattern(".*" + regexp.QuoteMeta(d.Get("metadata").Get("name").Text()) + ".*")
			}
		}
		t.patches = append(t.patches, p)
	}
}

// nested reads YAML that stands in a value.
func nested(n yaml.Node) *yaml.File {
	offsets, text := n.Offsets(), n.Text()
	src, err := source.NewRendered(n.At().Path, text, func(start, end int) finding.Location {
		if start >= len(offsets) || end > len(offsets) || start >= end {
			return n.At()
		}
		return n.Source().Span(offsets[start], offsets[end-1]+1)
	})
	if err != nil {
		return nil
	}
	parsed, _ := yaml.Parse(src, maxNodes)
	return parsed
}

func pattern(text string) *regexp.Regexp {
	if text == "" {
		return nil
	}
	p, err := regexp.Compile("^(?:" + text + ")$")
	if err != nil {
		return nil
	}
	return p
}

// table follows a built object along what it was built from.
func (t *trace) table(is, text, kind, name string, from yaml.Node) *table {
	tab := &table{entries: map[[2]int]entry{}, by: map[int]entry{}, whole: t.whole(is, from)}
	src, err := source.NewFile(is, []byte(text))
	if err != nil {
		return tab
	}
	tab.src = src
	parsed, _ := yaml.Parse(src, maxNodes)
	if parsed == nil || len(parsed.Documents) == 0 {
		return tab
	}
	t.settle()
	w := walk{trace: t, table: tab, from: from}
	var sources []yaml.Node
	for _, p := range t.patches {
		if p.kind != nil && !p.kind.MatchString(kind) || p.name != nil && !p.name.MatchString(name) && !p.name.MatchString(from.Get("metadata").Get("name").Text()) {
			continue
		}
		if p.node.Exists() {
			sources = append(sources, p.node)
		} else {
			w.ops = append(w.ops, p.ops)
		}
	}
	w.visit(parsed.Documents[0], append(sources, from), "", tab.whole)
	tab.sort()
	return tab
}

// whole is the place of an object, of its file where even that is unknown.
func (t *trace) whole(is string, from yaml.Node) finding.Location {
	if from.Exists() {
		return from.At()
	}
	at := finding.Location{Path: is, Line: 1, Column: 1, EndLine: 1, EndColumn: 2, Note: kubernetes.Approximate}
	if src, err := t.plan.tree.File(is); err == nil {
		for n := 1; n <= src.Lines(); n++ {
			if text, _ := src.Line(n); strings.TrimSpace(text) != "" && !strings.HasPrefix(text, "#") && !strings.HasPrefix(text, "---") {
				at = src.Span(src.LineStart(n), src.LineStart(n)+len(text))
				at.Note = kubernetes.Approximate
				break
			}
		}
	}
	return at
}
