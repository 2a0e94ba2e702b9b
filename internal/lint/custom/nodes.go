package custom

import (
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/google/cel-go/common/types"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source/compose"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
	"github.com/plimsoll-ci/plimsoll/internal/source/yaml"
)

// unknown is what CEL makes of a value that nobody knows here: whatever depends on it
// is unknown.
func unknown() any { return types.NewUnknown(1, nil) }

func spend(budget *int) error {
	if *budget--; *budget < 0 {
		return errTooLarge
	}
	return nil
}

// scalar is a text of a YAML type.
func scalar(kind, text string) any {
	switch kind {
	case "null":
		return nil
	case "bool":
		return strings.EqualFold(text, "true")
	case "int":
		if n, err := strconv.ParseInt(strings.ReplaceAll(text, "_", ""), 0, 64); err == nil {
			return n
		}
		fallthrough
	case "float":
		if f, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64); err == nil {
			return f
		}
		switch strings.ToLower(text) {
		case ".inf", "+.inf":
			return math.Inf(1)
		case "-.inf":
			return math.Inf(-1)
		case ".nan":
			return math.NaN()
		}
	}
	return text
}

// yamlNode is a value of YAML; key is the zero Node where it has none.
type yamlNode struct{ value, key yaml.Node }

// at is the scalar; of anything else the key, where it begins for a reader.
func (n yamlNode) at() finding.Location {
	if !n.value.IsScalar() && n.key.Exists() {
		return n.key.At()
	}
	return n.value.At()
}

func (n yamlNode) text() string { return n.value.Text() }

func (n yamlNode) plain(budget *int) (any, error) {
	if err := spend(budget); err != nil {
		return nil, err
	}
	switch {
	case n.value.IsMap():
		all := map[string]any{}
		return all, fill(all, n.value, budget, 0)
	case n.value.IsList():
		items := n.value.Items()
		all := make([]any, len(items))
		for i, item := range items {
			var err error
			if all[i], err = (yamlNode{value: item}).plain(budget); err != nil {
				return nil, err
			}
		}
		return all, nil
	}
	return scalar(n.value.Type(), n.value.Text()), nil
}

// maxMerges bounds how deep "<<" are followed.
const maxMerges = 20

// fill puts the entries of a mapping into a map, its own before merged ones ("<<").
func fill(all map[string]any, n yaml.Node, budget *int, depth int) error {
	if depth > maxMerges {
		return errTooLarge
	}
	var merged []yaml.Node
	for _, e := range n.Entries() {
		key := e.Key.Text()
		if key == "<<" {
			merged = append(merged, e.Value)
			if e.Value.IsList() {
				merged = append(merged[:len(merged)-1], e.Value.Items()...)
			}
			continue
		}
		if _, known := all[key]; known {
			if err := spend(budget); err != nil {
				return err
			}
			continue
		}
		value, err := (yamlNode{value: e.Value}).plain(budget)
		if err != nil {
			return err
		}
		all[key] = value
	}
	for _, from := range merged {
		if err := spend(budget); err != nil {
			return err
		}
		if err := fill(all, from, budget, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (n yamlNode) get(key string) node {
	value := n.value.Get(key)
	if !value.Exists() {
		return nil
	}
	return yamlNode{value, n.value.Key(key)}
}

func (n yamlNode) item(i int) node {
	if items := n.value.Items(); i < len(items) {
		return yamlNode{value: items[i]}
	}
	return nil
}

func (n yamlNode) children() []child {
	var all []child
	for i, item := range n.value.Items() {
		all = append(all, child{int64(i), yamlNode{value: item}})
	}
	for _, e := range n.value.Entries() {
		if e.Key.Text() != "<<" {
			all = append(all, child{e.Key.Text(), yamlNode{e.Value, e.Key}})
		}
	}
	return all
}

// composeNode is a value of a Compose service, its files merged and its variables
// filled in.
type composeNode struct {
	value compose.Value
	key   finding.Location // zero where it has none
}

func (n composeNode) at() finding.Location {
	if !n.value.IsScalar() && n.key.Line != 0 {
		return n.key
	}
	return n.value.At()
}

func (n composeNode) text() string { return n.value.Text }

// whole is what Compose takes for an integer after it filled in variables.
var whole = regexp.MustCompile(`^-?[0-9]{1,18}$`)

func (n composeNode) plain(budget *int) (any, error) {
	if err := spend(budget); err != nil {
		return nil, err
	}
	v := n.value
	switch {
	case v.Entries != nil || v.Node.IsMap():
		all := map[string]any{}
		for _, e := range v.Entries {
			value, err := composeNode{value: e.Value}.plain(budget)
			if err != nil {
				return nil, err
			}
			all[e.Name] = value
		}
		return all, nil
	case v.Items != nil || v.Node.IsList():
		all := make([]any, len(v.Items))
		for i, item := range v.Items {
			var err error
			if all[i], err = (composeNode{value: item}).plain(budget); err != nil {
				return nil, err
			}
		}
		return all, nil
	case !v.IsScalar():
		return nil, nil
	case !v.Known:
		return unknown(), nil
	case !v.Variables && v.Text == v.Node.Text():
		return scalar(v.Node.Type(), v.Text), nil
	case v.Variables && (v.Text == "true" || v.Text == "false"):
		return v.Text == "true", nil
	case v.Variables && whole.MatchString(v.Text):
		return scalar("int", v.Text), nil
	}
	return v.Text, nil
}

func (n composeNode) get(key string) node {
	e := n.value.Key(key)
	if e.Name != key || key == "" {
		return nil
	}
	return composeNode{e.Value, e.At()}
}

func (n composeNode) item(i int) node {
	if i >= len(n.value.Items) {
		return nil
	}
	return composeNode{value: n.value.Items[i]}
}

func (n composeNode) children() []child {
	var all []child
	for i, item := range n.value.Items {
		all = append(all, child{int64(i), composeNode{value: item}})
	}
	for _, e := range n.value.Entries {
		all = append(all, child{e.Name, composeNode{e.Value, e.At()}})
	}
	return all
}

// madeNode is a value that was made of a model which is no tree of mappings itself.
type madeNode struct {
	where  finding.Location
	scalar any
	names  []string // of a mapping, in order
	values map[string]*madeNode
	items  []*madeNode
	list   bool
}

func (n *madeNode) at() finding.Location { return n.where }

func (n *madeNode) text() string {
	text, _ := n.scalar.(string)
	return text
}

func (n *madeNode) plain(budget *int) (any, error) {
	if err := spend(budget); err != nil {
		return nil, err
	}
	switch {
	case n.values != nil:
		all := make(map[string]any, len(n.values))
		for name, value := range n.values {
			var err error
			if all[name], err = value.plain(budget); err != nil {
				return nil, err
			}
		}
		return all, nil
	case n.list:
		all := make([]any, len(n.items))
		for i, item := range n.items {
			var err error
			if all[i], err = item.plain(budget); err != nil {
				return nil, err
			}
		}
		return all, nil
	}
	return n.scalar, nil
}

func (n *madeNode) get(key string) node {
	if value, ok := n.values[key]; ok {
		return value
	}
	return nil
}

func (n *madeNode) item(i int) node {
	if i >= len(n.items) {
		return nil
	}
	return n.items[i]
}

func (n *madeNode) children() []child {
	var all []child
	for i, item := range n.items {
		all = append(all, child{int64(i), item})
	}
	for _, name := range n.names {
		all = append(all, child{name, n.values[name]})
	}
	return all
}

func (n *madeNode) set(name string, value *madeNode) {
	if n.values == nil {
		n.values = map[string]*madeNode{}
	}
	if n.values[name] == nil {
		n.names = append(n.names, name)
	}
	n.values[name] = value
}

// ofDockerfile is a Dockerfile as rules see it: stages with their base and their
// instructions.
func ofDockerfile(f *dockerfile.File) *madeNode {
	stages := &madeNode{where: f.Stages[0].From.At, list: true}
	for _, s := range f.Stages {
		at := s.From.At
		stage := &madeNode{where: at}
		stage.set("name", &madeNode{where: at, scalar: s.Name})
		base := &madeNode{where: s.Base.At, scalar: s.Base.Value}
		if !s.Base.Known {
			base.scalar = unknown()
		}
		stage.set("base", base)
		stage.set("internal", &madeNode{where: s.Base.At, scalar: s.Parent != nil})
		stage.set("platform", &madeNode{where: at, scalar: s.Platform})
		stage.set("final", &madeNode{where: at, scalar: s == f.Final()})
		instructions := &madeNode{where: at, list: true}
		for _, in := range s.Instructions {
			instructions.items = append(instructions.items, ofInstruction(in))
		}
		stage.set("instructions", instructions)
		stages.items = append(stages.items, stage)
	}
	file := &madeNode{where: stages.where}
	file.set("stages", stages)
	file.set("syntax", &madeNode{where: stages.where, scalar: f.Syntax})
	return file
}

func ofInstruction(in *dockerfile.Instruction) *madeNode {
	n := &madeNode{where: in.At}
	n.set("name", &madeNode{where: in.At, scalar: in.Name})
	flags := &madeNode{where: in.At, values: map[string]*madeNode{}}
	words := &madeNode{where: in.ArgumentsAt(), list: true}
	var text []string
	arguments := in.Arguments()
	for _, w := range in.Words[:len(in.Words)-len(arguments)] {
		name, value, _ := strings.Cut(strings.TrimPrefix(w.Text, "--"), "=")
		flags.set(name, &madeNode{where: w.At, scalar: value})
	}
	for _, w := range arguments {
		text = append(text, w.Text)
		words.items = append(words.items, &madeNode{where: w.At, scalar: w.Text})
	}
	lines := []string{strings.Join(text, " ")}
	for _, h := range in.Heredocs {
		lines = append(lines, h.Content)
	}
	whole := strings.Join(lines, "\n")
	n.set("flags", flags)
	n.set("words", words)
	n.set("text", &madeNode{where: in.ArgumentsAt(), scalar: whole})
	n.set("exec", &madeNode{where: in.At, scalar: in.Exec})
	return n
}
