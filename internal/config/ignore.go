package config

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"go.yaml.in/yaml/v3"

	"github.com/plimsoll-ci/plimsoll/internal/printable"
)

// Ignore is one entry of ignore: in the settings file. It names a rule or a
// vulnerability, never both.
type Ignore struct {
	Rule string // id, such as RES-3.b
	// Path is a glob of files, or of paths inside the image; with Rule. Empty is everywhere.
	Path          string
	Vulnerability string // CVE, GHSA or an alias
	// Package is a package URL without version, or a name; with Vulnerability. Empty is every package.
	Package string
	Reason  string
	Expires string // YYYY-MM-DD, the last day it holds; empty is never
	// File, slash-separated, and Line are where it stands.
	File string
	Line int
}

// String says what is ignored, for a sentence.
func (i Ignore) String() string {
	what := cmp.Or(i.Rule, i.Vulnerability)
	if where := cmp.Or(i.Path, i.Package); where != "" {
		what += " in " + where
	}
	return printable.Text(printable.Fold(what, maxText))
}

// same says whether two entries ignore the same.
func (i Ignore) same(other Ignore) bool {
	return i.Rule == other.Rule && i.Path == other.Path && i.Vulnerability == other.Vulnerability && i.Package == other.Package
}

// ends orders last days; never comes last.
func (i Ignore) ends() string { return cmp.Or(i.Expires, "9999-12-31") }

// ignored is the setting that holds the entries. It is a key of the file only.
func ignored() Setting {
	return Setting{Name: "ignore", Kind: List, Commands: onJudge, bind: func(c *Config, _ Getenv) value { return ignoresValue{&c.Ignore} }}
}

// ignoresValue takes entries as parseIgnores writes them.
type ignoresValue struct{ to *[]Ignore }

func (v ignoresValue) set(text string) error {
	var i Ignore
	if err := json.Unmarshal([]byte(text), &i); err != nil {
		return fmt.Errorf("reading an entry of ignore: %w", err)
	}
	*v.to = append(*v.to, i)
	return nil
}

func (v ignoresValue) reset() { *v.to = nil }

// parseIgnores reads the value of ignore:, one assignment per entry.
func parseIgnores(path string, at func(*yaml.Node) string, val *yaml.Node) ([]assignment, error) {
	if val.Kind != yaml.SequenceNode {
		return nil, &UsageError{at(val), errors.New("ignore: want a list, each with rule or vulnerability, and reason")}
	}
	var out []assignment
	for _, entry := range val.Content {
		i := Ignore{File: filepath.ToSlash(path), Line: entry.Line}
		if err := i.read(entry); err != nil {
			return nil, &UsageError{at(entry), fmt.Errorf("ignore: %w", err)}
		}
		text, err := json.Marshal(i)
		if err != nil {
			return nil, &UsageError{at(entry), fmt.Errorf("ignore: %w", err)}
		}
		out = append(out, assignment{setting: ignored(), text: string(text), origin: origin{at(entry), []string{string(text)}}})
	}
	return out, nil
}

func (i *Ignore) fields() map[string]field {
	return map[string]field{
		"rule":          {one: &i.Rule, usage: "a rule's id, such as `RES-1.a`"},
		"path":          {one: &i.Path, usage: "with `rule`: a glob of files, or of paths in the image; without it everywhere"},
		"vulnerability": {one: &i.Vulnerability, usage: "a CVE, a GHSA or an alias"},
		"package":       {one: &i.Package, usage: "with `vulnerability`: a package URL without version, or a name; without it every package"},
		"reason":        {one: &i.Reason, required: true, usage: "why; without one the file is refused"},
		"expires":       {one: &i.Expires, usage: "the last day it holds, `YYYY-MM-DD`; without it, for ever"},
	}
}

func (i *Ignore) read(entry *yaml.Node) error {
	if entry.Kind != yaml.MappingNode {
		return errors.New("want a mapping with rule or vulnerability, and reason")
	}
	fields := i.fields()
	for j := 0; j+1 < len(entry.Content); j += 2 {
		key, val := entry.Content[j], entry.Content[j+1]
		field, ok := fields[key.Value]
		if !ok {
			return fmt.Errorf("%q is not known%s", key.Value, suggestion(key.Value, keysOf(fields)))
		}
		if val.Kind != yaml.ScalarNode || strings.TrimSpace(val.Value) == "" {
			return fmt.Errorf("%s: want a plain value", key.Value)
		}
		if *field.one != "" {
			return fmt.Errorf("%q is set twice", key.Value)
		}
		*field.one = strings.TrimSpace(val.Value)
	}
	switch {
	case (i.Rule == "") == (i.Vulnerability == ""):
		return errors.New("name a rule or a vulnerability, one of them")
	case i.Rule == "" && i.Path != "":
		return errors.New("path belongs to a rule; a vulnerability has a package")
	case i.Vulnerability == "" && i.Package != "":
		return errors.New("package belongs to a vulnerability; a rule has a path")
	case i.Reason == "":
		return errors.New("without a reason nothing is ignored; add reason: and why")
	case !doublestar.ValidatePattern(i.Path):
		return fmt.Errorf("path: the glob %q is malformed", i.Path)
	}
	if i.Expires != "" {
		if _, err := time.Parse(time.DateOnly, i.Expires); err != nil {
			return fmt.Errorf("expires: %q is not a date; want YYYY-MM-DD", i.Expires)
		}
	}
	return nil
}

// settleIgnores leaves the entries that both sides have, each with its nearer
// end, and names those that only the head has or that it prolongs. What the head
// removes is gone.
func (j *judge) settleIgnores() error {
	base, err := j.agreed("ignore")
	if err != nil {
		return err
	}
	head, err := j.proposed("ignore")
	if err != nil {
		return err
	}
	var settled []Ignore
	for _, now := range head.Ignore {
		at := fmt.Sprintf("%s:%d", now.File, now.Line)
		k := slices.IndexFunc(base.Ignore, now.same)
		switch {
		case k < 0:
			j.refused("ignoring %s in %s is not at the base commit; it counts once it is merged", now, at)
			continue
		case now.ends() > base.Ignore[k].ends():
			j.refused("ignoring %s in %s for longer than until "+base.Ignore[k].Expires+" counts once it is merged", now, at)
			now.Expires = base.Ignore[k].Expires
		}
		settled = append(settled, now)
	}
	j.effective.Ignore = settled
	return nil
}

func (j *judge) refused(format string, what Ignore, at string) {
	j.effective.Refused = append(j.effective.Refused, fmt.Sprintf(format, what, printable.Text(at)))
}
