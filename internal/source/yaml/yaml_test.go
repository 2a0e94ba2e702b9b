package yaml

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

func parse(t testing.TB, text string) (*File, []string) {
	t.Helper()
	src, err := source.NewFile("x.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	f, records := Parse(src, 1000)
	var unread []string
	for _, u := range records {
		unread = append(unread, fmt.Sprintf("%d %s", u.Location.Line, u.Cause))
	}
	return f, unread
}

func place(at finding.Location) string {
	return fmt.Sprintf("%d:%d-%d:%d", at.Line, at.Column, at.EndLine, at.EndColumn)
}

func TestPlaces(t *testing.T) {
	f, unread := parse(t, "a: &x !t 'it''s'\r\nb: \"d\\n\" # c\r\nc: |\r\n  one\r\n\r\n  two\r\nü: [ü, *x]\r\nd: {e: f}\r\n--- # second\r\ng: h\r\n")
	if len(unread) > 0 || len(f.Documents) != 2 {
		t.Fatal(unread, len(f.Documents))
	}
	root := f.Documents[0]
	got := map[string]string{
		"a": place(root.Get("a").At()), "b": place(root.Get("b").At()), "c": place(root.Get("c").At()),
		"ü": place(root.Key("ü").At()), "ü0": place(root.Get("ü").Items()[0].At()), "ü1": place(root.Get("ü").Items()[1].Resolved().At()),
		"d": place(root.Get("d").At()), "g": place(f.Documents[1].Get("g").At()),
		"tag": root.Get("a").Tag(), "type": root.Get("b").Type(), "part": place(root.Get("d").Get("e").Part(0, 1)),
		"escaped": place(root.Get("b").Part(0, 1)),
	}
	want := map[string]string{
		"a": "1:10-1:17", "b": "2:4-2:9", "c": "3:4-7:1", "ü": "7:1-7:2", "ü0": "7:5-7:6", "ü1": "1:10-1:17",
		"d": "8:4-8:10", "g": "10:4-10:5", "tag": "!t", "type": "str", "part": "8:8-8:9", "escaped": "2:4-2:9",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestUnread(t *testing.T) {
	for text, want := range map[string]string{
		"a: 1\n\tb: 2\n": "2 is indented with a tab; YAML allows spaces only",
		"a: 1\na: 2\n":   `2 key "a" stands twice, first on line 1; remove one`,
		"a: {\n":         "1 did not find expected node content; mend the YAML here or just above",
		"a: \x07\n":      "1 holds a control character, which YAML forbids; remove it",
		"a: &a [*a]\n":   `1 alias "*a" holds itself; write the value out`,
		"a: &a [" + strings.Repeat("b,", 40) + "]\nb: [" + strings.Repeat("*a,", 40) + "]\n": "2 holds more than 1000 values once its aliases are followed; write them out or split it",
		strings.Repeat("[", 300) + strings.Repeat("]", 300):                                  "1 nests deeper than 200 levels; flatten it",
	} {
		if _, got := parse(t, text); len(got) != 1 || got[0] != want {
			t.Errorf("%.40q: %q, want %q", text, got, want)
		}
	}
}

func TestZeroNode(t *testing.T) {
	var n Node
	if n.Exists() || !n.IsNull() || n.IsMap() || n.IsList() || n.IsScalar() || n.Literal() || n.Text() != "" || n.Tag() != "" || n.Type() != "" ||
		n.At() != (finding.Location{}) || n.Get("x").Exists() || n.Entries() != nil || n.Items() != nil || n.Resolved().Exists() || n.Part(0, 0) != (finding.Location{}) {
		t.Error("an absent value is something")
	}
}

// FuzzParse: nothing panics, and every place lies in the file.
func FuzzParse(f *testing.F) {
	f.Add("a: &a {b: [c, *a]}\n# plimsoll:ignore X-1 -- y\nd: |\n  e\n--- # x\n- 'f'\n")
	f.Add("a: \"b\\\n  c\"\r\n<<: [{d: e}]\n\u2028x: y\n")
	f.Fuzz(func(t *testing.T, text string) {
		src, err := source.NewFile("x.yaml", []byte(text))
		if err != nil {
			return
		}
		file, _ := Parse(src, 10_000)
		if file == nil {
			return
		}
		budget := 10_000
		var walk func(n Node)
		walk = func(n Node) {
			if budget--; budget < 0 {
				return
			}
			at := n.At()
			if at.Line < 1 || at.Line > src.Lines() || at.EndLine < at.Line {
				t.Errorf("%s is not in the file", place(at))
			}
			_ = n.Part(0, len(n.Text()))
			for i, offset := range n.Offsets() {
				if offset >= len(src.Text) || src.Text[offset] != n.Text()[i] && !strings.ContainsRune(" \t\r\n", rune(src.Text[offset])) {
					t.Errorf("byte %d of %q stands at %d", i, n.Text(), offset)
				}
			}
			for _, e := range n.Entries() {
				walk(e.Key)
				walk(e.Value)
			}
			for _, item := range n.Items() {
				walk(item)
			}
		}
		for _, document := range file.Documents {
			walk(document)
		}
	})
}
