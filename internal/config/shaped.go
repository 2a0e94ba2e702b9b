package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Chart is one entry of helm: in the settings file: a chart, and the values that it
// is rendered with beside its own.
type Chart struct {
	Chart  string   // directory
	Values []string // files, the last one wins
}

// Image is one entry of images: in the settings file. It says which image is which
// Dockerfile, Compose service and container, where the names do not.
type Image struct {
	Name    string
	Context string // directory
	File    string // Dockerfile
	Target  string // stage
	// Tags are the repositories that it goes to, with or without a tag.
	Tags []string
	// Compose names its service, Kubernetes its workload and, behind a further slash,
	// its container: "Deployment/app" or "Deployment/app/web".
	Compose, Kubernetes string
}

// field is a key of an entry; one of one and many is set.
type field struct {
	one  *string
	many *[]string
	path bool // relative to the file
	// usage says what it is, lower case, no full stop.
	usage string
	// required keys cannot be left out; of allowed, when there are any, the value is one.
	required bool
	allowed  []string
	// place takes where the text of the value stands.
	place *Place
}

// entries reads the value of a FileOnly setting, each entry as JSON.
func (s shape[T]) entries(doc document, val *yaml.Node) ([]assignment, error) {
	nodes, keys := val.Content, []*yaml.Node(nil)
	switch {
	case s.key == nil && val.Kind != yaml.SequenceNode:
		return nil, &UsageError{doc.at(val), errors.New("want a list of mappings")}
	case s.key != nil && val.Kind != yaml.MappingNode:
		return nil, &UsageError{doc.at(val), errors.New("want a mapping of mappings")}
	case s.key != nil:
		nodes = nil
		for i := 0; i+1 < len(val.Content); i += 2 {
			keys, nodes = append(keys, val.Content[i]), append(nodes, val.Content[i+1])
		}
	}
	var out []assignment
	seen := map[string]bool{}
	for i, n := range nodes {
		var entry T
		from := n
		if keys != nil {
			from = keys[i]
			if seen[from.Value] {
				return nil, &UsageError{doc.at(from), fmt.Errorf("%q is set twice", from.Value)}
			}
			seen[from.Value] = true
			*s.key(&entry) = from.Value
		}
		if s.stands != nil {
			*s.stands(&entry) = Place{File: filepath.ToSlash(doc.path), Line: from.Line, Column: from.Column}
		}
		if err := readEntry(doc, n, s.fields(&entry)); err != nil {
			return nil, &UsageError{doc.at(from), err}
		}
		if s.check != nil {
			if err := s.check(&entry); err != nil {
				return nil, &UsageError{doc.at(from), err}
			}
		}
		text, err := json.Marshal(entry)
		if err != nil {
			return nil, &UsageError{doc.at(from), err}
		}
		out = append(out, assignment{text: string(text), origin: origin{doc.at(from), []string{string(text)}}})
	}
	return out, nil
}

func readEntry(doc document, n *yaml.Node, fields map[string]field) error {
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("want a mapping with %s", strings.Join(keysOf(fields), ", "))
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := n.Content[i].Value, n.Content[i+1]
		f, ok := fields[key]
		if !ok {
			return fmt.Errorf("%q is not known; want any of %s%s", key, strings.Join(keysOf(fields), ", "), suggestion(key, keysOf(fields)))
		}
		if seen[key] {
			return fmt.Errorf("%q is set twice", key)
		}
		seen[key] = true
		if err := f.read(doc, val); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	for _, key := range keysOf(fields) {
		if f := fields[key]; f.required && (f.one != nil && *f.one == "" || f.many != nil && len(*f.many) == 0) {
			return fmt.Errorf("an entry needs %s, %s", key, f.usage)
		}
	}
	return nil
}

func (f field) read(doc document, val *yaml.Node) error {
	texts, err := textsOf(val)
	if err != nil || val.Kind == yaml.MappingNode || f.many == nil && len(texts) != 1 {
		return fmt.Errorf("want a plain value%s", map[bool]string{true: " or a list of them"}[f.many != nil])
	}
	for i := range texts {
		if f.allowed != nil && !slices.Contains(f.allowed, texts[i]) {
			return fmt.Errorf("%q is not known; want one of %s%s", texts[i], strings.Join(f.allowed, ", "), suggestion(texts[i], f.allowed))
		}
		if f.path && texts[i] != "" {
			texts[i] = beside(doc.path, texts[i])
		}
	}
	if f.place != nil {
		*f.place = doc.place(val)
	}
	if f.many != nil {
		*f.many = texts
	} else {
		*f.one = texts[0]
	}
	return nil
}

func keysOf(fields map[string]field) []string { return slices.Sorted(maps.Keys(fields)) }

// entriesValue takes entries as JSON.
type entriesValue[T any] struct{ to *[]T }

func (v entriesValue[T]) set(text string) error {
	var entry T
	if err := json.Unmarshal([]byte(text), &entry); err != nil {
		return fmt.Errorf("reading an entry: %w", err)
	}
	*v.to = append(*v.to, entry)
	return nil
}

func (v entriesValue[T]) reset() { *v.to = nil }

// shape is how the entries of a setting look: a list of mappings or, where each has
// a key, a mapping of them.
type shape[T any] struct {
	to     func(*Config) *[]T
	key    func(*T) *string
	fields func(*T) map[string]field
	check  func(*T) error  // what fields cannot say; may be nil
	stands func(*T) *Place // takes where the entry begins; may be nil
}

// of gives a setting its shape.
func (s shape[T]) of(setting Setting) Setting {
	setting.Kind, setting.FileOnly = Entries, true
	setting.bind = func(c *Config, _ Getenv) value { return entriesValue[T]{s.to(c)} }
	setting.entries = s.entries
	setting.fields = func() map[string]field { return s.fields(new(T)) }
	setting.keyed = s.key != nil
	return setting
}

// shaped are the settings whose entries have keys of their own.
func shaped() []Setting {
	return group(
		"lint",
		Setting{
			Name: "max-missed", Kind: Number, FileOnly: true, Commands: onLint, Usage: "more points of the checklist missed than this fails, old findings counted too (default: any number passes)",
			bind: func(c *Config, _ Getenv) value { return countValue{&c.MaxMissed} },
		},
		shape[Chart]{
			to: func(c *Config) *[]Chart { return &c.Charts },
			fields: func(e *Chart) map[string]field {
				return map[string]field{
					"chart":  {one: &e.Chart, path: true, required: true, usage: "the directory with Chart.yaml"},
					"values": {many: &e.Values, path: true, usage: "files of values, of which the last wins"},
				}
			},
		}.of(Setting{Name: "helm", Commands: onLint, Usage: "charts that are rendered with further values: a list of chart, a directory, and values, files of which the last wins"}),
		shape[Image]{
			to: func(c *Config) *[]Image { return &c.Images },
			fields: func(e *Image) map[string]field {
				return map[string]field{
					"name":       {one: &e.Name, required: true, usage: "what people call the image"},
					"context":    {one: &e.Context, path: true, usage: "the directory that it is built from"},
					"file":       {one: &e.File, path: true, usage: "its Dockerfile"},
					"target":     {one: &e.Target, usage: "its stage; the last where none is named"},
					"tags":       {many: &e.Tags, usage: "the repositories that it goes to, with or without a tag"},
					"compose":    {one: &e.Compose, usage: "its Compose service, such as app or deploy/compose.yaml#app"},
					"kubernetes": {one: &e.Kubernetes, usage: "its workload and, behind a further slash, its container, such as Deployment/app/web"},
				}
			},
		}.of(Setting{Name: "images", Commands: onLint, Usage: "which image is which Dockerfile, Compose service and container, where the names do not say: a list of name, context, file, target, tags, compose and kubernetes"}),
		rulesSetting(),
		customRules(),
	)
}
