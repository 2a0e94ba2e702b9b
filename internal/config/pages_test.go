package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/config"
)

const settingsHead = "# Settings\n\n<!-- generated; run: make generate -->\n\n" +
	"Each is a flag (`--name=value`), an input of the action and a key of `.plimsoll.yaml`, unless it says otherwise.\n" +
	"A flag wins over an input, an input over the file, the nearest file over one further up, and anything over the default.\n" +
	"Lists take commas, lines or several flags; what is described as one item a line takes no commas. In the file they are YAML lists or mappings.\n\n" +
	"The last column says what counts when a change is judged (a pull request, the merge queue, a push to a branch that is not the default one):\n\n" +
	"* *free, and shown*: the value that the change brings. They say what is built and let nothing pass: the base commit is built with its own, and the report names the difference.\n" +
	"  Contexts and files stay inside the repository, and a name alone in `build-args` counts once it is merged.\n" +
	"* *once merged*: inputs and flags, else the value at the base commit; what the change says is named in the report and does not count yet.\n" +
	"* *what is stricter*: the value at the base commit and the value that the change brings, of both the stricter, entry by entry.\n" +
	"* *not in a file*: inputs and flags alone.\n" +
	"* anything else: the value at the base commit, and a change may move it only that way. What would loosen is named in the report and counts once it is merged.\n" +
	"  Inputs and flags are held to the same where the base commit's file sets the key, and may set what it leaves open; without a file at the base commit the defaults count as set.\n"

func TestSettingsPage(t *testing.T) {
	t.Parallel()
	var page strings.Builder
	page.WriteString(settingsHead)
	group := ""
	for _, s := range config.Settings() {
		if s.Group != group {
			group = s.Group
			fmt.Fprintf(&page, "\n## %s\n\n| setting | default | commands | what it does | a change |\n|---|---|---|---|---|\n", group)
		}
		commands := strings.Join(s.Commands, ", ")
		if commands == "" {
			commands = "all"
		}
		standard := ""
		if s.Default != "" {
			standard = "`" + s.Default + "`"
		}
		fmt.Fprintf(&page, "| `%s` | %s | %s | %s | %s |\n", s.Name, standard, commands, what(s), moves(t, s))
	}
	page.WriteString(filePage(t))
	path := filepath.Join("..", "..", "docs", "settings.md")
	if got, err := os.ReadFile(path); err == nil && string(got) == page.String() {
		return
	}
	if !*update {
		t.Fatal("docs/settings.md is not what the code says; run: make generate")
	}
	if err := os.WriteFile(path, []byte(page.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// what a setting does, and where it may not stand.
func what(s config.Setting) string {
	out := s.Usage
	if len(s.Allowed) > 0 {
		out += " (" + strings.Join(s.Allowed, ", ") + ")"
	}
	switch {
	case s.InputOnly:
		out += "; input of the action only"
	case s.Name == "config-file":
		out += "; not in the file"
	case s.FileOnly:
		out += "; key of the file only"
	case s.FlagOnly:
		out += "; flag only"
	case s.Secret:
		out += "; not in the file"
	}
	return out
}

// moves says which way a change may move a setting, by trying.
func moves(t *testing.T, s config.Setting) string {
	t.Helper()
	if class := config.Moves(s); class != "" {
		return class
	}
	may := func(from, to string) bool {
		ok, err := config.Tightens(s, from, to)
		if err != nil {
			t.Fatalf("%s: %v", s.Name, err)
		}
		return ok
	}
	var ways []string
	try := func(from, to, way string) {
		if may(from, to) {
			ways = append(ways, way)
		}
	}
	switch s.Kind {
	case config.Bool:
		try("false", "true", "to `true`")
		try("true", "false", "to `false`")
	case config.Severity:
		try("low", "high", "higher")
		try("high", "low", "lower")
	case config.Duration:
		try("1h", "2h", "longer")
		try("2h", "1h", "shorter")
	case config.List:
		one, two := "a", "a,b"
		if len(s.Allowed) > 1 {
			one, two = s.Allowed[0], strings.Join(s.Allowed[:2], ",")
		}
		try(one, two, "more of them")
		try(two, one, "fewer of them")
	case config.Choice:
		for _, from := range s.Allowed {
			var to []string
			for _, a := range s.Allowed {
				if a != from && may(from, a) {
					to = append(to, "`"+a+"`")
				}
			}
			if len(to) > 0 {
				ways = append(ways, fmt.Sprintf("`%s` to %s", from, strings.Join(to, " or ")))
			}
		}
	case config.Number:
		try("1", "2", "more")
		try("2", "1", "fewer")
	case config.Versions:
		try("1.33", "1.33-1.35", "more of them")
		try("1.33-1.35", "1.33", "fewer of them")
	case config.Entries:
		switch s.Name {
		case "helm":
			return "more of them"
		case "images":
			return "where it is not set"
		default:
			t.Fatalf("say how a change may move %s", s.Name)
		}
	default:
		try("", "a", "where it is not set")
	}
	if len(ways) == 0 {
		return "stays"
	}
	return strings.Join(ways, ", ")
}

// example is shown on the page, read, and held to the schema.
const example = `version: 1
fail-on-severity: critical
skip-dirs: [third_party]
build-args: { GO_VERSION: "1.26" }
policy:
  pull_request: { only-introduced: true, lint-fail-on-severity: medium }
  release: { fail-on-severity: high, db-max-age: 12h }
enforce: true
rules:
  PRB-1.a: { severity: medium, except: ["deploy/batch/**"] }
  OBS-1: { severity: off }
custom-rules:
  - id: ACME-1
    severity: high
    on: kubernetes
    kinds: [Deployment, StatefulSet]
    at:
      - spec.template.spec.containers[*].image
      - spec.template.spec.initContainers[*].image
    expression: value.startsWith("registry.acme.internal/")
    message: images come from registry.acme.internal; mirror it there
  - id: ACME-2
    severity: medium
    on: compose
    paths: [deploy/**]
    expression: object.?labels[?"com.acme.team"].hasValue()
    message: a service says whose it is; add the label com.acme.team
ignore:
  - rule: RES-1.a
    path: deploy/batch/**
    reason: batch job, restarted nightly
    expires: 2027-03-01
  - vulnerability: CVE-2026-1234
    package: pkg:npm/lodash
    reason: not reachable, see SEC-77
`

// whence says when a section holds.
var whence = map[string]string{
	config.OnPullRequest: "pull requests, the merge queue, branches that are not the default one, and any other event",
	config.OnPush:        "a push to the default branch",
	config.OnRelease:     "a pushed tag, a release",
	config.OnPromote:     "the command promote, which reads none of these keys yet",
}

// filePage is what only the file may hold.
func filePage(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, config.FileName)
	if err := os.WriteFile(path, []byte(example), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, section := range config.Sections() {
		c, _, err := config.LoadOn(section, "gate", []string{"--config-file=" + path}, none)
		if err != nil || len(c.Ignore) != 2 {
			t.Fatalf("the page's example, on %s: %v", section, err)
		}
	}
	var page strings.Builder
	page.WriteString("\n## Only in .plimsoll.yaml\n\n```yaml\n" + example + "```\n\n" +
		"The file is looked for beside the context and from there up to the repository's root; the nearest wins per key, and a list replaces a list. " +
		"Every key is named above or here, and another one is an error.\n\n" +
		"| key | what it does | a change |\n|---|---|---|\n" +
		"| `version` | `1`; may be left out. A file with nothing else is enough to have a policy: what inputs set is then open to them | free, and shown |\n" +
		"| `policy` | sections by occasion, below; what stands in one wins there over the same key at the top level. The nearest file that has any section replaces them all. On a laptop and on a schedule none holds | as the key in it |\n" +
		"| `enforce` | `warn-only` the other way round; `true` cannot be undone by an input | to `true` |\n" +
		"| `ignore` | findings that are told and do not fail, below | fewer of them, and for a shorter time |\n")
	if slices.ContainsFunc(config.SectionSettings(), func(s config.Setting) bool { return s.Takes("promote") }) {
		t.Error("promote reads a key of its section; say so on the page")
	}
	page.WriteString("\n### policy\n\n| section | holds on |\n|---|---|\n")
	for _, section := range config.Sections() {
		if whence[section] == "" {
			t.Fatalf("nothing says when the section %s holds", section)
		}
		fmt.Fprintf(&page, "| `%s` | %s |\n", section, whence[section])
	}
	page.WriteString("\n| key of a section | default | what it does | a change |\n|---|---|---|---|\n")
	for _, s := range config.SectionSettings() {
		what := "as at the top level"
		if !slices.ContainsFunc(config.Settings(), func(o config.Setting) bool { return o.Name == s.Name }) {
			what = s.Usage + "; in sections only"
		}
		fmt.Fprintf(&page, "| `%s` | `%s` | %s | %s |\n", s.Name, s.Default, what, moves(t, s))
	}
	page.WriteString("\n### ignore\n\nEach entry names a rule or a vulnerability, and a reason.\n\n" + keysTable(config.Setting{Name: "ignore"}) + "\n" +
		"An entry that has expired, or that nothing was found for, is named in the report. " +
		"One finding on one line is better excused on that line: [rules](rules/README.md).\n")
	for _, s := range config.Settings() {
		if keys, _ := config.Keys(s); keys != nil {
			fmt.Fprintf(&page, "\n### %s\n\n%s%s", s.Name, keysTable(s), about[s.Name])
		}
	}
	return page.String()
}

func keysTable(s config.Setting) string {
	keys, keyed := config.Keys(s)
	var table strings.Builder
	table.WriteString(map[bool]string{false: "| key | |\n|---|---|\n", true: "| key of each | |\n|---|---|\n"}[keyed])
	for _, key := range keys {
		usage := key.Usage
		if key.Allowed != nil {
			usage += " (" + strings.Join(key.Allowed, ", ") + ")"
		}
		if key.Many {
			usage += "; one or a list"
		}
		if key.Required {
			usage += "; **required**"
		}
		fmt.Fprintf(&table, "| `%s` | %s |\n", key.Name, usage)
	}
	return table.String()
}

// about says what a table of keys does not.
var about = map[string]string{
	"rules": `
A point's id, such as ` + "`PRB-1`" + `, means the rules whose ids begin with it; what stands at a rule's own id wins over it, key by key. Nothing else names several rules. Vulnerabilities have the severity of their advisory and are excused with ` + "`ignore`" + `.

What is excepted or off is listed as suppressed, with the line of the settings; it neither fails nor misses a point. When a change is judged, each finding is given what is stricter: the rules of the base commit, or those that the change brings.
`,
	"custom-rules": `
Findings of rules of your own have a severity and no point. Comments, ` + "`ignore`, `rules`" + ` and the comparison with the base commit know them as any other; ` + "`plimsoll explain ACME-1`" + ` prints one. When a change is judged, the rules of the base commit count and those that the change adds, not what it takes out of them.

The expression is [CEL](https://cel.dev). It sees

| variable | is |
|---|---|
| ` + "`object`" + ` | the Kubernetes object; the Compose service, its files merged and its variables filled in; the workflow or action; of a Dockerfile ` + "`stages`, each with `name`, `base`, `platform`, `internal` (the base is another stage), `final` and `instructions`, each with `name` (`RUN`), `flags`, `words`, `text` and `exec`" + ` |
| ` + "`value`" + ` | what ` + "`at`" + ` leads to, null where it leads to nothing; the object without ` + "`at`" + ` |
| ` + "`key`" + ` | the last key of that place, or its number in a list |
| ` + "`name`, `path`" + ` | the name of the object, service or workflow; its file |

with CEL's own functions and macros, [optional values](https://pkg.go.dev/github.com/google/cel-go/cel#OptionalTypes) and ` + "`trim`, `lowerAscii`, `split`" + ` of texts.

` + "`at`" + ` is a path of keys with dots between: ` + "`spec.template.spec.containers[*].image`, `metadata.labels['app.kubernetes.io/name']`, `stages[0].base`" + `. ` + "`[*]`" + ` is every item of a list or value of a mapping, and finds nothing in what is not there; any other part of a path that is not there is a null, placed on what should hold it.

What cannot be decided is neither right nor wrong: it is told in a note, with how often and where first. That is so where a key is not there and nobody asked ` + "`has()` or `.?key`" + `, where a value has another type, where it depends on a variable or argument without a value here, and where the expression costs too much. Costs are counted, as in Kubernetes: 250,000 for one object, 10,000,000 for a rule, 40,000,000 for all, and a minute. An expression has 4096 characters at most, a pattern 1000.
`,
}
