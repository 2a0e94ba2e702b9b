package schema

import (
	"encoding/base64"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/source/yaml"
)

// placeholders are what people and tools leave for others to fill in: ${A}, $(A),
// $A, {{ a }}, <a>, [[a]], %A%, @A@, A_B, __A__, "...", and what SOPS encrypted.
var placeholders = regexp.MustCompile(`\$\{|\$\(|\{\{|\}\}|<%|\[\[|^\$[A-Za-z_]|<[^>]+>|^%.*%$|^@.*@$|^ENC\[|^_*[A-Z][A-Z0-9]*(_[A-Z0-9]+)+_*$|^__[A-Za-z0-9_]+__$|\.\.\.|…`)

// Placeholder says that a text stands for one that is filled in before anything is
// applied.
func Placeholder(text string) bool {
	if len(text) > 4096 {
		text = text[:4096]
	}
	return placeholders.MatchString(text)
}

// filled says so where a number or the like is wanted: a word in capitals alone is
// a placeholder there, too.
func filled(text string) bool {
	return Placeholder(text) || len(text) > 1 && text != "TRUE" && text != "FALSE" && strings.ToUpper(text) == text && strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// template says that a mapping is what YAML makes of {{ a }}: a key that is one.
func template(n yaml.Node) bool {
	entries := n.Entries()
	return len(entries) == 1 && entries[0].Key.IsMap()
}

// scalar judges a value that must be a single one.
func (v *validator) scalar(n yaml.Node, p place, s *shape) {
	if !v.is(n, n.IsScalar(), p, s) {
		return
	}
	ok, doubtful := s.takes(n)
	switch {
	case !ok:
		v.is(n, false, p, s)
	case doubtful:
		v.doubtful = true
		v.tell(WrongType, n, p, "%q wants text, and kubectl reads %q without quotes as a boolean; put it between quotes", p.name, n.Text())
		v.doubtful = false
	case s.form == quantity && !quantities.MatchString(strings.TrimSpace(n.Text())) && !filled(n.Text()):
		v.tell(BadValue, n, p, "%q is no amount of %q; write one like \"250m\", \"2\" or \"64Mi\"", short(n.Text()), p.name)
	case s.form == encoded && !base64Text(n.Text()) && !Placeholder(n.Text()):
		v.tell(BadValue, n, p, "%q is not encoded in base64; encode it, or move it to \"stringData\" where that is a field", p.name)
	case len(s.values) > 0:
		v.enumeration(n, p, s)
	}
}

// takes says whether a scalar is of the shape's type once YAML is made JSON, and
// whether that depends on the version of YAML: kubectl's is 1.1, where a plain
// "yes" is a boolean.
func (s *shape) takes(n yaml.Node) (ok, doubtful bool) {
	t := n.Type()
	old := t == "str" && oldBoolean(n)
	switch s.form {
	case text:
		return t == "str" || t == "timestamp" || t == "binary", old
	case moment, encoded:
		return t == "str" || t == "timestamp" || t == "binary", false
	case boolean:
		return t == "bool" || old, false
	case whole32:
		return integer(n, t, 32), false
	case whole64:
		return integer(n, t, 64), false
	case number:
		return t == "int" || t == "float", false
	case quantity:
		return t == "str" || t == "int" || t == "float", false
	case intOrString:
		return t == "str" || integer(n, t, 32), false
	default: // no scalar
		return true, false
	}
}

// integer says whether a number is whole and fits: JSON writes 3.0 as 3.
func integer(n yaml.Node, t string, bits int) bool {
	switch t {
	case "int":
		text := strings.ReplaceAll(n.Text(), "_", "")
		_, err := strconv.ParseInt(text, 0, bits)
		return err == nil
	case "float":
		f, err := strconv.ParseFloat(strings.ReplaceAll(n.Text(), "_", ""), 64)
		return err == nil && f == math.Trunc(f) && math.Abs(f) < math.Ldexp(1, bits-1)
	}
	return false
}

// oldBoolean says whether a text without quotes is a boolean in YAML 1.1.
func oldBoolean(n yaml.Node) bool {
	switch n.Text() {
	case "y", "Y", "yes", "Yes", "YES", "n", "N", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF":
		return n.Plain()
	}
	return false
}

// quantities are the amounts of apimachinery's resource.ParseQuantity.
var quantities = regexp.MustCompile(`^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$`)

// base64Text says whether a text is what Go's JSON takes for bytes.
func base64Text(text string) bool {
	_, err := base64.StdEncoding.DecodeString(text)
	return err == nil
}

// enumeration judges a text of which only some are taken. An empty one is a
// default everywhere, and a minor that lists none takes all.
func (v *validator) enumeration(n yaml.Node, p place, s *shape) {
	got := n.Text()
	listed := mask(0)
	var known []string
	for _, value := range s.values {
		listed |= value.in
		if value.in&v.target != 0 {
			known = append(known, value.text)
		}
	}
	if got == "" || v.target&^listed != 0 || slices.Contains(known, got) || Placeholder(got) {
		return
	}
	advice := "write one of " + strings.Join(known, ", ")
	if len(known) > 12 {
		advice = "see its documentation"
	}
	if near := nearest(got, known); near != "" {
		advice = fmt.Sprintf("write %q", near)
	} else if len(known) == 1 {
		advice = fmt.Sprintf("write %q", known[0])
	}
	v.tell(BadValue, n, p, "%q is no value of %q; %s", short(got), p.name, advice)
}

// short cuts a text for a message.
func short(text string) string {
	if runes := []rune(text); len(runes) > 60 {
		return string(runes[:60]) + "…"
	}
	return text
}

func (s *shape) wants() string {
	switch s.form {
	case structure, free, mapping:
		return "a mapping"
	case list:
		return "a list"
	case boolean:
		return "true or false"
	case whole32, whole64:
		return "a whole number"
	case number:
		return "a number"
	case intOrString:
		return "a whole number or text"
	case quantity:
		return "an amount"
	default:
		return "text"
	}
}

func (s *shape) write() string {
	switch s.form {
	case structure, free, mapping:
		return "write keys and values below it"
	case list:
		return "write each item after \"- \""
	case boolean:
		return "write true or false without quotes"
	case whole32, whole64, number:
		return "write the number without quotes"
	case intOrString, quantity:
		return "write the number or the text"
	default:
		return "put it between quotes"
	}
}

func has(n yaml.Node) string {
	switch {
	case n.IsMap():
		return "a mapping"
	case n.IsList():
		return "a list"
	}
	switch n.Type() {
	case "int", "float":
		return "a number"
	case "bool":
		return "a boolean"
	}
	return "text"
}
