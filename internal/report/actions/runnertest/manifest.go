package runnertest

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Manifest is an action.yml of a container action.
type Manifest struct {
	Name, Description string
	Inputs            []Input
	Outputs           []string
	Image             string
	Entrypoint        string
	Args              []string
	Env               []Pair
}

// Input is one input of an action. Default is unevaluated.
type Input struct {
	Name, Description string
	Default           string
	HasDefault        bool
	Required          bool // the runner does not enforce it
}

// ReadManifest reads and checks an action.yml.
func ReadManifest(name string) (*Manifest, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading the action: %w", err)
	}
	m, err := ParseManifest(b)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return m, nil
}

// ParseManifest reads an action.yml by the runner's schema (src/Runner.Worker/
// action_yaml.json, container-runs) and by GitHub's metadata syntax, and is stricter
// than both: a key that nobody reads is an error here, and the runner ignores it.
func ParseManifest(b []byte) (m *Manifest, err error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		return nil, err
	}
	if len(doc.Content) != 1 {
		return nil, errors.New("an action is one document")
	}
	m = &Manifest{}
	p := &reader{}
	p.mapping(doc.Content[0], "action", map[string]func(*yaml.Node){
		"name":        p.plain("name", &m.Name),
		"description": p.plain("description", &m.Description),
		"author":      p.plain("author", new(string)),
		"branding":    p.branding,
		"inputs":      func(n *yaml.Node) { p.inputs(n, m) },
		"outputs":     func(n *yaml.Node) { p.outputs(n, m) },
		"runs":        func(n *yaml.Node) { p.runs(n, m) },
	}, "name", "description", "runs")
	if p.err != nil {
		return nil, p.err
	}
	return m, nil
}

// reader keeps the first error.
type reader struct{ err error }

func (p *reader) fail(n *yaml.Node, format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("line %d: %s", n.Line, fmt.Sprintf(format, args...))
	}
}

func (p *reader) mapping(n *yaml.Node, what string, known map[string]func(*yaml.Node), required ...string) {
	p.each(n, what, func(key, value *yaml.Node) {
		if read, ok := known[key.Value]; ok {
			read(value)
		} else {
			p.fail(key, "%q is not a key of %s", key.Value, what)
		}
		required = slices.DeleteFunc(required, func(name string) bool { return name == key.Value })
	})
	if len(required) > 0 {
		p.fail(n, "%s has no %s", what, strings.Join(required, ", "))
	}
}

func (p *reader) each(n *yaml.Node, what string, read func(key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		p.fail(n, "%s is not a mapping", what)
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if folded := strings.ToLower(key.Value); key.Kind != yaml.ScalarNode || key.Value == "" || seen[folded] {
			p.fail(key, "%q stands twice in %s, or is no key", key.Value, what)
		} else {
			seen[folded] = true
		}
		read(key, n.Content[i+1])
	}
}

// plain reads a string in which no expression is allowed: the runner refuses the
// whole action for one, even in a description.
func (p *reader) plain(what string, to *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if *to = p.text(n, what); strings.Contains(*to, "${{") {
			p.fail(n, "%s holds an expression", what)
		}
	}
}

func (p *reader) text(n *yaml.Node, what string) string {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		p.fail(n, "%s is not a string", what)
	}
	return n.Value
}

func (p *reader) flag(what string, to *bool) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if err := n.Decode(to); err != nil {
			p.fail(n, "%s is neither true nor false", what)
		}
	}
}

func (p *reader) branding(n *yaml.Node) {
	var icon, color string
	p.mapping(n, "branding", map[string]func(*yaml.Node){"icon": p.plain("icon", &icon), "color": p.plain("color", &color)})
	if !slices.Contains([]string{"white", "black", "yellow", "blue", "green", "orange", "red", "purple", "gray-dark"}, color) {
		p.fail(n, "%q is no colour of GitHub's", color)
	}
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

func (p *reader) inputs(n *yaml.Node, m *Manifest) {
	p.each(n, "inputs", func(key, value *yaml.Node) {
		in := Input{Name: key.Value}
		if !identifier.MatchString(in.Name) {
			p.fail(key, "%q is no name of an input", in.Name)
		}
		p.mapping(value, "input "+in.Name, map[string]func(*yaml.Node){
			"description":        p.plain("description", &in.Description),
			"deprecationMessage": p.plain("deprecationMessage", new(string)),
			"required":           p.flag("required", &in.Required),
			"default": func(n *yaml.Node) {
				in.Default, in.HasDefault = p.text(n, "default"), true
				p.expressions(n, in.Default, "github", "strategy", "matrix", "job", "runner")
			},
		}, "description")
		m.Inputs = append(m.Inputs, in)
	})
}

func (p *reader) outputs(n *yaml.Node, m *Manifest) {
	p.each(n, "outputs", func(key, value *yaml.Node) {
		if !identifier.MatchString(key.Value) {
			p.fail(key, "%q is no name of an output", key.Value)
		}
		p.mapping(value, "output "+key.Value, map[string]func(*yaml.Node){"description": p.plain("description", new(string))}, "description")
		m.Outputs = append(m.Outputs, key.Value)
	})
}

func (p *reader) runs(n *yaml.Node, m *Manifest) {
	var using string
	known := map[string]func(*yaml.Node){
		"using": p.plain("using", &using), "image": p.plain("image", &m.Image), "entrypoint": p.plain("entrypoint", &m.Entrypoint),
		"args": func(n *yaml.Node) {
			if n.Kind != yaml.SequenceNode {
				p.fail(n, "args is not a sequence")
			}
			for _, item := range n.Content {
				arg := p.text(item, "an argument")
				p.expressions(item, arg, "inputs")
				m.Args = append(m.Args, arg)
			}
		},
		"env": func(n *yaml.Node) {
			p.each(n, "env", func(key, value *yaml.Node) {
				p.expressions(value, p.text(value, key.Value), "inputs")
				m.Env = append(m.Env, Pair{key.Value, value.Value})
			})
		},
	}
	for _, hook := range []string{"pre-entrypoint", "pre-if", "post-entrypoint", "post-if"} {
		known[hook] = p.plain(hook, new(string))
	}
	p.mapping(n, "runs", known, "using", "image")
	if !strings.EqualFold(using, "docker") {
		p.fail(n, "using is %q; a container action says docker", using)
	}
}

// expression is what this package evaluates: a name inside a context. The runner's
// language has more.
var expression = regexp.MustCompile(`\$\{\{\s*([a-z]+)\.([A-Za-z0-9_.-]+)\s*\}\}`)

func (p *reader) expressions(n *yaml.Node, text string, contexts ...string) {
	for _, m := range expression.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(contexts, m[1]) {
			p.fail(n, "the context %q is not known here, only %s", m[1], strings.Join(contexts, ", "))
		}
	}
	if strings.Contains(expression.ReplaceAllString(text, ""), "${{") {
		p.fail(n, "%q is more than a name in a context", text)
	}
}

// evaluate replaces expressions by what lookup knows; what it does not is empty, as
// in the runner.
func evaluate(text string, lookup func(context, name string) string) string {
	return expression.ReplaceAllStringFunc(text, func(found string) string {
		m := expression.FindStringSubmatch(found)
		return lookup(m[1], m[2])
	})
}
