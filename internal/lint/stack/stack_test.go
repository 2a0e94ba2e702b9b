package stack_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/plimsoll-ci/plimsoll/internal/image/contents"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/compose"
	"github.com/plimsoll-ci/plimsoll/internal/lint/dockerfile"
	"github.com/plimsoll-ci/plimsoll/internal/lint/kubernetes"
	"github.com/plimsoll-ci/plimsoll/internal/lint/stack"
	"github.com/plimsoll-ci/plimsoll/internal/lint/stack/binding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	model "github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var linters = []lint.Linter{dockerfile.Linter(), kubernetes.Linter(model.Renderers{}), compose.Linter()}

// look plants the files of an archive and judges them kind by kind.
func look(t testing.TB, files string, opts lint.Options, across ...lint.Across) *lint.Looked {
	t.Helper()
	dir := t.TempDir()
	for _, f := range txtar.Parse([]byte(files)).Files {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := source.Open(dir, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tree.Close() })
	looked, err := lint.Look(t.Context(), linters, across, tree, opts)
	if err != nil {
		t.Fatal(err)
	}
	return looked
}

// report judges files across kinds, with images where there are any.
func report(t testing.TB, files string, opts lint.Options, images ...*contents.Image) lint.Report {
	t.Helper()
	across := stack.Across(images...)
	looked := look(t, files, opts, across)
	if err := looked.Across(t.Context(), []lint.Across{across}); err != nil {
		t.Fatal(err)
	}
	r := looked.Report()
	if len(r.Unread) > 0 {
		t.Errorf("unread: %v", r.Unread)
	}
	return r
}

// ours renders the findings of rules across kinds as "path:line severity rule".
func ours(r lint.Report) string {
	known := map[string]bool{}
	for _, rule := range stack.Across().Rules {
		known[rule.ID] = true
	}
	var b strings.Builder
	for _, f := range r.Findings {
		if known[f.Rule.ID] && f.Suppressed == nil {
			fmt.Fprintf(&b, "%s:%d %s %s\n", f.Location.Path, f.Location.Line, f.Severity, f.Rule.ID)
		}
	}
	return b.String()
}

// rows renders what was bound, one "container stage service by" per line.
func rows(t testing.TB, files string, opts lint.Options, images ...*contents.Image) string {
	t.Helper()
	var b strings.Builder
	for _, r := range stack.Bindings(look(t, files, opts).Models, opts, images...) {
		fmt.Fprintf(&b, "%s | %s | %s | %s\n", r.Container, r.Stage, r.Service, by(r))
	}
	return b.String()
}

func by(r binding.Row) string {
	if len(r.Candidates) > 0 {
		return "? " + strings.Join(r.Candidates, ", ")
	}
	return string(r.By)
}
