package kustomize

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
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
	objects map[string][]*kubernetes.Object // by file
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
	if t.objects == nil {
		t.objects = map[string][]*kubernetes.Object{}
	}
	objects, known := t.objects[n]
	if !known {
		if src, err := t.plan.tree.File(n); err == nil {
			if f, _ := kubernetes.Parse(src); f != nil {
				objects = f.Objects
			}
		}
		t.objects[n] = objects
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

// table maps the values of a built text to where they come from.
type table struct {
	src     *source.File // the text
	entries map[[2]int]entry
	starts  []int // of entries, in order
	by      map[int]entry
	whole   finding.Location
}

// entry is the place of one value; text is the same there when it is exact.
type entry struct {
	start, end int
	at         finding.Location
	from       *source.File // where at is, nil when the text is another one there
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

// walk is the state of following one object.
type walk struct {
	trace *trace
	table *table
	ops   []map[string][]op
	from  yaml.Node // the object or the entry of a generator
}

// generated finds the entry of a generator that brought a key of what it makes.
func generated(pointer, key string, sources []yaml.Node, from yaml.Node) yaml.Node {
	if pointer != "/data" && pointer != "/stringData" && pointer != "/binaryData" {
		return yaml.Node{}
	}
	if slices.ContainsFunc(sources, func(s yaml.Node) bool { return s.Key(key).Exists() }) {
		return yaml.Node{}
	}
	for _, item := range slices.Concat(from.Get("literals").Items(), from.Get("files").Items()) {
		name, _, _ := strings.Cut(item.Text(), "=")
		if name == key || path.Base(name) == key {
			return item
		}
	}
	return yaml.Node{}
}

// visit notes the place of a value and of all below. Sources are what may have
// brought it, the last word first; at is the place of what holds it.
func (w *walk) visit(n yaml.Node, sources []yaml.Node, pointer string, at finding.Location) {
	for _, ops := range w.ops {
		for _, o := range ops[pointer] {
			if o.value.Exists() {
				sources = append([]yaml.Node{o.value}, sources...)
			}
		}
	}
	place, exact := w.best(n, sources, pointer, at)
	w.add(n, place, exact)
	for _, e := range n.Entries() {
		key := e.Key.Text()
		var values []yaml.Node
		keyAt, found := place, false
		keyAt.Note = kubernetes.Approximate
		if item := generated(pointer, key, sources, w.from); item.Exists() {
			at := item.At()
			w.add(e.Key, at, nil)
			w.add(e.Value, at, nil)
			continue
		}
		same := false
		for _, s := range sources {
			k, value := s.Key(key), s.Get(key)
			if !k.Exists() {
				continue
			}
			// The object itself, which comes last, has the last word on what it says, too.
			if says := value.IsScalar() && value.Text() == e.Value.Text(); says || !same {
				keyAt, found, same = k.At(), true, says
			}
			values = append(values, value)
		}
		w.add(e.Key, keyAt, sourceOf(found, sources, key))
		w.visit(e.Value, values, pointer+"/"+escape(key), keyAt)
	}
	items := n.Items()
	for i, item := range items {
		var values []yaml.Node
		for _, s := range sources {
			if same, ok := match(item, i, len(items), s.Items()); ok {
				values = append(values, same)
			}
		}
		for _, ops := range w.ops {
			for _, o := range ops[pointer+"/-"] {
				if identity(o.value) == identity(item) {
					values = append(values, o.value)
				}
			}
		}
		w.visit(item, values, pointer+"/"+strconv.Itoa(i), place)
	}
}

func sourceOf(found bool, sources []yaml.Node, key string) *source.File {
	if !found {
		return nil
	}
	for _, s := range sources {
		if k := s.Key(key); k.Exists() {
			return k.Source()
		}
	}
	return nil
}

func escape(key string) string {
	return strings.ReplaceAll(strings.ReplaceAll(key, "~", "~0"), "/", "~1")
}

// best chooses the place of a value among what may have brought it.
func (w *walk) best(n yaml.Node, sources []yaml.Node, pointer string, at finding.Location) (finding.Location, *source.File) {
	if n.IsScalar() {
		for _, s := range slices.Backward(sources) {
			if s.IsScalar() && s.Text() == n.Text() {
				return s.At(), s.Source()
			}
		}
		if setting, ok := w.trace.setting(n, pointer); ok {
			return setting.At(), nil
		}
	} else if len(sources) > 0 {
		// What stands in the object itself holds more than what was patched into it.
		last := sources[len(sources)-1]
		return last.At(), nil
	}
	if len(sources) > 0 {
		at = sources[len(sources)-1].At()
	}
	at.Note = kubernetes.Approximate
	return at, nil
}

// setting finds the value in the kustomizations' own fields that set one.
func (t *trace) setting(n yaml.Node, pointer string) (yaml.Node, bool) {
	for _, file := range t.plan.order {
		parsed := t.plan.parsed[file]
		if parsed == nil || len(parsed.Documents) == 0 {
			continue
		}
		k := parsed.Documents[0]
		switch {
		case strings.HasSuffix(pointer, "/image"):
			for _, image := range k.Get("images").Items() {
				for _, key := range []string{"digest", "newTag", "newName"} {
					value := image.Get(key)
					if value.Text() != "" && strings.Contains(n.Text(), value.Text()) && strings.Contains(n.Text(), or(image.Get("newName").Text(), image.Get("name").Text())) {
						return value, true
					}
				}
			}
		case pointer == "/metadata/namespace":
			if value := k.Get("namespace"); value.Text() == n.Text() {
				return value, true
			}
		case pointer == "/spec/replicas":
			for _, replicas := range k.Get("replicas").Items() {
				if replicas.Get("count").Text() == n.Text() {
					return replicas.Get("count"), true
				}
			}
		}
	}
	return yaml.Node{}, false
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// identity is what tells an item of a list from the others.
func identity(n yaml.Node) string {
	if n.IsScalar() {
		return n.Text()
	}
	var b strings.Builder
	for _, key := range []string{"name", "key", "containerPath", "mountPath", "port", "protocol", "ip", "devicePath", "topologyKey", "kind", "host", "type"} {
		b.WriteString(n.Get(key).Text() + "\x00")
	}
	return b.String()
}

// match finds an item of a list in a source of it: by what tells it from others,
// else by its place where no item came or went, else by all that it holds.
func match(item yaml.Node, i, of int, items []yaml.Node) (yaml.Node, bool) {
	id := identity(item)
	if strings.Trim(id, "\x00") != "" {
		for _, s := range items {
			if identity(s) == id {
				return s, true
			}
		}
		if name := item.Get("name").Text(); name != "" {
			for _, s := range items {
				if s.Get("name").Text() == name {
					return s, true
				}
			}
			return yaml.Node{}, false
		}
	}
	if of == len(items) && item.IsScalar() == items[i].IsScalar() {
		return items[i], true
	}
	all := flat(item)
	for _, s := range items {
		if flat(s) == all {
			return s, true
		}
	}
	return yaml.Node{}, false
}

// flat is all that a value holds.
func flat(n yaml.Node) string {
	var b strings.Builder
	var walk func(n yaml.Node, depth int)
	walk = func(n yaml.Node, depth int) {
		if depth > 20 || b.Len() > 4<<10 {
			return
		}
		b.WriteString(n.Text() + "\x00")
		for _, e := range n.Entries() {
			b.WriteString(e.Key.Text() + "\x01")
			walk(e.Value, depth+1)
		}
		for _, item := range n.Items() {
			walk(item, depth+1)
		}
	}
	walk(n, 0)
	return b.String()
}
