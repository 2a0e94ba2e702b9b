package custom_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/compose"
	"github.com/plimsoll-ci/plimsoll/internal/lint/custom"
	"github.com/plimsoll-ci/plimsoll/internal/lint/dockerfile"
	"github.com/plimsoll-ci/plimsoll/internal/lint/kubernetes"
	"github.com/plimsoll-ci/plimsoll/internal/lint/workflow"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	manifests "github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: { app.kubernetes.io/name: web }
spec:
  replicas: 3
  template:
    spec:
      containers:
        - { name: web, image: "registry.acme.internal/web:1" }
        - { name: proxy, image: "nginx:1", resources: { limits: { memory: 1Gi } } }
`

// trees holds one artefact of each kind.
var tree = map[string]string{
	"deploy.yaml":              deployment,
	"Dockerfile":               "ARG TAG\nFROM golang:1.26 AS build\nRUN --mount=type=cache,target=/go go build && \\\n  true\nFROM base:${TAG}\nCOPY --from=build /a /b\nCMD [\"/b\"]\n",
	"compose.yaml":             "x-l: &l { tier: web }\nservices:\n  web:\n    image: ${REGISTRY}/web\n    privileged: ${PRIVILEGED:-true}\n    environment: [A=1, \"B=${B}\"]\n    labels: { <<: *l, a: b }\n    mem_limit: 512m\n",
	".github/workflows/a.yaml": "on: push\njobs:\n  a:\n    steps:\n      - uses: a/b@v1\n      - run: echo\n",
}

func on(t testing.TB, files map[string]string) *lint.Looked {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	opened, err := source.Open(dir, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	linters := []lint.Linter{dockerfile.Linter(), kubernetes.Linter(manifests.Renderers{}), compose.Linter(), workflow.Linter()}
	looked, err := lint.Look(t.Context(), linters, nil, opened, lint.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return looked
}

func own(on, at, expression string) config.CustomRule {
	r := config.CustomRule{
		ID: "ACME-1", Severity: "high", On: on, Expression: expression, Message: "so it is not",
		Place: config.Place{File: config.FileName, Line: 3, Column: 5}, ExpressionAt: config.Place{File: config.FileName, Line: 7, Column: 10},
	}
	if at != "" {
		r.At = strings.Fields(at)
	}
	return r
}

// asked is what a rule says: its findings by place and path, and its notes.
func asked(t testing.TB, looked *lint.Looked, entries ...config.CustomRule) (said []string) {
	t.Helper()
	rules, err := custom.Compile(entries, nil, []string{"USR"})
	if err != nil {
		t.Fatal(err)
	}
	before := looked.Report()
	if err := looked.Across(t.Context(), rules.Across()); err != nil {
		t.Fatal(err)
	}
	report := looked.Report()
	for _, f := range report.Findings {
		if strings.HasPrefix(f.Rule.ID, "ACME") {
			said = append(said, fmt.Sprintf("%s:%d:%d %s", f.Location.Path, f.Location.Line, f.Location.Column, f.Path))
		}
	}
	notes := map[string]bool{}
	for _, n := range before.Notes {
		notes[n] = true
	}
	for _, n := range report.Notes {
		if !notes[n] {
			said = append(said, n)
		}
	}
	return said
}

func TestRules(t *testing.T) {
	t.Parallel()
	const unknown = ".plimsoll.yaml:3: ACME-1 is unknown of 1 place, first "
	for name, test := range map[string]struct {
		rule config.CustomRule
		want []string
	}{
		"true":                {own("kubernetes", "", "true"), nil},
		"the object":          {own("kubernetes", "", "object.spec.replicas > 3"), []string{"deploy.yaml:2:7 "}},
		"a float":             {own("kubernetes", "spec.replicas", "value == 3.0 && value < 3.5"), nil},
		"a value":             {own("kubernetes", "spec.replicas", "value > 3"), []string{"deploy.yaml:7:13 spec.replicas"}},
		"each":                {own("kubernetes", "spec.template.spec.containers[*].image", `value.startsWith("registry.")`), []string{"deploy.yaml:12:33 spec.template.spec.containers[proxy].image"}},
		"one":                 {own("kubernetes", "spec.template.spec.containers[1]", "false"), []string{"deploy.yaml:12:11 spec.template.spec.containers[proxy]"}},
		"two places":          {own("kubernetes", "spec.replicas metadata.name", "false"), []string{"deploy.yaml:4:9 metadata.name", "deploy.yaml:7:13 spec.replicas"}},
		"a quoted key":        {own("kubernetes", "metadata.labels['app.kubernetes.io/name']", `value == "api"`), []string{"deploy.yaml:5:37 metadata.labels.app.kubernetes.io/name"}},
		"absent, on parent":   {own("kubernetes", "spec.strategy.type", `value == "Recreate"`), []string{"deploy.yaml:6:1 spec.strategy.type"}},
		"absent in each":      {own("kubernetes", "spec.template.spec.containers[*].resources.limits", "value != null"), []string{"deploy.yaml:11:11 spec.template.spec.containers[web].resources.limits"}},
		"each of nothing":     {own("kubernetes", "spec.nothing[*].image", "false"), nil},
		"no such item":        {own("kubernetes", "spec.template.spec.containers[7].image", "value == null"), nil},
		"into a scalar":       {own("kubernetes", "spec.replicas.more[0].x", "value == null"), nil},
		"keys":                {own("kubernetes", "metadata.labels[*]", `key == "app"`), []string{"deploy.yaml:5:37 metadata.labels.app.kubernetes.io/name"}},
		"name and path":       {own("kubernetes", "", `name == "web" && path == "deploy.yaml"`), nil},
		"optional":            {own("kubernetes", "", `object.?spec.?strategy.?type.orValue("RollingUpdate") == "RollingUpdate"`), nil},
		"macros":              {own("kubernetes", "", `object.spec.template.spec.containers.all(c, has(c.resources))`), []string{"deploy.yaml:2:7 "}},
		"texts":               {own("kubernetes", "metadata.name", `value.lowerAscii().trim().split("e")[0] == "w"`), nil},
		"an unknown key":      {own("kubernetes", "", "object.spec.paused"), []string{unknown + `deploy.yaml:2 (Deployment/web): there is no key "paused"; ask has() or write .?paused.orValue(…)`}},
		"another type":        {own("kubernetes", "spec.replicas", `value.startsWith("3")`), []string{unknown + "deploy.yaml:7 (Deployment/web): a value is not of the type that the expression takes it for"}},
		"no truth":            {own("kubernetes", "spec.replicas", "value"), []string{unknown + "deploy.yaml:7 (Deployment/web): the expression gives a int; want true or false"}},
		"no such index":       {own("kubernetes", "spec.template.spec.containers", "value[9].name == \"a\""), []string{unknown + "deploy.yaml:10 (Deployment/web): a list has no such item; ask size()"}},
		"a computed key":      {own("kubernetes", "metadata.name", `{"a": true}[value]`), []string{unknown + "deploy.yaml:4 (Deployment/web): a key is not there; ask has()"}},
		"many terms":          {own("kubernetes", "", "true"+strings.Repeat(" && true", 300)), nil},
		"many parts":          {own("kubernetes", "", "!has(object.spec) || object"+strings.Repeat(".?a", 50)+".orValue(1) == 1"), nil},
		"short of an error":   {own("kubernetes", "", "true || object.spec.paused"), nil},
		"stages":              {own("dockerfile", "stages[*]", "value.final || value.name != \"\" && !value.internal"), nil},
		"a known base":        {own("dockerfile", "stages[0].base", `value == "golang:1.27"`), []string{"Dockerfile:2:6 stages[build].base"}},
		"a base by argument":  {own("dockerfile", "stages[*].base", `value.startsWith("golang")`), []string{unknown + "Dockerfile:5 (Dockerfile): it depends on a variable without a value here"}},
		"instructions":        {own("dockerfile", "stages[*].instructions[*]", `value.name != "RUN" || value.text == "go build" || value.flags.mount.contains("target=/root")`), []string{"Dockerfile:3:1 stages[build].instructions[RUN]"}},
		"words":               {own("dockerfile", "stages[*].instructions[*].words[*]", `value != "/a"`), []string{"Dockerfile:6:19 stages[1].instructions[COPY].words[0]"}},
		"exec":                {own("dockerfile", "stages[1].instructions[*]", `value.name != "CMD" || value.exec`), nil},
		"services":            {own("compose", "", `name == "web" && object.privileged == false`), []string{"compose.yaml:3:3 "}},
		"merged":              {own("compose", "labels", `value.tier == "web" && value.a == "b"`), nil},
		"merged, its place":   {own("compose", "labels.tier", "false"), []string{"compose.yaml:1:17 labels.tier"}},
		"a list as mapping":   {own("compose", "environment[*]", `key != "A"`), []string{"compose.yaml:6:21 environment.A"}},
		"an unset variable":   {own("compose", "image", `value.startsWith("registry.acme.internal/")`), []string{unknown + "compose.yaml:4 (compose.yaml#web): it depends on a variable without a value here"}},
		"unset, all the same": {own("compose", "", `object.image == "x" || object.mem_limit == "512m"`), nil},
		"jobs":                {own("workflow", "jobs[*].steps[*].uses", `value == null || value.matches("@[0-9a-f]{40}$")`), []string{".github/workflows/a.yaml:5:15 jobs.a.steps[0].uses"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, asked(t, on(t, tree), test.rule)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestScope(t *testing.T) {
	t.Parallel()
	files := map[string]string{"a/x.yaml": deployment, "b/x.yaml": strings.Replace(deployment, "name: web", "name: api", 1) + "---\nkind: Service\napiVersion: v1\nmetadata: { name: web }\n"}
	count := func(kinds, paths []string) int {
		r := own("kubernetes", "", "false")
		r.Kinds, r.Paths = kinds, paths
		return len(asked(t, on(t, files), r))
	}
	for name, test := range map[string]struct {
		kinds, paths []string
		want         int
	}{
		"all": {nil, nil, 3}, "a kind": {[]string{"Deployment"}, nil, 2}, "with its group": {[]string{"Deployment.apps", "Service"}, nil, 3},
		"another group": {[]string{"Deployment.acme.io"}, nil, 0}, "a directory": {nil, []string{"a"}, 1}, "both": {[]string{"Service"}, []string{"b/**"}, 1},
	} {
		if got := count(test.kinds, test.paths); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}

// What is made to take for ever ends, and says so.
func TestHostileExpressions(t *testing.T) {
	t.Parallel()
	double := func(depth int, then string) string {
		return "[[1]]" + strings.Repeat(".map(a, a + a)", depth) + then
	}
	nested := func(depth int, then string) string {
		return "[[1]]" + strings.Repeat(".map(a, [a, a])", depth) + then
	}
	many := "[" + strings.Repeat("1,", 300) + "1]"
	loops := func(depth int) string {
		text := "true"
		for i := range depth {
			text = fmt.Sprintf("%s.all(x%d, %s)", many, i, text)
		}
		return text
	}
	files := map[string]string{"a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { text: \"" + strings.Repeat("a", 1<<20) + "\" }\n"}
	for name, expression := range map[string]string{
		"lists that double":           double(45, "[0].size() > 0"),
		"lists that double, compared": double(30, "[0] == [1]"),
		"lists that double, searched": "2 in " + double(40, "[0]"),
		"lists in lists":              nested(45, ".exists(a, a == a)"),
		"lists in lists, elsewhere":   nested(28, "[0] == ") + nested(28, "[0]"),
		"optional":                    "optional.of([1])" + strings.Repeat(".optMap(a, [a, a])", 45) + ".orValue([]) == [1]",
		"loops":                       loops(3),
		"texts that double":           `["` + strings.Repeat("a", 100) + `"]` + strings.Repeat(".map(a, a + a)", 45) + `[0].size() > 0`,
		"texts that double, as a key": `{}[["` + strings.Repeat("a", 100) + `"]` + strings.Repeat(".map(a, a + a)", 45) + `[0]] == 1`,
		"a list as a key":             `{}[` + double(40, "[0]") + `] == 1`,
		"a search in a long text":     `object.data.text.contains(object.data.text + "b")`,
		"a hard pattern":              `object.data.text.matches("` + strings.Repeat("(a*)*", 180) + `b$")`,
		"a pattern that repeats":      `object.data.text.matches("` + strings.Repeat("a{1000}b*", 100) + `")`,
		"a pattern of a text":         `object.data.text.matches(object.data.text)`,
		"split":                       `object.data.text.split("").map(x, object.data.text.split("")).size() > 0`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rules, err := custom.Compile([]config.CustomRule{own("kubernetes", "", expression)}, nil, nil)
			if usage, ok := errors.AsType[*config.UsageError](err); ok {
				t.Log(usage)
				return
			} else if err != nil {
				t.Fatal(err)
			}
			looked := on(t, files)
			began := time.Now()
			if err := looked.Across(t.Context(), rules.Across()); err != nil {
				t.Fatal(err)
			}
			// The bound is loose, since machines are busy; what is not bounded takes hours.
			if took := time.Since(began); took > time.Minute {
				t.Errorf("took %s", took)
			} else {
				t.Log(took, looked.Report().Notes)
			}
		})
	}
}

func TestCompileErrors(t *testing.T) {
	t.Parallel()
	known := []finding.Rule{{ID: "USR-1.a", Name: "user-root"}}
	for name, test := range map[string]struct {
		entry config.CustomRule
		want  string
	}{
		"nesting":     {own("kubernetes", "", strings.Repeat("(", 300)+"true"+strings.Repeat(")", 300)), ".plimsoll.yaml:7:"},
		"length":      {own("kubernetes", "", "true"+strings.Repeat(" || true", 1000)), "more than 4096"},
		"not closed":  {own("kubernetes", "", "object["), ".plimsoll.yaml:7:17: custom-rules: ACME-1: expression: Syntax error"},
		"second line": {own("kubernetes", "", "true &&\n  nobody"), ".plimsoll.yaml:8:12: custom-rules: ACME-1: expression: undeclared reference to 'nobody'"},
		"a number":    {own("kubernetes", "", "1 + 1"), "gives a int; want true or false"},
		"empty":       {own("kubernetes", "", " "), ".plimsoll.yaml:7:"},
		"no function": {own("kubernetes", "", `"a".replace("a", "b") == "b"`), "undeclared reference to 'replace'"},
		"a path":      {own("kubernetes", "a[", "true"), `at: "a[" is no path: a bracket is not closed`},
		"path quotes": {own("kubernetes", "a['b", "true"), "a quote or bracket is not closed"},
		"path number": {own("kubernetes", "a[-1]", "true"), "neither * nor a number"},
		"path dot":    {own("kubernetes", "a[0]b", "true"), "a dot belongs behind the bracket"},
		"path end":    {own("kubernetes", "a.", "true"), "a key belongs behind the dot"},
		"path depth":  {own("kubernetes", "a"+strings.Repeat("[*]", 60), "true"), "more than 40 parts"},
	} {
		_, err := custom.Compile([]config.CustomRule{test.entry}, known, []string{"USR"})
		if _, ok := errors.AsType[*config.UsageError](err); !ok || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v; want %q", name, err, test.want)
		}
	}
}

// A rule of the base commit that cannot be used gives way to what the change makes of
// it, or goes.
func TestABrokenRuleOfTheBase(t *testing.T) {
	t.Parallel()
	broken, mended := own("kubernetes", "", "objct"), own("kubernetes", "", "true")
	broken.Merged = true
	rules, err := custom.Compile([]config.CustomRule{broken}, nil, nil)
	if err != nil || len(rules.Rules()) != 0 || len(rules.Refused) != 1 {
		t.Errorf("%v, %v, %v; want no rule and a sentence", rules, err, rules.Refused)
	}
	broken.Proposed = &mended
	if rules, err = custom.Compile([]config.CustomRule{broken}, nil, nil); err != nil || len(rules.Rules()) != 1 || len(rules.Refused) != 1 {
		t.Errorf("%v, %v; want the rule of the change, and a sentence", rules, err)
	}
	mended.Expression = "objct"
	if _, err = custom.Compile([]config.CustomRule{broken}, nil, nil); err == nil {
		t.Error("want an error of the change's own")
	}
}

func TestNothingIsSetUpWithoutARule(t *testing.T) {
	t.Parallel()
	rules, err := custom.Compile(nil, nil, nil)
	if err != nil || rules.Across() != nil || len(rules.Rules()) != 0 {
		t.Errorf("%v, %v", rules, err)
	}
}

func TestTheEndOfTheRunEndsALook(t *testing.T) {
	t.Parallel()
	rules, err := custom.Compile([]config.CustomRule{own("kubernetes", "", "false")}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	looked := on(t, tree)
	cancel()
	if err := looked.Across(ctx, rules.Across()); !errors.Is(err, context.Canceled) {
		t.Errorf("%v; want that it was cancelled", err)
	}
}

// What the page shows can be used as it stands.
func TestTheExampleOfThePage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/settings.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "```yaml\n")
	text, _, _ = strings.Cut(text, "```")
	path := filepath.Join(t.TempDir(), config.FileName)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cfg, _, err := config.Load("lint", []string{"--config-file=" + path}, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	rules, err := custom.Compile(cfg.CustomRules, nil, nil)
	if err != nil || len(rules.Rules()) < 2 {
		t.Errorf("%d rules, %v", len(rules.Rules()), err)
	}
}

func BenchmarkThousandDeployments(b *testing.B) {
	files := map[string]string{}
	for i := range 1000 {
		files[fmt.Sprintf("deploy/%d.yaml", i)] = strings.Replace(deployment, "name: web", fmt.Sprintf("name: web%d", i), 1)
	}
	looked := on(b, files)
	rules, err := custom.Compile([]config.CustomRule{
		own("kubernetes", "spec.template.spec.containers[*].image", `value.startsWith("registry.acme.internal/") || value.matches("^nginx:")`),
	}, nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := looked.Across(b.Context(), rules.Across()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		if _, err := custom.Compile([]config.CustomRule{own("kubernetes", "", `object.spec.template.spec.containers.all(c, has(c.resources))`)}, nil, nil); err != nil {
			b.Fatal(err)
		}
	}
}
