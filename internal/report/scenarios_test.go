package report_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/plimsoll-ci/plimsoll/internal/report"
	"github.com/plimsoll-ci/plimsoll/internal/report/markdown"
	"github.com/plimsoll-ci/plimsoll/internal/report/reporttest"
	"github.com/plimsoll-ci/plimsoll/internal/report/text"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// What each scenario tells, in every form people read, byte for byte. The long one
// shows only where it is cut.
func TestScenarios(t *testing.T) {
	t.Parallel()
	for name, r := range reporttest.Scenarios() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := tell(t, r)
			if name == "many" {
				for i := range got.Files {
					got.Files[i].Data = ends(got.Files[i].Data)
				}
			}
			file := filepath.Join("testdata", "scenarios", name+".txtar")
			if flag.Lookup("update").Value.String() == "true" {
				if err := os.WriteFile(file, txtar.Format(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatalf("%v; go test ./internal/report -update writes it", err)
			}
			if diff := cmp.Diff(string(txtar.Format(want)), string(txtar.Format(got))); diff != "" {
				t.Errorf("%s is not what is told now (-want +got); go test ./internal/report -update rewrites it:\n%s", file, diff)
			}
		})
	}
}

func tell(t *testing.T, r verdict.Result) *txtar.Archive {
	t.Helper()
	comment := markdown.Comment(r, markdown.CommentOptions{})
	var summary, plain, annotations bytes.Buffer
	if err := markdown.Summary(&summary, r, markdown.SummaryOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := text.Write(&plain, r, text.Options{}); err != nil {
		t.Fatal(err)
	}
	all, existing := report.Annotations(r)
	for _, a := range all {
		fmt.Fprintf(&annotations, "%s %s:%d-%d:%d-%d [%s] (%d)\n    %s\n", a.Level, a.Path, a.Line, a.EndLine, a.Column, a.EndColumn, a.Title, a.Count, a.Message)
	}
	fmt.Fprintf(&annotations, "%d existing without an annotation\n", existing)
	return &txtar.Archive{
		Comment: fmt.Appendf(nil, "worth a comment: %v\n", comment.Worth),
		Files: []txtar.File{
			{Name: "comment.md", Data: []byte(comment.Body)},
			{Name: "annotations.txt", Data: annotations.Bytes()},
			{Name: "summary.md", Data: summary.Bytes()},
			{Name: "report.txt", Data: plain.Bytes()},
		},
	}
}

// ends are the first and last lines of a long text.
func ends(data []byte) []byte {
	lines := strings.SplitAfter(string(data), "\n")
	const most = 12
	if len(lines) <= 2*most {
		return data
	}
	return []byte(strings.Join(lines[:most], "") + "...\n" + strings.Join(lines[len(lines)-most:], ""))
}
