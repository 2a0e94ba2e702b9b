package cli_test

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/cache"
	"github.com/plimsoll-ci/plimsoll/internal/cli"
	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/event"
	"github.com/plimsoll-ci/plimsoll/internal/policy"
	"github.com/plimsoll-ci/plimsoll/internal/scan"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

var update = flag.Bool("update", false, "rewrite what is generated")

// full has an adapter, so that every command is there; none is run.
var full = cli.Deps{
	Version: "test", Builder: func(build.Options) build.Builder { return nil }, Analyzer: func() scan.Analyzer { return nil },
}

// help is what "plimsoll help ARGS" prints.
func help(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := cli.Run(t.Context(), append([]string{"help"}, args...), cli.Host{
		Getenv: func(string) string { return "" }, Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr,
	}, full)
	if code != cli.ExitPass {
		t.Fatalf("help %v: exit %d: %s", args, code, stderr.String())
	}
	return stdout.String()
}

func TestPages(t *testing.T) {
	t.Parallel()
	usage := help(t)
	var page strings.Builder
	page.WriteString("# Commands\n\n<!-- generated; run: make generate -->\n\n```\n" + usage + "```\n")
	for _, match := range regexp.MustCompile(`(?m)^  ([a-z]+)`).FindAllStringSubmatch(usage, -1) {
		fmt.Fprintf(&page, "\n## plimsoll %s\n\n```\n%s```\n", match[1], help(t, match[1]))
	}
	compare(t, "cli.md", page.String())
}

func compare(t *testing.T, name, want string) {
	t.Helper()
	samePage(t, filepath.Join("..", "..", "docs", name), want)
}

// samePage holds a file against what the code says, or rewrites it.
func samePage(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err == nil && string(got) == want {
		return
	}
	if !*update {
		t.Fatalf("%s is not what the code says; run: make generate", filepath.ToSlash(path))
	}
	if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// fillPage replaces what stands between "<!-- begin NAME -->" and "<!-- end NAME -->".
func fillPage(t *testing.T, page, name, text string) string {
	t.Helper()
	begin, end := "<!-- begin "+name+" -->\n", "<!-- end "+name+" -->"
	before, rest, ok := strings.Cut(page, begin)
	_, after, found := strings.Cut(rest, end)
	if !ok || !found {
		t.Fatalf("the page has no place for %s", name)
	}
	return before + begin + text + end + after
}

func readPage(t *testing.T, path ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(append([]string{"..", ".."}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// What README shows is what actionlint looks at: docs/workflows.
func TestWorkflowsInReadme(t *testing.T) {
	t.Parallel()
	page := readPage(t, "README.md")
	for _, name := range []string{"pull-request.yml", "release.yml", "promote.yml"} {
		page = fillPage(t, page, "docs/workflows/"+name, "```yaml\n"+readPage(t, "docs", "workflows", name)+"```\n")
	}
	samePage(t, filepath.Join("..", "..", "README.md"), page)
}

// The example workflows name inputs and outputs that there are.
func TestWorkflowsNameInputs(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"pull-request.yml", "release.yml", "promote.yml"} {
		var workflow struct {
			Jobs map[string]struct {
				Steps []struct {
					Uses string
					With map[string]string
				}
			}
		}
		if err := yaml.Unmarshal([]byte(readPage(t, "docs", "workflows", name)), &workflow); err != nil {
			t.Fatal(err)
		}
		ours := 0
		for _, job := range workflow.Jobs {
			for _, step := range job.Steps {
				if !strings.HasPrefix(step.Uses, "plimsoll-ci/plimsoll@") {
					continue
				}
				ours++
				for input := range step.With {
					if !slices.ContainsFunc(config.Inputs(), func(s config.Setting) bool { return s.Name == input }) {
						t.Errorf("%s sets %q, which is no input", name, input)
					}
				}
			}
		}
		if ours == 0 {
			t.Errorf("%s does not use the action", name)
		}
	}
}

// occasion is a row of the table of events.
type occasion struct {
	told   string
	kind   event.Kind
	events []string // names of GitHub's; where the event file decides there is none
	ref    string
	fork   bool
}

var occasions = []occasion{
	{told: "`pull_request`, `pull_request_review`, `pull_request_review_comment`", kind: event.PullRequest, events: []string{"pull_request", "pull_request_review", "pull_request_review_comment"}},
	{told: "the same from a fork, or of Dependabot", kind: event.PullRequest, fork: true},
	{told: "`pull_request_target`", kind: event.PullRequestTarget, events: []string{"pull_request_target"}},
	{told: "`merge_group`", kind: event.MergeGroup, events: []string{"merge_group"}},
	{told: "`push` to the default branch", kind: event.Default},
	{told: "`push` to another branch, `workflow_dispatch`, any other event", kind: event.Branch, events: []string{"push", "workflow_dispatch", "repository_dispatch", "workflow_run", "issue_comment"}, ref: "refs/heads/x"},
	{told: "`push` of a tag, `release`", kind: event.Release, events: []string{"push", "release"}, ref: "refs/tags/v1"},
	{told: "`schedule`", kind: event.Schedule, events: []string{"schedule"}},
	{told: "none: a laptop, another CI, a `run:` step", kind: event.None},
}

func TestActionPage(t *testing.T) {
	t.Parallel()
	page := readPage(t, "docs", "action.md")
	page = fillPage(t, page, "events", eventTable(t))
	page = fillPage(t, page, "caches", cacheTable())
	page = fillPage(t, page, "inputs", inputTable())
	var outputs strings.Builder
	outputs.WriteString("| output | |\n|---|---|\n")
	for _, o := range config.Outputs() {
		fmt.Fprintf(&outputs, "| `%s` | %s |\n", o.Name, o.Usage)
	}
	page = fillPage(t, page, "outputs", outputs.String())
	compare(t, "action.md", page)
}

func eventTable(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("| event | old problems | builds | `push: auto` | `push: true` | may sign | comments |\n|---|---|---|---|---|---|---|\n")
	yes := func(is bool, otherwise string) string {
		if is {
			return "yes"
		}
		return otherwise
	}
	for _, o := range occasions {
		o.isOf(t)
		e := event.Event{Kind: o.kind, Run: &verdict.Run{Untrusted: o.fork}}
		if o.kind == event.None {
			e.Run = nil
		}
		rules := policy.For(e)
		old := "fail"
		switch {
		case !rules.Enforced:
			old = "nothing fails"
		case o.kind == event.None:
			old = "fail" // it compares with nothing yet, whatever the rules would allow
		case rules.OnlyIntroduced:
			old = "pass"
		}
		if rules.Strict {
			old += "; indeterminate is 3 under `warn-only` too"
		}
		if rules.MaxAge > 0 {
			old += fmt.Sprintf("; database at most %.0f h old", rules.MaxAge.Hours())
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", o.told, old,
			yes(rules.NotBuilt == "", "never"), yes(rules.AutoPush && rules.NeverPushed == "", "no"),
			yes(rules.NeverPushed == "", "never"), yes(rules.NeverSigned == "", "never"), yes(rules.Comments, "no"))
	}
	return b.String()
}

func cacheTable() string {
	var b strings.Builder
	b.WriteString("| event | reads | writes to `gha` | writes to a registry |\n|---|---|---|---|\n")
	reads := func(e event.Event) string {
		switch a := cache.For(cache.Actions, e); {
		case !a.Read:
			return "nothing"
		case !a.Database:
			return "inventories, layers"
		default:
			return "all"
		}
	}
	writes := func(kind string, e event.Event) string {
		a := cache.For(kind, e)
		if !a.Write {
			return "nothing"
		}
		what := []string{"database"}
		if a.Inventories {
			what = append(what, "inventories")
		}
		switch {
		case a.Layers && a.AllLayers:
			what = append(what, "layers of all stages")
		case a.Layers:
			what = append(what, "the image's layers")
		}
		return strings.Join(what, ", ")
	}
	row := func(told string, e event.Event) {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", told, reads(e), writes(cache.Actions, e), writes(cache.Registry, e))
	}
	for _, o := range occasions {
		e := event.Event{Kind: o.kind, Fork: o.fork, Run: &verdict.Run{Untrusted: o.fork}}
		if o.kind != event.Branch {
			row(o.told, e)
			continue
		}
		e.Run.Event = "push"
		row("`push` to another branch", e)
		e.Run.Event = "workflow_dispatch"
		row("`workflow_dispatch`, any other event", e)
	}
	return b.String()
}

// isOf checks that the events named are sorted as the row says. Reading fails for
// want of an event file, and the kind is known before.
func (o occasion) isOf(t *testing.T) {
	t.Helper()
	for _, name := range o.events {
		env := map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": name, "GITHUB_REF": o.ref}
		e, _ := event.Read(func(key string) string { return env[key] }, func(string) (io.ReadCloser, error) { return nil, os.ErrNotExist })
		if e.Kind != o.kind {
			t.Errorf("%s is %q and stands in the row of %q", name, e.Kind, o.kind)
		}
	}
}

func inputTable() string {
	var b strings.Builder
	b.WriteString("| group | inputs |\n|---|---|\n")
	group := ""
	for _, s := range config.Inputs() {
		if s.Group != group {
			if group != "" {
				b.WriteString(" |\n")
			}
			group = s.Group
			fmt.Fprintf(&b, "| [%s](settings.md#%s) | `%s`", group, group, s.Name)
			continue
		}
		fmt.Fprintf(&b, ", `%s`", s.Name)
	}
	b.WriteString(" |\n")
	return b.String()
}

// Links between pages lead to files and headings that there are.
func TestLinksOfPages(t *testing.T) {
	t.Parallel()
	pages := []string{"README.md", "ARCHITECTURE.md", "SECURITY.md", "CONTRIBUTING.md", "docs/action.md", "docs/settings.md", "docs/benchmarks.md"}
	link := regexp.MustCompile(`\]\(([^)#:\s]*)(#[^)\s]*)?\)`)
	for _, page := range pages {
		for _, match := range link.FindAllStringSubmatch(readPage(t, page), -1) {
			target := page
			if match[1] != "" {
				target = path.Join(path.Dir(page), match[1])
			}
			if info, err := os.Stat(filepath.Join("..", "..", filepath.FromSlash(target))); err != nil || match[2] != "" && info.IsDir() {
				t.Errorf("%s links to %s, which is not there", page, match[0])
				continue
			}
			if match[2] != "" && !slices.Contains(anchors(readPage(t, target)), match[2]) {
				t.Errorf("%s links to %s, and there is no such heading", page, match[0])
			}
		}
	}
}

// anchors are the names GitHub gives to the headings of a page.
func anchors(page string) []string {
	var out []string
	for _, match := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(page, -1) {
		name := strings.ToLower(regexp.MustCompile(`[^\pL\pN _-]`).ReplaceAllString(match[1], ""))
		out = append(out, "#"+strings.ReplaceAll(name, " ", "-"))
	}
	return out
}
