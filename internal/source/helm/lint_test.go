package helm_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/plimsoll-ci/plimsoll/internal/compare"
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/all"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/helm"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
	"github.com/plimsoll-ci/plimsoll/internal/source/kustomize"
)

var renderers = kubernetes.Renderers{Charts: helm.New(), Kustomizations: kustomize.New()}

func judge(t testing.TB, dir string, asked source.Options, opts lint.Options) lint.Report {
	t.Helper()
	tree, err := source.Open(dir, asked)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	report, err := lint.Run(t.Context(), all.Linters(all.Adapters{Renderers: renderers}), all.Across(), tree, opts)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// TestRealTree judges a directory of other people's with all rules, and prints what
// is found with the line that it is placed on.
func TestRealTree(t *testing.T) {
	dir := os.Getenv("PLIMSOLL_TREE")
	if dir == "" {
		t.Skip("needs a tree: PLIMSOLL_TREE=~/charts go test ./internal/source/helm -run TestRealTree -v")
	}
	report := judge(t, dir, source.Options{}, lint.Options{})
	for _, f := range report.Findings {
		at := f.Location
		content, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(at.Path)))
		lines := strings.Split(string(content), "\n")
		switch {
		case err != nil:
			t.Errorf("%s: %v", f.Message, err)
		case at.Line < 1 || at.Line > len(lines) || at.EndLine < at.Line || at.EndLine > len(lines):
			t.Errorf("%s:%d-%d is not in the file: %s", at.Path, at.Line, at.EndLine, f.Message)
		case strings.TrimSpace(lines[at.Line-1]) == "":
			t.Errorf("%s:%d is empty: %s", at.Path, at.Line, f.Message)
		}
		t.Logf("%s:%d:%d: %s %s: %s (%s) %s\n\t%s\n\t%s", at.Path, at.Line, at.Column, f.Severity, f.Rule.ID, f.Message, f.Subject, at.Note, f.SourceLine, f.Excerpt)
	}
	for _, u := range report.Unread {
		t.Logf("unread %s:%d: %s", u.Location.Path, u.Location.Line, u.Cause)
	}
	for _, n := range report.Notes {
		t.Logf("note %s", n)
	}
	t.Logf("%+v", report.Linted)
}

// told lists the findings of some rules as "path:line:column rule subject".
func told(report lint.Report, rules ...string) []string {
	var all []string
	for _, f := range report.Findings {
		if slices.Contains(rules, f.Rule.ID) {
			text := fmt.Sprintf("%s:%d:%d %s %s", f.Location.Path, f.Location.Line, f.Location.Column, f.Rule.ID, f.Subject)
			if f.Suppressed != nil {
				text += " excused: " + f.Suppressed.Reason
			}
			all = append(all, text)
		}
	}
	slices.Sort(all)
	return all
}

func plant(t testing.TB, text string) string {
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
	return dir
}

const chart = `-- web/Chart.yaml --
apiVersion: v2
name: web
version: 1.0.0
-- web/values.yaml --
image: app:latest
resources: {}
-- web/templates/a.yaml --
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
  namespace: {{ .Release.Namespace }}
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: main
          image: {{ .Values.image }}
          resources:
            {{- toYaml .Values.resources | nindent 12 }}
        # plimsoll:ignore IMG-4.a -- the latest is wanted
        - name: second
          image: side
        {{- /* plimsoll:ignore IMG-4.a -- here as well */}}
        - name: third
          image: third
-- web/templates/test.yaml --
apiVersion: v1
kind: Pod
metadata:
  name: test
  annotations: { helm.sh/hook: test }
spec: { containers: [{ name: t, image: test }] }
-- web/crds/plain.yaml --
apiVersion: v1
kind: Pod
metadata: { name: plain }
spec: { containers: [{ name: t, image: plain }] }
`

func TestCharts(t *testing.T) {
	t.Parallel()
	dir := plant(t, chart+"-- values/limits.yaml --\nresources: { limits: { memory: 1Gi, cpu: 1 } }\n-- values/pinned.yaml --\nimage: app:1\n")
	want := []string{
		"web/crds/plain.yaml:4:40 IMG-4.a Pod/plain",
		"web/templates/a.yaml:13:18 IMG-4.a Deployment/web",
		"web/templates/a.yaml:18:18 IMG-4.a Deployment/web excused: the latest is wanted",
		"web/templates/a.yaml:21:18 IMG-4.a Deployment/web excused: here as well",
	}
	for name, opts := range map[string]lint.Options{
		"own":       {},
		"all":       {HelmValues: []string{"values/limits.yaml"}},
		"for chart": {Charts: []lint.Chart{{Dir: "web", Values: []string{"values/limits.yaml", "values/pinned.yaml"}}, {Dir: "./web", Values: []string{"values/pinned.yaml"}}}},
	} {
		report := judge(t, dir, source.Options{}, opts)
		if got := told(report, "IMG-4.a", "SUP-03"); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
		if len(report.Unread) > 0 || report.Unjudged > 0 || report.Linted.Manifests != 2 || report.Linted.Objects != 2 {
			t.Errorf("%s: %+v %d %+v", name, report.Unread, report.Unjudged, report.Linted)
		}
		for _, f := range report.Findings {
			if f.Rule.ID == "IMG-4.a" && f.Location.Line == 13 && (len(f.Related) != 1 || f.Related[0].Path != "web/values.yaml" || f.Related[0].Line != 1 || f.Excerpt != "{{ .Values.image }}") {
				t.Errorf("%s: %+v", name, f)
			}
		}
	}
}

// TestChartsThatWereNamed: a part of a chart is judged in it; what a chart lacks is
// no pass when somebody asked for it.
func TestChartsThatWereNamed(t *testing.T) {
	t.Parallel()
	dir := plant(t, chart+`-- lacks/Chart.yaml --
apiVersion: v2
name: lacks
version: 1.0.0
dependencies: [{ name: gone, version: 1.0.0, repository: https://example.com }]
-- lacks/templates/a.yaml --
apiVersion: v1
kind: {{ include "gone.kind" . }}
-- fails/Chart.yaml --
apiVersion: v2
name: fails
version: 1.0.0
-- fails/templates/a.yaml --

host: {{ required "a host is needed" .Values.host }}
-- fails/ok.yaml --
host: x
`)
	for _, c := range []struct {
		asked  source.Options
		opts   lint.Options
		unread []string
		images int
	}{
		{images: 4}, // a chart that asks for values is a note until somebody names it
		{asked: source.Options{Paths: []string{"fails"}}, unread: []string{"fails/templates/a.yaml:2 a host is needed"}},
		{opts: lint.Options{Charts: []lint.Chart{{Dir: "fails", Values: []string{"fails/ok.yaml"}}}}, images: 4},
		{asked: source.Options{Paths: []string{"lacks"}}, unread: []string{"lacks/Chart.yaml:0 helm dependency build lacks"}},
		{asked: source.Options{Paths: []string{"web/templates/a.yaml"}}, images: 3},
		{asked: source.Options{Paths: []string{"web/templates/test.yaml"}}},
		{asked: source.Options{Manifests: []string{"web/templates"}}, images: 3},
		{opts: lint.Options{Charts: []lint.Chart{{Dir: "nowhere"}}}, unread: []string{"nowhere/Chart.yaml:0 does not exist"}, images: 4},
	} {
		report := judge(t, dir, c.asked, c.opts)
		ok := len(report.Unread) == len(c.unread) && len(told(report, "IMG-4.a")) == c.images
		for i := 0; ok && i < len(c.unread); i++ {
			where, cause, _ := strings.Cut(c.unread[i], " ")
			u := report.Unread[i]
			ok = where == fmt.Sprintf("%s:%d", u.Location.Path, u.Location.Line) && strings.Contains(u.Cause, cause)
		}
		if !ok {
			t.Errorf("%+v %+v: unread %+v, images %q", c.asked, c.opts, report.Unread, told(report, "IMG-4.a"))
		}
	}
}

func TestKustomizations(t *testing.T) {
	t.Parallel()
	const deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec:\n  selector: { matchLabels: { a: b } }\n  template:\n    metadata: { labels: { a: b } }\n    spec:\n      containers:\n"
	dir := plant(t, "-- base/kustomization.yaml --\nresources: [web.yaml]\nsecretGenerator: [{ name: s, literals: [password=hunter2hunter2] }]\n-- base/web.yaml --\n"+deployment+
		"      - name: app\n        image: app\n      # plimsoll:ignore IMG-4.a -- excused at the base\n      - name: side\n        image: side\n      - name: late\n        image: late\n"+
		"-- dev/kustomization.yaml --\nnamespace: dev\nresources: [../base, https://example.com/remote.yaml]\n"+
		"-- prod/kustomization.yaml --\nnamespace: prod\nresources: [../base]\nimages: [{ name: app, newTag: \"1\" }]\npatches:\n- path: patch.yaml\n"+
		"-- prod/patch.yaml --\napiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec: { template: { spec: { containers: [{ name: added, image: added }] } } }\n"+
		"-- broken/kustomization.yaml --\nresources: [x.yaml]\nunknown: field\n-- broken/x.yaml --\n"+strings.ReplaceAll(deployment, "name: web", "name: x")+"      - name: x\n        image: x\n"+
		"-- component/kustomization.yaml --\nkind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\n")
	report := judge(t, dir, source.Options{}, lint.Options{})
	want := []string{
		"base/web.yaml:11:16 IMG-4.a Deployment/web",
		"base/web.yaml:14:16 IMG-4.a Deployment/web excused: excused at the base",
		"base/web.yaml:16:16 IMG-4.a Deployment/web",
		"broken/x.yaml:11:16 IMG-4.a Deployment/x",
		"prod/patch.yaml:4:64 IMG-4.a Deployment/web",
	}
	if got := told(report, "IMG-4.a", "SUP-03"); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	notes := strings.Join(report.Notes, "\n")
	for _, w := range []string{`"https://example.com/remote.yaml" is not in the tree`, `broken/kustomization.yaml cannot be built`, `unknown field "unknown"`} {
		if !strings.Contains(notes, w) {
			t.Errorf("no note %q in\n%s", w, notes)
		}
	}
	if len(report.Unread) > 0 {
		t.Errorf("unread %+v", report.Unread)
	}
	for _, f := range report.Findings {
		if strings.Contains(f.SourceLine+f.Excerpt+f.Message, "hunter2") {
			t.Errorf("a secret is shown: %+v", f)
		}
	}
	if named := judge(t, dir, source.Options{Paths: []string{"broken"}}, lint.Options{}); len(named.Unread) != 1 || !strings.Contains(named.Unread[0].Cause, `unknown field "unknown"`) {
		t.Errorf("unread %+v", named.Unread)
	}
}

// TestGeneratedSecrets: what is random each time is no secret of the repository's;
// what the values hold is.
func TestGeneratedSecrets(t *testing.T) {
	t.Parallel()
	dir := plant(t, `-- c/Chart.yaml --
apiVersion: v2
name: c
version: 1.0.0
-- c/values.yaml --
password: sGq83mVq0Ls9
-- c/templates/s.yaml --
apiVersion: v1
kind: Secret
metadata: { name: s }
data:
  password: {{ randAlphaNum 16 | b64enc }}
  tls.key: {{ (genCA "x" 1).Key | b64enc }}
  token: {{ uuidv4 | b64enc }}
  absent: {{ .Values.absent | default (randAlphaNum 10) | b64enc | quote }}
  given-password: {{ .Values.password | b64enc }}
stringData:
  admin-password: {{ randAlphaNum 32 | quote }}
`)
	report := judge(t, dir, source.Options{}, lint.Options{})
	if got := told(report, "SEC-2.c"); !slices.Equal(got, []string{"c/templates/s.yaml:9:3 SEC-2.c Secret/s"}) {
		t.Errorf("got %q", got)
	}
	for _, f := range report.Findings {
		if f.Rule.ID == "SEC-2.c" && strings.Contains(fmt.Sprint(f), "sGq83") {
			t.Errorf("a secret is shown: %+v", f)
		}
	}
}

// TestManyOfOne adds an object to those that one template makes: what it has is new
// although it stands where what the others have stands, and is told once.
func TestManyOfOne(t *testing.T) {
	look := func(apps string) (lint.Report, []finding.Finding) {
		dir := plant(t, "-- c/Chart.yaml --\napiVersion: v2\nname: c\nversion: 0.1.0\n-- c/values.yaml --\napps: "+apps+`
-- c/templates/pods.yaml --
{{- range .Values.apps }}
---
apiVersion: v1
kind: Pod
metadata: { name: {{ . }} }
spec:
  containers:
    - name: app
      image: app:1.0
      securityContext: { privileged: true }
{{- end }}
`)
		tree, err := source.Open(dir, source.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer tree.Close()
		looked, err := lint.Look(t.Context(), all.Linters(all.Adapters{Renderers: renderers}), nil, tree, lint.Options{})
		if err != nil {
			t.Fatal(err)
		}
		report := looked.Report()
		return report, report.Findings
	}
	_, before := look("[b]")
	for apps, want := range map[string]string{
		"[b]":       "Pod/b existing",
		"[b, c]":    "Pod/b existing, Pod/c introduced",
		"[a, b]":    "Pod/a introduced, Pod/b existing",
		"[b, c, d]": "Pod/b existing, Pod/c introduced",
	} {
		report, now := look(apps)
		var got []string
		for _, f := range report.Once(compare.Sources(now, before).Findings) {
			if f.Rule.ID == "USR-3.b" {
				got = append(got, f.Subject+" "+f.Status.String())
			}
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s: %q, want %s", apps, got, want)
		}
	}
}
