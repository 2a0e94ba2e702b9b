package config_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/plimsoll-ci/plimsoll/internal/config"
)

const schemaID = "https://raw.githubusercontent.com/plimsoll-ci/plimsoll/main/docs/plimsoll.schema.json"

// object is one of JSON Schema. Its draft is 7: the language servers that editors run
// on YAML know it best (redhat-developer/yaml-language-server, "Features").
type object = map[string]any

// newSchema makes docs/plimsoll.schema.json of the settings.
func newSchema() object {
	properties := object{
		"version": object{"description": "version of this file", "const": 1},
		"enforce": object{"description": "warn-only the other way round; true cannot be undone by an input", "type": "boolean"},
		"ignore": object{
			"description": "findings that are told and do not fail; each names a rule or a vulnerability, and a reason",
			"type":        "array", "items": entry(config.Setting{Name: "ignore"}),
			"examples": []any{[]any{object{"rule": "RES-1.a", "path": "deploy/batch/**", "reason": "batch job, restarted nightly", "expires": "2027-03-01"}}},
		},
		"policy": sections(),
	}
	for _, s := range config.Settings() {
		if s.FlagOnly || s.InputOnly || s.Secret {
			continue
		}
		properties[s.Name] = property(s)
	}
	var whole any
	if err := yaml.Unmarshal([]byte(example), &whole); err != nil {
		panic(err) // the example is checked beside this
	}
	return object{
		"$schema": "http://json-schema.org/draft-07/schema#", "$id": schemaID,
		"title": "Settings of Plimsoll", "description": "What .plimsoll.yaml may hold. Generated from the settings.",
		"type": "object", "properties": properties, "additionalProperties": false, "examples": []any{whole},
	}
}

func sections() object {
	settings := object{}
	for _, s := range config.SectionSettings() {
		settings[s.Name] = property(s)
	}
	all := object{}
	for _, name := range config.Sections() {
		all[name] = object{"description": "what holds on " + whence[name], "type": "object", "properties": settings, "additionalProperties": false}
	}
	return object{"description": "sections by occasion; what stands in one wins there over the same key at the top level", "type": "object", "properties": all, "additionalProperties": false}
}

// property is the value of a setting in the file.
func property(s config.Setting) object {
	out := valueOf(s)
	out["description"] = s.Usage
	if s.Default != "" {
		out["default"] = standard(s)
	}
	if text, ok := shown[s.Name]; ok {
		var value any
		if err := yaml.Unmarshal([]byte(text), &value); err != nil {
			panic(err)
		}
		out["examples"] = []any{value}
	}
	return out
}

// shown are examples of what is hard to guess.
var shown = map[string]string{
	"helm":               "[{ chart: charts/app, values: [values.yaml, values-prod.yaml] }]",
	"images":             "[{ name: web, context: ., file: Dockerfile, target: runtime, tags: [ghcr.io/acme/app], compose: app, kubernetes: Deployment/app }]",
	"rules":              "{ PRB-1.a: { severity: medium, except: [deploy/batch/**] } }",
	"custom-rules":       "[{ id: ACME-1, severity: high, on: kubernetes, kinds: [Deployment], at: 'spec.template.spec.containers[*].image', expression: 'value.startsWith(\"registry.acme.internal/\")', message: images come from registry.acme.internal; mirror it there }]",
	"kubernetes-version": "1.33-1.36",
	"build-args":         "{ GO_VERSION: '1.26' }",
	"db-max-age":         "24h",
	"manifests":          "[deploy/**/*.yaml]",
	"skip-dirs":          "[third_party]",
	"mutable-tags":       "[production]",
}

func valueOf(s config.Setting) object {
	text := object{"type": "string"}
	switch s.Kind {
	case config.Bool:
		return object{"type": "boolean"}
	case config.Choice:
		return object{"enum": choices(s.Allowed)}
	case config.Severity:
		return object{"enum": choices(config.Severities())}
	case config.Duration:
		return object{"anyOf": []any{object{"type": "string", "pattern": `^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`}, object{"const": 0}}}
	case config.List:
		if s.Allowed != nil {
			text = object{"enum": choices(s.Allowed)}
		}
		return object{"anyOf": []any{object{"type": "array", "items": text}, object{"type": "string"}}}
	case config.Pairs:
		plain := object{"type": []any{"string", "number", "boolean", "null"}}
		return object{"anyOf": []any{object{"type": "object", "additionalProperties": plain}, object{"type": "array", "items": text}, text}}
	case config.Versions:
		return object{"anyOf": []any{object{"type": "string", "pattern": `^1\.[0-9]+(-1\.[0-9]+)?$`}, object{"type": "number"}}}
	case config.Number:
		return object{"type": "integer", "minimum": 0}
	case config.Entries:
		if _, keyed := config.Keys(s); keyed {
			return object{"type": "object", "additionalProperties": entry(s)}
		}
		return object{"type": "array", "items": entry(s)}
	case config.Text, config.Date, config.Auths:
	}
	return text
}

// entry is one entry of a setting that has several.
func entry(s config.Setting) object {
	keys, _ := config.Keys(s)
	properties := object{}
	required := []any{}
	for _, key := range keys {
		value := object{"type": "string"}
		if key.Allowed != nil {
			value = object{"enum": choices(key.Allowed)}
		}
		if key.Many {
			value = object{"anyOf": []any{object{"type": "string"}, object{"type": "array", "items": object{"type": "string"}}}}
		}
		value["description"] = key.Usage
		properties[key.Name] = value
		if key.Required {
			required = append(required, key.Name)
		}
	}
	out := object{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		out["required"] = required
	}
	return out
}

// choices are words; YAML reads true and false as no words.
func choices(words []string) []any {
	var all []any
	for _, word := range words {
		if word == "true" || word == "false" {
			all = append(all, word == "true")
		} else {
			all = append(all, word)
		}
	}
	return all
}

func standard(s config.Setting) any {
	switch {
	case s.Kind == config.Bool || s.Default == "true" || s.Default == "false":
		return s.Default == "true"
	case s.Kind == config.List:
		return strings.Split(s.Default, ",")
	}
	return s.Default
}

func TestSchemaIsInStep(t *testing.T) {
	t.Parallel()
	got, err := json.MarshalIndent(newSchema(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	path := filepath.Join("..", "..", "docs", "plimsoll.schema.json")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("the schema is not that of the code (-want +got); run: make generate\n%s", diff)
	}
}

// plain is a value as a JSON document holds it.
func plain(t *testing.T, v any) any {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return instance
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(schemaID, plain(t, newSchema())); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile(schemaID)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// examples are all files of settings that the pages show.
func examples(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, page := range []string{"README.md", "docs/settings.md", "docs/action.md", "docs/cli.md"} {
		content, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(page)))
		if err != nil {
			t.Fatal(err)
		}
		for i, block := range strings.Split(string(content), "```yaml\n")[1:] {
			if text, _, _ := strings.Cut(block, "```"); strings.Contains(text, "version: 1\n") {
				all[page+"#"+string(rune('1'+i))] = text
			}
		}
	}
	for name, text := range shown {
		all["the example of "+name] = name + ": " + text
	}
	return all
}

// What the pages show is taken by the schema and by the program.
func TestExamplesFollowTheSchema(t *testing.T) {
	schema := compiled(t)
	all := examples(t)
	if !slices.ContainsFunc(slices.Collect(maps.Keys(all)), func(name string) bool { return strings.HasPrefix(name, "docs/settings.md") }) {
		t.Error("the page on settings shows no file")
	}
	for name, text := range all {
		var file any
		if err := yaml.Unmarshal([]byte(text), &file); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := schema.Validate(plain(t, file)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		sides(t, nil, settings(text))
		if _, _, err := config.Load("gate", nil, none); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The schema and the program refuse the same.
func TestTheSchemaRefusesWhatTheProgramRefuses(t *testing.T) {
	schema := compiled(t)
	for text, valid := range map[string]bool{
		"version: 1": true, "version: 2": false, "profile: kubernetes": true, "profile: kubernetse": false, "fial-on-severity: high": false,
		"fail-on-severity: loud": false, "db-max-age: 0": true, "db-max-age: soon": false, "push: true": true, "push: auto": true, "push: maybe": false,
		"skip-dirs: [a, b]": true, "skip-dirs: a,b": true, "scanners: [vulns]": false, "max-missed: 4": true, "max-missed: -1": false,
		"kubernetes-version: 1.34": true, "kubernetes-version: 1.33-1.36": true, "kubernetes-version: new": false,
		"build-args: {A: 1, B: x}": true, "build-args: [A=1]": true, "github-token: a": false, "format: json": false,
		"rules: {PRB-1.a: {severity: off}}": true, "rules: {PRB-1.a: {severity: loud}}": false, "rules: {PRB-1.a: {expect: a}}": false, "rules: [a]": false,
		"custom-rules: [{id: ACME-1, severity: low, on: compose, expression: 'true', message: a}]": true,
		"custom-rules: [{id: ACME-1, severity: low, on: compose, expression: 'true'}]":             false,
		"custom-rules: [{id: ACME-1, severity: low, on: helm, expression: 'true', message: a}]":    false,
		"helm: [{chart: a, values: [b]}]": true, "helm: [{values: [b]}]": false, "images: [{name: a, tags: b}]": true, "images: [{tags: b}]": false,
		"ignore: [{rule: A-1, reason: b}]": true, "ignore: [{rule: A-1}]": false, "policy: {push: {fail-on-severity: low}}": true, "policy: {pull: {}}": false,
		"policy: {push: {profile: strict}}": false, "enforce: true": true, "enforce: perhaps": false,
	} {
		var file any
		if err := yaml.Unmarshal([]byte(text), &file); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		err := schema.Validate(plain(t, file))
		sides(t, nil, settings(text))
		_, _, loadErr := config.Load("gate", nil, none)
		if (err == nil) != valid || (loadErr == nil) != valid {
			t.Errorf("%q: the schema says %v, the program %v; want valid %v", text, err, loadErr, valid)
		}
	}
}
