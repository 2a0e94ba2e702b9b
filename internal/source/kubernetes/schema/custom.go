package schema

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/plimsoll-ci/plimsoll/internal/source/yaml"
)

// Customs are the schemas of custom resources, by apiVersion and kind. A kind that
// several definitions have has several.
type Customs map[kindName][]*shape

// Has says whether there is a schema of a kind.
func (c Customs) Has(apiVersion, kind string) bool { return len(c[kindName{apiVersion, kind}]) > 0 }

// limits are what a custom resource definition says of a value beyond its type.
type limits struct {
	minimum, maximum *float64
	pattern          *regexp.Regexp
}

// maxCustomDepth bounds how deep a schema is read; deeper anything goes.
const maxCustomDepth = 100

// Add takes in a CustomResourceDefinition. A version without a schema takes
// anything; a schema that cannot be understood does too where it cannot.
func (c Customs) Add(definition yaml.Node) {
	if definition.Get("kind").Text() != "CustomResourceDefinition" {
		return
	}
	spec := definition.Get("spec")
	group, kind := spec.Get("group").Text(), spec.Get("names").Get("kind").Text()
	add := func(version string, s *shape) {
		name := kindName{group + "/" + version, kind}
		c[name] = append(c[name], s)
	}
	old := definition.Get("apiVersion").Text() != "apiextensions.k8s.io/v1"
	if v := spec.Get("version"); old && v.Exists() && !spec.Get("versions").Exists() {
		add(v.Text(), &shape{form: anything})
	}
	for _, v := range spec.Get("versions").Items() {
		n := v.Get("schema").Get("openAPIV3Schema")
		keep, _ := spec.Get("preserveUnknownFields").Bool()
		if old || keep || !n.IsMap() {
			add(v.Get("name").Text(), open)
			continue
		}
		add(v.Get("name").Text(), root(n, kind))
	}
}

var open = &shape{form: structure, own: &definition{open: true}}

const objectMeta = "meta.v1.ObjectMeta"

// root reads the schema of an object, whose metadata is Kubernetes' own.
func root(n yaml.Node, kind string) *shape {
	s := custom(n, kind, 0)
	if s.own == nil {
		return open
	}
	s.own.set("apiVersion", &shape{form: text})
	s.own.set("kind", &shape{form: text})
	s.own.set("metadata", &shape{form: structure, name: objectMeta})
	s.own.set("status", &shape{form: anything})
	return s
}

// set gives a field another shape; it is not required then.
func (d *definition) set(name string, s *shape) {
	for i := range d.fields {
		if d.fields[i].name == name {
			d.fields[i].shape, d.fields[i].required = s, 0
			return
		}
	}
	d.add(field{name: name, shape: s, in: ^mask(0)})
	d.sort()
}

// custom reads a structural schema:
// https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
func custom(n yaml.Node, name string, depth int) *shape {
	if depth > maxCustomDepth {
		return &shape{form: anything}
	}
	if yes, _ := n.Get("x-kubernetes-int-or-string").Bool(); yes {
		return &shape{form: intOrString}
	}
	if yes, _ := n.Get("x-kubernetes-embedded-resource").Bool(); yes {
		return &shape{form: free}
	}
	keep, _ := n.Get("x-kubernetes-preserve-unknown-fields").Bool()
	properties, additional := n.Get("properties"), n.Get("additionalProperties")
	s := &shape{form: anything}
	switch n.Get("type").Text() {
	case "object":
		switch {
		case properties.IsMap():
			s = &shape{form: structure, own: customDefinition(n, name, keep || additional.Exists(), depth)}
		case additional.IsMap():
			s = &shape{form: mapping, of: custom(additional, name, depth+1)}
		default:
			s = &shape{form: free}
		}
	case "array":
		s = &shape{form: list, of: custom(n.Get("items"), name, depth+1)}
		if n.Get("x-kubernetes-list-type").Text() == "map" {
			for _, k := range n.Get("x-kubernetes-list-map-keys").Items() {
				s.keys = append(s.keys, k.Text())
			}
			if s.defaults(n.Get("items")) {
				s.keys = nil
			}
		}
	case "string":
		s = &shape{form: text}
	case "boolean":
		s = &shape{form: boolean}
	case "integer":
		s = &shape{form: whole64}
	case "number":
		s = &shape{form: number}
	}
	if s.form == text {
		for _, e := range n.Get("enum").Items() {
			s.values = append(s.values, value{e.Text(), ^mask(0)})
		}
	}
	s.limits = readLimits(n)
	return s
}

// defaults says that a part of what makes an item its own has a default, so that
// what is written does not tell.
func (s *shape) defaults(items yaml.Node) bool {
	for _, k := range s.keys {
		if items.Get("properties").Get(k).Get("default").Exists() {
			return true
		}
	}
	return false
}

func customDefinition(n yaml.Node, name string, open bool, depth int) *definition {
	d := &definition{name: fmt.Sprintf("%q", name), open: open}
	required := map[string]bool{}
	for _, r := range n.Get("required").Items() {
		required[r.Text()] = true
	}
	for _, e := range n.Get("properties").Entries() {
		f := field{name: e.Key.Text(), shape: custom(e.Value, e.Key.Text(), depth+1), in: ^mask(0)}
		if required[f.name] && !e.Value.Get("default").Exists() {
			f.required = ^mask(0)
		}
		d.add(f)
	}
	d.sort()
	return d
}

func readLimits(n yaml.Node) *limits {
	l := limits{minimum: float(n.Get("minimum")), maximum: float(n.Get("maximum"))}
	if exclusive, _ := n.Get("exclusiveMinimum").Bool(); exclusive {
		l.minimum = nil
	}
	if exclusive, _ := n.Get("exclusiveMaximum").Bool(); exclusive {
		l.maximum = nil
	}
	if p := n.Get("pattern").Text(); p != "" && len(p) < 1000 {
		l.pattern, _ = regexp.Compile(p) // the API server takes what Go takes
	}
	if l == (limits{}) {
		return nil
	}
	return &l
}

func float(n yaml.Node) *float64 {
	if f, err := strconv.ParseFloat(n.Text(), 64); err == nil {
		return &f
	}
	return nil
}

// limits judges what a custom resource definition says of a scalar.
func (v *validator) limits(n yaml.Node, p place, l *limits) {
	t := n.Type()
	if got := float(n); got != nil && (t == "int" || t == "float") {
		switch {
		case l.minimum != nil && *got < *l.minimum:
			v.tell(BadValue, n, p, "%q is %s, less than its least, %v; write more", p.name, short(n.Text()), *l.minimum)
		case l.maximum != nil && *got > *l.maximum:
			v.tell(BadValue, n, p, "%q is %s, more than its most, %v; write less", p.name, short(n.Text()), *l.maximum)
		}
	}
	if l.pattern != nil && t == "str" && len(n.Text()) < 4096 && !l.pattern.MatchString(n.Text()) && !Placeholder(n.Text()) {
		v.tell(BadValue, n, p, "%q does not match the pattern %q of its definition; write it so that it does", p.name, short(l.pattern.String()))
	}
}
