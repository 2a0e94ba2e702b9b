package helm

import (
	"bytes"
	"encoding/json"
	"maps"
	"strings"
	"text/template"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/Masterminds/sprig/v3"
	"sigs.k8s.io/yaml"
	goyaml "sigs.k8s.io/yaml/goyaml.v3"
)

// day is what templates take for now: a rendering is the same each time.
var day = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// askedError is what a chart says itself of the values that it is given.
type askedError struct{ message string }

func (e *askedError) Error() string { return e.message }

// functions are those that Helm gives to templates, each within bounds. They see no
// environment, network, cluster or clock, and nothing in them is random.
func (r *run) functions(t *template.Template) template.FuncMap {
	all := sprig.TxtFuncMap()
	delete(all, "env")
	delete(all, "expandenv")
	maps.Copy(all, conversions)
	maps.Copy(all, constant)
	all["fail"] = func(message string) (string, error) { return "", &askedError{message} }
	all["required"] = func(message string, value any) (any, error) {
		if value == nil || value == "" {
			return value, &askedError{message}
		}
		return value, nil
	}
	guarded := template.FuncMap{}
	for name, f := range all {
		guarded[name] = r.guard(name, f)
	}
	for name, f := range printers {
		guarded[name] = r.guard(name, f)
	}
	guarded["include"], guarded["tpl"] = r.include(t), r.tpl(t)
	return guarded
}

// conversions are those that Helm adds to sprig's: what fails gives an empty text,
// or an error as a value.
var conversions = template.FuncMap{
	"toYaml": func(v any) string { return text(yaml.Marshal(v)) }, "mustToYaml": func(v any) (string, error) { return must(yaml.Marshal(v)) },
	"toYamlPretty": func(v any) string {
		var b bytes.Buffer
		encoder := goyaml.NewEncoder(&b)
		encoder.SetIndent(2)
		err := encoder.Encode(v)
		return text(b.Bytes(), err)
	},
	"fromYaml": func(s string) map[string]any {
		return decode(s, func(b []byte, v any) error { return yaml.Unmarshal(b, v) })
	},
	"fromYamlArray": func(s string) []any {
		list := []any{}
		if err := yaml.Unmarshal([]byte(s), &list); err != nil {
			return []any{err.Error()}
		}
		return list
	},
	"toToml":     func(v any) string { s, err := tomlText(v); return or(s, err) },
	"mustToToml": tomlText,
	"fromToml":   func(s string) map[string]any { return decode(s, toml.Unmarshal) },
	"toJson":     func(v any) string { return string(valid(json.Marshal(v))) },
	"mustToJson": func(v any) (string, error) { b, err := json.Marshal(v); return string(b), err },
	"fromJson":   func(s string) map[string]any { return decode(s, json.Unmarshal) },
	"fromJsonArray": func(s string) []any {
		list := []any{}
		if err := json.Unmarshal([]byte(s), &list); err != nil {
			return []any{err.Error()}
		}
		return list
	},
	"lookup":        func(_, _, _, _ string) map[string]any { return map[string]any{} },
	"getHostByName": func(string) string { return "" },
}

func text(b []byte, err error) string {
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(b), "\n")
}

func must(b []byte, err error) (string, error) { return strings.TrimSuffix(string(b), "\n"), err }

func valid(b []byte, err error) []byte {
	if err != nil {
		return nil
	}
	return b
}

func or(s string, err error) string {
	if err != nil {
		return err.Error()
	}
	return s
}

func tomlText(v any) (string, error) {
	var b bytes.Buffer
	err := toml.NewEncoder(&b).Encode(v)
	return b.String(), err
}

func decode(s string, unmarshal func([]byte, any) error) map[string]any {
	m := map[string]any{}
	if err := unmarshal([]byte(s), &m); err != nil {
		m["Error"] = err.Error()
	}
	return m
}

// certificate stands for a generated one.
type certificate struct{ Cert, Key string }

// What is generated when a chart is installed is no secret of the repository's, and
// looks like none.
const (
	generated = "xxxxxxxxxxxxxxxx"
	uuid      = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
)

// constant are the functions that give another value each time, or take long to:
// here they give the same.
var constant = template.FuncMap{
	"now":          func() time.Time { return day },
	"ago":          func(any) string { return "0s" },
	"randAlphaNum": placeholder, "randAlpha": placeholder, "randAscii": placeholder, "randNumeric": func(n int) (string, error) { return repeated("0", n) },
	"randBytes": placeholder,
	"randInt":   func(from, _ int) int { return from },
	"uuidv4":    func() string { return uuid },
	"shuffle":   func(s string) string { return s },
	"bcrypt":    func(string) string { return generated }, "htpasswd": func(user string, _ ...any) string { return user + ":" + generated },
	"derivePassword": func(...any) string { return generated }, "genPrivateKey": func(string) string { return generated },
	"encryptAES": func(...any) string { return generated }, "decryptAES": func(...any) string { return generated },
	"genCA": issue, "genCAWithKey": issue, "genSelfSignedCert": issue, "genSelfSignedCertWithKey": issue,
	"genSignedCert": issue, "genSignedCertWithKey": issue, "buildCustomCert": issue,
}

func issue(...any) certificate { return certificate{generated, generated} }

func placeholder(n int) (string, error) { return repeated("x", n) }

func repeated(s string, n int) (string, error) {
	if n > maxText {
		return "", errTooLarge
	}
	return strings.Repeat(s, max(n, 0)), nil
}
