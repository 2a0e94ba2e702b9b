package yaml

import (
	"strings"
	"testing"
)

func TestOffsets(t *testing.T) {
	for _, c := range []struct{ text, word, place string }{
		{"run: |\n  one\n\n    two\n  three\n", "two", "4:5-4:8"},
		{"- run: |-\r\n    one\r\n    two\r\n", "two", "3:5-3:8"},
		{"run: >\n  one\n  two\n\n  three\n    four\n", "four", "6:5-6:9"},
		{"run: >\n  one\n  two\n\n  three\n", "two", "3:3-3:6"},
		{"run: one\n  two three\n", "three", "2:7-2:12"},
		{"run: 'one two'\n", "two", "1:11-1:14"},
		{"run: \"ö two\"\n", "two", "1:9-1:12"},
		{"run: |2\n    one\n  two\n", "two", "3:3-3:6"},
		{"run: | # says\n\n  one two\n", "two", "3:7-3:10"},
		{"run: \"one\\n two\"\n", "two", ""},
		{"run: 'it''s two'\n", "two", ""},
		{"run: &a !!str one two\n", "two", "1:19-1:22"},
	} {
		f, unread := parse(t, c.text)
		if len(unread) > 0 {
			t.Fatalf("%q: %v", c.text, unread)
		}
		n := f.Documents[0].Get("run")
		if f.Documents[0].IsList() {
			n = f.Documents[0].Items()[0].Get("run")
		}
		offsets := n.Offsets()
		got := ""
		if offsets != nil {
			i := strings.Index(n.Text(), c.word)
			got = place(n.src.Span(offsets[i], offsets[i+len(c.word)-1]+1))
		}
		if got != c.place {
			t.Errorf("%q: %q is at %s, want %s", c.text, c.word, got, c.place)
		}
	}
}
