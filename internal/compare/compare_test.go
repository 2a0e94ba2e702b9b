package compare_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/compare"
	"github.com/plimsoll-ci/plimsoll/internal/finding"
)

var (
	tag    = finding.Rule{ID: "IMG-1.a", Severity: finding.High}
	root   = finding.Rule{ID: "USR-1.a", Severity: finding.High}
	secret = finding.Rule{ID: "SEC-1.a", Severity: finding.High}
)

// at is a finding of a rule about a subject, with its text, on a line of a file.
func at(rule finding.Rule, subject, text, file string, line int) finding.Finding {
	return finding.Finding{Rule: rule, Severity: rule.Severity, Subject: subject, Excerpt: text, Location: finding.Location{Path: file, Line: line}}
}

// excused is f with a suppression on the line above.
func excused(f finding.Finding, reason string) finding.Finding {
	f.Suppressed = &finding.Suppressed{Reason: reason, Location: finding.Location{Path: f.Location.Path, Line: f.Location.Line - 1}}
	return f
}

// told writes a comparison as a test reads it.
func told(findings []finding.Finding) []string {
	var out []string
	for _, f := range findings {
		line := fmt.Sprintf("%s %s:%d %s", f.Rule.ID, f.Location.Path, f.Location.Line, f.Status)
		if f.Suppressed != nil {
			line += " (" + f.Suppressed.Reason + ")"
		}
		out = append(out, line)
	}
	return out
}

func TestSources(t *testing.T) {
	t.Parallel()
	web := func(text, file string, line int) finding.Finding {
		return at(tag, "Deployment/shop/web", text, file, line)
	}
	for name, test := range map[string]struct {
		head, base        []finding.Finding
		want, fixed, more []string
	}{
		"nothing": {},
		"new": {
			head: []finding.Finding{web("web:latest", "web.yaml", 3)},
			want: []string{"IMG-1.a web.yaml:3 introduced"},
		},
		"moved lines": {
			head: []finding.Finding{web("web:latest", "web.yaml", 30)}, base: []finding.Finding{web("web:latest", "web.yaml", 3)},
			want: []string{"IMG-1.a web.yaml:30 existing"},
		},
		"re-indented": {
			head: []finding.Finding{web("image:   web:latest", "web.yaml", 3)}, base: []finding.Finding{web("  image: web:latest ", "web.yaml", 3)},
			want: []string{"IMG-1.a web.yaml:3 existing"},
		},
		"renamed manifest": {
			head: []finding.Finding{web("web:latest", "deploy/web.yaml", 3)}, base: []finding.Finding{web("web:latest", "web.yaml", 3)},
			want: []string{"IMG-1.a deploy/web.yaml:3 existing"},
		},
		"another text": {
			head: []finding.Finding{web("shop:latest", "web.yaml", 3)}, base: []finding.Finding{web("web:latest", "web.yaml", 3)},
			want: []string{"IMG-1.a web.yaml:3 introduced"}, fixed: []string{"IMG-1.a web.yaml:3 fixed"},
		},
		"another Dockerfile": {
			head: []finding.Finding{at(root, "b/Dockerfile#1", "", "b/Dockerfile", 1)}, base: []finding.Finding{at(root, "a/Dockerfile#1", "", "a/Dockerfile", 1)},
			want: []string{"USR-1.a b/Dockerfile:1 introduced"}, fixed: []string{"USR-1.a a/Dockerfile:1 fixed"},
		},
		// The file with the second copy sorts first: its finding is the new one all the same.
		"a copy in a file that sorts first": {
			head: []finding.Finding{web("web:latest", "a.yaml", 3), web("web:latest", "web.yaml", 3)}, base: []finding.Finding{web("web:latest", "web.yaml", 5)},
			want: []string{"IMG-1.a a.yaml:3 introduced", "IMG-1.a web.yaml:3 existing"},
		},
		"one more of the same": {
			head: []finding.Finding{web("web:latest", "web.yaml", 3), web("web:latest", "web.yaml", 9), web("web:latest", "web.yaml", 12)},
			base: []finding.Finding{web("web:latest", "web.yaml", 1), web("web:latest", "web.yaml", 4)},
			want: []string{"IMG-1.a web.yaml:3 existing", "IMG-1.a web.yaml:9 existing", "IMG-1.a web.yaml:12 introduced"},
		},
		"one less of the same": {
			head:  []finding.Finding{web("web:latest", "web.yaml", 3)},
			base:  []finding.Finding{web("web:latest", "web.yaml", 1), web("web:latest", "web.yaml", 4)},
			want:  []string{"IMG-1.a web.yaml:3 existing"},
			fixed: []string{"IMG-1.a web.yaml:4 fixed"},
		},
		"an excuse removed": {
			head: []finding.Finding{web("web:latest", "web.yaml", 3)}, base: []finding.Finding{excused(web("web:latest", "web.yaml", 3), "so")},
			want: []string{"IMG-1.a web.yaml:3 existing"},
		},
		"alike, one excused, both moved": {
			head: []finding.Finding{excused(web("web:latest", "web.yaml", 5), "so"), web("web:latest", "web.yaml", 7)},
			base: []finding.Finding{excused(web("web:latest", "web.yaml", 3), "so"), web("web:latest", "web.yaml", 5)},
			want: []string{"IMG-1.a web.yaml:5 existing (so)", "IMG-1.a web.yaml:7 existing"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := compare.Sources(test.head, test.base)
			if diff := cmp.Diff(test.want, told(r.Findings)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.fixed, told(r.Fixed)); diff != "" {
				t.Errorf("fixed (-want +got):\n%s", diff)
			}
		})
	}
}

func TestExcuses(t *testing.T) {
	t.Parallel()
	from := func(text string, line int) finding.Finding { return at(tag, "Dockerfile#0", text, "Dockerfile", line) }
	key := func(text string, line int) finding.Finding {
		return at(secret, "Dockerfile#0", text, "Dockerfile", line)
	}
	refused := func(rule string, line int, reason string) string {
		return fmt.Sprintf("the suppression of %s in Dockerfile:%d (\"%s\") is not at the base commit; it counts once it is merged", rule, line, reason)
	}
	for name, test := range map[string]struct {
		head, base    []finding.Finding
		want, refused []string
	}{
		"stood at the base commit": {
			head: []finding.Finding{excused(from("x:latest", 9), "so")}, base: []finding.Finding{excused(from("x:latest", 3), "so")},
			want: []string{"IMG-1.a Dockerfile:9 not compared (so)"},
		},
		"stood there with another reason": {
			head: []finding.Finding{excused(from("x:latest", 9), "reworded")}, base: []finding.Finding{excused(from("x:latest", 3), "so")},
			want: []string{"IMG-1.a Dockerfile:9 not compared (reworded)"},
		},
		"added to an old finding": {
			head: []finding.Finding{excused(from("x:latest", 9), "so")}, base: []finding.Finding{from("x:latest", 9)},
			want: []string{"IMG-1.a Dockerfile:9 not compared"}, refused: []string{refused("IMG-1.a", 8, "so")},
		},
		"added with its finding": {
			head: []finding.Finding{excused(from("x:latest", 9), "so")},
			want: []string{"IMG-1.a Dockerfile:9 not compared"}, refused: []string{refused("IMG-1.a", 8, "so")},
		},
		"the excused line was edited": {
			head: []finding.Finding{excused(from("x:2", 3), "so")}, base: []finding.Finding{excused(from("x:1", 3), "so")},
			want: []string{"IMG-1.a Dockerfile:3 not compared (so)"},
		},
		"one excuse does not become two": {
			head: []finding.Finding{excused(from("x:2", 3), "so"), excused(from("x:3", 6), "so")}, base: []finding.Finding{excused(from("x:1", 3), "so")},
			want:    []string{"IMG-1.a Dockerfile:3 not compared (so)", "IMG-1.a Dockerfile:6 not compared"},
			refused: []string{refused("IMG-1.a", 5, "so")},
		},
		"an excuse that is still used holds for nothing else": {
			head: []finding.Finding{excused(from("x:1", 3), "so"), excused(from("x:2", 6), "so")}, base: []finding.Finding{excused(from("x:1", 3), "so")},
			want:    []string{"IMG-1.a Dockerfile:3 not compared (so)", "IMG-1.a Dockerfile:6 not compared"},
			refused: []string{refused("IMG-1.a", 5, "so")},
		},
		"an excuse moved between findings that are alike": {
			head: []finding.Finding{excused(from("x:1", 3), "so"), excused(from("x:1", 6), "so")}, base: []finding.Finding{excused(from("x:1", 3), "so"), from("x:1", 6)},
			want:    []string{"IMG-1.a Dockerfile:3 not compared (so)", "IMG-1.a Dockerfile:6 not compared"},
			refused: []string{refused("IMG-1.a", 5, "so")},
		},
		"another secret": {
			head: []finding.Finding{excused(key("KEY=b", 3), "so")}, base: []finding.Finding{excused(key("KEY=a", 3), "so")},
			want: []string{"SEC-1.a Dockerfile:3 not compared"}, refused: []string{refused("SEC-1.a", 2, "so")},
		},
		"hostile reason": {
			head: []finding.Finding{excused(from("x:1", 3), "a\x1b[31m\n::error::b"+strings.Repeat("!", 200))},
			want: []string{"IMG-1.a Dockerfile:3 not compared"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			judged, got := compare.Excuses(test.head, test.base)
			if diff := cmp.Diff(test.want, told(judged)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			if name == "hostile reason" {
				if len(got) != 1 || strings.ContainsAny(got[0], "\x1b\n") || len(got[0]) > 300 {
					t.Errorf("refused %q", got)
				}
				return
			}
			if diff := cmp.Diff(test.refused, got); diff != "" {
				t.Errorf("refused (-want +got):\n%s", diff)
			}
		})
	}
}

func vulnerable(id, pkg, version string, from bool) finding.Finding {
	return finding.Finding{
		Rule: finding.Rule{ID: "VUL-OS"}, Severity: finding.High, Subject: id + " pkg:apk/alpine/" + pkg, Excerpt: version,
		Vulnerability: &finding.Vulnerability{ID: id, Package: pkg, PackageURL: "pkg:apk/alpine/" + pkg + "@" + version, Installed: version, FixedIn: "9", FromBase: from},
	}
}

func TestImage(t *testing.T) {
	t.Parallel()
	leak := finding.Finding{Rule: finding.Rule{ID: "SEC-1.b"}, Subject: "/key.pem", Layer: "sha256:a", Location: finding.Location{Artifact: "app"}}
	old := finding.Finding{Rule: finding.Rule{ID: "IMG-3.e"}, Subject: "base alpine", Location: finding.Location{Artifact: "app"}}
	musl, curl, inherited := vulnerable("CVE-1", "musl", "1", true), vulnerable("CVE-2", "curl", "2", false), vulnerable("CVE-3", "zlib", "3", true)
	head := []finding.Finding{musl, curl, inherited, leak, old}
	statuses := func(r compare.Result) string {
		var words []string
		for _, f := range r.Findings {
			words = append(words, f.Status.String())
		}
		return strings.Join(words, " ")
	}
	for name, test := range map[string]struct {
		base  *compare.ImageBase
		want  string
		fixed int
	}{
		"an empty base":             {&compare.ImageBase{}, "introduced introduced introduced introduced introduced", 0},
		"the same image":            {&compare.ImageBase{Findings: head}, "existing existing existing existing existing", 0},
		"a bump that does not mend": {&compare.ImageBase{Findings: []finding.Finding{vulnerable("CVE-2", "curl", "1", false)}}, "introduced existing introduced introduced introduced", 0},
		"one is mended":             {&compare.ImageBase{Findings: []finding.Finding{vulnerable("CVE-9", "curl", "2", false)}}, "introduced introduced introduced introduced introduced", 1},
		"an older report":           {&compare.ImageBase{Packages: map[string]bool{compare.Package(musl.Vulnerability): true, compare.Package(vulnerable("", "curl", "1", false).Vulnerability): true}}, "disclosed introduced introduced introduced introduced", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := compare.Image(head, test.base, compare.FromUnknown, nil)
			if got := statuses(r); got != test.want || len(r.Fixed) != test.fixed {
				t.Errorf("got %s, %d fixed; want %s, %d fixed", got, len(r.Fixed), test.want, test.fixed)
			}
			if len(head) != len(r.Findings) || head[0].Status != finding.NotCompared {
				t.Error("the input was changed")
			}
		})
	}

	// Without a base the FROM image excuses what it was there with before.
	for from, test := range map[compare.From]struct{ want, how string }{
		compare.FromSame:    {"existing introduced existing introduced existing", "which is that of the base commit"},
		compare.FromNone:    {"existing introduced existing introduced existing", "there was no image before"},
		compare.FromOther:   {"not compared introduced not compared introduced not compared", "is not that of the base commit"},
		compare.FromUnknown: {"not compared introduced not compared introduced not compared", "is not known"},
	} {
		r := compare.Image(head, nil, from, nil)
		if got := statuses(r); got != test.want || !strings.Contains(r.How, test.how) {
			t.Errorf("%d: got %s (%s); want %s (%s)", from, got, r.How, test.want, test.how)
		}
	}
}

func TestFirstRunBlamesNobody(t *testing.T) {
	t.Parallel()
	for _, f := range compare.FirstRun([]finding.Finding{vulnerable("CVE-1", "musl", "1", false), at(root, "a", "b", "c", 1)}).Findings {
		if f.Status != finding.Existing {
			t.Errorf("%s is %s", f.Subject, f.Status)
		}
	}
}

// Whatever the order of either side, the same findings are called the same, and
// nothing is lost or counted twice.
func TestOrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	some := func() []finding.Finding {
		var out []finding.Finding
		for range random.IntN(12) {
			f := at([]finding.Rule{tag, root}[random.IntN(2)], fmt.Sprint("subject", random.IntN(2)), fmt.Sprint("text", random.IntN(2)), fmt.Sprint("file", random.IntN(3)), 1+random.IntN(4))
			if random.IntN(3) == 0 {
				f = excused(f, fmt.Sprint("reason", random.IntN(2)))
			}
			out = append(out, f)
		}
		return out
	}
	shuffled := func(in []finding.Finding) []finding.Finding {
		out := slices.Clone(in)
		random.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
		return out
	}
	ordered := func(findings []finding.Finding) []string {
		out := told(findings)
		for i, f := range findings {
			out[i] += " " + f.Subject + " " + f.Excerpt
		}
		slices.Sort(out)
		return out
	}
	for range 3000 {
		head, base := some(), some()
		one, other := compare.Sources(head, base), compare.Sources(shuffled(head), shuffled(base))
		if diff := cmp.Diff(ordered(one.Findings), ordered(other.Findings)); diff != "" {
			t.Fatalf("another order, other findings:\n%s", diff)
		}
		if diff := cmp.Diff(ordered(one.Fixed), ordered(other.Fixed)); diff != "" {
			t.Fatalf("another order, others are fixed:\n%s", diff)
		}
		existing := 0
		for _, f := range one.Findings {
			if f.Status == finding.Existing {
				existing++
			} else if f.Status != finding.Introduced {
				t.Fatalf("status %s", f.Status)
			}
		}
		if len(one.Findings) != len(head) || len(one.Fixed) != len(base)-existing {
			t.Fatalf("%d of %d findings, %d existing, %d of %d fixed", len(one.Findings), len(head), existing, len(one.Fixed), len(base))
		}

		judged, refused := compare.Excuses(head, base)
		again, refusedAgain := compare.Excuses(shuffled(head), shuffled(base))
		if diff := cmp.Diff(ordered(judged), ordered(again)) + cmp.Diff(refused, refusedAgain); diff != "" {
			t.Fatalf("another order, other excuses:\n%s", diff)
		}
		excuses := func(findings []finding.Finding) (n int) {
			for _, f := range findings {
				if f.Suppressed != nil {
					n++
				}
			}
			return n
		}
		if excuses(judged) > excuses(base) {
			t.Fatalf("%d excuses count and the base has %d", excuses(judged), excuses(base))
		}
	}
}
