package yaml

import (
	"strings"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
)

func edited(text string, edits []finding.Edit) string {
	var b strings.Builder
	at := 0
	for _, e := range edits {
		b.WriteString(text[at:e.Start] + e.New)
		at = e.End
	}
	return b.String() + text[at:]
}

func TestEdits(t *testing.T) {
	insert := func(path string) func(Node) ([]finding.Edit, bool) {
		return func(n Node) ([]finding.Edit, bool) {
			for key := range strings.SplitSeq(path, ".") {
				switch key {
				case "":
				case "0":
					n = n.Items()[0]
				default:
					n = n.Get(key)
				}
			}
			return n.Insert("new:", "  key: 1")
		}
	}
	remove := func(key string) func(Node) ([]finding.Edit, bool) {
		return func(n Node) ([]finding.Edit, bool) { return n.Remove(key) }
	}
	for name, c := range map[string]struct {
		text string
		edit func(Node) ([]finding.Edit, bool)
		want string // "" refuses
	}{
		"behind leading scalars":     {"a: 1 # one\nb: 'x'\nc:\n  d: 1\n", insert(""), "a: 1 # one\nb: 'x'\nnew:\n  key: 1\nc:\n  d: 1\n"},
		"comments stay":              {"a: 1\n# of c\nc:\n  d: 1\n", insert(""), "a: 1\nnew:\n  key: 1\n# of c\nc:\n  d: 1\n"},
		"in an item":                 {"l:\n-   a: 1\n    b: [2]\n", insert("l.0"), "l:\n-   a: 1\n    new:\n      key: 1\n    b: [2]\n"},
		"below the key":              {"s:  # why\n  # of l\n  l:\n    - 1\n", insert("s"), "s:  # why\n  new:\n    key: 1\n  # of l\n  l:\n    - 1\n"},
		"behind a dash":              {"l:\n  - m: [1]\n    a: 1\n    n: [2]\n", insert("l.0"), "l:\n  - m: [1]\n    a: 1\n    new:\n      key: 1\n    n: [2]\n"},
		"CRLF":                       {"a: 1\r\nb: [1]\r\n", insert(""), "a: 1\r\nnew:\r\n  key: 1\r\nb: [1]\r\n"},
		"no ending":                  {"a: 1", insert(""), "a: 1\nnew:\n  key: 1"},
		"no ending in CRLF":          {"# c\r\na: 1", insert(""), "# c\r\na: 1\r\nnew:\r\n  key: 1"},
		"second document":            {"a: 1\n---\nb: 2\n", insert(""), "a: 1\nnew:\n  key: 1\n---\nb: 2\n"},
		"non-ASCII":                  {"é:\n  ü: 日本\n", insert("é"), "é:\n  ü: 日本\n  new:\n    key: 1\n"},
		"flow":                       {"{a: 1}\n", insert(""), ""},
		"empty flow":                 {"s: {}\n", insert("s"), ""},
		"inside flow":                {"s: {t: {a: 1}}\n", insert("s.t"), ""},
		"null":                       {"s:\n", insert("s"), ""},
		"anchored":                   {"s: &x\n  a: 1\nt: *x\n", insert("s"), ""},
		"aliased":                    {"s: &x\n  a: 1\nt: *x\n", insert("t"), ""},
		"inside an anchored one":     {"s: &x\n  u:\n    a: 1\nt: *x\n", insert("s.u"), ""},
		"inside an aliased one":      {"s: &x\n  u:\n    a: 1\nt: *x\n", insert("t.u"), ""},
		"merged":                     {"s: &x\n  u:\n    a: 1\nt:\n  <<: *x\n  b: 1\n", insert("t.u"), ""},
		"beside a merge":             {"s: &x\n  u: 1\nt:\n  <<: *x\n  b: 1\n", insert("t"), "s: &x\n  u: 1\nt:\n  new:\n    key: 1\n  <<: *x\n  b: 1\n"},
		"block scalars only":         {"l:\n  - a: |\n      x\n    b: >\n      y\n", insert("l.0"), ""},
		"folded plain scalars":       {"l:\n  - a: x\n      y\n", insert("l.0"), ""},
		"a tagged mapping":           {"s: !reset\n  a: 1\n", insert("s"), ""},
		"a hidden line end":          {"a: 1 # \u2028b: 2\n", insert(""), ""},
		"remove":                     {"# top\nversion: '3' # old\nb: 1\n", remove("version"), "# top\nb: 1\n"},
		"remove with an empty line":  {"version: '3'\n\nb: 1\n", remove("version"), "b: 1\n"},
		"remove between empty lines": {"a: 1\n\nversion: '3'\n\nb: 1\n", remove("version"), "a: 1\n\nb: 1\n"},
		"remove the last":            {"b: 1\nversion: '3'", remove("version"), "b: 1\n"},
		"remove the only one":        {"version: '3'\n", remove("version"), ""},
		"remove an anchored one":     {"version: &v '3'\nb: *v\n", remove("version"), ""},
		"remove beside a merge":      {"x: &x\n  a: 1\n<<: *x\nversion: '3'\n", remove("version"), ""},
		"remove a block":             {"version: |\n  3\nb: 1\n", remove("version"), ""},
		"splice": {
			"a: \"3000:3000\" # p\n", func(n Node) ([]finding.Edit, bool) { return n.Get("a").Splice(0, 0, "127.0.0.1:") },
			"a: \"127.0.0.1:3000:3000\" # p\n",
		},
		"splice escapes":   {"a: \"3000\\x3a3000\"\n", func(n Node) ([]finding.Edit, bool) { return n.Get("a").Splice(0, 0, "x") }, ""},
		"splice an anchor": {"a: &p 3000:1\nb: *p\n", func(n Node) ([]finding.Edit, bool) { return n.Get("b").Splice(0, 0, "x") }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f, unread := parse(t, c.text)
			if len(unread) > 0 {
				t.Fatal(unread)
			}
			edits, ok := c.edit(f.Documents[0])
			if ok != (c.want != "") {
				t.Fatalf("edits %+v, %t", edits, ok)
			}
			if got := edited(c.text, edits); ok && got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if ok {
				if _, unread := parse(t, c.want); len(unread) > 0 {
					t.Error(unread)
				}
			}
		})
	}
}
