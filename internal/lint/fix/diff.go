package fix

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pmezard/go-difflib/difflib"
)

// context is how many lines are shown around a change, as git shows.
const context = 3

// WriteDiff writes what changes as "git apply" takes it, with the prefixes a/ and b/.
// marked says of a path whether the file begins with a byte order mark.
func WriteDiff(w io.Writer, changes []Change, marked func(path string) bool) error {
	for _, c := range changes {
		if c.Text == c.Source.Text {
			continue
		}
		mark := ""
		if marked(c.Source.Path) {
			mark = "\uFEFF"
		}
		err := difflib.WriteUnifiedDiff(w, difflib.UnifiedDiff{
			A: lines(mark + c.Source.Text), FromFile: quoted("a/" + c.Source.Path),
			B: lines(mark + c.Text), ToFile: quoted("b/" + c.Source.Path),
			Eol: "\n", Context: context,
		})
		if err != nil {
			return fmt.Errorf("writing the diff of %s: %w", c.Source.Path, err)
		}
	}
	return nil
}

// lines splits a text behind its line ends, and says where the last has none.
func lines(text string) []string {
	all := strings.SplitAfter(text, "\n")
	last := len(all) - 1
	if all[last] == "" {
		return all[:last]
	}
	all[last] += "\n\\ No newline at end of file\n"
	return all
}

// quoted writes a path as git does: between quotes where it holds what would be read
// as something else.
func quoted(path string) string {
	plain := utf8.ValidString(path) && !strings.ContainsFunc(path, func(r rune) bool {
		return r < ' ' || r == '"' || r == '\\' || r >= 0x7F
	})
	if plain {
		if strings.Contains(path, " ") {
			return path + "\t" // else the name would end at the space
		}
		return path
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(path) {
		switch c := path[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c >= 0x7F:
			b.WriteString("\\" + strconv.FormatInt(int64(c)+0o1000, 8)[1:])
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
