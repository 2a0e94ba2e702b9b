package schema

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/source/yaml"
)

// Kind is what is wrong with a value.
type Kind int

// The kinds of violations.
const (
	Unknown   Kind = iota // a field that does not exist
	WrongType             // a value of another type
	BadValue              // a value of the right type that is not taken
	Missing               // a field that must be there
	Twice                 // an item of a list that another one overrides or forbids
	TooYoung              // a field that not all minors of the target have
)

// Violation is one thing in an object that Kubernetes would refuse or drop.
type Violation struct {
	Kind Kind
	// Node is the offending key or value; of what is missing the key of what should
	// hold it.
	Node yaml.Node
	// Path is where it stands: "spec.template.spec.containers[app].image".
	Path string
	// Message is one sentence with the advice after "; ". It holds no values, which
	// may be secrets, but those of enumerations.
	Message string
	// Doubtful says that it depends on the tool that applies the object.
	Doubtful bool
}

// maxViolations bounds what is told of one object.
const maxViolations = 100

// Check judges an object by the schema of its kind. It is false when nobody here
// knows one. The values of a status are nobody's to write and not looked at.
func Check(object yaml.Node, target Target, customs Customs) ([]Violation, bool) {
	name := kindName{object.Get("apiVersion").Text(), object.Get("kind").Text()}
	c := builtin()
	v := &validator{target: target.orAll(), declared: target.Declared}
	if s, ok := c.kinds[name]; ok {
		if v.target &= s.in; v.target == 0 {
			v.target = s.in // gone or yet to come: judged as it was or will be
		}
		v.structure(object, yaml.Node{}, &shape{form: structure, name: s.definition}, "")
		return v.found, true
	}
	schemas, ok := customs[name]
	if !ok {
		return nil, false
	}
	// Where several definitions have the kind (two copies of a chart), the one that
	// the object is written for is the one it fits best.
	var best []Violation
	for i, s := range schemas {
		v.found = nil
		v.structure(object, yaml.Node{}, s, "")
		if i == 0 || len(v.found) < len(best) {
			best = v.found
		}
	}
	return best, true
}

type validator struct {
	target   mask
	declared bool
	found    []Violation
	// above are the structures that the value stands in, the outermost first.
	above []*definition
}

func (v *validator) tell(violation Violation) {
	if len(v.found) < maxViolations {
		v.found = append(v.found, violation)
	}
}

// value judges n, the value of a key (absent for items and the root).
func (v *validator) value(n, key yaml.Node, s *shape, path string) {
	if n.IsNull() || n.Tag() != "" || s.form == anything {
		return // null is as good as absent, and foreign tags are somebody else's
	}
	switch s.form {
	case structure:
		if v.is(n, n.IsMap(), s, path) {
			v.structure(n, key, s, path)
		}
	case free:
		v.is(n, n.IsMap(), s, path)
	case mapping:
		if v.is(n, n.IsMap(), s, path) {
			v.each(n, func(e yaml.Entry) {
				v.value(e.Value, e.Key, s.of, join(path, e.Key.Text()))
			})
		}
	case list:
		if v.is(n, n.IsList(), s, path) {
			v.list(n, s, path)
		}
	default:
		v.scalar(n, s, path)
	}
	if s.limits != nil {
		v.limits(n, s.limits, path)
	}
}

// is tells of a value that is not what the shape wants, unless something fills it
// in first.
func (v *validator) is(n yaml.Node, ok bool, s *shape, path string) bool {
	if !ok && !filled(n.Text()) {
		v.tell(Violation{Kind: WrongType, Node: n, Path: path, Message: fmt.Sprintf("%q wants %s and has %s; %s", last(path), s.wants(), has(n), s.write())})
	}
	return ok
}

// each calls visit for the entries of a mapping, those of merged ones ("<<") too.
func (v *validator) each(n yaml.Node, visit func(yaml.Entry)) {
	for _, e := range n.Entries() {
		if e.Key.Text() != "<<" {
			visit(e)
			continue
		}
		if e.Value.IsMap() {
			v.each(e.Value.Resolved(), visit)
		}
		for _, item := range e.Value.Items() {
			v.each(item.Resolved(), visit)
		}
	}
}

func (v *validator) structure(n, key yaml.Node, s *shape, path string) {
	d := s.definition()
	v.above = append(v.above, d)
	defer func() { v.above = v.above[:len(v.above)-1] }()
	v.each(n, func(e yaml.Entry) {
		name := e.Key.Text()
		entries := d.named(name)
		i := slices.IndexFunc(entries, func(f field) bool { return f.in&v.target != 0 })
		switch {
		case i >= 0:
			f := entries[i]
			v.young(e.Key, entries, d, join(path, name))
			v.value(e.Value, e.Key, f.shape, join(path, name))
		case len(entries) > 0:
			v.tell(Violation{
				Kind: TooYoung, Node: e.Key, Path: join(path, name),
				Message: fmt.Sprintf("%q of %s is in Kubernetes %s only; remove it, or name the versions that it is for", name, d.name, v.versions(entries)),
			})
		case path == "" && name == "sops", strings.HasPrefix(name, "$"), Placeholder(name):
			// keys of tools, which are gone before anything is applied
		case !d.open:
			v.unknown(e.Key, d, path)
		}
	})
	for _, f := range d.fields {
		if f.required&v.target == v.target && n.Get(f.name).IsNull() {
			v.missing(n, key, d, f, path)
		}
	}
}

// young tells of a field that the oldest minor of a declared target does not know.
func (v *validator) young(key yaml.Node, entries []field, d *definition, path string) {
	if !v.declared {
		return
	}
	in := mask(0)
	for _, f := range entries {
		in |= f.in
	}
	if lacking := v.target &^ in; lacking != 0 {
		v.tell(Violation{
			Kind: TooYoung, Node: key, Path: path,
			Message: fmt.Sprintf("%q of %s is not in Kubernetes %s, only in %s; leave it out until that is gone", key.Text(), d.name, version(builtin().first(lacking)), v.versions(entries)),
		})
	}
}

// versions tells where a field is: "1.34", "1.34 and later".
func (v *validator) versions(entries []field) string {
	in := mask(0)
	for _, f := range entries {
		in |= f.in
	}
	c := builtin()
	first, last := c.first(in), c.last(in)
	switch {
	case last == c.minors[len(c.minors)-1] && first == last:
		return version(first)
	case last == c.minors[len(c.minors)-1]:
		return version(first) + " and later"
	case first == last:
		return version(first)
	}
	return version(first) + " to " + version(last)
}

func (v *validator) unknown(key yaml.Node, d *definition, path string) {
	name := key.Text()
	advice := "remove it"
	if near := d.nearest(name, v.target); near != "" {
		advice = fmt.Sprintf("write %q", near)
	} else if where := v.elsewhere(name, d); where != "" {
		advice = where
	}
	v.tell(Violation{
		Kind: Unknown, Node: key, Path: join(path, name),
		Message: fmt.Sprintf("%q is no field of %s, and Kubernetes refuses it or drops it; %s", name, d.name, advice),
	})
}

// elsewhere finds the structure around or just below d that has the field: what
// is indented too far or not far enough.
func (v *validator) elsewhere(name string, d *definition) string {
	for i := len(v.above) - 2; i >= 0; i-- {
		if v.above[i].has(name, v.target) {
			return fmt.Sprintf("move it out to where %s has it", v.above[i].name)
		}
	}
	for _, f := range d.fields {
		if f.shape.form == structure && f.name != "status" && f.in&v.target != 0 && f.shape.definition().has(name, v.target) {
			return fmt.Sprintf("move it into %q", f.name)
		}
	}
	return ""
}

func (d *definition) has(name string, in mask) bool {
	return slices.ContainsFunc(d.named(name), func(f field) bool { return f.in&in != 0 })
}

func (v *validator) missing(n, key yaml.Node, d *definition, f field, path string) {
	at := key
	if !at.Exists() {
		if at = n.Get("name"); !at.IsScalar() {
			at = n
			if entries := n.Entries(); path == "" && len(entries) > 0 {
				at = n.Get("kind")
			}
		}
	}
	v.tell(Violation{
		Kind: Missing, Node: at, Path: join(path, f.name),
		Message: fmt.Sprintf("%s lacks %q, without which Kubernetes refuses it; add it", d.name, f.name),
	})
}

func (v *validator) list(n yaml.Node, s *shape, path string) {
	var seen map[string]yaml.Node
	for i, item := range n.Items() {
		id := strconv.Itoa(i)
		if name := item.Get("name"); name.IsScalar() && name.Text() != "" {
			id = name.Text()
		}
		inner := path + "[" + id + "]"
		v.value(item, yaml.Node{}, s.of, inner)
		key, ok := identity(item, s.keys)
		if !ok {
			continue
		}
		if seen == nil {
			seen = map[string]yaml.Node{}
		}
		if _, again := seen[key]; again && !Placeholder(key) {
			v.tell(Violation{
				Kind: Twice, Node: item.Get(s.keys[0]), Path: inner,
				Message: fmt.Sprintf("%q holds %s twice; remove one", last(path), described(item, s.keys)),
			})
		}
		seen[key] = item
	}
}

// identity joins what makes an item of a list its own. An absent protocol is TCP;
// with another part absent it is not known.
func identity(item yaml.Node, keys []string) (string, bool) {
	if len(keys) == 0 || !item.IsMap() {
		return "", false
	}
	var b strings.Builder
	for _, k := range keys {
		n := item.Get(k)
		part := n.Text()
		if part == "" && k == "protocol" {
			part = "TCP"
		}
		if part == "" {
			return "", false
		}
		b.WriteString(part + "\x00")
	}
	return b.String(), true
}

func described(item yaml.Node, keys []string) string {
	var parts []string
	for _, k := range keys {
		if text := item.Get(k).Text(); text != "" {
			parts = append(parts, fmt.Sprintf("%s %q", k, text))
		}
	}
	return strings.Join(parts, ", ")
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// last is the field that a path ends in: "ports" of "spec.ports[http]".
func last(path string) string {
	path, _, _ = strings.Cut(path[strings.LastIndex(path, ".")+1:], "[")
	return path
}
