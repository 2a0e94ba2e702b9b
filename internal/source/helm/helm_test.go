package helm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

// plant writes the files of a txtar text and opens the tree.
func plant(t testing.TB, text string) *source.Tree {
	t.Helper()
	tree, _ := plantIn(t, text)
	return tree
}

func plantIn(t testing.TB, text string) (*source.Tree, string) {
	t.Helper()
	dir := t.TempDir()
	for _, f := range txtar.Parse([]byte(text)).Files {
		name := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return open(t, dir), dir
}

func open(t testing.TB, dir string) *source.Tree {
	t.Helper()
	tree, err := source.Open(dir, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tree.Close() })
	return tree
}

func render(t testing.TB, tree *source.Tree, dir string, values ...string) *kubernetes.Rendering {
	t.Helper()
	out, err := New().Render(t.Context(), tree, kubernetes.Root{Dir: dir, Values: values, Version: "1.37"})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// placed lists the scalars of all manifests with where they stand: "value path:line:column-endline:endcolumn".
func placed(t testing.TB, out *kubernetes.Rendering) []string {
	t.Helper()
	var all []string
	for _, m := range out.Manifests {
		f, unread := kubernetes.ParseManifest(m)
		if len(unread) > 0 || f == nil {
			t.Fatalf("%s: %v\n%s", m.Path, unread, m.Text)
		}
		var walk func(n kubernetes.Node)
		walk = func(n kubernetes.Node) {
			if n.IsScalar() {
				at := n.At()
				all = append(all, fmt.Sprintf("%s %s:%d:%d-%d:%d %s", n.Text(), at.Path, at.Line, at.Column, at.EndLine, at.EndColumn, at.Note))
			}
			for _, e := range n.Entries() {
				walk(e.Value)
			}
			for _, item := range n.Items() {
				walk(item)
			}
		}
		for _, o := range f.Objects {
			walk(o.Node)
		}
	}
	for i := range all {
		all[i] = strings.TrimSpace(all[i])
	}
	return all
}

const web = "-- web/Chart.yaml --\napiVersion: v2\nname: web\nversion: 1.0.0\n"

func TestPlaces(t *testing.T) {
	t.Parallel()
	tree := plant(t, web+`-- web/values.yaml --
image: { repository: app, tag: "1" }
ports: [80, 81]
resources:
  limits:
    cpu: 1
-- web/templates/_helpers.tpl --
{{- define "web.labels" -}}
app: {{ .Chart.Name }}
{{- if .Values.ports }}
tier: front
{{- end }}
{{- end -}}
{{ define "web.name" }}{{ .Release.Name }}-x{{ end }}
-- web/templates/a.yaml --
apiVersion: v1
kind: Pod
metadata:
  name: {{ include "web.name" . }}
  labels:
    {{- include "web.labels" . | nindent 4 }}
spec:
  containers:
  {{- range .Values.ports }}
    - name: "p{{ . }}"
      image: "{{ $.Values.image.repository }}:{{ $.Values.image.tag }}" # é
      resources: {{ toYaml $.Values.resources | nindent 8 }}
  {{- end }}
{{- with .Values.missing }}
  never: there
{{- end }}
  missing: {{ .Values.gone }}
`)
	sameAsHelm(t, tree, "web")
	got := placed(t, render(t, tree, "web"))
	want := []string{
		"v1 web/templates/a.yaml:1:13-1:15",
		"Pod web/templates/a.yaml:2:7-2:10",
		"web-x web/templates/a.yaml:4:9-4:35",
		"web web/templates/_helpers.tpl:2:6-2:23",
		"front web/templates/_helpers.tpl:4:7-4:12",
		"p80 web/templates/a.yaml:10:13-10:23",
		"app:1 web/templates/a.yaml:11:14-11:72",
		"1 web/templates/a.yaml:12:18-12:61",
		"p81 web/templates/a.yaml:10:13-10:23",
		"app:1 web/templates/a.yaml:11:14-11:72",
		"1 web/templates/a.yaml:12:18-12:61",
		"web/templates/a.yaml:17:11-17:30", // null
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
}

// TestFunctions: the functions that are written anew here do what Helm's do.
func TestFunctions(t *testing.T) {
	t.Parallel()
	tree, dir := plantIn(t, web+`-- web/values.yaml --
tree: { a: [1, { b: "c: d" }], e: null, f: 1.5, g: "yes" }
text: "{{ .Values.tree.f }}-{{ include \"n\" . }}"
-- web/files/one.txt --
one
two
-- web/files/two.conf --
x=1
-- web/templates/_h.tpl --
{{ define "n" }}name{{ end }}{{ define "map" }}{ "k": { "l": 1 } }{{ end }}
-- web/templates/a.yaml --
yaml: {{ toYaml .Values.tree | nindent 2 }}
pretty: {{ toYamlPretty .Values.tree | nindent 2 }}
must: {{ mustToYaml .Values.tree | nindent 2 }}
json: {{ toJson .Values.tree }} {{ mustToJson .Values.tree }} {{ toPrettyJson .Values.tree | quote }} {{ toRawJson .Values.tree }}
toml: {{ toToml .Values.tree | quote }} {{ fromToml "a = 1" | toJson }} {{ fromToml "]" | toJson }}
back: {{ (include "map" . | fromYaml).k.l }} {{ fromYamlArray "- 1" | len }} {{ fromYaml "]" | toJson }} {{ fromYamlArray "{" | toJson }}
fromJson: {{ fromJson "{\"a\": 1}" | toJson }} {{ fromJsonArray "[1]" | len }} {{ fromJson "]" | toJson }} {{ fromJsonArray "]" | toJson }}
tpl: {{ tpl .Values.text . }} {{ tpl "{{ define \"own\" }}o{{ end }}{{ include \"own\" . }}" . }} {{ tpl "{{ .Values.nowhere }}" . }}
none: {{ .Values.nowhere }}{{ .Values.nowhere | default "d" }}{{ quote .Values.nowhere }}
lookup: {{ lookup "v1" "Secret" "a" "b" | toJson }}{{ (lookup "v1" "Secret" "a" "b").data }}{{ getHostByName "localhost" }}
required: {{ required "x" "there" }}
files: {{ .Files.Get "files/one.txt" | quote }} {{ .Files.GetBytes "files/one.txt" | len }} {{ .Files.Lines "files/one.txt" | toJson }} {{ .Files.Get "none" }}
glob: {{ (.Files.Glob "files/*").AsConfig | nindent 2 }}
secrets: {{ (.Files.Glob "files/*.conf").AsSecrets | nindent 2 }}
caps: {{ .Capabilities.KubeVersion.Version }} {{ .Capabilities.KubeVersion.Minor }} {{ .Capabilities.APIVersions.Has "apps/v1" }} {{ .Capabilities.APIVersions.Has "networking.k8s.io/v1/Ingress" }} {{ .Capabilities.APIVersions.Has "policy/v1beta1" }}
template: {{ .Template.Name }} {{ .Template.BasePath }} {{ .Release.Name }} {{ .Release.Namespace }} {{ .Release.IsInstall }} {{ .Chart.IsRoot }}
sum: {{ include (print $.Template.BasePath "/b.yaml") . | sha256sum }}
print: {{ print 1 "a" 2 }} {{ printf "%03d|%s|%v" 7 "s" .Values.tree }} {{ println "x" }} {{ html "<" }}
random: {{ randAlphaNum 5 }} {{ genCA "x" 1 | toJson }} {{ now | date "2006" }} {{ uuidv4 }} {{ shuffle "abc" }}
merge: {{ merge (dict "a" 1) (dict "b" (dict "c" 2)) | toJson }} {{ $d := dict }}{{ $_ := set $d "x" .Values.tree }}{{ $d | toJson }}
seq: {{ until 3 }} {{ untilStep 0 10 3 }} {{ seq 1 3 }} {{ repeat 3 "ab" }} {{ join "," (list 1 2) }} {{ replace "a" "bb" "aba" }} {{ regexReplaceAll "a(b)" "xab" "${1}" }} {{ "a\nb" | indent 2 }}
{{- range $i, $x := until 3 }}{{ if eq $i 1 }}{{ continue }}{{ end }}{{ $x }}{{ end }}
{{- block "blocked" . }}block{{ end }}{{ template "n" . }}
{{/* a comment */ -}}
end
-- web/templates/b.yaml --
b: {{ .Values.tree.g }}
-- web/templates/NOTES.txt --
{{ fail "never rendered" }}
`)
	// Helm renders NOTES.txt, too.
	if err := os.Remove(filepath.Join(dir, "web/templates/NOTES.txt")); err != nil {
		t.Fatal(err)
	}
	sameAsHelm(t, tree, "web")
	out := render(t, tree, "web")
	if len(out.Manifests) != 2 || len(out.Unread) > 0 {
		t.Fatalf("%+v", out)
	}
	text := out.Manifests[0].Text
	for _, want := range []string{"caps: v1.37.0 37 true true false", "sum: ", "1.5-name"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func pack(t testing.TB, files map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	zip := gzip.NewWriter(&b)
	w := tar.NewWriter(zip)
	for name, text := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text)), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestDependencies(t *testing.T) {
	t.Parallel()
	lib := pack(t, map[string]string{
		"lib/Chart.yaml":            "apiVersion: v2\nname: lib\nversion: 2.0.0\n",
		"lib/values.yaml":           "port: 1\n",
		"lib/templates/svc.yaml":    "kind: Service\napiVersion: v1\nport: {{ .Values.port }}\n",
		"lib/templates/_helper.tpl": "{{ define \"lib.kind\" }}Pod{{ end }}",
		"../escape":                 "x",
	})
	tree := plant(t, `-- web/Chart.yaml --
apiVersion: v2
name: web
version: 1.0.0
dependencies:
  - name: lib
    version: 2.x.x
    repository: https://example.com
    alias: other
  - name: beside
    version: 1.0.0
    repository: file://../beside
  - name: unused
    version: 1.0.0
    repository: https://example.com
    condition: unused.enabled
  - name: gone
    version: 1.0.0
    repository: https://example.com
-- web/values.yaml --
unused: { enabled: false }
other: { port: 8080 }
beside: { name: from-web }
-- web/templates/a.yaml --
kind: {{ include "lib.kind" . }}
apiVersion: v1
-- web/templates/b.yaml --
kind: {{ include "gone.kind" . }}
-- beside/Chart.yaml --
apiVersion: v2
name: beside
version: 1.0.0
-- beside/values.yaml --
name: own
-- beside/templates/pod.yaml --
apiVersion: v1
kind: Pod
metadata: { name: {{ .Values.name }} }
-- web/charts/lib-2.0.0.tgz --
`+lib)
	out := render(t, tree, "web")
	if want := `depends on "gone", which charts/ does not hold and 1 of its templates need; run "helm dependency build web" first`; out.Missing != want {
		t.Errorf("missing %q, want %q", out.Missing, want)
	}
	if len(out.Unread) > 0 {
		t.Errorf("unread %v", out.Unread)
	}
	want := []string{
		"v1 beside/templates/pod.yaml:1:13-1:15", "Pod beside/templates/pod.yaml:2:7-2:10", "from-web beside/templates/pod.yaml:3:19-3:37",
		"Service web/Chart.yaml:8:12-8:17 approximate: rendered from here: web/charts/other/templates/svc.yaml",
		"v1 web/Chart.yaml:8:12-8:17 approximate: rendered from here: web/charts/other/templates/svc.yaml",
		"8080 web/Chart.yaml:8:12-8:17 approximate: rendered from here: web/charts/other/templates/svc.yaml",
		"Pod web/templates/a.yaml:1:7-1:33", "v1 web/templates/a.yaml:2:13-2:15",
	}
	if diff := cmp.Diff(want, placed(t, out)); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
}

// TestHostile: charts that were written to break who renders them end soon, with a
// record of what was wrong.
func TestHostile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ template, want string }{
		"recursion":      {`{{ define "a" }}{{ include "a" . }}{{ end }}{{ include "a" . }}`, "without end"},
		"mutual":         {`{{ define "a" }}{{ include "b" . }}{{ end }}{{ define "b" }}{{ template "a" . }}{{ end }}{{ template "a" . }}`, "without end"},
		"template":       {`{{ define "a" }}{{ template "a" . }}{{ end }}{{ template "a" . }}`, "without end"},
		"tpl":            {`{{ define "a" }}{{ tpl "{{ include \"a\" . }}" . }}{{ end }}{{ include "a" . }}`, "without end"},
		"range":          {`{{ range $i := until 100000000 }}x{{ end }}`, "above the limit"},
		"empty range":    {`{{ range 1000000000000 }}{{ end }}`, "longer"},
		"nested ranges":  {`{{ range until 100000 }}{{ range until 100000 }}{{ if false }}{{ end }}{{ end }}{{ end }}`, ""},
		"silent include": {`{{ define "e" }}{{ end }}{{ range until 100000 }}{{ range until 100000 }}{{ $x := include "e" . }}{{ end }}{{ end }}`, ""},
		"repeat":         {`{{ repeat 2000000000 "x" }}`, "above the limit"},
		"indent":         {`{{ indent 2000000000 "x" }}`, "above the limit"},
		"doubling":       {`{{ $x := "x" }}{{ range until 60 }}{{ $x = printf "%s%s" $x $x }}{{ end }}{{ $x }}`, "above the limit"},
		"concat":         {`{{ $x := list 1 2 }}{{ range until 60 }}{{ $x = concat $x $x }}{{ end }}{{ len $x }}`, "above the limit"},
		"sharing":        {`{{ $x := dict "a" 1 }}{{ range until 60 }}{{ $x = dict "a" $x "b" $x }}{{ end }}{{ toYaml $x }}`, "above the limit"},
		"self":           {`{{ $x := dict }}{{ $_ := set $x "a" $x }}{{ toYaml $x }}`, "above the limit"},
		"self below":     {`{{ $x := dict }}{{ $_ := set $x "a" (dict "b" (list $x)) }}{{ $x }}`, "above the limit"},
		"merged":         {`{{ $x := dict }}{{ $_ := merge $x (dict "a" $x) }}{{ $x }}`, "above the limit"},
		"quotes":         {`{{ $x := "\"" }}{{ range until 60 }}{{ $x = quote $x }}{{ end }}{{ $x }}`, "above the limit"},
		"replace":        {`{{ $x := repeat 1000000 "x" }}{{ replace "x" $x $x }}`, "above the limit"},
		"output":         {`{{ $x := repeat 1000000 "x" }}{{ range until 1000 }}{{ $x }}{{ end }}`, "more than the limit"},
		"aliases":        {`{{ $x := fromYaml "a: &a [1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f]" }}{{ required $x.Error "" }}`, "excessive aliasing"},
		"panic":          {`{{ index (list 1) 5 }}{{ substr 5 1 "x" }}`, "cannot be rendered"},
		"environment":    {`{{ env "HOME" }}`, `function "env" not defined`},
		"parse":          {"\n\n{{ if }}", "missing value for if"},
		"fail":           {"{{ fail \"say\\nso\" }}", "say so"},
		"required":       {"a: 1\nb: {{ required \"b is needed\" .Values.b }}", "b is needed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := plant(t, web+"-- web/templates/a.yaml --\n"+c.template+"\n")
			began := time.Now()
			out := render(t, tree, "web")
			out.Unread = append(out.Unread, out.Asks...)
			if c.want == "" {
				c.want = "longer"
			}
			if len(out.Unread) != 1 || !strings.Contains(out.Unread[0].Cause, c.want) || out.Unread[0].Location.Path != "web/templates/a.yaml" {
				t.Errorf("unread %+v, want %q", out.Unread, c.want)
			}
			t.Logf("%v: %+v", time.Since(began).Round(time.Millisecond), out.Unread)
		})
	}
}

// TestHostileTrees: what lies about a chart and must not be followed or taken apart
// without end.
func TestHostileTrees(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret.yaml"), []byte("kind: Secret\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	tree, dir := plantIn(t, web+"-- web/templates/a.yaml --\nkind: {{ .Files.Get \"out.txt\" }}{{ .Files.Get \"in.txt\" }}{{ .Files.Get \"loop/in.txt\" }}\n-- shared/in.txt --\nshared\n")
	for link, target := range map[string]string{
		"web/out.txt": filepath.Join(outside, "secret.yaml"), "web/templates/s.yaml": "../../../../../../../../../../etc/passwd",
		"web/in.txt": "../shared/in.txt", "web/loop": "../web", "web/charts": "charts", "web/dir": "../shared",
	} {
		if err := os.Symlink(target, filepath.Join(dir, filepath.FromSlash(link))); err != nil {
			t.Fatal(err)
		}
	}
	out := render(t, tree, "web")
	if len(out.Unread) > 0 || len(out.Manifests) != 1 || out.Manifests[0].Text != "kind: shared\n\n" {
		t.Errorf("%+v", out)
	}
	bomb := pack(t, map[string]string{"b/Chart.yaml": "apiVersion: v2\nname: b\nversion: 1.0.0\n", "b/values.yaml": strings.Repeat("#", maxSize+1)})
	var nest string
	for range maxNests + 2 {
		nest = pack(t, map[string]string{"n/Chart.yaml": "apiVersion: v2\nname: n\nversion: 1.0.0\n", "n/charts/n-1.0.0.tgz": nest})
	}
	var laughing strings.Builder
	laughing.WriteString("a: &a [1,1,1,1,1,1,1,1,1,1]\n")
	for c := 'b'; c <= 'i'; c++ {
		fmt.Fprintf(&laughing, "%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c,", c-1), 10), ","))
	}
	laughs := laughing.String()
	for name, c := range map[string]struct{ text, want string }{
		"bomb":     {web + "-- web/charts/b-1.0.0.tgz --\n" + bomb, "holds more than 5242880 bytes"},
		"nested":   {web + "-- web/charts/n-1.0.0.tgz --\n" + nest, "archives inside archives"},
		"no gzip":  {web + "-- web/charts/n-1.0.0.tgz --\nhello, hello, hello\n", "invalid header"},
		"laughs":   {web + "-- web/values.yaml --\n" + laughs, "once its aliases are followed"},
		"syntax":   {web + "-- web/values.yaml --\na: [\n", "did not find expected node content"},
		"no name":  {"-- web/Chart.yaml --\napiVersion: v2\n", "chart.metadata.name is required"},
		"no chart": {"-- web/x --\n", "Chart.yaml file is missing"},
		"up":       {"-- web/Chart.yaml --\napiVersion: v2\nname: ../../x\nversion: 1.0.0\n", "invalid"},
	} {
		out := render(t, plant(t, c.text), "web")
		if len(out.Unread) != 1 || !strings.Contains(out.Unread[0].Cause, c.want) || len(out.Manifests) > 0 {
			t.Errorf("%s: %+v, want %q", name, out, c.want)
		}
	}
}

func TestValuesAndIgnored(t *testing.T) {
	t.Parallel()
	tree := plant(t, web+`-- web/values.yaml --
a: 1
b: { c: 1, d: 1 }
-- prod.yaml --
b: { c: 2 }
-- more.yaml --
b: { c: 3 }
-- web/.helmignore --
templates/skipped.yaml
-- web/templates/skipped.yaml --
{{ fail "skipped" }}
-- web/templates/a.yaml --
v: {{ .Values | toJson }}
-- web/templates/off.yaml --
{{- if .Values.nothing }}
kind: Pod
{{- end }}
-- web/templates/.hidden.yaml --
{{ fail "hidden" }}
-- lib/Chart.yaml --
apiVersion: v2
name: lib
version: 1.0.0
type: library
`)
	out := render(t, tree, "web", "prod.yaml", "more.yaml")
	if len(out.Unread) > 0 || len(out.Manifests) != 1 || !strings.Contains(out.Manifests[0].Text, `"b":{"c":3,"d":1}`) {
		t.Errorf("%+v", out)
	}
	if !slices.Equal(out.Empty, []string{"web/templates/off.yaml"}) {
		t.Errorf("empty %q", out.Empty)
	}
	if out := render(t, tree, "lib"); len(out.Manifests) > 0 || len(out.Notes) != 1 || len(out.Unread) > 0 {
		t.Errorf("a library: %+v", out)
	}
	if out := render(t, tree, "web", "none.yaml"); len(out.Unread) != 1 || !strings.Contains(out.Unread[0].Cause, "none.yaml: does not exist") {
		t.Errorf("values that are not there: %+v", out.Unread)
	}
}

// FuzzRender: no template makes the renderer panic, and every place lies in a file
// of the tree.
func FuzzRender(f *testing.F) {
	f.Add("apiVersion: v1\nkind: {{ include \"h\" . | nindent 2 }}\n{{- range $i, $x := .Values.l }}\n- {{ $x }}\n{{- end }}\n", "{{ define \"h\" }}a: b\nc: {{ .Chart.Name }}{{ end }}", "l: [1, 2]")
	f.Add("{{ template \"h\" . }}: {{- /* x */ -}} {{ toYaml .Values | indent 3 }}", "{{ define \"h\" }}x{{ end }}", "é: \"ü\"\r\n")
	f.Add("{{ with $x := dict }}{{ $_ := set $x \"a\" $x }}{{ $x }}{{ end }}{{ tpl \"{{ . }}\" 1 }}", "", "")
	f.Fuzz(func(t *testing.T, template, helper, values string) {
		if strings.Contains(template+helper+values, "-- ") {
			return // it would be another file of the archive
		}
		tree := plant(t, web+"-- web/values.yaml --\n"+values+"\n-- web/templates/_h.tpl --\n"+helper+"\n-- web/templates/a.yaml --\n"+template+"\n")
		out := render(t, tree, "web")
		for _, m := range out.Manifests {
			for start := 0; start < min(len(m.Text), 2000); start += 7 {
				at := m.Place(start, min(len(m.Text), start+5))
				src, err := tree.File(at.Path)
				if err != nil {
					t.Fatalf("%+v: %v", at, err)
				}
				if at.Line < 1 || at.EndLine < at.Line || at.EndLine > src.Lines() || at.Column < 1 {
					t.Fatalf("%+v is not in the file", at)
				}
			}
			kubernetes.ParseManifest(m)
		}
	})
}
