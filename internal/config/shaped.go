package config

import (
	"encoding/json"
	"fmt"
	"slices"

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

// field is a key of an entry; one of the two is set.
type field struct {
	one  *string
	many *[]string
	path bool // relative to the file
}

// entries reads a list of mappings, each into a new T, and returns each as JSON.
func entries[T any](fields func(*T) map[string]field, check func(*T) error) func(string, func(*yaml.Node) string, *yaml.Node) ([]assignment, error) {
	return func(file string, at func(*yaml.Node) string, val *yaml.Node) ([]assignment, error) {
		if val.Kind != yaml.SequenceNode {
			return nil, &UsageError{at(val), fmt.Errorf("want a list of mappings")}
		}
		var out []assignment
		for _, n := range val.Content {
			var entry T
			if err := readEntry(file, n, fields(&entry)); err != nil {
				return nil, &UsageError{at(n), err}
			}
			if err := check(&entry); err != nil {
				return nil, &UsageError{at(n), err}
			}
			text, err := json.Marshal(entry)
			if err != nil {
				return nil, &UsageError{at(n), err}
			}
			out = append(out, assignment{text: string(text), origin: origin{at(n), []string{string(text)}}})
		}
		return out, nil
	}
}

func readEntry(file string, n *yaml.Node, fields map[string]field) error {
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("want a mapping with %s", listed(fields))
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := n.Content[i].Value, n.Content[i+1]
		f, ok := fields[key]
		if !ok {
			return fmt.Errorf("%q is not known; want any of %s%s", key, listed(fields), suggestion(key, keysOf(fields)))
		}
		if seen[key] {
			return fmt.Errorf("%q is set twice", key)
		}
		seen[key] = true
		texts, err := textsOf(val)
		if err != nil || val.Kind == yaml.MappingNode || f.many == nil && len(texts) != 1 {
			return fmt.Errorf("%s: want a plain value%s", key, map[bool]string{true: " or a list of them"}[f.many != nil])
		}
		for i := range texts {
			if f.path && texts[i] != "" {
				texts[i] = beside(file, texts[i])
			}
		}
		if f.many != nil {
			*f.many = texts
		} else {
			*f.one = texts[0]
		}
	}
	return nil
}

func keysOf(fields map[string]field) []string {
	keys := make([]string, 0, len(fields))
	for key := range fields {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func listed(fields map[string]field) string {
	keys := keysOf(fields)
	text := keys[0]
	for _, key := range keys[1:] {
		text += ", " + key
	}
	return text
}

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

// shaped are the settings whose entries have keys of their own.
func shaped() []Setting {
	return group("lint",
		Setting{
			Name: "max-missed", Kind: Number, FileOnly: true, Commands: onLint, Usage: "more points of the checklist missed than this fails, old findings counted too (default: any number passes)",
			bind: func(c *Config, _ Getenv) value { return countValue{&c.MaxMissed} },
		},
		Setting{
			Name: "helm", Kind: Entries, FileOnly: true, Commands: onLint, Usage: "charts that are rendered with further values: a list of chart, a directory, and values, files of which the last wins",
			bind: func(c *Config, _ Getenv) value { return entriesValue[Chart]{&c.Charts} },
			entries: entries(func(e *Chart) map[string]field {
				return map[string]field{"chart": {one: &e.Chart, path: true}, "values": {many: &e.Values, path: true}}
			}, func(e *Chart) error {
				if e.Chart == "" {
					return fmt.Errorf("an entry needs chart, the directory with Chart.yaml")
				}
				return nil
			}),
		},
		Setting{
			Name: "images", Kind: Entries, FileOnly: true, Commands: onLint, Usage: "which image is which Dockerfile, Compose service and container, where the names do not say: a list of name, context, file, target, tags, compose and kubernetes",
			bind: func(c *Config, _ Getenv) value { return entriesValue[Image]{&c.Images} },
			entries: entries(func(e *Image) map[string]field {
				return map[string]field{
					"name": {one: &e.Name}, "context": {one: &e.Context, path: true}, "file": {one: &e.File, path: true}, "target": {one: &e.Target},
					"tags": {many: &e.Tags}, "compose": {one: &e.Compose}, "kubernetes": {one: &e.Kubernetes},
				}
			}, func(e *Image) error {
				if e.Name == "" {
					return fmt.Errorf("an entry needs a name")
				}
				return nil
			}),
		},
	)
}
