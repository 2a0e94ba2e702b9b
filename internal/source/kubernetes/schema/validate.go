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
	// Field is the name of the field, or of the list that holds an item.
	Field string
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
		v.structure(object, place{}, &shape{form: structure, name: s.definition})
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
		v.structure(object, place{}, s)
		if i == 0 || len(v.found) < len(best) {
			best = v.found
		}
	}
	return best, true
}

type validator struct {
	target   mask
	declared bool
	doubtful bool // what is told next
	found    []Violation
	// above are the structures that the value stands in, the outermost first.
	above []*definition
}

// place is where in the object a value stands.
type place struct {
	key  yaml.Node // absent for items and the root
	name string    // of the field, for items that of their list
	path string
}

// at is the place of a field below p. A name with dots is set apart.
func (p place) at(key yaml.Node, name string) place {
	path := p.path + "." + name
	switch {
	case p.path == "":
		path = name
	case strings.Contains(name, "."):
		path = p.path + "[" + name + "]"
	}
	return place{key, name, path}
}

func (v *validator) tell(kind Kind, n yaml.Node, p place, format string, args ...any) {
	if len(v.found) < maxViolations {
		v.found = append(v.found, Violation{Kind: kind, Node: n, Path: p.path, Field: p.name, Message: fmt.Sprintf(format, args...), Doubtful: v.doubtful})
	}
}

// value judges what stands at p.
func (v *validator) value(n yaml.Node, p place, s *shape) {
	if n.IsNull() || n.Tag() != "" || s.form == anything {
		return // null is as good as absent, and foreign tags are somebody else's
	}
	switch s.form {
	case structure:
		if v.is(n, n.IsMap(), p, s) {
			v.structure(n, p, s)
		}
	case free:
		v.is(n, n.IsMap(), p, s)
	case mapping:
		if v.is(n, n.IsMap(), p, s) {
			v.each(n, func(e yaml.Entry) { v.value(e.Value, p.at(e.Key, e.Key.Text()), s.of) })
		}
	case list:
		if v.is(n, n.IsList(), p, s) {
			v.list(n, p, s)
		}
	default:
		v.scalar(n, p, s)
	}
	if s.limits != nil {
		v.limits(n, p, s.limits)
	}
}

// is tells of a value that is not what the shape wants, unless something fills it
// in first.
func (v *validator) is(n yaml.Node, ok bool, p place, s *shape) bool {
	if !ok && !filled(n.Text()) && !template(n) {
		v.tell(WrongType, n, p, "%q wants %s and has %s; %s", p.name, s.wants(), has(n), s.write())
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

func (v *validator) structure(n yaml.Node, p place, s *shape) {
	d := s.definition()
	v.above = append(v.above, d)
	defer func() { v.above = v.above[:len(v.above)-1] }()
	v.each(n, func(e yaml.Entry) {
		name := e.Key.Text()
		inner := p.at(e.Key, name)
		entries := d.named(name)
		i := slices.IndexFunc(entries, func(f field) bool { return f.in&v.target != 0 })
		switch {
		case i >= 0:
			v.young(entries, d, inner)
			v.value(e.Value, inner, entries[i].shape)
		case len(entries) > 0:
			v.tell(TooYoung, e.Key, inner, "%q of %s is in Kubernetes %s only; remove it, or name the versions that it is for", name, d.name, versions(entries))
		case p.path == "" && name == "sops", !e.Key.IsScalar(), strings.HasPrefix(name, "$"), Placeholder(name):
			// keys of tools, which are gone before anything is applied
		case !d.open:
			v.unknown(d, inner)
		}
	})
	for _, f := range d.fields {
		if f.required&v.target == v.target && n.Get(f.name).IsNull() && !template(n) {
			v.missing(n, d, f, p)
		}
	}
}

// young tells of a field that the oldest minor of a declared target does not know.
func (v *validator) young(entries []field, d *definition, p place) {
	if !v.declared {
		return
	}
	if lacking := v.target &^ in(entries); lacking != 0 {
		v.tell(TooYoung, p.key, p, "%q of %s is not in Kubernetes %s, only in %s; leave it out until that is gone", p.name, d.name, version(builtin().first(lacking)), versions(entries))
	}
}

func in(entries []field) mask {
	all := mask(0)
	for _, f := range entries {
		all |= f.in
	}
	return all
}

// versions tells where a field is: "1.34", "1.34 and later".
func versions(entries []field) string {
	c, all := builtin(), in(entries)
	first, last := c.first(all), c.last(all)
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

func (v *validator) unknown(d *definition, p place) {
	advice := "remove it"
	if near := d.nearest(p.name, v.target); near != "" {
		advice = fmt.Sprintf("write %q", near)
	} else if where := v.elsewhere(p.name, d); where != "" {
		advice = where
	}
	v.tell(Unknown, p.key, p, "%q is no field of %s, and Kubernetes refuses it or drops it; %s", p.name, d.name, advice)
}

// elsewhere finds the structure around or just below d that has the field: what
// is indented too far or not far enough.
func (v *validator) elsewhere(name string, d *definition) string {
	switch security := builtin().definition("core.v1.SecurityContext"); {
	case d.name == "LabelSelector":
		return `move it into "matchLabels"`
	case d.name == "PodSecurityContext" && security.has(name, v.target):
		return "move it into the securityContext of each container"
	}
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

func (v *validator) missing(n yaml.Node, d *definition, f field, p place) {
	at := p.key
	if !at.Exists() {
		at = n.Get("name")
		if p.path == "" {
			at = n.Get("kind")
		}
		if !at.IsScalar() {
			at = n
		}
	}
	v.tell(Missing, at, p.at(yaml.Node{}, f.name), "%s lacks %q, without which Kubernetes refuses it; add it", d.name, f.name)
}

func (v *validator) list(n yaml.Node, p place, s *shape) {
	var seen map[string]bool
	for i, item := range n.Items() {
		id := strconv.Itoa(i)
		if name := item.Get("name"); name.IsScalar() && name.Text() != "" {
			id = name.Text()
		}
		inner := place{name: p.name, path: p.path + "[" + id + "]"}
		v.value(item, inner, s.of)
		key, ok := identity(item, s.keys)
		if !ok {
			continue
		}
		if seen == nil {
			seen = map[string]bool{}
		}
		if seen[key] && !Placeholder(key) {
			v.tell(Twice, item.Get(s.keys[0]), inner, "%q holds %s twice; remove one", p.name, described(item, s.keys))
		}
		seen[key] = true
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
