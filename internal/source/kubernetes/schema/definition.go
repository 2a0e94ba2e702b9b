package schema

import (
	"slices"
	"strings"
)

// form is what kind of value a shape takes.
type form byte

// The forms; the first ones are the letters of the embedded text.
const (
	anything    form = '*'
	free        form = 'o' // any mapping
	text        form = 's'
	boolean     form = 'b'
	whole32     form = 'i'
	whole64     form = 'l'
	number      form = 'n'
	quantity    form = 'q'
	intOrString form = 'x'
	moment      form = 't'
	encoded     form = 'y' // base64
	list        form = '['
	mapping     form = '{'
	structure   form = '@'
)

// shape is what a value must be.
type shape struct {
	form form
	// of is what a list or mapping holds.
	of *shape
	// keys make an item of a list its own.
	keys []string
	// name is that of a built-in structure, and own the one that a custom resource
	// definition spells out.
	name string
	own  *definition
	// values are the only ones that a text may have, none for any.
	values []value
	limits *limits
}

type value struct {
	text string
	in   mask
}

// definition is a structure.
type definition struct {
	name   string  // "Container"
	fields []field // by name; one that changed its type stands more than once
	// open says that other fields are kept.
	open bool
}

type field struct {
	name     string
	shape    *shape
	in       mask
	required mask
}

// named returns the entries of a field.
func (d *definition) named(name string) []field {
	i, ok := slices.BinarySearchFunc(d.fields, name, func(f field, name string) int { return strings.Compare(f.name, name) })
	if !ok {
		return nil
	}
	n := i + 1
	for n < len(d.fields) && d.fields[n].name == name {
		n++
	}
	return d.fields[i:n]
}

// definition reads a structure once.
func (c *catalogue) definition(name string) *definition {
	if d, ok := c.definitions.Load(name); ok {
		return d.(*definition)
	}
	b := c.blocks[name]
	d := &definition{name: name[strings.LastIndex(name, ".")+1:]}
	for line := range strings.Lines(b.text) {
		head, values, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " =")
		words := strings.Split(head, " ")
		f := field{name: words[0], in: b.in}
		if f.name == "*" {
			d.open = true
			continue
		}
		for _, w := range words[2:] {
			switch w[0] {
			case '&':
				f.in, _ = readMask(w[1:])
			case '!':
				f.required = f.in
				if len(w) > 1 {
					f.required, _ = readMask(w[1:])
				}
			}
		}
		f.shape = readShape(words[1], enumeration(values, f.in))
		d.fields = append(d.fields, f)
	}
	got, _ := c.definitions.LoadOrStore(name, d)
	return got.(*definition)
}

func enumeration(text string, in mask) []value {
	if text == "" {
		return nil
	}
	var values []value
	for v := range strings.SplitSeq(text, ",") {
		name, where, ok := strings.Cut(v, "&")
		got := value{name, in}
		if ok {
			got.in, _ = readMask(where)
		}
		values = append(values, got)
	}
	return values
}

func readShape(t string, values []value) *shape {
	switch form(t[0]) {
	case list:
		keys, item, _ := strings.Cut(t[1:], "]")
		s := &shape{form: list, of: readShape(item, values)}
		if keys != "" {
			s.keys = strings.Split(keys, ",")
		}
		return s
	case mapping:
		return &shape{form: mapping, of: readShape(t[2:], values)}
	case structure:
		return &shape{form: structure, name: t[1:]}
	default:
		return &shape{form: form(t[0]), values: values}
	}
}

// definition returns the fields of a structure.
func (s *shape) definition() *definition {
	if s.own != nil {
		return s.own
	}
	return builtin().definition(s.name)
}

func (d *definition) add(f field) { d.fields = append(d.fields, f) }

func (d *definition) sort() {
	slices.SortStableFunc(d.fields, func(a, b field) int { return strings.Compare(a.name, b.name) })
}
