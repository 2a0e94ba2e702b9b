package compose

import (
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// EnvFile is one file of variables, such as .env.
type EnvFile struct {
	Source    *source.File
	Variables []EnvVariable

	comments []source.Comment
	masked   []finding.Location
}

// EnvVariable is one line NAME=value.
type EnvVariable struct {
	Name, Value string
	// Known is false when the value holds other variables.
	Known  bool
	NameAt finding.Location
	At     finding.Location // of the value; of the name when it is empty
}

// Comments are the comments that excuse something, with the line they cover.
func (f *EnvFile) Comments() []source.Comment { return f.comments }

// Masked are the places of values that may be secrets and are never shown.
func (f *EnvFile) Masked() []finding.Location { return f.masked }

// Get returns the last value of a variable, and whether it is known.
func (f *EnvFile) Get(name string) (string, bool) {
	if f == nil {
		return "", false
	}
	for _, v := range slices.Backward(f.Variables) {
		if v.Name == name {
			return v.Value, v.Known
		}
	}
	return "", false
}

// ReadEnv reads a file of variables. What is no "NAME=value" is passed over, as
// the values of several lines are after their first.
func ReadEnv(src *source.File) *EnvFile {
	f := &EnvFile{Source: src}
	for n := 1; n <= src.Lines(); n++ {
		line, _ := src.Line(n)
		body := strings.TrimLeft(line, " \t")
		if strings.HasPrefix(body, "#") {
			if source.Marked(body) {
				at := src.LineStart(n) + len(line) - len(body)
				f.comments = append(f.comments, source.Comment{
					Text: strings.TrimSpace(strings.TrimLeft(body, "#")), At: src.Span(at, at+len(strings.TrimRight(body, " \t"))), From: n + 1, To: n + 1,
				})
			}
			continue
		}
		f.variable(n, line)
	}
	return f
}

func (f *EnvFile) variable(n int, line string) {
	i := strings.IndexByte(line, '=')
	if i < 0 {
		return
	}
	name := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line[:i]), "export "))
	if name == "" || nameLength(name) != len(name) {
		return
	}
	start := f.Source.LineStart(n)
	nameAt := start + strings.LastIndex(line[:i], name)
	v := EnvVariable{Name: name, Known: true, NameAt: f.Source.Span(nameAt, nameAt+len(name))}
	v.At = v.NameAt
	rest := line[i+1:]
	value := strings.TrimLeft(rest, " \t")
	at := start + i + 1 + len(rest) - len(value)
	switch {
	case strings.HasPrefix(value, "'"), strings.HasPrefix(value, `"`):
		quote := value[:1]
		inner, _, closed := strings.Cut(value[1:], quote)
		v.Value, at = inner, at+1
		v.Known = closed && (quote == "'" || !strings.ContainsAny(inner, `$\`))
	default:
		if c := strings.Index(value, " #"); c >= 0 {
			value = value[:c]
		}
		v.Value = strings.TrimRight(value, " \t")
		v.Known = !strings.Contains(v.Value, "$")
	}
	if v.Value != "" {
		v.At = f.Source.Span(at, at+len(v.Value))
		if source.SecretName(name) != source.NoSecret || source.HasToken(v.Value) {
			f.masked = append(f.masked, v.At)
		}
	}
	f.Variables = append(f.Variables, v)
}
