package check_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/plimsoll-ci/plimsoll/internal/build/buildkit/check"
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/all"
	"github.com/plimsoll-ci/plimsoll/internal/lint/dockerfile"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

var update = flag.Bool("update", false, "rewrite the wants of fixtures")

// look lints the files of an archive below prefix with all linters and BuildKit's checks.
func look(t testing.TB, archive *txtar.Archive, prefix string) lint.Report {
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
	tree, err := source.Open(dir, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	opts := lint.Options{AsOf: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)}
	report, err := lint.Run(t.Context(), all.Linters(all.Adapters{Checker: check.New()}), all.Across(), tree, opts)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// told are the findings that nobody excused, all rules or those of one prefix.
func told(report lint.Report, rule string) string {
	var b strings.Builder
	for _, f := range report.Findings {
		if f.Suppressed == nil && strings.HasPrefix(f.Rule.ID, rule) {
			at := f.Location
			fmt.Fprintf(&b, "%s:%d:%d: %s: %s [%s]\n", at.Path, at.Line, at.Column, f.Severity, f.Message, f.Rule.ID)
		}
	}
	return b.String()
}

func dockerfileOf(text string) *txtar.Archive {
	return &txtar.Archive{Files: []txtar.File{{Name: "Dockerfile", Data: []byte(text)}}}
}

func TestFixtures(t *testing.T) {
	for _, rule := range dockerfile.Official() {
		t.Run(rule.Name, func(t *testing.T) {
			path := filepath.Join("..", "..", "..", "lint", "dockerfile", strings.ReplaceAll(rule.Name, "-", "_")+".txtar")
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			good, bad := look(t, archive, "good/"), look(t, archive, "bad/")
			if got := told(good, ""); got != "" {
				t.Errorf("good/ is not clean:\n%s", got)
			}
			if len(bad.Unread)+len(good.Unread)+len(bad.Notes)+len(good.Notes) > 0 {
				t.Errorf("%v %v %q %q", bad.Unread, good.Unread, bad.Notes, good.Notes)
			}
			got := told(bad, rule.ID)
			i := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == "want" })
			if i < 0 || got == "" {
				t.Fatalf("the fixture needs a want, and a bad/ that the rule reports; got %q", told(bad, ""))
			}
			if *update {
				archive.Files[i].Data = []byte(got)
				if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(archive.Files[i].Data), got); diff != "" {
				t.Errorf("bad/ gives another output than want (-want +got; to accept it: go test ./internal/build/buildkit/check -update):\n%s", diff)
			}
		})
	}
}

// TestOtherPages: what other pages call good is good for BuildKit, too.
func TestOtherPages(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join("..", "..", "..", "lint", "dockerfile", "*.txtar"))
	if err != nil || len(pages) == 0 {
		t.Fatal(err)
	}
	unset := []string{"base_digest.txtar", "base_latest.txtar", "undefined_arg_in_from.txtar", "user_root.txtar"} // are about arguments that nothing sets
	for _, page := range pages {
		archive, err := txtar.ParseFile(page)
		if err != nil {
			t.Fatal(err)
		}
		report := look(t, archive, "good/")
		report.Findings = slices.DeleteFunc(report.Findings, func(f finding.Finding) bool {
			return f.Rule.ID == "BLD-InvalidDefaultArgInFrom" && slices.Contains(unset, filepath.Base(page))
		})
		if got := told(report, "BLD-"); got != "" {
			t.Errorf("%s:\n%s", filepath.Base(page), got)
		}
		for _, note := range report.Notes {
			if strings.Contains(note, "BuildKit's own checks") && !strings.Contains(note, "node.version") {
				t.Errorf("%s: %s", filepath.Base(page), note)
			}
		}
	}
}
