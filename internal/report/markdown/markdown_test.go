package markdown

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/report"
	"github.com/plimsoll-ci/plimsoll/internal/report/reporttest"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// Every fixture, byte for byte.
func TestSummary(t *testing.T) {
	t.Parallel()
	for name, r := range reporttest.Runs() {
		golden(t, name+".md", render(t, func(b *bytes.Buffer) error { return Summary(b, r, SummaryOptions{}) }))
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
	golden(t, "report-v1.md", render(t, func(b *bytes.Buffer) error { return Summary(b, r, SummaryOptions{}) }))
}

// Whatever foreign text holds, between our own constructs stand only letters,
// digits, spaces, entities and what is not ASCII.
func TestEscape(t *testing.T) {
	t.Parallel()
	inert := regexp.MustCompile(`^([A-Za-z0-9 ]|[^\x00-\x7f]|&#[0-9]+;)*$`)
	for _, s := range reporttest.Strings() {
		if got := escape(s); !inert.MatchString(got) || strings.ContainsAny(got, "\u202e\u2066\u200b\u2028\u0085") {
			t.Errorf("escape(%q) = %q", s, got)
		}
	}
	for s, want := range map[string]string{
		"a  b\n c":    "a b c",
		"@octocat":    "&#64;&#8203;octocat",
		"acme/app#3":  "acme&#47;app&#35;&#8203;3",
		"GH-1":        "GH&#45;&#8203;1",
		":tada:":      "&#58;&#8203;tada&#58;",
		"node:latest": "node&#58;latest",
		"e\u0301":     "é",
		"\u202e":      "&#92;u202e",
	} {
		if got := escape(s); got != want {
			t.Errorf("escape(%q) = %q, want %q", s, got, want)
		}
	}
}

func TestAdvisoryLinks(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"CVE-2021-23337":           "[CVE-2021-23337](https://nvd.nist.gov/vuln/detail/CVE-2021-23337)",
		"GHSA-35jh-r3h4-6jhm":      "[GHSA-35jh-r3h4-6jhm](https://github.com/advisories/GHSA-35jh-r3h4-6jhm)",
		"CVE-2021-23337)[x](y":     "CVE&#45;2021&#45;23337&#41;&#91;x&#93;&#40;y",
		"CVE-2021-23337\n":         "CVE&#45;2021&#45;23337",
		"ALPINE-13661":             "ALPINE&#45;13661",
		"GHSA-aaaa-bbbb-cccc/../x": "GHSA&#45;aaaa&#45;bbbb&#45;cccc&#47;&#46;&#46;&#47;x",
	} {
		if got := advisory(id); got != want {
			t.Errorf("advisory(%q) = %q, want %q", id, got, want)
		}
	}
}

// The fragments of HTML that our own Markdown turns into, and nothing else.
var (
	ourTags  = regexp.MustCompile(`^</?(h3|h4|p|code|strong|ol|ul|li|pre|table|thead|tbody|tr|th|td|details|summary|sub|br)( /)?>$`)
	ourCells = regexp.MustCompile(`^<t[hd] align="right">$`)
	ourLinks = regexp.MustCompile(`^(<a href="https://(nvd\.nist\.gov/vuln/detail/CVE-[0-9-]+|github\.com/advisories/GHSA-[a-z0-9-]+|` +
		`github\.com/acme/shop/(actions/runs/[0-9]+|commit/[0-9a-f]{40}|blob/[0-9a-f]{40}/[A-Za-z0-9./%-]+(#L[0-9]+)?))">|</a>)$`)
	anyTag = regexp.MustCompile(`<[^>]*>`)
)

// GitHub's own parser makes nothing of foreign text: no tag, no link, no section
// that stays open.
func TestThroughGitHubsParser(t *testing.T) {
	t.Parallel()
	parser, err := exec.LookPath("cmark-gfm")
	if err != nil {
		t.Skip("cmark-gfm, GitHub's own Markdown parser, is not installed; apt-get install cmark-gfm makes this test run")
	}
	runs := reporttest.Scenarios()
	for _, s := range reporttest.Strings() {
		runs[s] = reporttest.Hostile(s)
	}
	for name, r := range runs {
		for _, body := range []string{
			string(render(t, func(b *bytes.Buffer) error { return Summary(b, r, SummaryOptions{}) })),
			Comment(r, CommentOptions{Label: name}).Body,
			Comment(r, CommentOptions{Label: name, SelfReported: true}).Body,
			Comment(r, CommentOptions{Label: name}).Short,
			Note(name, name),
		} {
			command := exec.CommandContext(t.Context(), parser, "--unsafe", "-e", "footnotes",
				"-e", "table", "-e", "autolink", "-e", "strikethrough", "-e", "tasklist", "-e", "tagfilter")
			command.Stdin = strings.NewReader(body)
			html, err := command.Output()
			if err != nil {
				t.Fatal(err)
			}
			for _, tag := range anyTag.FindAllString(string(html), -1) {
				if !ourTags.MatchString(tag) && !ourLinks.MatchString(tag) && !ourCells.MatchString(tag) {
					t.Errorf("%q became %s", name, tag)
				}
			}
			for _, tag := range []string{"details", "table", "a", "pre", "code"} {
				opened, closed := strings.Count(string(html), "<"+tag+">")+strings.Count(string(html), "<"+tag+" "), strings.Count(string(html), "</"+tag+">")
				if opened != closed {
					t.Errorf("%q: %d <%s> and %d </%s>", name, opened, tag, closed, tag)
				}
			}
			// A table that the parser did not take for one would show its bars.
			if rows := strings.Count(body, "\n|"); rows != strings.Count(string(html), "<tr>")+strings.Count(body, "\n|---") {
				t.Errorf("%q: %d lines of tables became %d rows", name, rows, strings.Count(string(html), "<tr>"))
			}
		}
	}
}

func TestSummaryKeepsToItsBudget(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		result verdict.Result
		budget int
		cut    bool
	}{
		{reporttest.Many(100), 0, false},
		{reporttest.Many(10_000), 0, true},
		{reporttest.Many(10_000), 1, true},
		{reporttest.Many(10_000), 100 << 10, true},
		{reporttest.Hostile(strings.Repeat("@", 5000)), 1, true},
	} {
		out := string(render(t, func(b *bytes.Buffer) error { return Summary(b, test.result, SummaryOptions{Budget: test.budget}) }))
		budget := max(test.budget, minBudget)
		if test.budget == 0 {
			budget = DefaultBudget
		}
		if len(out) > budget {
			t.Errorf("%d bytes with a budget of %d", len(out), budget)
		}
		if got := strings.Contains(out, "**Cut to fit:**"); got != test.cut {
			t.Errorf("budget %d: says what was cut: %v; want %v", test.budget, got, test.cut)
		}
		if !strings.HasPrefix(out, "### ❌ fail") || !strings.Contains(out, "<sub>plimsoll") {
			t.Errorf("budget %d: the first or the last line is missing", test.budget)
		}
		if strings.Count(out, "<details>") != strings.Count(out, "</details>") {
			t.Errorf("budget %d: cut inside a section", test.budget)
		}
	}
}

func BenchmarkSummary(b *testing.B) {
	r := reporttest.Many(10_000)
	b.ReportAllocs()
	for b.Loop() {
		if err := Summary(io.Discard, r, SummaryOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}
