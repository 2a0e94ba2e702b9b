package main

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// mask says in which releases something is: bit i stands for releases[i].
type mask uint16

// catalogue joins all minors: what is the same in several stands once.
type catalogue struct {
	kinds       map[kind]*served
	definitions map[string]*definition
	gone        map[kind]gone
}

type served struct {
	in         mask
	definition string
	namespaced bool
}

type definition struct {
	in       mask
	fields   map[string]map[string]mask // name → type → where
	required map[string]mask
	enums    map[string]map[string]mask // name → value → where
}

func newCatalogue() *catalogue {
	return &catalogue{kinds: map[kind]*served{}, definitions: map[string]*definition{}, gone: map[kind]gone{}}
}

// add takes in the i-th release: the kinds that can be created there, and the
// schemas that they lead to. Nobody writes a status, so that none is kept.
func (c *catalogue) add(i int, from modules) error {
	schemas, kinds, err := read(from.kubernetes.Dir)
	if err != nil {
		return err
	}
	l, err := readLibrary(from)
	if err != nil {
		return err
	}
	removed, err := readGone(from, releases[len(releases)-1].minor)
	if err != nil {
		return err
	}
	maps.Copy(c.gone, removed)
	byKind := map[kind]string{}
	for name, s := range schemas {
		for _, k := range s.Kinds {
			byKind[k] = name
		}
	}
	var queue []string
	for k, namespaced := range kinds {
		name, ok := byKind[k]
		if !ok {
			return fmt.Errorf("%s %s can be created and has no schema", k.apiVersion(), k.Kind)
		}
		if _, ok := schemas[name].Properties["status"]; ok {
			schemas[name].Properties["status"] = &schema{}
			schemas[name].Required = slices.DeleteFunc(schemas[name].Required, func(r string) bool { return r == "status" })
		}
		if c.kinds[k] == nil {
			c.kinds[k] = &served{definition: short(name), namespaced: namespaced}
		}
		c.kinds[k].in |= 1 << i
		queue = append(queue, name)
	}
	seen := map[string]bool{}
	for len(queue) > 0 {
		name := strings.TrimPrefix(queue[0], "#/components/schemas/")
		queue = queue[1:]
		if _, scalar := scalars[short(name)]; seen[name] || scalar {
			continue
		}
		seen[name] = true
		s, ok := schemas[name]
		if !ok {
			return fmt.Errorf("there is no schema %s", name)
		}
		if err := c.define(i, short(name), s, l); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		queue = append(queue, refs(s)...)
	}
	return nil
}

func (c *catalogue) define(i int, name string, s *schema, l *library) error {
	d := c.definitions[name]
	if d == nil {
		d = &definition{fields: map[string]map[string]mask{}, required: map[string]mask{}, enums: map[string]map[string]mask{}}
		c.definitions[name] = d
	}
	d.in |= 1 << i
	if s.Type == "" || s.Type == "object" && (s.Preserve || len(s.Properties) == 0) {
		s = &schema{Properties: map[string]*schema{"*": {}}} // takes anything
	}
	for field, p := range s.Properties {
		t, err := typeOf(p)
		if err != nil {
			return fmt.Errorf("%s: %w", field, err)
		}
		set(d.fields, field, t, i)
		if required(name, field, t, slices.Contains(s.Required, field)) {
			d.required[field] |= 1 << i
		}
		for _, value := range l.enum(name, field) {
			set(d.enums, field, value, i)
		}
	}
	return nil
}

func set(m map[string]map[string]mask, name, key string, i int) {
	if m[name] == nil {
		m[name] = map[string]mask{}
	}
	m[name][key] |= 1 << i
}

// text writes the catalogue, one thing a line. A mask, in hexadecimal, is left
// out where it is the same as that of what it stands in.
//
//	minors 31 32 …
//	K apps/v1 Deployment definition n(amespaced)|c(luster) [&mask]
//	G extensions/v1beta1 Deployment 16 apps/v1 Deployment
//	D definition [&mask]
//	field type [&mask] [![mask]] [=value[&mask],…]      after its D; a field named * takes any
func (c *catalogue) text() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("minors")
	for _, r := range releases {
		fmt.Fprintf(&b, " %d", r.minor)
	}
	b.WriteString("\n")
	all := mask(1)<<len(releases) - 1
	for _, k := range slices.SortedFunc(maps.Keys(c.kinds), compare) {
		s := c.kinds[k]
		scope := map[bool]string{true: "n", false: "c"}[s.namespaced]
		fmt.Fprintf(&b, "K %s %s %s %s%s\n", k.apiVersion(), k.Kind, s.definition, scope, s.in.unless(all, " &"))
	}
	for k, g := range removedByHand {
		c.gone[k] = g
	}
	for _, k := range slices.SortedFunc(maps.Keys(c.gone), compare) {
		if g := c.gone[k]; c.kinds[k] == nil && !slices.Contains(neverApplied, k.Kind) {
			fmt.Fprintf(&b, "G %s %s %d%s\n", k.apiVersion(), k.Kind, g.removed, c.replacement(k, g))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.definitions)) {
		c.definitions[name].write(&b, name, all)
	}
	for line := range bytes.Lines(b.Bytes()) {
		if bytes.HasSuffix(bytes.TrimRight(line, "\n"), []byte("@")) {
			return nil, fmt.Errorf("a reference to nothing: %s", line)
		}
	}
	return b.Bytes(), nil
}

// replacement is the kind that the newest release has in the place of one that is
// gone: what the library names, or the most stable version of the same kind.
func (c *catalogue) replacement(k kind, g gone) string {
	newest := mask(1) << (len(releases) - 1)
	best, named := kind{}, false
	for other, s := range c.kinds {
		if s.in&newest == 0 {
			continue
		}
		if name := other.apiVersion() + " " + other.Kind; name == strings.TrimSuffix(g.replacement, "List") {
			return " " + name
		}
		if other.Group == k.Group && other.Kind == k.Kind && (!named || stability(other.Version) > stability(best.Version)) {
			best, named = other, true
		}
	}
	if !named {
		return ""
	}
	return " " + best.apiVersion() + " " + best.Kind
}

// stability orders versions: v2 above v1 above v1beta2 above v1alpha3.
func stability(version string) string {
	switch {
	case strings.Contains(version, "alpha"):
		return "0" + version
	case strings.Contains(version, "beta"):
		return "1" + version
	}
	return "2" + version
}

func (d *definition) write(b *bytes.Buffer, name string, all mask) {
	fmt.Fprintf(b, "D %s%s\n", name, d.in.unless(all, " &"))
	for _, field := range slices.Sorted(maps.Keys(d.fields)) {
		for _, t := range slices.Sorted(maps.Keys(d.fields[field])) {
			in := d.fields[field][t]
			fmt.Fprintf(b, "%s %s%s", field, t, in.unless(d.in, " &"))
			if required := d.required[field] & in; required != 0 {
				b.WriteString(" !" + required.unless(in, ""))
			}
			var values []string
			for _, value := range slices.Sorted(maps.Keys(d.enums[field])) {
				if where := d.enums[field][value] & in; where != 0 && value != "" {
					values = append(values, value+where.unless(in, "&"))
				}
			}
			if len(values) > 0 {
				b.WriteString(" =" + strings.Join(values, ","))
			}
			b.WriteString("\n")
		}
	}
}

// unless writes a mask with what goes before it, nothing when it is known.
func (m mask) unless(known mask, before string) string {
	if m == known {
		return ""
	}
	return fmt.Sprintf("%s%x", before, m)
}

func compare(a, b kind) int {
	return strings.Compare(a.apiVersion()+" "+a.Kind, b.apiVersion()+" "+b.Kind)
}
