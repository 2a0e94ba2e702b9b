package text

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/report"
	"github.com/plimsoll-ci/plimsoll/internal/report/reporttest"
)

var update = flag.Bool("update", false, "rewrite the goldens")

// golden compares got with a file of testdata, or rewrites it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; go test ./internal/report/text -update writes it", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is not what is written now (-want +got); go test ./internal/report/text -update rewrites it:\n%s", file, diff)
	}
}

func render(t *testing.T, write func(*bytes.Buffer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Every fixture, byte for byte.
func TestWrite(t *testing.T) {
	t.Parallel()
	for name, r := range reporttest.Runs() {
		golden(t, name+".txt", render(t, func(b *bytes.Buffer) error { return Write(b, r, Options{}) }))
	}
	golden(t, "fail.color.txt", render(t, func(b *bytes.Buffer) error { return Write(b, reporttest.Failed(), Options{Color: true}) }))
	golden(t, "fail.verbose.txt", render(t, func(b *bytes.Buffer) error { return Write(b, reporttest.Failed(), Options{Verbose: true, Width: 60}) }))
}

// Where only what is introduced counts, what was there before is a number, and
// Verbose lists it.
func TestExistingIsCounted(t *testing.T) {
	t.Parallel()
	r := reporttest.Scenarios()["introduces"]
	short := string(render(t, func(b *bytes.Buffer) error { return Write(b, r, Options{}) }))
	long := string(render(t, func(b *bytes.Buffer) error { return Write(b, r, Options{Verbose: true}) }))
	for _, test := range []struct {
		text        string
		short, long bool
	}{
		{"introduced vulnerabilities: 1 in 1 package", true, true},
		{"existing, not blocking: 30 findings", true, false},
		{"existing vulnerabilities: 27 in 2 packages", false, true},
		{"disclosed vulnerabilities: 1 in 1 package", false, true},
		{"[IMG-3.a, existing]", false, true},
		{"[USR-1.a, introduced]", true, true},
		{"fixed since what was compared with: 1 finding", true, true},
		{"compared with main at 9f2c4e6", true, true},
		{"refused: deploy/cron.yaml:13", true, true},
	} {
		if got := strings.Contains(short, test.text); got != test.short {
			t.Errorf("the short text holds %q: %v", test.text, got)
		}
		if got := strings.Contains(long, test.text); got != test.long {
			t.Errorf("the long text holds %q: %v", test.text, got)
		}
	}
}

// The report of the first release can still be shown.
func TestFirstReport(t *testing.T) {
	t.Parallel()
	file, err := os.Open("../testdata/report-v1.json")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	r, err := report.ReadJSON(file)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "report-v1.txt", render(t, func(b *bytes.Buffer) error { return Write(b, r, Options{}) }))
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
	r := reporttest.Many(2000)
	out := string(render(t, func(b *bytes.Buffer) error { return Write(b, r, Options{Report: "out/report.json"}) }))
	for _, want := range []string{"  900 more findings in out/report.json\n", "  210 more vulnerable packages in out/report.json\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("the text does not say %q", want)
		}
	}
	all := string(render(t, func(b *bytes.Buffer) error { return Write(b, r, Options{Verbose: true}) }))
	if strings.Contains(all, "more findings in") || strings.Count(all, "[IMG-3.a]") != 1000 {
		t.Errorf("verbose leaves findings out")
	}
}

// What comes from outside never reaches a terminal as anything but text.
func TestInert(t *testing.T) {
	t.Parallel()
	for _, hostile := range reporttest.Strings() {
		for _, verbose := range []bool{true, false} {
			out := string(render(t, func(b *bytes.Buffer) error {
				return Write(b, reporttest.Hostile(hostile), Options{Verbose: verbose})
			}))
			for _, r := range out {
				if r != '\n' && (r < ' ' || r == 0x7f || 0x80 <= r && r < 0xa0 || 0x202a <= r && r <= 0x202e || 0x2066 <= r && r <= 0x2069 || r == 0x200b || r == 0x2028) {
					t.Fatalf("%q puts %U into the text:\n%s", hostile, r, out)
				}
			}
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	r := reporttest.Many(10_000)
	b.ReportAllocs()
	for b.Loop() {
		if err := Write(io.Discard, r, Options{Verbose: true}); err != nil {
			b.Fatal(err)
		}
	}
}
