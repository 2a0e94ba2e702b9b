package report

import (
	"bytes"
	"io"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/report/reporttest"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// The document of every fixture, byte for byte.
func TestDocuments(t *testing.T) {
	t.Parallel()
	for name, r := range reporttest.Runs() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden(t, name+".json", render(t, func(b *bytes.Buffer) error { return WriteJSON(b, r) }))
		})
	}
}

// testdata/report-v1.json was written by the first release. It is never written
// again: every release of schema version 1 reads it.
func TestFirstReportStaysReadable(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/report-v1.json")
	if err != nil {
		t.Fatal(err)
	}
	r, err := ReadJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	want := reporttest.Failed()
	finding.Sort(want.Findings)
	if diff := cmp.Diff(want, r, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("what was read (-want +got):\n%s", diff)
	}
}

func TestCauses(t *testing.T) {
	t.Parallel()
	reason := func(rule, path string, line int) verdict.Reason {
		return verdict.Reason{Code: "finding", Rule: rule, Message: rule, Location: finding.Location{Path: path, Line: line}, Severity: finding.High, Count: 2}
	}
	tests := map[string]struct {
		result verdict.Result
		want   []string
	}{
		"a pass": {result: verdict.Result{Verdict: verdict.Verdict{Decision: verdict.Pass}, Acted: &verdict.Acted{Done: true}}},
		"an act that failed": {
			result: verdict.Result{Verdict: verdict.Verdict{Decision: verdict.Pass}, Acted: &verdict.Acted{Error: "push: 403"}},
			want:   []string{"push: 403"},
		},
		"the zero result": {want: []string{"the run ended before anything was decided"}},
		"one rule at one place is one cause": {
			result: verdict.Result{Verdict: verdict.Verdict{Reasons: []verdict.Reason{
				reason("VUL-OS", "Dockerfile", 1), reason("VUL-OS", "Dockerfile", 1), reason("VUL-OS", "Dockerfile", 1), reason("A", "b", 1),
			}}},
			want: []string{"high: VUL-OS [VUL-OS], and 2 more here (6 findings)", "high: A [A] (2 findings)"},
		},
		"three at most": {
			result: verdict.Result{Verdict: verdict.Verdict{Reasons: []verdict.Reason{
				reason("A", "", 1), reason("B", "", 1), reason("C", "", 1), reason("D", "", 1),
			}}},
			want: []string{"high: A [A] (2 findings)", "high: B [B] (2 findings)", "high: C [C] (2 findings)"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			causes, _ := Causes(test.result)
			for _, c := range causes {
				got = append(got, c.Sentence())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("causes (-want +got):\n%s", diff)
			}
		})
	}
}

func BenchmarkWriteJSON(b *testing.B) {
	r := reporttest.Many(10_000)
	b.ReportAllocs()
	for b.Loop() {
		if err := WriteJSON(io.Discard, r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadJSON(b *testing.B) {
	var data bytes.Buffer
	if err := WriteJSON(&data, reporttest.Many(10_000)); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(data.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadJSON(bytes.NewReader(data.Bytes())); err != nil {
			b.Fatal(err)
		}
	}
}
