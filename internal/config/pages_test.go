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

// example is shown on the page, and read.
const example = `version: 1
fail-on-severity: critical
skip-dirs: [third_party]
build-args: { GO_VERSION: "1.26" }
policy:
  pull_request: { only-introduced: true, lint-fail-on-severity: medium }
  release: { fail-on-severity: high, db-max-age: 12h }
enforce: true
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
	page.WriteString("\n### ignore\n\nEach entry names a rule or a vulnerability, and a reason.\n\n| key | |\n|---|---|\n" +
		"| `rule` | a rule's id, such as `RES-1.a` |\n" +
		"| `path` | with `rule`: a glob of files, or of paths in the image; without it everywhere |\n" +
		"| `vulnerability` | a CVE, a GHSA or an alias |\n" +
		"| `package` | with `vulnerability`: a package URL without version, or a name; without it every package |\n" +
		"| `reason` | why; without one the file is refused |\n" +
		"| `expires` | the last day it holds, `YYYY-MM-DD`; without it, for ever |\n\n" +
		"An entry that has expired, or that nothing was found for, is named in the report. " +
		"One finding on one line is better excused on that line: [rules](rules/README.md).\n")
	return page.String()
}
