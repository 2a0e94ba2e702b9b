package all

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/dockerfile"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

var update = flag.Bool("update", false, "rewrite the wants of fixtures and the pages in docs/rules")

const refresh = "go test ./internal/lint/all -update"

// rewritten are the fixtures that this run changed: the embedded ones are old.
var rewritten = map[string]*txtar.Archive{}

// today is the day on which fixtures are judged.
var today = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// judge writes the files of an archive below prefix and lints them.
func judge(t testing.TB, archive *txtar.Archive, prefix string, opts lint.Options) lint.Report {
	t.Helper()
	if opts.AsOf.IsZero() {
		opts.AsOf = today
	}
	report := lintSince(t, plant(t, archive, prefix), source.Options{}, opts, base(t, archive, prefix, opts))
	for _, f := range report.Findings[:min(500, len(report.Findings))] {
		inside(t, archive, f)
	}
	return report
}

// plant writes the files of an archive below a new directory.
func plant(t testing.TB, archive *txtar.Archive, prefix string) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range archive.Files {
		if !strings.HasPrefix(f.Name, prefix) {
			continue
		}
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// base is what the files of an archive below base/ come to, as if they stood below
// prefix; nil where there are none.
func base(t testing.TB, archive *txtar.Archive, prefix string, opts lint.Options) lint.Models {
	t.Helper()
	moved := &txtar.Archive{}
	for _, f := range archive.Files {
		if name, ok := strings.CutPrefix(f.Name, "base/"); ok {
			moved.Files = append(moved.Files, txtar.File{Name: prefix + name, Data: f.Data})
		}
	}
	if len(moved.Files) == 0 {
		return nil
	}
	tree, err := source.Open(plant(t, moved, prefix), source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	looked, err := lint.Look(t.Context(), Linters(), nil, tree, opts)
	if err != nil {
		t.Fatal(err)
	}
	return looked.Models
}

// lintTree judges what was asked for of a directory.
func lintTree(t testing.TB, dir string, asked source.Options, opts lint.Options) lint.Report {
	t.Helper()
	return lintSince(t, dir, asked, opts, nil)
}

// lintSince judges a directory, and the difference to what it was.
func lintSince(t testing.TB, dir string, asked source.Options, opts lint.Options, before lint.Models) lint.Report {
	t.Helper()
	tree, err := source.Open(dir, asked)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	report, err := lint.Run(t.Context(), Linters(), append(Across(), Since(before)), tree, opts)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// inside fails when a finding's place is not in its file, or its text is not there.
func inside(t testing.TB, archive *txtar.Archive, f finding.Finding) {
	t.Helper()
	at := f.Location
	for _, file := range archive.Files {
		if file.Name != at.Path {
			continue
		}
		lines := strings.Split(string(file.Data), "\n")
		switch {
		case at.Line < 1 || at.EndLine < at.Line || at.EndLine > len(lines):
			t.Errorf("%s: lines %d to %d are not in the file", describe(f), at.Line, at.EndLine)
		case at.Column < 1 || at.Column > utf8.RuneCountInString(lines[at.Line-1]):
			t.Errorf("%s: column %d is not on its line", describe(f), at.Column)
		case at.EndColumn < 1 || at.EndColumn > utf8.RuneCountInString(lines[at.EndLine-1])+1 || at.EndLine == at.Line && at.EndColumn <= at.Column:
			t.Errorf("%s: end column %d is not on its line", describe(f), at.EndColumn)
		case utf8.RuneCountInString(f.SourceLine) != min(400, utf8.RuneCountInString(strings.TrimRight(lines[at.Line-1], "\r"))):
			t.Errorf("%s: source line %q has another length than the file's", describe(f), f.SourceLine)
		}
		return
	}
	t.Errorf("%s: there is no such file", describe(f))
}

func describe(f finding.Finding) string {
	return fmt.Sprintf("%s:%d:%d: %s: %s [%s]", f.Location.Path, f.Location.Line, f.Location.Column, f.Severity, f.Message, f.Rule.ID)
}

// told renders the findings that nobody excused, all rules or one.
func told(report lint.Report, rule string) string {
	var b strings.Builder
	findings := slices.Clone(report.Findings)
	slices.SortStableFunc(findings, func(a, b finding.Finding) int {
		if c := strings.Compare(a.Location.Path, b.Location.Path); c != 0 {
			return c
		}
		return a.Location.Line - b.Location.Line
	})
	for _, f := range findings {
		if f.Suppressed == nil && (rule == "" || f.Rule.ID == rule) {
			b.WriteString(describe(f) + "\n")
		}
	}
	return b.String()
}

func TestFixtures(t *testing.T) {
	// The rules on images have no sources to show: their tests lie with their adapters.
	var waiting []string
	for _, a := range Across() {
		waiting = append(waiting, a.Waiting...)
	}
	official := dockerfile.Official()
	for _, rule := range lint.Rules(Linters(), append(Across(), Since(nil))...) {
		t.Run(rule.Name, func(t *testing.T) {
			archive, err := fixture(rule.Name)
			if err != nil {
				t.Fatal(err)
			}
			if len(archive.Files) == 0 && slices.Contains(waiting, rule.ID) {
				t.Skip("decided by an image alone: tested beside the rule")
			}
			if slices.ContainsFunc(official, func(r finding.Rule) bool { return r.ID == rule.ID }) {
				t.Skip("told by BuildKit itself: tested beside its adapter, build/buildkit/check")
			}
			opts := lint.Options{Profile: value(archive, "profile"), Complete: complete(archive), KubernetesMin: value(archive, "kubernetes")}
			bad := judge(t, archive, "bad/", opts)
			archive = closed(archive)
			good := judge(t, archive, "good/", lint.Options{Complete: opts.Complete})
			if opts.Profile != "" {
				if got := told(judge(t, archive, "good/", opts), rule.ID); got != "" {
					t.Errorf("good/ is not clean under the profile %q:\n%s", opts.Profile, got)
				}
			}
			if len(bad.Unread)+len(good.Unread) > 0 {
				t.Errorf("could not read %v %v", bad.Unread, good.Unread)
			}
			if got := told(good, ""); got != "" {
				t.Errorf("good/ is not clean:\n%s", got)
			}
			got := told(bad, rule.ID)
			i := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == "want" })
			if i < 0 || got == "" {
				t.Fatalf("the fixture needs a want, and a bad/ that the rule reports; got %q", got)
			}
			mended(t, archive, bad, rule.ID, opts)
			if *update {
				archive.Files = slices.DeleteFunc(archive.Files, func(f txtar.File) bool { return f.Name == closing })
				i = slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == "want" })
				archive.Files[i].Data = []byte(got)
				rewrite(t, rule.Name, archive)
				rewritten[rule.Name] = archive
				return
			}
			if diff := cmp.Diff(string(archive.Files[i].Data), got); diff != "" {
				t.Errorf("bad/ gives another output than want (-want +got; to accept it: %s):\n%s", refresh, diff)
			}
		})
	}
}

// closing is a file that every good/ has beside what it shows: pods are good only
// where a policy closes their namespace, and no page but those about policies is
// about that.
const closing = "good/plimsoll/default-deny.yaml"

func closed(archive *txtar.Archive) *txtar.Archive {
	for _, f := range archive.Files {
		if strings.HasPrefix(f.Name, "good/") && strings.Contains(string(f.Data), "kind: NetworkPolicy") {
			return archive
		}
	}
	const policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: default-deny }\nspec: { podSelector: {}, policyTypes: [Ingress, Egress] }\n"
	return &txtar.Archive{Comment: archive.Comment, Files: append(slices.Clone(archive.Files), txtar.File{Name: closing, Data: []byte(policy)})}
}

// complete says that the rule of a fixture needs a set that is all there is.
func complete(archive *txtar.Archive) bool {
	return slices.ContainsFunc(archive.Files, func(f txtar.File) bool { return f.Name == "complete" })
}

// value is a setting that the rule of a fixture needs, empty for the default.
func value(archive *txtar.Archive, setting string) string {
	for _, f := range archive.Files {
		if f.Name == setting {
			return strings.TrimSpace(string(f.Data))
		}
	}
	return ""
}

func rewrite(t *testing.T, name string, archive *txtar.Archive) {
	t.Helper()
	for _, dir := range []string{"..", "../change", "../compose", "../dockerfile", "../kubernetes", "../stack", "../workflow"} {
		path := filepath.Join(dir, strings.ReplaceAll(name, "-", "_")+".txtar")
		if _, err := os.Stat(path); err == nil {
			if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestRulesAndFixturesMatch(t *testing.T) {
	names, ids := map[string]bool{}, map[string]bool{}
	for _, l := range Linters() {
		for _, r := range l.Rules {
			if ids[r.ID] || names[r.Name] {
				t.Errorf("rule %s %s stands twice", r.ID, r.Name)
			}
			ids[r.ID], names[r.Name] = true, true
		}
		sorted := slices.IsSortedFunc(l.Rules, func(a, b finding.Rule) int { return strings.Compare(a.Name, b.Name) })
		if !sorted {
			t.Errorf("the checks of kind %s are not in the order of their names", l.Kind)
		}
	}
	for _, r := range Rules() {
		names[r.Name] = true
		advisory := strings.HasPrefix(r.ID, "VUL-") // severity is the advisory's, and they decide no point
		if r.Summary == "" || strings.HasSuffix(r.Summary, ".") || r.Since == "" || r.Severity == finding.Unknown && !advisory {
			t.Errorf("rule %s lacks a summary without a full stop, a severity or its first release", r.ID)
		}
		// Rules about suppressions, correctness, BuildKit's own and those across artefacts
		// have families instead.
		family := slices.ContainsFunc([]string{"SUP-", "WF-", "COR-", "BLD-", "D-", "X-"}, func(prefix string) bool { return strings.HasPrefix(r.ID, prefix) })
		if !family && !advisory && (len(r.Points) == 0 || !strings.HasPrefix(r.ID, r.Points[0]+".")) {
			t.Errorf("rule %s does not begin with its point %v", r.ID, r.Points)
		}
	}
	for _, pages := range fixtures() {
		entries, err := fs.ReadDir(pages, ".")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if name := strings.ReplaceAll(strings.TrimSuffix(e.Name(), ".txtar"), "_", "-"); !names[name] {
				t.Errorf("fixture %s belongs to no rule", e.Name())
			}
		}
	}
}

func TestPages(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "docs", "rules")
	pages := map[string]string{"README.md": Index()}
	for _, r := range Rules() {
		page, ok := Page(r.Name)
		if !ok {
			t.Fatalf("rule %s has no page", r.ID)
		}
		if archive := rewritten[r.Name]; archive != nil {
			page = render(r, archive)
		}
		pages[r.ID+".md"] = page
	}
	if *update {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range pages {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != len(pages) {
		t.Errorf("docs/rules holds %d files, want %d", len(entries), len(pages))
	}
	for name, want := range pages {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || string(got) != want {
			t.Errorf("docs/rules/%s is not what the rules say; to write it: %s", name, refresh)
		}
	}
	if _, ok := Page("no-such-rule"); ok {
		t.Error("a rule that does not exist has a page")
	}
	if byID, _ := Page("usr-1.A"); byID != pages["USR-1.a.md"] && !*update {
		t.Error("the page is not found by id without regard to case")
	}
}
