package markdown

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/report/reporttest"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// whole checks what holds of every comment.
func whole(t *testing.T, r verdict.Result, o CommentOptions) Post {
	t.Helper()
	c := Comment(r, o)
	if !fits(c.Body) {
		t.Errorf("%d bytes do not fit", len(c.Body))
	}
	if !utf8.ValidString(c.Body) {
		t.Error("the body is not UTF-8")
	}
	for _, tag := range []string{"details", "summary", "code", "pre", "sub"} {
		if opened, closed := strings.Count(c.Body, "<"+tag+">"), strings.Count(c.Body, "</"+tag+">"); opened != closed {
			t.Errorf("%d <%s> and %d </%s>", opened, tag, closed, tag)
		}
	}
	first, _, _ := strings.Cut(c.Body, "\n")
	if !strings.Contains(first, r.Verdict.Decision.String()) || len(first) > 4<<10 {
		t.Errorf("the first line is %q", first)
	}
	for _, bad := range []string{"@", "<!--", "![", "\r"} {
		if strings.Contains(c.Body, bad) {
			t.Errorf("the body holds %q", bad)
		}
	}
	return c
}

// huge is a name that nobody wrote by hand.
var huge = strings.Repeat("@<|:\U0001f6a2", 10<<20/8)

func TestCommentFits(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 100, 3000, 20_000} {
		r := reporttest.Many(n)
		r.Run = reporttest.Run()
		whole(t, r, CommentOptions{})
	}
	for _, s := range reporttest.Strings() {
		whole(t, reporttest.Hostile(s), CommentOptions{Label: s})
		whole(t, reporttest.Hostile(s), CommentOptions{SelfReported: true})
	}
}

// The floor holds whatever the names are, and however many stages there are.
func TestFloorAlwaysFits(t *testing.T) {
	t.Parallel()
	for _, s := range []string{huge, strings.Repeat("@", 5000), strings.Repeat("\U0001f6a2", 5000), "x"} {
		r := reporttest.Hostile(s)
		r.Run.Repository = strings.Repeat("o", 39) + "/" + strings.Repeat("r", 100)
		r.Run.Server = "https://" + strings.Repeat("s", 100) + ":65535"
		for range 100 {
			r.Stages = append(r.Stages, verdict.Stage{Name: s, Status: verdict.StageFailed, Error: s})
		}
		floor := whole(t, r, CommentOptions{Label: s, Report: s}).Short
		if len(floor) > floorBytes || strings.Count(floor, "\n|") != 8 || !strings.Contains(floor, "/actions/runs/") {
			t.Errorf("the floor has %d bytes: %s", len(floor), floor)
		}
	}
}

// What does not fit goes in the order of importance.
func TestCommentDropsTheLeastImportantFirst(t *testing.T) {
	t.Parallel()
	r := reporttest.Scenarios()["introduces"]
	long := strings.Repeat("@", 400)
	var fresh, old []finding.Finding
	for i := range 60 {
		f := r.Findings[1]
		f.Location.Line, f.Message = i+1, long
		fresh = append(fresh, f)
		f.Status = finding.Existing
		old = append(old, f)
	}
	shows := func(front, back int) (introduced, existing, why bool, rows int) {
		r.Findings = append(append([]finding.Finding{}, fresh[:front]...), old[:back]...)
		body := whole(t, r, CommentOptions{}).Body
		return strings.Contains(body, "<summary>Introduced"), strings.Contains(body, "<summary>Already"), strings.Contains(body, "<summary>Why"), strings.Count(body, "\n| high |")
	}
	for _, test := range []struct {
		front, back               int
		introduced, existing, why bool
		rows                      int
	}{
		{5, 5, true, true, true, 10},
		{15, 60, true, false, true, 15},
		{60, 60, true, false, true, 20},
	} {
		introduced, existing, why, rows := shows(test.front, test.back)
		if introduced != test.introduced || existing != test.existing || why != test.why || rows != test.rows {
			t.Errorf("%d introduced and %d existing: shows introduced %v, existing %v, why %v, %d rows", test.front, test.back, introduced, existing, why, rows)
		}
	}
	for i := range fresh {
		fresh[i].Location.Path = long
	}
	if introduced, _, why, _ := shows(60, 0); introduced || why {
		t.Error("more than fits stands behind a click")
	}
}

// The same result gives the same body: neither the clock nor the order of what was
// found takes part, so that an unchanged comment need not be written again.
func TestCommentIsStable(t *testing.T) {
	t.Parallel()
	for name, r := range reporttest.Scenarios() {
		again := reporttest.Scenarios()[name]
		again.Started = again.Started.Add(time.Hour)
		again.Duration *= 3
		for i := range again.Stages {
			again.Stages[i].Duration *= 7
		}
		if again.Database != nil {
			again.Database.Age += time.Hour
			again.Database.FetchedAt = again.Database.FetchedAt.Add(time.Hour)
		}
		for i := range len(again.Findings) / 2 {
			j := len(again.Findings) - 1 - i
			again.Findings[i], again.Findings[j] = again.Findings[j], again.Findings[i]
		}
		if a, b := Comment(r, CommentOptions{}).Body, Comment(again, CommentOptions{}).Body; a != b {
			t.Errorf("%s: the body changed from\n%s\nto\n%s", name, a, b)
		}
	}
}

func TestCommentIsWorthIt(t *testing.T) {
	t.Parallel()
	want := map[string]bool{"first-run": false, "green": false, "fixes": false}
	for name, r := range reporttest.Scenarios() {
		expect, listed := want[name]
		if !listed {
			expect = true
		}
		if got := Comment(r, CommentOptions{}).Worth; got != expect {
			t.Errorf("%s: worth a comment: %v", name, got)
		}
	}
	refused := reporttest.Scenarios()["green"]
	refused.Refused = []string{"x"}
	if !Comment(refused, CommentOptions{}).Worth {
		t.Error("a refused loosening is not worth a comment")
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	const blob = "https://github.com/acme/shop/blob/" + reporttest.Head + "/"
	l := newLinks(reporttest.Run())
	for path, want := range map[string]string{
		"Dockerfile":                 blob + "Dockerfile#L7",
		"a b/(c)_[d].yaml":           blob + "a%20b/%28c%29%5F%5Bd%5D.yaml#L7",
		"deploy/\u540d.yaml":         blob + "deploy/%E5%90%8D.yaml#L7",
		"a?b#c%2e":                   blob + "a%3Fb%23c%252e#L7",
		"../../../evil/x":            "",
		"a/../../b":                  "",
		"a//b":                       "",
		"/etc/passwd":                "",
		".":                          "",
		"":                           "",
		"\xff":                       "",
		strings.Repeat("long/", 100): "",
	} {
		got := l.place(finding.Location{Path: path, Line: 7}, 100)
		if want == "" && strings.Contains(got, "](") || want != "" && !strings.HasSuffix(got, "]("+want+")") {
			t.Errorf("%q is linked %s", path, got)
		}
	}
	for _, change := range []func(*verdict.Run){
		func(r *verdict.Run) { r.Server = "http://github.com" },
		func(r *verdict.Run) { r.Server = "https://github.com/x)[y](https://evil.example" },
		func(r *verdict.Run) { r.Server = "javascript:alert(1)" },
		func(r *verdict.Run) { r.Repository = "acme/.." },
		func(r *verdict.Run) { r.Repository = "acme/shop/../../evil" },
		func(r *verdict.Run) { r.Server = "" },
	} {
		r := reporttest.Run()
		change(r)
		if l := newLinks(r); l != (links{}) {
			t.Errorf("%+v gives %+v", r, l)
		}
	}
	r := reporttest.Run()
	r.Head = "main"
	if l := newLinks(r); l.blob != "" || l.commit != "" || l.run == "" {
		t.Errorf("a branch for a commit gives %+v", l)
	}
}

func FuzzComment(f *testing.F) {
	for _, s := range reporttest.Strings() {
		f.Add(s, uint8(3))
	}
	f.Fuzz(func(t *testing.T, s string, n uint8) {
		r := reporttest.Hostile(s)
		for i := range n {
			finding := r.Findings[int(i)%len(r.Findings)]
			finding.Location.Line += int(i)
			r.Findings = append(r.Findings, finding)
		}
		whole(t, r, CommentOptions{Label: s})
	})
}

func BenchmarkComment(b *testing.B) {
	r := reporttest.Many(10_000)
	b.ReportAllocs()
	for b.Loop() {
		Comment(r, CommentOptions{})
	}
}
