package all

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

const digest = "@sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1"

// TestPeersGetItWrong holds the defects that were found in peers' code, as the
// rules that we have concern them. Each line of want is "rule path:line".
func TestPeersGetItWrong(t *testing.T) {
	pod := func(container string) string {
		return "apiVersion: v1\nkind: Pod\nmetadata: { name: p }\nspec:\n  containers:\n" + container
	}
	for name, c := range map[string]struct{ files, want string }{
		"trivy counts no separators": {
			"-- x.yaml --\n" + pod("    - { name: a, image: a:1 }\n") + "---\n" + pod("    - { name: b, image: b }\n") + "---\n\n---\n" + pod("    - { name: c, image: c }\n"),
			"IMG-4.a x.yaml:13, IMG-4.a x.yaml:22",
		},
		"trivy stops at a commented separator": {
			"-- x.yaml --\n" + pod("    - { name: a, image: a:1 }\n") + "--- # service\n" + pod("    - { name: b, image: b }\n") + "--- \n" + pod("    - { name: c, image: c }\n"),
			"IMG-4.a x.yaml:13, IMG-4.a x.yaml:20",
		},
		"trivy takes a builder's user for the image's": {
			"-- Dockerfile --\nFROM a:1" + digest + " AS b\nUSER node\nFROM a:1" + digest + "\n",
			"USR-1.a Dockerfile:3",
		},
		"trivy knows no base that is not root": {
			"-- Dockerfile --\nFROM gcr.io/distroless/static:nonroot" + digest + "\n", "",
		},
		"trivy passes any variable": {
			"-- Dockerfile --\nFROM a:1" + digest + "\nARG APP_USER=0\nUSER $APP_USER:0\n", "USR-1.a Dockerfile:3",
		},
		"hadolint wants an explicit root": {"-- Dockerfile --\nFROM a:1" + digest + "\n", "USR-1.a Dockerfile:1"},
		"hadolint reports every stage": {
			"-- Dockerfile --\nFROM a:1" + digest + " AS b\nUSER root\nFROM a:1" + digest + "\nUSER 10001\n", "",
		},
		"hadolint flags the shell form of a health check": {
			"-- Dockerfile --\nFROM a:1" + digest + "\nUSER 10001\nHEALTHCHECK CMD wget -qO- http://127.0.0.1/ || exit 1\n", "",
		},
		"checkov knows root by one name": {
			"-- a.Dockerfile --\nFROM a:1" + digest + "\nUSER 0\n-- b.Dockerfile --\nFROM a:1" + digest + "\nUSER root:root\n-- c.Dockerfile --\nFROM a:1" + digest + "\nUSER 0:0\n",
			"USR-1.a a.Dockerfile:2, USR-1.a b.Dockerfile:2, USR-1.a c.Dockerfile:2",
		},
		"kube-score and polaris take a port for a tag": {
			"-- x.yaml --\n" + pod("    - { name: a, image: \"registry:5000/app\" }\n    - { name: b, image: \"registry:5000/app:1\" }\n    - { name: c, image: \"registry:5000/app:latest"+digest+"\" }\n"),
			"IMG-4.a x.yaml:6",
		},
		"kube-score takes one probe for all containers": {
			"-- x.yaml --\n" + pod("    - { name: a, image: a:1, ports: [{ containerPort: 1 }], readinessProbe: { exec: {} }, livenessProbe: { exec: {} } }\n    - { name: b, image: b:1, ports: [{ containerPort: 2 }] }\n"),
			"PRB-1.a x.yaml:7",
		},
		"checkov passes over init containers": {
			"-- x.yaml --\n" + pod("    - { name: a, image: a:1, securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: [ALL] }, seccompProfile: { type: RuntimeDefault } } }\n  initContainers:\n    - { name: b, image: b:1 }\n"),
			"USR-3.a x.yaml:8",
		},
	} {
		t.Run(name, func(t *testing.T) {
			report := judge(t, txtar.Parse([]byte(c.files)), "", lint.Options{})
			rules := map[string]bool{}
			for w := range strings.SplitSeq(c.want, ", ") {
				rules[strings.Split(w, " ")[0]] = true
			}
			var got []string
			for line := range strings.SplitSeq(strings.TrimSpace(told(report, "")), "\n") {
				if open := strings.LastIndex(line, "["); open >= 0 {
					rule := strings.Trim(line[open:], "[]")
					place := strings.Join(strings.Split(line, ":")[:2], ":")
					if rules[rule] || c.want == "" {
						got = append(got, rule+" "+place)
					}
				}
			}
			if g := strings.Join(got, ", "); g != c.want {
				t.Errorf("got %q, want %q", g, c.want)
			}
			if len(report.Unread) > 0 {
				t.Errorf("unread: %v", report.Unread)
			}
		})
	}
}

func TestSecretsAreNeverShown(t *testing.T) {
	const files = `-- Dockerfile --
ARG PASSWORD="hunter2hunter2" USER_NAME=x
FROM alpine:latest AS a
ENV TOKEN=hunter2hunter2 \
    CI=ghp_hunter2hunter2hunter2hunter2hunter2hunter2
ENV SECRET hunter2 hunter2 hunter2
LABEL x=postgres://u:hunter2@db
-- Dockerfile.broken --
FROM a
ENV PASSWORD=x hunter2
-- x.json --
{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "Secret", "stringData": {"a": "hunter2"}}, {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "é", "image": "a", "env": [{"name": "DB_PASSWORD", "value": "hunter2"}]}]}}]}
`
	report := judge(t, txtar.Parse([]byte(files)), "", lint.Options{})
	secrets := 0
	for _, f := range report.Findings {
		if strings.Contains(f.Message+f.Excerpt+f.SourceLine+f.Subject+f.Path, "hunter2") {
			t.Errorf("a secret is shown: %+v", f)
		}
		if f.Rule.ID == "SEC-1.a" {
			secrets++
		}
	}
	if secrets != 4 || len(report.Unread) != 1 || strings.Contains(report.Unread[0].Cause, "hunter2") {
		t.Errorf("%d secrets, unread %v", secrets, report.Unread)
	}
}

func TestSuppressions(t *testing.T) {
	const files = `-- Dockerfile --
# plimsoll:ignore IMG-3.b,USR-1.a -- a demo that nobody runs
FROM alpine:3.22
# plimsoll:ignore PRB-4.a expires=2026-06-01 -- its last day
CMD sleep 1
-- x.yaml --
apiVersion: v1
kind: Pod
metadata: { name: p }
spec:
  containers:
    # plimsoll:ignore IMG-4.a, RES-1.a -- one container
    - name: a
      image: a
    - name: b
      image: b # plimsoll:ignore IMG-4.a -- one line
`
	report := judge(t, txtar.Parse([]byte(files)), "", lint.Options{})
	var suppressed []string
	for _, f := range report.Findings {
		if s := f.Suppressed; s != nil {
			suppressed = append(suppressed, f.Rule.ID+" "+f.Location.Path+" by "+s.Location.Path+": "+s.Reason)
			if s.Location.Line == 0 {
				t.Errorf("the excuse of %s has no place", describe(f))
			}
		}
		if strings.HasPrefix(f.Rule.ID, "SUP") {
			t.Errorf("unwanted: %s", describe(f))
		}
	}
	if len(suppressed) != 6 {
		t.Errorf("suppressed: %q", suppressed)
	}
	if got := told(report, "RES-1.a"); strings.Count(got, "\n") != 1 || !strings.Contains(got, `"b"`) {
		t.Errorf("a suppression covers too much or too little:\n%s", got)
	}
}

func TestTreesAreNotRendered(t *testing.T) {
	const pod = "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: p }\nspec: { template: { spec: { containers: [{ name: a, image: app }] } } }\n"
	report := judge(t, txtar.Parse([]byte(
		"-- charts/app/Chart.yaml --\napiVersion: v2\nname: app\n"+
			"-- charts/app/templates/a.yaml --\napiVersion: v1\nkind: {{ .Values.kind }}\n"+
			"-- charts/app/templates/plain.yaml --\n"+pod+
			"-- base/web.yaml --\n"+pod+
			"-- prod/kustomization.yaml --\napiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../base]\npatches: [{ path: patch.yaml }]\nimages: [{ name: app, newTag: v2 }]\n"+
			"-- prod/patch.yaml --\n"+pod,
	)), "", lint.Options{})
	for _, f := range report.Findings {
		if strings.HasPrefix(f.Location.Path, "prod/") || f.Rule.ID == "IMG-4.a" {
			t.Errorf("unwanted: %s", describe(f))
		}
	}
	notes := strings.Join(report.Notes, "\n")
	for _, want := range []string{
		"chart charts/app is not rendered; 1 of its templates was not judged", "prod/kustomization.yaml is not rendered",
		`base/web.yaml: image "app" gets its tag from prod/kustomization.yaml`,
	} {
		if !strings.Contains(notes, want) {
			t.Errorf("no note %q in\n%s", want, notes)
		}
	}
	if len(report.Unread) > 0 || report.Linted.Manifests != 2 || report.Unjudged != 3 {
		t.Errorf("unread %v, linted %+v, %d unjudged", report.Unread, report.Linted, report.Unjudged)
	}
}

// TestNamedChartsAndKustomizations: what somebody asked for and nothing renders is
// no pass.
func TestNamedChartsAndKustomizations(t *testing.T) {
	const pod = "apiVersion: v1\nkind: Pod\nmetadata: { name: p }\nspec: { containers: [{ name: a, image: app }] }\n"
	dir := plant(t, txtar.Parse([]byte(
		"-- ch/Chart.yaml --\napiVersion: v2\nname: ch\n"+
			"-- ch/values.yaml --\nx: 1\n"+
			"-- ch/templates/a.yaml --\napiVersion: v1\nkind: {{ .Values.kind }}\n"+
			"-- ch/templates/b.yaml --\n{{ include \"lib.deployment\" . }}\n"+
			"-- ch/charts/sub/Chart.yaml --\nname: sub\n"+
			"-- ch/charts/sub/templates/c.yaml --\n{{ .x }}\n"+
			"-- plain/Chart.yaml --\napiVersion: v2\nname: plain\n-- plain/templates/pod.yaml --\n"+pod+
			"-- umbrella/Chart.yaml --\napiVersion: v2\nname: umbrella\n"+
			"-- prod/kustomization.yaml --\nresources: [../base]\npatches: [{ path: patch.yaml }]\n-- prod/patch.yaml --\n"+pod+
			"-- all/kustomization.yaml --\nresources: [pod.yaml]\n-- all/pod.yaml --\n"+pod,
	)), "")
	const chart, kustomization = "(helm template ", "(kustomize build "
	for _, c := range []struct {
		opts     source.Options
		unread   []string // "path: text in the cause"
		notes    int
		unjudged int
	}{
		{opts: source.Options{}, notes: 4, unjudged: 6},
		{opts: source.Options{Paths: []string{"."}}, notes: 4, unjudged: 6},
		{opts: source.Options{Paths: []string{"ch"}}, unread: []string{"ch: 3 of its templates were not judged; " + chart + "ch >"}, unjudged: 3},
		{opts: source.Options{Paths: []string{"ch/charts/sub"}}, unread: []string{"ch/charts/sub: 1 of its templates was not judged; " + chart + "ch/charts/sub >"}, unjudged: 1},
		{opts: source.Options{Manifests: []string{"ch/templates"}}, unread: []string{"ch: 2 of its templates were not judged"}, unjudged: 2},
		{opts: source.Options{Manifests: []string{"ch/templates/a.yaml"}}, unread: []string{"ch/templates/a.yaml: " + chart + "ch >"}, unjudged: 1},
		{opts: source.Options{Paths: []string{"ch/templates/*.yaml"}}, unread: []string{"ch/templates/a.yaml: template", "ch/templates/b.yaml: template"}, unjudged: 2},
		{opts: source.Options{Paths: []string{"plain"}}},
		{opts: source.Options{Paths: []string{"umbrella"}}, unread: []string{"umbrella: is a chart"}},
		{opts: source.Options{Paths: []string{"prod"}}, unread: []string{"prod/kustomization.yaml: " + kustomization + "prod >"}, unjudged: 2},
		{opts: source.Options{Paths: []string{"prod/kustomization.yaml", "plain"}}, unread: []string{"prod/kustomization.yaml: " + kustomization}, unjudged: 1},
		{opts: source.Options{Paths: []string{"all"}}, notes: 1, unjudged: 1},
		{opts: source.Options{Paths: []string{"ch/values.yaml"}}, unjudged: 1},
	} {
		report := lintTree(t, dir, c.opts, lint.Options{})
		ok := len(report.Unread) == len(c.unread) && len(report.Notes) == c.notes && report.Unjudged == c.unjudged
		for i := 0; ok && i < len(c.unread); i++ {
			where, cause, _ := strings.Cut(c.unread[i], ": ")
			u := report.Unread[i]
			ok = u.Kind == finding.UnreadSource && u.Location.Path == where
			for part := range strings.SplitSeq(cause, "; ") {
				ok = ok && strings.Contains(u.Cause, part)
			}
		}
		if !ok {
			t.Errorf("%q %q:\nunread %+v\nnotes %q\n%d unjudged", c.opts.Paths, c.opts.Manifests, report.Unread, report.Notes, report.Unjudged)
		}
	}
}

// TestMinified is a file of one line of megabytes, on which everything that is
// linear per finding would be quadratic: it takes seconds then.
func TestMinified(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"apiVersion": "v1", "kind": "List", "items": [`)
	for i := range 1000 {
		fmt.Fprintf(&b, `{"apiVersion": "v1", "kind": "Secret", "data": {"é%d": "hunter2"}}, `, i)
		fmt.Fprintf(&b, `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p%d"}, "spec": {"containers": [{"image": "日本/a:latest"}, {"name": "a", "image": "a:latest"}]}}, `, i)
	}
	b.WriteString("]}\n")
	report := judge(t, &txtar.Archive{Files: []txtar.File{{Name: "x.json", Data: []byte(b.String())}}}, "", lint.Options{})
	images := 0
	for _, f := range report.Findings {
		if strings.Contains(f.SourceLine+f.Excerpt, "hunter2") {
			t.Fatalf("a secret is shown: %+v", f)
		}
		if f.Rule.ID != "IMG-4.a" {
			continue
		}
		if images++; f.Excerpt != `"a:latest"` {
			t.Fatalf("the excerpt is %q", f.Excerpt)
		}
	}
	if images != 1000 || len(report.Unread) > 0 {
		t.Errorf("%d images, unread %v", images, report.Unread)
	}
}
