package kubernetes

import (
	"regexp"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/yaml"
)

// Values is a file of a chart's values, and the keys in it below which those of the
// chart stand: its name for one that another depends on.
type Values struct {
	root Node
	keys []string
}

// NewValues reads a file of values. It is false when nothing of it can be read.
func NewValues(src *source.File, keys ...string) (Values, bool) {
	parsed, _ := yaml.Parse(src, maxNodes)
	if parsed == nil || len(parsed.Documents) == 0 {
		return Values{}, false
	}
	return Values{parsed.Documents[0], keys}, true
}

var valueOf = regexp.MustCompile(`\.Values((?:\.[A-Za-z_][A-Za-z0-9_]*)+)`)

// maxFrom is how many values one place of a template may name that are told.
const maxFrom = 3

// From returns where in the values stands what an action at a place names: in the
// place itself, or right behind the key that it is.
func (t *Template) From(at finding.Location) []finding.Location {
	if t.src == nil || len(t.values) == 0 || at.Path != t.src.Path {
		return nil
	}
	text := t.src.Slice(at)
	if !strings.Contains(text, ".Values.") {
		line, _ := t.src.Line(at.EndLine)
		next, _ := t.src.Line(at.EndLine + 1)
		_, text, _ = strings.Cut(line, ":")
		if body := strings.TrimSpace(next); strings.TrimSpace(text) == "" && strings.HasPrefix(body, "{{") {
			text = body
		}
	}
	var places []finding.Location
	for _, m := range valueOf.FindAllStringSubmatch(text, -1) {
		keys := strings.Split(m[1][1:], ".")
		for _, v := range t.values {
			if place, ok := v.find(keys); ok {
				if !slices.Contains(places, place) && len(places) < maxFrom {
					places = append(places, place)
				}
				break
			}
		}
	}
	return places
}

// find returns the place of the deepest of some keys that stands in the values.
func (v Values) find(keys []string) (finding.Location, bool) {
	n := v.root
	for _, key := range v.keys {
		n = n.Get(key)
	}
	var place finding.Location
	for _, key := range keys {
		k := n.Key(key)
		if !k.Exists() {
			break
		}
		place, n = k.At(), n.Get(key)
	}
	place.Note = "the value comes from here"
	return place, place.Line > 0
}
