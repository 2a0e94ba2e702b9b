package compose

import (
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source/yaml"
)

// Value is one value of the merged model. The zero Value is an absent one: every
// method takes it.
type Value struct {
	// Node is where the value stands: behind aliases, and in the file whose word counts.
	Node yaml.Node
	// Text is that of a scalar with its variables filled in.
	Text string
	// Known is false of a scalar that holds a variable without a value here.
	Known bool
	// Variables says that the scalar holds any; Fallback that the default of one
	// ("${NAME:-default}") stands in Text.
	Variables, Fallback bool
	// Entries are those of a mapping, merged ones included, in order.
	Entries []Entry
	// Items are those of a list.
	Items []Value

	at finding.Location // of a part of a scalar; else Node's
}

// Entry is one key and value of a mapping.
type Entry struct {
	Name  string
	Key   yaml.Node
	Value Value

	at finding.Location
}

// At is the place of the key.
func (e Entry) At() finding.Location {
	if e.at.Line != 0 {
		return e.at
	}
	return e.Key.At()
}

// At is the place of the value: of a scalar all of it, of anything else its first line.
func (v Value) At() finding.Location {
	if v.at.Line != 0 {
		return v.at
	}
	return v.Node.At()
}

// Exists says whether there is a value, null included.
func (v Value) Exists() bool { return v.Node.Exists() }

// IsNull says whether the value is null or absent.
func (v Value) IsNull() bool { return v.Node.IsNull() }

// IsScalar says whether the value is a text, number or boolean.
func (v Value) IsScalar() bool { return v.Node.IsScalar() && !v.IsNull() }

// Get returns the value of a key.
func (v Value) Get(key string) Value { return v.entry(key).Value }

// Key returns the entry of a key, for its place.
func (v Value) Key(key string) Entry { return v.entry(key) }

func (v Value) entry(key string) Entry {
	for _, e := range v.Entries {
		if e.Name == key {
			return e
		}
	}
	return Entry{}
}

// Has says whether a known scalar or an item of a list is one of some words.
func (v Value) Has(words ...string) bool {
	values := v.Items
	if v.IsScalar() {
		values = []Value{v}
	}
	for _, item := range values {
		for _, w := range words {
			if item.Known && strings.EqualFold(item.Text, w) {
				return true
			}
		}
	}
	return false
}

// True says that the value is known to be true.
func (v Value) True() bool {
	return v.Known && (strings.EqualFold(v.Text, "true") || v.Text == "yes" || v.Text == "on") && !v.IsNull()
}

// False says that the value is known to be false.
func (v Value) False() bool {
	return v.Known && (strings.EqualFold(v.Text, "false") || v.Text == "no" || v.Text == "off") && !v.IsNull()
}

// reader turns the nodes of one project into values.
type reader struct {
	lookup func(string) (string, bool)
	// malformed is told of each scalar whose variables cannot be read.
	malformed func(n yaml.Node, err error)
}

// read fills in variables, and follows aliases and merge keys ("<<").
func (r *reader) read(n yaml.Node) Value {
	n = n.Resolved()
	v := Value{Node: n}
	switch {
	case n.IsScalar():
		r.fill(&v, n.Text())
	case n.IsList():
		for _, item := range n.Items() {
			v.Items = append(v.Items, r.read(item))
		}
	case n.IsMap():
		v.Entries = r.entries(n)
	}
	return v
}

func (r *reader) entries(n yaml.Node) []Entry {
	var entries []Entry
	var merges []yaml.Node
	seen := map[string]bool{}
	add := func(e Entry) {
		if !seen[e.Name] {
			seen[e.Name] = true
			entries = append(entries, e)
		}
	}
	for _, e := range n.Entries() {
		if e.Key.Text() == "<<" {
			if from := e.Value.Resolved(); from.IsList() {
				merges = append(merges, from.Items()...)
			} else {
				merges = append(merges, from)
			}
			continue
		}
		add(Entry{Name: e.Key.Text(), Key: e.Key, Value: r.read(e.Value)})
	}
	for _, from := range merges {
		if from = from.Resolved(); from.IsMap() {
			for _, e := range r.entries(from) {
				add(e)
			}
		}
	}
	return entries
}

// fill sets the text of a scalar from what stands in the file.
func (r *reader) fill(v *Value, raw string) {
	got, err := expand(raw, r.lookup)
	if err != nil {
		r.malformed(v.Node, err)
		return
	}
	v.Text, v.Known, v.Variables, v.Fallback = got.text, got.known, got.variables, got.fallback
}

// pair splits a list item "NAME=value" into an entry. A name alone has an absent
// value: Compose takes it from the shell.
func (r *reader) pair(item Value, separator string) (Entry, bool) {
	raw := item.Node.Text()
	i := strings.Index(raw, separator)
	name := raw
	if i >= 0 {
		name = raw[:i]
	}
	if name == "" || strings.Contains(name, "$") {
		return Entry{}, false
	}
	e := Entry{Name: name, Key: item.Node, at: item.Node.Part(0, len(name))}
	if i >= 0 {
		from := i + len(separator)
		e.Value = Value{Node: item.Node, at: item.Node.Part(from, len(raw))}
		if from == len(raw) {
			e.Value.at = e.at // an empty place cannot be shown
		}
		r.fill(&e.Value, raw[from:])
	}
	return e, true
}

// pairs turns a list of "NAME=value" into a mapping, and leaves a mapping alone.
func (r *reader) pairs(v Value, separator string) Value {
	if !v.Node.IsList() {
		return v
	}
	var all table
	for _, item := range v.Items {
		if e, ok := r.pair(item, separator); ok {
			all.put(e)
		}
	}
	return Value{Node: v.Node, Entries: all.entries}
}

// names turns a list of names into a mapping with absent values.
func names(v Value) Value {
	if !v.Node.IsList() {
		return v
	}
	var all table
	for _, item := range v.Items {
		if item.IsScalar() && item.Known {
			all.put(Entry{Name: item.Text, Key: item.Node})
		}
	}
	return Value{Node: v.Node, Entries: all.entries}
}

// table is entries that are found by name: what comes from outside may have many.
type table struct {
	entries []Entry
	index   map[string]int
}

func newTable(entries []Entry) *table {
	t := &table{}
	for _, e := range entries {
		t.put(e)
	}
	return t
}

func (t *table) get(name string) Entry {
	if i, ok := t.index[name]; ok {
		return t.entries[i]
	}
	return Entry{}
}

func (t *table) put(e Entry) {
	if i, ok := t.index[e.Name]; ok {
		t.entries[i] = e
		return
	}
	if t.index == nil {
		t.index = map[string]int{}
	}
	t.index[e.Name] = len(t.entries)
	t.entries = append(t.entries, e)
}

// put adds an entry or replaces the one of the same name.
func put(entries []Entry, e Entry) []Entry {
	for i := range entries {
		if entries[i].Name == e.Name {
			entries[i] = e
			return entries
		}
	}
	return append(entries, e)
}

// with returns a mapping in which a key has another value.
func (v Value) with(e Entry) Value {
	v.Entries = put(append([]Entry(nil), v.Entries...), e)
	return v
}
