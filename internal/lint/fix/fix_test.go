package fix

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

func file(t testing.TB, path, text string, kind source.Kind) lint.Source {
	t.Helper()
	f, err := source.NewFile(path, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return lint.Source{File: f, Kind: kind}
}

// replace is a safe fix that writes new texts for old ones, each of which stands once.
func replace(t testing.TB, text string, pairs ...string) finding.Finding {
	t.Helper()
	f := finding.Finding{Location: finding.Location{Path: "x"}, Message: strings.Join(pairs, " → "), Fix: &finding.Fix{Class: finding.Safe}}
	for i := 0; i < len(pairs); i += 2 {
		at := strings.Index(text, pairs[i])
		if at < 0 {
			t.Fatalf("%q is not in %q", pairs[i], text)
		}
		f.Fix.Edits = append(f.Fix.Edits, finding.Edit{Start: at, End: at + len(pairs[i]), New: pairs[i+1]})
	}
	return f
}

func left(c Change) []string {
	var all []string
	for _, l := range c.Left {
		all = append(all, l.Finding.Message+": "+l.Why)
	}
	return all
}

func TestChanges(t *testing.T) {
	const text = "a: one\nb: two\nc: three\n"
	src := map[string]lint.Source{"x": file(t, "x", text, source.Kubernetes)}
	suggested, excused := replace(t, text, "one", "1"), replace(t, text, "one", "1")
	suggested.Fix.Class = finding.Suggested
	excused.Suppressed = &finding.Suppressed{Reason: "r"}
	for name, c := range map[string]struct {
		findings []finding.Finding
		want     string
		mended   int
		left     []string
	}{
		"several":                {[]finding.Finding{replace(t, text, "three", "3"), replace(t, text, "one", "1")}, "a: 1\nb: two\nc: 3\n", 2, nil},
		"only safe ones":         {[]finding.Finding{suggested, excused}, text, 0, nil},
		"one cause of two":       {[]finding.Finding{replace(t, text, "two", "2"), replace(t, text, "two", "2")}, "a: one\nb: 2\nc: three\n", 2, nil},
		"the first wins":         {[]finding.Finding{replace(t, text, "two\nc: three", "2"), replace(t, text, "b: two", "")}, "a: one\n\nc: three\n", 1, []string{"two\nc: three → 2: " + WhyOverlaps}},
		"all of a fix or none":   {[]finding.Finding{replace(t, text, "one", "1", "three", "3"), replace(t, text, "two", "2", "three", "drei")}, "a: 1\nb: two\nc: 3\n", 1, []string{"two → 2 → three → drei: " + WhyOverlaps}},
		"woven":                  {[]finding.Finding{replace(t, text, "one", "1", "three", "3"), replace(t, text, "two", "2")}, "a: 1\nb: 2\nc: 3\n", 2, nil},
		"what cannot be read":    {[]finding.Finding{replace(t, text, "one", "[")}, text, 0, []string{"one → [: " + WhyUnsure}},
		"what means more":        {[]finding.Finding{replace(t, text, "a: one\n", "a: one\nd: |\n ")}, text, 0, []string{"a: one\n → a: one\nd: |\n : " + WhyUnsure}},
		"a document more":        {[]finding.Finding{replace(t, text, "two\n", "two\n---\n")}, text, 0, []string{"two\n → two\n---\n: " + WhyUnsure}},
		"another type elsewhere": {[]finding.Finding{replace(t, text, "a: one", "a: &x one")}, "a: &x one\nb: two\nc: three\n", 1, nil},
	} {
		t.Run(name, func(t *testing.T) {
			changes := Changes(c.findings, src)
			if len(changes) == 0 {
				if c.mended != 0 || c.left != nil {
					t.Fatal("nothing changes")
				}
				return
			}
			got := changes[0]
			if got.Text != c.want || len(got.Mended) != c.mended {
				t.Errorf("%d mended, text\n%s", len(got.Mended), got.Text)
			}
			if diff := cmp.Diff(c.left, left(got)); diff != "" {
				t.Errorf("left (-want +got):\n%s", diff)
			}
		})
	}
	beyond := replace(t, text, "one", "1")
	beyond.Fix.Edits[0].End = len(text) + 1
	if c := Changes([]finding.Finding{beyond}, src)[0]; c.Text != text || len(c.Left) != 1 {
		t.Errorf("an edit behind the end: %+v", c)
	}
}

func TestDockerfiles(t *testing.T) {
	const text = "FROM a:1\nRUN x \\\n # c\n && y\nCMD z\n"
	for _, c := range []struct {
		from, to string
		ok       bool
	}{
		{"CMD z", `CMD ["z"]`, true},
		{"&& y", "&& y\nUSER 1", true},
		{"RUN x", "# escape=`\nRUN x", true}, // a directive is one at the top only
		{"FROM a:1", "# escape=`\nFROM a:1", false},
		{"RUN x \\", "RUN x", false},  // the next line is no instruction
		{"&& y\n", "&& y \\\n", true}, // takes in the next, which it touches
		{" # c\n", "", true},          // inside the instruction
		{"CMD z", "FROM b:1\nCMD z", false},
	} {
		got := Changes([]finding.Finding{replace(t, text, c.from, c.to)}, map[string]lint.Source{"x": file(t, "x", text, source.Dockerfile)})[0]
		if ok := len(got.Mended) == 1; ok != c.ok {
			t.Errorf("%q → %q: %t, want %t", c.from, c.to, ok, c.ok)
		}
	}
}

// TestDiff holds what is written against git, which has to take it.
func TestDiff(t *testing.T) {
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip("git is not installed; install it")
	}
	for name, c := range map[string]struct{ text, from, to string }{
		"plain":        {"a: 1\nb: 2\nc: 3\nd: 4\ne: 5\nf: 6\n", "e: 5", "e: 6"},
		"no newline":   {"a: 1\nb: 2", "b: 2", "b: 3"},
		"newline made": {"a: 1\nb: 2", "2", "2\n"},
		"CRLF":         {"a: 1\r\nb: 2\r\n", "a: 1\r\n", ""},
		"mark":         {"\uFEFFa: 1\nb: 2\n", "a: 1", "a: 2"},
		"a space":      {"a: 1\n", "1", "2"},
		"ünd \"q\"\t":  {"a: 1\n", "1", "2"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, path := t.TempDir(), name+".yaml"
			if err := os.WriteFile(filepath.Join(dir, path), []byte(c.text), 0o644); err != nil {
				t.Fatal(err)
			}
			src := file(t, path, c.text, source.Kubernetes)
			f := replace(t, src.Text, c.from, c.to)
			f.Location.Path = path
			changes := Changes([]finding.Finding{f}, map[string]lint.Source{path: src})
			var b strings.Builder
			if err := WriteDiff(&b, changes, func(string) bool { return src.Text != c.text }); err != nil {
				t.Fatal(err)
			}
			run := exec.CommandContext(t.Context(), git, "apply", "--verbose", "-")
			run.Dir, run.Stdin = dir, strings.NewReader(b.String())
			if out, err := run.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s\n%s", err, out, b.String())
			}
			want := strings.Replace(c.text, c.from, c.to, 1)
			if got, err := os.ReadFile(filepath.Join(dir, path)); err != nil || string(got) != want {
				t.Errorf("got %q, %v, want %q", got, err, want)
			}
		})
	}
	same := []Change{{Source: file(t, "x", "a: 1\n", source.Kubernetes), Text: "a: 1\n"}}
	var b strings.Builder
	if err := WriteDiff(&b, same, func(string) bool { return false }); err != nil || b.Len() > 0 {
		t.Errorf("no change is %q, %v", b.String(), err)
	}
}

func BenchmarkDiff(b *testing.B) {
	text := strings.Repeat("apiVersion: v1\nkind: Pod\nmetadata: { name: p }\n---\n", 25_000)
	changes := []Change{{Source: file(b, "x", text, source.Kubernetes), Text: strings.ReplaceAll(text, "v1\nkind", "v2\nkind")}}
	for b.Loop() {
		var out strings.Builder
		if err := WriteDiff(&out, changes, func(string) bool { return false }); err != nil {
			b.Fatal(err)
		}
	}
}
