package kustomize

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
	"github.com/plimsoll-ci/plimsoll/internal/source/yaml"
)

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
