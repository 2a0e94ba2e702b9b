package config

import (
	"maps"
	"slices"
)

// Classes says how many classes a setting is in.
func Classes(name string) int {
	return len(classes(settingOrSection(name)))
}

func settingOrSection(name string) *Setting {
	for _, s := range append(Settings(), onlyIntroduced()) {
		if s.Name == name {
			return &s
		}
	}
	return &Setting{Name: name}
}

// Listed names every setting that a list of direction.go holds.
func Listed() []string {
	return slices.Concat(guards, owns, pieces, slices.Collect(maps.Keys(directions())))
}

// What pages say of the file, from the code that reads it.
var (
	Sections        = sections
	SectionSettings = sectionSettings
)

// Key is one key of an entry, for pages and the schema.
type Key struct {
	Name, Usage    string
	Required, Many bool
	Allowed        []string
}

// Keys are those of the entries of a setting, in order, and whether the entries have
// keys themselves. It has none where they are no mappings.
func Keys(s Setting) (keys []Key, keyed bool) {
	if s.Name == "ignore" {
		return keysFor(new(Ignore).fields()), false
	}
	if s.fields == nil {
		return nil, false
	}
	return keysFor(s.fields()), s.keyed
}

func keysFor(fields map[string]field) []Key {
	var keys []Key
	for _, name := range keysOf(fields) {
		f := fields[name]
		keys = append(keys, Key{name, f.usage, f.required, f.many != nil, f.allowed})
	}
	return keys
}

// Severities are the words for them.
var Severities = severities

// Moves says what a change may do with a setting that has no direction; "" is that
// it has one.
func Moves(s Setting) string {
	switch classOf(&s) {
	case said:
		return "not in a file"
	case guarded:
		return "once merged"
	case own:
		return "free, and shown"
	case pieced:
		return "what is stricter"
	case unsorted, directed:
	}
	return ""
}

// Tightens says whether a change may set s to one text where the base commit has
// another; "" is what is not set.
func Tightens(s Setting, from, to string) (bool, error) {
	var sides [2]*Config
	for i, text := range []string{from, to} {
		sides[i] = &Config{}
		v := s.bind(sides[i], func(string) string { return "" })
		if text == "" {
			continue
		}
		if err := v.set(text); err != nil {
			return false, err
		}
	}
	return directionOf(&s)(sides[0], sides[1]), nil
}
