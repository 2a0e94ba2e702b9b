package kubernetes

import (
	"regexp"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// Literal is a value that stands in a manifest under a name.
type Literal struct {
	Name, Text string
	At         finding.Location
}

// LastApplied is the annotation in which kubectl keeps a copy of the object.
const LastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// secrets lists the places of values that no report may show. Tokens in known
// formats and passwords in URLs are masked wherever they stand.
func (f *File) secrets() []finding.Location {
	var masked []finding.Location
	mask := func(l Literal) {
		if l.At.Line != 0 && source.SecretName(l.Name) != source.NoSecret {
			masked = append(masked, l.At)
		}
	}
	for _, object := range f.Objects {
		switch object.Kind {
		case "Secret":
			for _, section := range []string{"data", "stringData"} {
				for _, e := range object.Node.Get(section).Entries() {
					masked = append(masked, e.Value.At())
				}
			}
			if copied := object.Node.Get("metadata").Get("annotations").Get(LastApplied); copied.Exists() {
				masked = append(masked, copied.At())
			}
		case "ConfigMap":
			for _, l := range object.Settings() {
				mask(l)
			}
		}
	}
	for _, w := range f.Workloads() {
		for _, c := range w.Containers() {
			for _, l := range c.Literals() {
				mask(l)
			}
			for _, l := range c.Flags() {
				masked = append(masked, l.At)
			}
		}
	}
	return masked
}

// Literals lists the values that the container's environment and the headers of
// its probes hold.
func (c *Container) Literals() []Literal {
	var all []Literal
	take := func(items []Node) {
		for _, item := range items {
			if value := item.Get("value"); value.Exists() {
				all = append(all, Literal{item.Get("name").Text(), value.Text(), value.At()})
			}
		}
	}
	take(c.Node.Get("env").Items())
	for _, h := range c.Handlers() {
		take(h.Node.Get("httpGet").Get("httpHeaders").Items())
	}
	return all
}

// Flags lists the values of the flags for secrets in what the container runs, its
// probes and hooks too, by the name of the field.
func (c *Container) Flags() []Literal {
	var all []Literal
	take := func(name string, words []Node) {
		secret := false
		for _, w := range words {
			text := w.Text()
			if secret && !strings.HasPrefix(text, "-") {
				all = append(all, Literal{name, text, w.At()})
			}
			secret = source.SecretFlag(text)
			for _, span := range source.SecretWords(text) {
				all = append(all, Literal{name, text[span[0]:span[1]], w.Part(span[0], span[1])})
			}
		}
	}
	take("command", c.Command())
	for _, h := range c.Handlers() {
		take(h.Name, h.Node.Get("exec").Get("command").Items())
	}
	return all
}

// SettingsFiles are the ends of names of files that hold names and values, not code.
var SettingsFiles = []string{".properties", ".env", ".ini", ".conf", ".cfg", ".yaml", ".yml", ".json", ".toml"}

// Settings lists the values of a ConfigMap under their names, those in files of
// settings line by line.
func (o *Object) Settings() []Literal {
	var all []Literal
	for _, e := range o.Node.Get("data").Entries() {
		key, text := e.Key.Text(), e.Value.Text()
		if !strings.Contains(text, "\n") {
			all = append(all, Literal{key, text, e.Value.At()})
			continue
		}
		for _, ending := range SettingsFiles {
			if strings.HasSuffix(key, ending) {
				all = append(all, lines(e.Value)...)
				break
			}
		}
	}
	return all
}

// lines reads the names and values in a file that is a value: "name = value",
// "name: value". What is on a line of its own has a place of its own.
func lines(file Node) []Literal {
	var all []Literal
	at, offsets, from := file.At(), file.Offsets(), 0
	for line := range strings.Lines(file.Text()) {
		if name, value, ok := setting(line); ok {
			place := at
			start := from + strings.LastIndex(line, value)
			if end := start + len(value); value != "" && end <= len(offsets) {
				place = file.Source().Span(offsets[start], offsets[end-1]+1)
			}
			all = append(all, Literal{name, value, place})
		}
		from += len(line)
	}
	return all
}

// setting reads one line; a comment is none, and neither is what has no name.
func setting(line string) (name, value string, ok bool) {
	line = strings.TrimSpace(line)
	i := strings.IndexAny(line, "=:")
	if i <= 0 || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") || strings.HasPrefix(line, "//") {
		return "", "", false
	}
	name = strings.Trim(strings.TrimPrefix(strings.TrimSpace(line[:i]), "export "), ` "'`)
	value = strings.Trim(uncommented(strings.TrimLeft(line[i+1:], "=: ")), ` "',`)
	return name, value, name != "" && value != "" && !strings.ContainsAny(name, " \t") && !tagged.MatchString(value)
}

// tagged matches a value that a tag of YAML says is somewhere else: "!env_var API_KEY".
var tagged = regexp.MustCompile(`^![A-Za-z_]+\s`)

// uncommented takes away the comment that follows a value. What quotes hold is the
// value, whatever it looks like.
func uncommented(value string) string {
	if value != "" && strings.ContainsAny(value[:1], `"'`) {
		if end := strings.Index(value[1:], value[:1]); end >= 0 {
			if rest := strings.TrimLeft(value[end+2:], " \t,"); rest == "" || strings.HasPrefix(rest, "#") {
				return value[:end+2]
			}
		}
		return value
	}
	value, _, _ = strings.Cut(value, " #")
	return value
}

// HoldsSecret says whether a line of a file of settings holds a secret.
func HoldsSecret(text string) bool {
	for line := range strings.Lines(text) {
		if name, value, ok := setting(line); ok {
			if leak, _ := source.Leaks(name, value); leak != source.NoLeak {
				return true
			}
		}
	}
	return source.HasToken(text)
}
