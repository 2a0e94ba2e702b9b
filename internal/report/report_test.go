package report

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// Every form of every fixture, byte for byte.
func TestForms(t *testing.T) {
	t.Parallel()
	for name, r := range fixtures() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden(t, name+".json", render(t, func(b *bytes.Buffer) error { return WriteJSON(b, r) }))
			golden(t, name+".txt", render(t, func(b *bytes.Buffer) error { return Text(b, r, TextOptions{}) }))
			golden(t, name+".md", render(t, func(b *bytes.Buffer) error { return Markdown(b, r, MarkdownOptions{}) }))
		})
	}
	golden(t, "fail.color.txt", render(t, func(b *bytes.Buffer) error { return Text(b, failed(), TextOptions{Color: true}) }))
	golden(t, "fail.verbose.txt", render(t, func(b *bytes.Buffer) error { return Text(b, failed(), TextOptions{Verbose: true, Width: 60}) }))
}

// testdata/report-v1.json was written by the first release. It is never written
// again: every release of schema version 1 reads it, and makes the other forms of it.
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
	golden(t, "report-v1.txt", render(t, func(b *bytes.Buffer) error { return Text(b, r, TextOptions{}) }))
	golden(t, "report-v1.md", render(t, func(b *bytes.Buffer) error { return Markdown(b, r, MarkdownOptions{}) }))

	want := failed()
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
			for _, c := range Causes(test.result) {
				got = append(got, c.sentence())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("causes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestExcerpt(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 200) + "BAD" + strings.Repeat("z", 200)
	tests := map[string]struct {
		source      string
		loc         finding.Location
		text, marks string
	}{
		"columns":                  {"FROM node", finding.Location{Line: 1, Column: 6, EndLine: 1, EndColumn: 10}, "FROM node", "     ^^^^"},
		"no end":                   {"FROM node", finding.Location{Line: 1, Column: 6}, "FROM node", "     ^"},
		"end before start":         {"FROM node", finding.Location{Line: 1, Column: 6, EndLine: 1, EndColumn: 2}, "FROM node", "     ^"},
		"further lines":            {"RUN a \\", finding.Location{Line: 1, Column: 5, EndLine: 3, EndColumn: 2}, `RUN a \`, "    ^^^"},
		"no column":                {"FROM node", finding.Location{Line: 1}, "FROM node", ""},
		"past the end":             {"ab", finding.Location{Line: 1, Column: 9}, "ab", ""},
		"just after the end":       {"ab", finding.Location{Line: 1, Column: 3}, "ab", "  ^"},
		"an empty line":            {"", finding.Location{Line: 1, Column: 1}, "", "^"},
		"tabs":                     {"\ta:\tb", finding.Location{Line: 1, Column: 5}, "    a:  b", "        ^"},
		"wide runes":               {"名前: x", finding.Location{Line: 1, Column: 2, EndLine: 1, EndColumn: 3}, "名前: x", "  ^^"},
		"after wide runes":         {"名前: x", finding.Location{Line: 1, Column: 5}, "名前: x", "      ^"},
		"combining runes":          {"e\u0301x", finding.Location{Line: 1, Column: 3}, "e\u0301x", " ^"},
		"inside a cluster":         {"e\u0301x", finding.Location{Line: 1, Column: 2}, "e\u0301x", "^"},
		"a flag":                   {"🇨🇭 x", finding.Location{Line: 1, Column: 4}, "🇨🇭 x", "   ^"},
		"what would be obeyed":     {"\x1b[2Jx\u202e", finding.Location{Line: 1, Column: 5}, `\x1b[2Jx\u202e`, "       ^"},
		"bytes that are not UTF-8": {"\xff\xfex", finding.Location{Line: 1, Column: 3}, `\xff\xfex`, "        ^"},
		"a long line":              {long, finding.Location{Line: 1, Column: 201, EndLine: 1, EndColumn: 204}, "…aaaaaaaaaaaaBADzzzzzzzzzzzzzzzzzzzzzzz…", "             ^^^"},
		"a long line's start":      {long, finding.Location{Line: 1, Column: 1}, strings.Repeat("a", 38) + "…", "^"},
		"a long line's end":        {long[:203], finding.Location{Line: 1, Column: 201, EndLine: 1, EndColumn: 204}, "…aaaaaaaaaaaaBAD", "             ^^^"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, marks := excerpt(test.source, test.loc, 40)
			if text != test.text || marks != test.marks {
				t.Errorf("got\n%q\n%q\nwant\n%q\n%q", text, marks, test.text, test.marks)
			}
		})
	}
}

func FuzzExcerpt(f *testing.F) {
	f.Add("FROM node", 6, 10, 40)
	f.Add("\t名前: e\u0301 🇨🇭", 3, 400, 5)
	f.Fuzz(func(t *testing.T, source string, column, end, width int) {
		if len(source) > 2000 || width < 10 || width > 500 {
			t.Skip()
		}
		text, marks := excerpt(source, finding.Location{Line: 1, Column: column, EndLine: 1, EndColumn: end}, width)
		for _, s := range []string{text, marks} {
			if strings.ContainsAny(s, "\n\r\x1b\t") {
				t.Errorf("%q is not safe to show", s)
			}
		}
	})
}

func TestLimitsAreCounted(t *testing.T) {
	t.Parallel()
	r := many(2000)
	out := string(render(t, func(b *bytes.Buffer) error { return Text(b, r, TextOptions{Report: "out/report.json"}) }))
	for _, want := range []string{"  900 more findings in out/report.json\n", "  210 more vulnerable packages in out/report.json\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("the text does not say %q", want)
		}
	}
	all := string(render(t, func(b *bytes.Buffer) error { return Text(b, r, TextOptions{Verbose: true}) }))
	if strings.Contains(all, "more findings in") || strings.Count(all, "[IMG-3.a]") != 1000 {
		t.Errorf("verbose leaves findings out")
	}
}

// What comes from outside never reaches a terminal as anything but text.
func TestTextIsInert(t *testing.T) {
	t.Parallel()
	for _, hostile := range hostileStrings {
		for _, verbose := range []bool{true, false} {
			out := string(render(t, func(b *bytes.Buffer) error { return Text(b, hostileResult(hostile), TextOptions{Verbose: verbose}) }))
			for _, r := range out {
				if r != '\n' && (r < ' ' || r == 0x7f || 0x80 <= r && r < 0xa0 || 0x202a <= r && r <= 0x202e || 0x2066 <= r && r <= 0x2069 || r == 0x200b || r == 0x2028) {
					t.Fatalf("%q puts %U into the text:\n%s", hostile, r, out)
				}
			}
		}
	}
}

// many is a result with n findings, half of them vulnerabilities.
func many(n int) verdict.Result {
	r := failed()
	r.Findings = nil
	for i := range n / 2 {
		f := failed().Findings[0]
		f.Location.Line = i + 1
		r.Findings = append(r.Findings, f)
	}
	for i := range n - n/2 {
		r.Findings = append(r.Findings, osVulnerability(fmt.Sprintf("CVE-2026-%d", 10_000+i), fmt.Sprintf("package-%d", i%250), "1.0", "1.1", finding.High))
	}
	return r
}

func BenchmarkText(b *testing.B) {
	r := many(10_000)
	b.ReportAllocs()
	for b.Loop() {
		if err := Text(io.Discard, r, TextOptions{Verbose: true}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMarkdown(b *testing.B) {
	r := many(10_000)
	b.ReportAllocs()
	for b.Loop() {
		if err := Markdown(io.Discard, r, MarkdownOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWriteJSON(b *testing.B) {
	r := many(10_000)
	b.ReportAllocs()
	for b.Loop() {
		if err := WriteJSON(io.Discard, r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadJSON(b *testing.B) {
	var data bytes.Buffer
	if err := WriteJSON(&data, many(10_000)); err != nil {
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
