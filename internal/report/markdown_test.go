package report

import (
	"bytes"
	"os/exec"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

var hostileStrings = []string{
	"plain", "\x1b[2J\x1b]0;title\x07", "a\u202eb\u2066c", "line\n# heading\r\n- list\n\n<h1>", "\u2028x\u0085y\u009b31m", "zero\u200bwidth\ufeff\u00ad\U000e0041",
	"<script>alert(1)</script>", "</details></summary></pre></code>", "<!-- plimsoll:1 -->", "--> x", "| a | b |", "\\| \\", "`code` ``` ~~~", "**b** _i_ ~~s~~",
	"[x](https://evil.example)", "![x](https://evil.example/p.png)", "https://evil.example www.evil.example a@b.co mailto:a@b.co xmpp:a@b.co", "<https://evil.example>",
	"[ref]: https://evil.example", "[^1]: foot", "@octocat @acme/team", "#12 acme/app#3 GH-1 gh-22", ":white_check_mark: :tada:", "$x^2$ $$y$$", "&lt;b&gt; &#60;b&#62; &amp;",
	"::error::x", "##[error]x", "1. a", "- [ ] task", "> quote", "    indented", "===", "---", "\xff\xfe", strings.Repeat("@", 5000), strings.Repeat("<", 5000), "",
}

// hostileResult has s in every field that holds text.
func hostileResult(s string) verdict.Result {
	r := failed()
	r.Evidence = passed().Evidence
	r.Evidence = append(r.Evidence, verdict.Evidence{})
	r.Acted = passed().Acted
	r.Findings = r.Findings[:12]
	fill(reflect.ValueOf(&r).Elem(), s)
	return r
}

func fill(v reflect.Value, s string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Pointer:
		if !v.IsNil() {
			fresh := reflect.New(v.Type().Elem())
			fresh.Elem().Set(v.Elem())
			fill(fresh.Elem(), s)
			v.Set(fresh)
		}
	case reflect.Slice:
		fresh := reflect.MakeSlice(v.Type(), v.Len(), v.Len()) // rules are shared between results
		reflect.Copy(fresh, v)
		for i := range v.Len() {
			fill(fresh.Index(i), s)
		}
		v.Set(fresh)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for _, field := range v.Fields() {
			fill(field, s)
		}
	default:
	}
}

// Whatever foreign text holds, between our own constructs stand only letters,
// digits, spaces, entities and what is not ASCII.
func TestEscape(t *testing.T) {
	t.Parallel()
	inert := regexp.MustCompile(`^([A-Za-z0-9 ]|[^\x00-\x7f]|&#[0-9]+;)*$`)
	for _, s := range hostileStrings {
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
	ourLinks = regexp.MustCompile(`^(<a href="https://(nvd\.nist\.gov/vuln/detail/CVE-[0-9-]+|github\.com/advisories/GHSA-[a-z0-9-]+)">|</a>)$`)
	anyTag   = regexp.MustCompile(`<[^>]*>`)
)

func TestMarkdownThroughGitHubsParser(t *testing.T) {
	t.Parallel()
	parser, err := exec.LookPath("cmark-gfm")
	if err != nil {
		t.Skip("cmark-gfm, GitHub's own Markdown parser, is not installed; apt-get install cmark-gfm makes this test run")
	}
	for _, s := range hostileStrings {
		command := exec.CommandContext(t.Context(), parser, "--unsafe", "-e", "footnotes",
			"-e", "table", "-e", "autolink", "-e", "strikethrough", "-e", "tasklist", "-e", "tagfilter")
		command.Stdin = bytes.NewReader(render(t, func(b *bytes.Buffer) error { return Markdown(b, hostileResult(s), MarkdownOptions{}) }))
		html, err := command.Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, tag := range anyTag.FindAllString(string(html), -1) {
			if !ourTags.MatchString(tag) && !ourLinks.MatchString(tag) {
				t.Errorf("%q became %s", s, tag)
			}
		}
		if opened, closed := strings.Count(string(html), "<details>"), strings.Count(string(html), "</details>"); opened != closed {
			t.Errorf("%q: %d <details> and %d </details>", s, opened, closed)
		}
	}
}

func TestMarkdownKeepsToItsBudget(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		result verdict.Result
		budget int
		cut    bool
	}{
		{many(100), 0, false},
		{many(10_000), 0, true},
		{many(10_000), 1, true},
		{many(10_000), 100 << 10, true},
		{hostileResult(strings.Repeat("@", 5000)), 1, true},
	} {
		out := string(render(t, func(b *bytes.Buffer) error { return Markdown(b, test.result, MarkdownOptions{Budget: test.budget}) }))
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
