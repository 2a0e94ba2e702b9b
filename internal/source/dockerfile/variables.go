package dockerfile

import (
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// Variable is one name that an ENV or ARG sets, as it stands.
type Variable struct {
	Stage *Stage // nil before the first FROM
	In    *Instruction
	Name  string
	// Value is the text with its quotes. Never print it: it may be a secret.
	Value string
	// Set is false for an ARG without a default.
	Set             bool
	NameAt, ValueAt finding.Location
}

// Variables lists what every ENV and ARG of the file sets, in order.
func (f *File) Variables() []Variable {
	var all []Variable
	for _, in := range f.Globals {
		all = append(all, in.variables(nil)...)
	}
	for _, s := range f.Stages {
		for _, in := range s.Instructions {
			all = append(all, in.variables(s)...)
		}
	}
	return all
}

func (i *Instruction) variables(s *Stage) []Variable {
	words := i.Arguments()
	if len(words) == 0 || i.Name != "ENV" && i.Name != "ARG" {
		return nil
	}
	if i.Name == "ENV" && !strings.Contains(words[0].Text, "=") {
		// The legacy form "ENV name the whole value".
		v := Variable{Stage: s, In: i, Name: words[0].Text, NameAt: words[0].At, Set: true}
		if rest := words[1:]; len(rest) > 0 {
			v.ValueAt = rest[0].At
			v.ValueAt.EndLine, v.ValueAt.EndColumn = rest[len(rest)-1].At.EndLine, rest[len(rest)-1].At.EndColumn
			texts := make([]string, len(rest))
			for n := range rest {
				texts[n] = rest[n].Text
			}
			v.Value = strings.Join(texts, " ")
		}
		return []Variable{v}
	}
	vars := make([]Variable, 0, len(words))
	for _, w := range words {
		name, value, set := strings.Cut(w.Text, "=")
		v := Variable{Stage: s, In: i, Name: name, Value: value, Set: set, NameAt: w.Part(0, len(name))}
		if set {
			v.ValueAt = w.Part(len(name)+1, len(w.Text))
		}
		vars = append(vars, v)
	}
	return vars
}

// collectSecrets notes the places of values that no report may show.
func (f *File) collectSecrets() {
	for _, v := range f.Variables() {
		if v.Value != "" && (source.SecretName(v.Name) != source.NoSecret || source.HasToken(v.Value)) {
			f.masked = append(f.masked, v.ValueAt)
		}
	}
}
