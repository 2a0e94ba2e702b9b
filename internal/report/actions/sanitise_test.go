package actions_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/report/actions"
	"github.com/plimsoll-ci/plimsoll/internal/report/actions/runnertest"
)

func sanitise(t *testing.T, r io.Reader) string {
	t.Helper()
	var b bytes.Buffer
	s := actions.NewSanitiser(&b)
	if _, err := io.CopyBuffer(struct{ io.Writer }{s}, struct{ io.Reader }{r}, make([]byte, 3000)); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// obeyed fails for every line that the runner would take for a command.
func obeyed(t *testing.T, out string) {
	t.Helper()
	for _, line := range runnertest.Lines([]byte(out)) {
		if runnertest.IsCommand(line) {
			t.Errorf("the runner obeys %q", line)
		}
	}
	if !utf8.ValidString(out) || out != "" && !strings.HasSuffix(out, "\n") || strings.ContainsAny(out, "\r\u0085\u2028\u2029\x1b") {
		t.Errorf("not plain lines: %.200q", out)
	}
}

func TestHostileLines(t *testing.T) {
	t.Parallel()
	for in, want := range hostile {
		if got := actions.Line(in); got != want {
			t.Errorf("Line(%q) = %q, want %q", in, got, want)
		}
		if got := sanitise(t, strings.NewReader(in)); got != want+"\n" {
			t.Errorf("%q comes out as %q", in, got)
		}
		for _, end := range breaks {
			text := "before" + end + in + end + "after"
			whole := sanitise(t, strings.NewReader(text))
			obeyed(t, whole)
			if whole != "before\n"+want+"\nafter\n" {
				t.Errorf("%q comes out as %q", text, whole)
			}
			if split := sanitise(t, iotest.OneByteReader(strings.NewReader(text))); split != whole {
				t.Errorf("byte by byte %q comes out as %q", text, split)
			}
		}
	}
}

func TestHugeLinesComeInSafePieces(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]string{
		"no space":          strings.Repeat("a::add-mask::b##[add-mask]c", 40_000),
		"spaces":            strings.Repeat("x ::add-mask::x ", 70_000),
		"wide":              strings.Repeat("名", 400_000),
		"broken":            strings.Repeat("\xff", 300_000),
		"ends in a command": strings.Repeat("a", 1<<20) + "\n::add-mask::x",
	} {
		out := sanitise(t, strings.NewReader(line+"\n"))
		obeyed(t, out)
		for piece := range strings.SplitSeq(out, "\n") {
			if len(piece) > 300_000 {
				t.Errorf("%s: a piece of %d bytes", name, len(piece))
			}
		}
		if name == "wide" {
			if got := strings.NewReplacer("\n", "", "… ", "").Replace(out); got != line {
				t.Error("characters were lost or divided")
			}
		}
	}
}

func TestEmptyLinesStay(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff("a\n\nb\n\n\nc\n", sanitise(t, strings.NewReader("a\n\nb\r\n\r\n\nc"))); diff != "" {
		t.Error(diff)
	}
}

func FuzzSanitiser(f *testing.F) {
	for in := range hostile {
		f.Add([]byte(in), uint64(1))
	}
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		whole := sanitise(t, bytes.NewReader(in))
		obeyed(t, whole)
		if again := sanitise(t, strings.NewReader(whole)); again != whole {
			t.Errorf("%q, and of that %q", whole, again)
		}
		var b bytes.Buffer
		s := actions.NewSanitiser(&b)
		random := rand.New(rand.NewPCG(seed, 0))
		for rest := in; len(rest) > 0; {
			n := 1 + random.IntN(len(rest))
			_, _ = s.Write(rest[:n])
			rest = rest[n:]
		}
		_ = s.Flush()
		if b.String() != whole {
			t.Errorf("%q in pieces gives %q, whole %q", in, b.String(), whole)
		}
	})
}

func BenchmarkSanitiser(b *testing.B) {
	text := []byte(strings.Repeat("#12 0.437 Get:7 http://archive.example/debian bookworm/main amd64 curl [315 kB]\n", 400))
	b.SetBytes(int64(len(text)))
	s := actions.NewSanitiser(io.Discard)
	for b.Loop() {
		_, _ = s.Write(text)
	}
}
