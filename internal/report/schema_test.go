package report

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/report/reporttest"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

const (
	schemaFile = "../../docs/report.schema.json"
	schemaID   = "https://raw.githubusercontent.com/plimsoll-ci/plimsoll/main/docs/report.schema.json"
)

// docs/report.schema.json is made of the types that are written and of their
// docstrings, so that the three cannot say different things.
func TestSchemaIsInStep(t *testing.T) {
	t.Parallel()
	got, err := json.MarshalIndent(newSchema(t), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(schemaFile, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("the schema is not that of the code (-want +got); go test ./internal/report -update rewrites it:\n%s", diff)
	}
}

// Everything that is written follows the schema, and holds no field it lacks.
func TestReportsFollowTheSchema(t *testing.T) {
	t.Parallel()
	document := newSchema(t)
	open, closed := compile(t, document), compile(t, sealed(document))
	reports := map[string][]byte{"every text field filled": render(t, func(b *bytes.Buffer) error { return WriteJSON(b, reporttest.Hostile("x")) })}
	for name, r := range reporttest.Runs() {
		reports[name] = render(t, func(b *bytes.Buffer) error { return WriteJSON(b, r) })
	}
	for name, data := range reports {
		instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := closed.Validate(instance); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	first, err := os.ReadFile("testdata/report-v1.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		data  string
		valid bool
	}{
		"the first report":            {string(first), true},
		"a field of a later release":  {strings.Replace(string(first), `"tool":`, `"later": {"a": 1}, "tool":`, 1), true},
		"a verdict that nobody knows": {strings.Replace(string(first), `"decision": "fail"`, `"decision": "maybe"`, 1), false},
		"another major version":       {strings.Replace(string(first), `"schemaVersion": 1`, `"schemaVersion": 2`, 1), false},
		"nothing":                     {"{}", false},
	} {
		instance, err := jsonschema.UnmarshalJSON(strings.NewReader(test.data))
		if err != nil {
			t.Fatal(err)
		}
		if err := open.Validate(instance); (err == nil) != test.valid {
			t.Errorf("%s: valid is %v, want %v: %v", name, err == nil, test.valid, err)
		}
	}
}

func compile(t *testing.T, document map[string]any) *jsonschema.Schema {
	t.Helper()
	data, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource(schemaID, value); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile(schemaID)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// sealed allows no field beside those named.
func sealed(node map[string]any) map[string]any {
	out := map[string]any{}
	for key, value := range node {
		if child, is := value.(map[string]any); is {
			value = sealed(child)
		}
		out[key] = value
	}
	if _, is := out["properties"].(map[string]any); is && out["type"] == "object" {
		out["additionalProperties"] = false
	}
	return out
}

// generator makes a schema of Go types.
type generator struct {
	docs map[string]string // "Type" and "Type.Field"
	defs map[string]any
}

func newSchema(t *testing.T) map[string]any {
	t.Helper()
	g := &generator{docs: docstrings(t, ".", "../finding", "../verdict"), defs: map[string]any{}}
	out := g.object(reflect.TypeFor[document]())
	properties := out["properties"].(map[string]any)
	properties["schemaVersion"].(map[string]any)["const"] = SchemaVersion
	properties["tool"].(map[string]any)["const"] = toolName
	out["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	out["$id"] = schemaID
	out["title"] = "report.json of plimsoll"
	out["description"] = "What one run of plimsoll saw and decided. Fields may be added without a new schemaVersion: pass over those you do not know."
	out["$defs"] = g.defs
	return out
}

func (g *generator) of(t reflect.Type) map[string]any {
	switch t {
	case reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	case reflect.TypeFor[finding.Severity]():
		return g.enum(t, words(finding.Unknown, finding.Critical))
	case reflect.TypeFor[finding.Status]():
		return g.enum(t, words(finding.NotCompared, finding.Fixed))
	case reflect.TypeFor[verdict.Decision]():
		return g.enum(t, words(verdict.Fail, verdict.Indeterminate))
	}
	switch t.Kind() {
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return map[string]any{"type": "integer"}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": g.of(t.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": g.of(t.Elem())}
	case reflect.Pointer:
		return g.of(t.Elem())
	case reflect.Struct:
		name := t.Name()
		if t == reflect.TypeFor[record]() {
			name = "Finding"
		}
		if _, known := g.defs[name]; !known {
			g.defs[name] = nil // what refers to itself ends here
			g.defs[name] = g.object(t)
		}
		return map[string]any{"$ref": "#/$defs/" + name}
	default:
		panic("the schema does not know what a " + t.String() + " becomes")
	}
}

func (g *generator) enum(t reflect.Type, values []string) map[string]any {
	g.defs[t.Name()] = map[string]any{"type": "string", "enum": values, "description": g.docs[t.Name()]}
	return map[string]any{"$ref": "#/$defs/" + t.Name()}
}

func words[T interface {
	~int
	String() string
}](first, last T,
) []string {
	var out []string
	for v := first; v <= last; v++ {
		out = append(out, v.String())
	}
	return out
}

func (g *generator) object(t reflect.Type) map[string]any {
	properties, depth := map[string]any{}, map[string]int{}
	required := []string{}
	for _, f := range reflect.VisibleFields(t) {
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || tag == "" || tag == "-" {
			continue
		}
		if d, known := depth[tag]; known && d <= len(f.Index) {
			continue // hidden by a field nearer to the surface, as encoding/json has it
		}
		depth[tag] = len(f.Index)
		property := g.of(f.Type)
		owner := t
		for _, i := range f.Index[:len(f.Index)-1] {
			owner = owner.Field(i).Type
		}
		if text := g.docs[owner.Name()+"."+f.Name]; text != "" {
			property["description"] = text
		}
		if f.Type == reflect.TypeFor[time.Duration]() {
			property["description"] = strings.TrimSpace(g.docs[owner.Name()+"."+f.Name] + " In nanoseconds.")
		}
		properties[tag] = property
		if options == "" {
			required = append(required, tag)
		}
	}
	slices.Sort(required)
	out := map[string]any{"type": "object", "properties": properties, "required": slices.Compact(required)}
	if text := g.docs[t.Name()]; text != "" {
		out["description"] = text
	}
	return out
}

// docstrings reads what is said about types and fields.
func docstrings(t *testing.T, directories ...string) map[string]string {
	t.Helper()
	docs := map[string]string{}
	for _, directory := range directories {
		files, err := filepath.Glob(filepath.Join(directory, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			for _, declaration := range file.Decls {
				if types, is := declaration.(*ast.GenDecl); is && types.Tok == token.TYPE {
					for _, spec := range types.Specs {
						describe(docs, types, spec.(*ast.TypeSpec))
					}
				}
			}
		}
	}
	return docs
}

func describe(docs map[string]string, declaration *ast.GenDecl, spec *ast.TypeSpec) {
	flat := func(groups ...*ast.CommentGroup) string {
		for _, g := range groups {
			if g != nil {
				return strings.Join(strings.Fields(g.Text()), " ")
			}
		}
		return ""
	}
	docs[spec.Name.Name] = flat(spec.Doc, declaration.Doc)
	if fields, is := spec.Type.(*ast.StructType); is {
		for _, f := range fields.Fields.List {
			for _, name := range f.Names {
				docs[spec.Name.Name+"."+name.Name] = flat(f.Doc, f.Comment)
			}
		}
	}
}
