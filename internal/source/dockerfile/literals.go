package dockerfile

import (
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// Literal is a secret that stands in a command of a RUN. Its value is kept out.
type Literal struct {
	Stage *Stage
	// What says what kind of secret it is: "a password for chpasswd".
	What string
	// Weak says that the value is a placeholder or very short.
	Weak bool
	At   finding.Location
}

// Literals are the secrets in the commands of RUNs, in order.
func (f *File) Literals() []Literal { return f.literals }

// collectLiterals finds secrets in commands and masks the words they stand in.
func (f *File) collectLiterals() {
	for _, s := range f.Stages {
		for _, in := range s.Instructions {
			if in.Name != "RUN" || in.Script == nil {
				continue
			}
			for _, c := range in.Script.Commands {
				for _, l := range literals(c) {
					l.Stage = s
					f.literals = append(f.literals, l)
					f.masked = append(f.masked, l.At)
				}
			}
		}
	}
}

// literals finds the secrets among the words of one command.
func literals(c *Command) []Literal {
	var found []Literal
	add := func(w Argument, what, value string) {
		value = strings.Trim(value, `"' `)
		if !w.Known || value == "" || source.Harmless(value) && !strings.HasPrefix(what, "the password") ||
			len(found) > 0 && found[len(found)-1].At == w.At {
			return
		}
		found = append(found, Literal{What: what, Weak: source.Placeholder(value) || len(value) < 8, At: w.At})
	}
	for i, w := range c.Words {
		next := Argument{}
		if i+1 < len(c.Words) {
			next = c.Words[i+1]
		}
		lower := strings.ToLower(w.Text)
		switch {
		case source.HasToken(w.Text):
			add(w, "a credential in a known format", w.Text)
		case c.To != nil && c.To.Name == "chpasswd" && strings.Contains(w.Text, ":"):
			_, password, _ := strings.Cut(w.Text, ":")
			add(w, "the password of an account", password)
		case c.Name == "useradd" && (w.Text == "-p" || w.Text == "--password") && next.Known && !strings.HasPrefix(next.Text, "$") && next.Text != "*" && next.Text != "!":
			add(next, "the password of an account", next.Text)
		case source.MaskTokens(w.Text) != w.Text:
			add(w, "a URL with a password", "password-of-url")
		case strings.Contains(lower, "authorization: bearer ") || strings.Contains(lower, "authorization: basic ") || strings.Contains(lower, "private-token: "):
			_, value, _ := strings.Cut(w.Text, ": ")
			add(w, "a header with a credential", value)
		}
	}
	return found
}
