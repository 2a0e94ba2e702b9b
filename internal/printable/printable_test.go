package printable

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                      "",
		"plain 名前 e\u0301 🚢":    "plain 名前 e\u0301 🚢",
		"a\tb\nc\r":             `a\tb\nc\r`,
		"\x1b[2J\x07\x7f":       `\x1b[2J\a\x7f`,
		"\u009b31m\u0085":       `\u009b31m\u0085`, // the eight-bit forms of escape sequences
		"\u202etxt.exe\u2066":   `\u202etxt.exe\u2066`,
		"zero\u200bwidth\ufeff": `zero\u200bwidth\ufeff`,
		"\u00a0\u2028\u2029":    `\u00a0\u2028\u2029`,
		"\u3164\u115f\u034f":    `\u3164\u115f\u034f`, // letters that draw nothing
		"\U000e0041\U000e0100":  `\U000e0041\U000e0100`,
		"\ue000":                `\ue000`,
		"\xff\xc3(":             `\xff\xc3(`,
		"\ufffd":                "\ufffd",
		"❤\ufe0f\u3000":         "❤\ufe0f\u3000",
		"👩\u200d🔧":              `👩\u200d🔧`,
	} {
		if got := Text(in); got != want {
			t.Errorf("Text(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff([]string{"a", "", `b\x1b`, "c"}, Lines("\n\na\r\n\nb\x1b\nc\n\n")); diff != "" {
		t.Error(diff)
	}
	if got := Lines("\n\n"); got != nil {
		t.Errorf("lines of nothing: %q", got)
	}
}

func TestWidthAndCut(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]int{"": 0, "abc": 3, "名前": 4, "e\u0301": 1, "🚢": 2, "🇨🇭": 2, "❤\ufe0f": 2, "❤": 1, "…": 1, "→": 1, "✓": 1} {
		if got := Width(s); got != want {
			t.Errorf("Width(%q) = %d, want %d", s, got, want)
		}
	}
	for _, test := range []struct {
		s     string
		width int
		want  string
	}{
		{"abcdef", 6, "abcdef"},
		{"abcdef", 5, "abcd…"},
		{"abcdef", 1, "…"},
		{"abcdef", 0, ""},
		{"abcdef", -1, ""},
		{"名前x", 4, "名…"},
		{"名前x", 2, "…"},
		{"e\u0301e\u0301e\u0301", 2, "e\u0301…"},
	} {
		if got := Cut(test.s, test.width); got != test.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", test.s, test.width, got, test.want)
		}
	}
	if got := Pad("名", 4); got != "名  " {
		t.Errorf("Pad gives %q", got)
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"plain", "\x1b[2J", "\u202e\u009b", "\xff\xfe", "🇨🇭👩\u200d🔧"} {
		f.Add(s, 5)
	}
	f.Fuzz(func(t *testing.T, s string, width int) {
		got := Text(s)
		if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }) {
			t.Errorf("Text(%q) = %q", s, got)
		}
		if again := Text(got); again != got {
			t.Errorf("Text(%q) = %q, and of that %q", s, got, again)
		}
		if width %= 1000; width > 0 && Width(Cut(got, width)) > width {
			t.Errorf("Cut(%q, %d) is %d wide", got, width, Width(Cut(got, width)))
		}
	})
}

func BenchmarkText(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Text("container \"app\" has no \"resources\"; add requests and a memory limit")
	}
}

func TestQuantities(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0s", 1234 * time.Microsecond: "1ms", 1234 * time.Millisecond: "1.2s", 59_990 * time.Millisecond: "1m0s", 83_400 * time.Millisecond: "1m23s",
	} {
		if got := Duration(d); got != want {
			t.Errorf("Duration(%d) = %q, want %q", d, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 21_400_000: "21.4 MB", 3_000_000_000: "3.0 GB"} {
		if got := Size(n); got != want {
			t.Errorf("Size(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestQuantitiesInWords(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0 findings", 1: "1 finding", 2: "2 findings"} {
		if got := Count(n, "finding"); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		-time.Hour: "less than a minute", 59 * time.Second: "less than a minute",
		time.Minute: "1 minute", time.Hour - 1: "59 minutes", time.Hour: "1 hour",
		48*time.Hour - 1: "47 hours", 48 * time.Hour: "2 days", 1000 * time.Hour: "41 days",
	} {
		if got := Age(d); got != want {
			t.Errorf("Age(%s) = %q, want %q", d, got, want)
		}
	}
}

func TestFold(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		" a\n\tb ": "a b", //nolint:gocritic // the space around it is the case
		"":         "", "a\xff": "a?", "12345678": "12345678", "123456789": "12345678…", "1234567é": "1234567…",
	} {
		if got := Fold(in, 8); got != want {
			t.Errorf("Fold(%q) = %q, want %q", in, got, want)
		}
	}
}
