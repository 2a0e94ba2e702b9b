package dockerfile

import (
	"maps"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// scope is what variables are known at some place of a file.
type scope struct {
	lex    *shell.Lex
	args   map[string]string // of the command line
	values map[string]string
}

func newScope(escape rune, args map[string]string) scope {
	lex := shell.NewLex(escape)
	lex.SkipUnsetEnv = true
	return scope{lex: lex, args: args, values: map[string]string{}}
}

// Get and Keys make a scope what BuildKit's lexer asks for values.
func (s scope) Get(name string) (string, bool) {
	v, ok := s.values[name]
	return v, ok
}

// Keys lists the names.
func (s scope) Keys() []string {
	return slices.Collect(maps.Keys(s.values))
}

// maxValue bounds the values that are kept, and maxFilled what they may come to in one
// text. A value that is made of another twice doubles from line to line.
const maxValue, maxFilled = 16 << 10, 256 << 10

// expand fills in variables; known is false when one of them has no value here, or when
// it would be too long for anybody to mean it.
func (s scope) expand(text string) (value string, known bool) {
	if !strings.Contains(text, "$") {
		return strings.Trim(text, `"'`), true
	}
	longest := 0
	for _, v := range s.values {
		longest = max(longest, len(v))
	}
	if strings.Count(text, "$")*longest > maxFilled {
		return text, false
	}
	result, err := s.lex.ProcessWordWithMatches(text, s)
	if err != nil {
		return text, false
	}
	return result.Result, len(result.Unmatched) == 0 && !strings.Contains(result.Result, "$")
}

// declare takes the names that an ARG or ENV declares.
func (s scope) declare(in *Instruction) {
	switch v := in.Value.(type) {
	case *instructions.ArgCommand:
		for _, arg := range v.Args {
			if value, ok := s.args[arg.Key]; ok {
				s.set(arg.Key, value, true)
			} else if arg.Value != nil {
				value, known := s.expand(*arg.Value)
				s.set(arg.Key, value, known)
			}
		}
	case *instructions.EnvCommand:
		for _, env := range v.Env {
			value, known := s.expand(env.Value)
			s.set(env.Key, value, known)
		}
	}
}

func (s scope) set(name, value string, known bool) {
	delete(s.values, name)
	if known && len(value) <= maxValue {
		s.values[name] = value
	}
}

// Expand fills in the variables of text as they stand before instruction at of
// stage s. It is not known what an unset variable holds: the base may set it.
func (f *File) Expand(s *Stage, at *Instruction, text string) (value string, known bool) {
	if !strings.Contains(text, "$") {
		return strings.Trim(text, `"'`), true
	}
	env := newScope(f.Escape, f.build.Args)
	chain := s.Chain()
	for i, c := range slices.Backward(chain) {
		kept := maps.Clone(env.values)
		for _, in := range c.Instructions {
			if in == at {
				break
			}
			if arg, ok := in.Value.(*instructions.ArgCommand); ok {
				for _, a := range arg.Args {
					if global, ok := f.global.values[a.Key]; ok && a.Value == nil {
						env.set(a.Key, global, true)
					}
				}
			}
			env.declare(in)
			if in.Name == "ENV" {
				for _, v := range in.variables(c) {
					if value, ok := env.values[v.Name]; ok {
						kept[v.Name] = value
					} else {
						delete(kept, v.Name)
					}
				}
			}
		}
		if i > 0 {
			env.values = kept // an ARG ends with its stage
		}
	}
	return env.expand(text)
}
