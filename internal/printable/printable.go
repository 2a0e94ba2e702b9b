// Package printable makes text from outside (package names, paths, messages,
// build output) safe and honest to show to people: what a terminal would obey
// or a reader could not see is written out instead.
package printable

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/graphemes"
	"github.com/mattn/go-runewidth"
)

// cells measures as a terminal outside East Asia does, whatever this machine's
// locale says: the same report is the same bytes everywhere. The library reads
// the condition and never writes it.
var cells = &runewidth.Condition{StrictEmojiNeutral: true}

// Text returns s with everything that does not print written out: control
// characters ("\x1b", "\n"), bidirectional overrides and other format characters
// ("\u202e"; https://trojansource.codes), invisible fillers, odd spaces and bytes
// that are not UTF-8. It never holds a line break, and Text(Text(s)) == Text(s).
func Text(s string) string {
	clean := true
	for _, r := range s {
		if r == utf8.RuneError || !prints(r) {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b.WriteString(`\x`)
			b.WriteString(strconv.FormatUint(uint64(s[i]), 16)) // 80 to ff: always two digits
		case prints(r):
			b.WriteRune(r)
		default:
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		i += size
	}
	return b.String()
}

// Lines splits s at its line breaks, without empty lines at either end, and
// makes each line Text.
func Lines(s string) []string {
	s = strings.Trim(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	if s == "" {
		return nil
	}
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = Text(lines[i])
	}
	return lines
}

// Fold makes s one line of at most limit bytes, for a place inside a message: white
// space becomes single spaces, and what is cut off becomes "…".
func Fold(s string, limit int) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " ")
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + "…"
	}
	return s
}

func prints(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= ' ' && r < 0x7f
	}
	switch {
	case r == '\u3000': // the space of Chinese and Japanese text
		return true
	case unicode.Is(unicode.Variation_Selector, r):
		return r >= '\ufe00' && r <= '\ufe0f' // the rest can carry hidden text
	case unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r):
		return false
	default:
		return unicode.IsPrint(r)
	}
}

// Width returns how many cells of a terminal s takes; s is Text already.
func Width(s string) int {
	width := 0
	for g := graphemes.FromString(s); g.Next(); {
		width += clusterWidth(g.Value())
	}
	return width
}

// clusterWidth measures what a reader sees as one character. Pictures that are
// made of narrow code points take two cells all the same: flags, and what the
// emoji selector U+FE0F asks to draw (UAX #11, UTS #51).
func clusterWidth(cluster string) int {
	first, size := utf8.DecodeRuneInString(cluster)
	switch {
	case size == len(cluster):
		return cells.RuneWidth(first)
	case first >= '\U0001f1e6' && first <= '\U0001f1ff', strings.ContainsRune(cluster, '\ufe0f'):
		return 2
	default:
		return cells.StringWidth(cluster)
	}
}

// Cut returns s when it fits into width cells, else its beginning with "…" at the
// end, never in the middle of what a reader sees as one character. s is Text already.
func Cut(s string, width int) string {
	if Width(s) <= width {
		return s
	}
	if width < 1 {
		return ""
	}
	used, end := 0, 0
	for g := graphemes.FromString(s); g.Next(); {
		w := clusterWidth(g.Value())
		if used+w > width-1 {
			break
		}
		used += w
		end += len(g.Value())
	}
	return s[:end] + "…"
}

// Pad returns s followed by spaces up to width cells; s is Text already.
func Pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-Width(s)))
}
