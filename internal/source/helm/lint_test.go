package helm_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

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
	report, err := lint.Run(t.Context(), all.Linters(renderers), all.Across(), tree, opts)
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
