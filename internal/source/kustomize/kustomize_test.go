package kustomize

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

func plant(t testing.TB, text string) (*source.Tree, string) {
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
	tree, err := source.Open(dir, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tree.Close() })
	return tree, dir
}

func render(t testing.TB, tree *source.Tree, dir string) *kubernetes.Rendering {
	t.Helper()
	r := New()
	r.most = 500
	out, err := r.Render(t.Context(), tree, kubernetes.Root{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// placed lists the scalars of all manifests as "path value file:line:column note".
func placed(t testing.TB, out *kubernetes.Rendering) []string {
	t.Helper()
	var all []string
	for _, m := range out.Manifests {
		f, unread := kubernetes.ParseManifest(m)
		if len(unread) > 0 || f == nil {
			t.Fatalf("%s: %v\n%s", m.Path, unread, m.Text)
		}
		var walk func(path string, n kubernetes.Node)
		walk = func(path string, n kubernetes.Node) {
			if n.IsScalar() {
				at := n.At()
				note := ""
				if at.Note != "" {
					note = " ~"
				}
				all = append(all, fmt.Sprintf("%s %q %s:%d:%d%s", path, n.Text(), at.Path, at.Line, at.Column, note))
			}
			for _, e := range n.Entries() {
				walk(path+"."+e.Key.Text(), e.Value)
			}
			for i, item := range n.Items() {
				walk(fmt.Sprintf("%s[%d]", path, i), item)
			}
		}
		for _, o := range f.Objects {
			walk(o.Subject(), o.Node)
		}
	}
	return all
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	tree, _ := plant(t, `-- base/kustomization.yaml --
resources: [web.yaml]
configMapGenerator:
- name: settings
  literals: [a=1]
  files: [conf.txt]
commonLabels: { team: shop }
-- base/conf.txt --
x
-- base/web.yaml --
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 1
  template:
    spec:
      containers:
      - name: app
        image: app
        args: [a, b]
        env:
        - name: A
          value: "1"
        envFrom:
        - configMapRef: { name: settings }
      - name: side
        image: side:1
-- prod/kustomization.yaml --
namespace: shop
namePrefix: prod-
resources: [../base]
images:
- name: app
  newTag: "2"
replicas:
- name: web
  count: 3
patches:
- path: memory.yaml
- target: { kind: Deployment, name: web }
  patch: |-
    - op: add
      path: /spec/template/spec/containers/0/env/-
      value: { name: B, value: "2" }
    - op: replace
      path: /spec/template/spec/containers/1/image
      value: side:2
- patch: |
    apiVersion: apps/v1
    kind: Deployment
    metadata: { name: web }
    spec:
      minReadySeconds: 7
-- prod/memory.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  template:
    spec:
      containers:
      - name: app
        resources:
          limits: { memory: 1Gi }
`)
	out := render(t, tree, "prod")
	if len(out.Unread)+len(out.Notes) > 0 || out.Missing != "" {
		t.Fatalf("%+v", out)
	}
	got := placed(t, out)
	want := []string{
		`ConfigMap/settings.apiVersion "v1" base/kustomization.yaml:3:3 ~`,
		`ConfigMap/settings.data.a "1" base/kustomization.yaml:4:14`,
		`ConfigMap/settings.data.conf.txt "x\n" base/kustomization.yaml:5:11`,
		`Deployment/web.spec.minReadySeconds "7" prod/kustomization.yaml:25:24`,
		`Deployment/web.spec.replicas "3" prod/kustomization.yaml:9:10`,
		`Deployment/web.metadata.namespace "shop" prod/kustomization.yaml:1:12`,
		`Deployment/web.metadata.labels.team "shop" base/web.yaml:4:3 ~`,
		`Deployment/web.metadata.name "prod-web" base/web.yaml:4:9 ~`,
		`Deployment/web.spec.template.spec.containers[0].image "app:2" prod/kustomization.yaml:6:11`,
		`Deployment/web.spec.template.spec.containers[0].args[1] "b" base/web.yaml:12:19`,
		`Deployment/web.spec.template.spec.containers[0].env[0].value "1" base/web.yaml:15:18`,
		`Deployment/web.spec.template.spec.containers[0].env[1].value "2" prod/kustomization.yaml:16:32`,
		`Deployment/web.spec.template.spec.containers[0].resources.limits.memory "1Gi" prod/memory.yaml:10:29`,
		`Deployment/web.spec.template.spec.containers[1].image "side:2" prod/kustomization.yaml:19:14`,
	}
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("no %s", w)
		}
	}
	if t.Failed() {
		t.Log(strings.Join(got, "\n"))
	}
	if diff := cmp.Diff([]string{"base/conf.txt", "base/web.yaml", "prod/memory.yaml"}, out.Used); diff != "" {
		t.Errorf("used (-want +got):\n%s", diff)
	}
}

const pod = "apiVersion: v1\nkind: Pod\nmetadata: { name: p }\n"

// TestRemote: nothing is fetched or run, whatever a kustomization asks for, and the
// rest is built.
func TestRemote(t *testing.T) {
	t.Parallel()
	tree, _ := plant(t, `-- a/kustomization.yaml --
Resources:
- pod.yaml
- https://192.0.2.1/x.yaml
- github.com/org/repo?ref=v1
- git::https://192.0.2.1/r
- git@192.0.2.1:org/repo.git
- ../../../outside.yaml
- missing.yaml
components: [https://192.0.2.1/c]
crds: [https://192.0.2.1/crd.json]
configurations: [https://192.0.2.1/c.yaml]
openapi: { path: https://192.0.2.1/o.json }
patches:
- { path: https://192.0.2.1/p.yaml, target: { kind: Pod } }
patchesStrategicMerge: [https://192.0.2.1/p.yaml]
patchesJson6902: [{ target: { version: v1, kind: Pod, name: p }, path: https://192.0.2.1/p.yaml }]
replacements: [{ path: https://192.0.2.1/p.yaml }]
transformers:
- https://192.0.2.1/t.yaml
- exec.yaml
- remote.yaml
- |-
  apiVersion: builtin
  kind: PatchTransformer
  metadata: { name: x }
  path: "\x68ttps://192.0.2.1/p.yaml"
- |-
  apiVersion: builtin
  kind: LabelTransformer
  metadata: { name: x }
  labels: { own: label }
  fieldSpecs: [{ path: metadata/labels, create: true }]
generators:
- plugins
validators: [exec.yaml]
helmCharts: [{ name: x, repo: https://192.0.2.1 }]
configMapGenerator:
- { name: m, files: ["k=https://192.0.2.1/f", gone.txt], literals: [l=1] }
- { name: nn, envs: [https://192.0.2.1/e] }
secretGenerator:
- { name: s, envs: [.env.secret] }
-- a/pod.yaml --
`+pod+`-- a/exec.yaml --
apiVersion: example.com/v1
kind: Exec
metadata:
  name: x
  annotations: { config.kubernetes.io/function: "exec: { path: ./run.sh }" }
-- a/remote.yaml --
apiVersion: builtin
kind: ConfigMapGenerator
metadata: { name: x }
files: ["k=http://192.0.2.1/f"]
-- a/plugins/kustomization.yaml --
resources: [../pod.yaml]
`)
	out := render(t, tree, "a")
	if len(out.Unread) > 0 {
		t.Fatalf("unread %+v", out.Unread)
	}
	var names []string
	for _, m := range out.Manifests {
		names = append(names, m.Subject)
		if m.Subject == "Pod/p" && !strings.Contains(m.Text, "own: label") {
			t.Errorf("kustomize's own transformer did not run:\n%s", m.Text)
		}
		if m.Subject == "ConfigMap/m" && !strings.Contains(m.Text, "gone.txt: \"\"") {
			t.Errorf("a file that is not there has no key:\n%s", m.Text)
		}
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"ConfigMap/m", "Pod/p"}) {
		t.Errorf("built %q", names)
	}
	notes := strings.Join(out.Notes, "\n")
	for _, want := range []string{`"https://192.0.2.1/x.yaml" is not in the tree`, `"github.com/org/repo?ref=v1"`, `"git@192.0.2.1`, "lies outside the tree", "helmCharts", `plugin "exec.yaml"`, "a plugin is not run", `"s" is made of files`} {
		if !strings.Contains(notes, want) {
			t.Errorf("no note %q in\n%s", want, notes)
		}
	}
	if !strings.Contains(out.Missing, `"missing.yaml"`) || !strings.Contains(out.Missing, `"gone.txt"`) {
		t.Errorf("missing %q", out.Missing)
	}
}

func TestHostile(t *testing.T) {
	t.Parallel()
	var laughing strings.Builder
	laughing.WriteString("a: &a [1,1,1,1,1,1,1,1,1,1]\n")
	for c := 'b'; c <= 'i'; c++ {
		fmt.Fprintf(&laughing, "%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c,", c-1), 10), ","))
	}
	laughs := laughing.String()
	// Each level names the one below twice: 2^30 objects.
	var deep strings.Builder
	deep.WriteString("-- l0/kustomization.yaml --\nresources: [pod.yaml]\n-- l0/pod.yaml --\n" + pod)
	for i := 1; i <= 30; i++ {
		fmt.Fprintf(&deep, "-- l%d/kustomization.yaml --\nresources: [a, b]\n", i)
		for _, side := range []string{"a", "b"} {
			fmt.Fprintf(&deep, "-- l%d/%s/kustomization.yaml --\nnamePrefix: %s\nresources: [../../l%d]\n", i, side, side, i-1)
		}
	}
	levels := deep.String()
	for name, c := range map[string]struct{ text, dir, want string }{
		"cycle":    {"-- a/kustomization.yaml --\nresources: [../b]\n-- b/kustomization.yaml --\nresources: [../a]\n", "a", "cycle detected"},
		"laughs":   {"-- a/kustomization.yaml --\nresources: [x.yaml]\n-- a/x.yaml --\n" + laughs, "a", "once its aliases are followed"},
		"own":      {"-- a/kustomization.yaml --\n" + laughs, "a", "once its aliases are followed"},
		"syntax":   {"-- a/kustomization.yaml --\nresources: [\n", "a", "did not find expected node content"},
		"unknown":  {"-- a/kustomization.yaml --\nresorces: []\n", "a", `unknown field "resorces"`},
		"two":      {"-- a/kustomization.yaml --\nresources: [p.yaml]\n-- a/kustomization.yml --\nresources: [p.yaml]\n-- a/p.yaml --\n" + pod, "a", "multiple kustomization files"},
		"levels":   {levels, "l30", "limit; take it apart"},
		"no patch": {"-- a/kustomization.yaml --\nresources: [p.yaml]\npatches: [{ patch: 'kind: [' }]\n-- a/p.yaml --\n" + pod, "a", "cannot be built"},
	} {
		t.Run(name, func(t *testing.T) {
			tree, _ := plant(t, c.text)
			out := render(t, tree, c.dir)
			if len(out.Unread) != 1 || !strings.Contains(out.Unread[0].Cause, c.want) || len(out.Manifests) > 0 {
				t.Errorf("%+v, want %q", out, c.want)
			}
		})
	}
}

func TestLinksAndFilesAbove(t *testing.T) {
	t.Parallel()
	tree, dir := plant(t, "-- a/kustomization.yaml --\nresources: [out.yaml, in.yaml, ../shared/pod.yaml]\n-- shared/pod.yaml --\n"+pod+"-- shared/other.yaml --\n"+strings.ReplaceAll(pod, "name: p", "name: q"))
	outside := filepath.Join(t.TempDir(), "secret.yaml")
	if err := os.WriteFile(outside, []byte(strings.ReplaceAll(pod, "name: p", "name: leak")), 0o644); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"a/out.yaml": outside, "a/in.yaml": "../shared/other.yaml"} {
		if err := os.Symlink(target, filepath.Join(dir, filepath.FromSlash(link))); err != nil {
			t.Fatal(err)
		}
	}
	out := render(t, tree, "a")
	var names []string
	for _, m := range out.Manifests {
		names = append(names, m.Subject)
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"Pod/p", "Pod/q"}) || !strings.Contains(out.Missing, `"out.yaml"`) || len(out.Unread) > 0 {
		t.Errorf("%q %+v", names, out)
	}
	if !strings.Contains(strings.Join(out.Notes, "\n"), "files above its own directory") {
		t.Errorf("notes %q", out.Notes)
	}
}
