package markdown

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/plimsoll-ci/plimsoll/internal/printable"
)

// maxCell is how many code points of one foreign text Markdown shows.
const maxCell = 300

// zeroWidth keeps GitHub's filters, which run after Markdown, from making
// mentions and references out of foreign text.
const zeroWidth = "&#8203;"

var (
	// emoji is what GitHub turns into a picture: a name must not draw a green tick.
	// Of the numbers only 100 and 1234 are pictures, and "file:12:7" is none.
	emoji = regexp.MustCompile(`:([0-9]*[a-zA-Z_+-][a-zA-Z0-9_+-]*|100|1234):`)
	// issue is the other form of a reference to an issue, beside "#1".
	issue = regexp.MustCompile(`(?i)\bGH-\d`)
)

// context is where foreign text will stand; what reads it there differs.
type context int

const (
	inText context = iota // Markdown, then GitHub's filters for mentions, references and pictures
	inCode                // Markdown's links to addresses, because <code> is only a tag to it; GitHub's filters pass over code
	inPre                 // nothing
)

// escape makes foreign text inert in GitHub's Markdown: in a paragraph, a list
// and a cell of a table. Every ASCII character that is not a letter, a digit or a
// single space becomes a numeric entity, which no construct of Markdown begins
// with, and a zero-width space follows "@" and "#". GitHub's own parser leaves no
// tag and no link of it (TestThroughGitHubsParser).
func escape(s string) string { return escapeTo(s, maxCell) }

// escapeTo is escape of at most n code points.
func escapeTo(s string, n int) string { return encode(cut(s, n), inText) }

// code is foreign text in the type of code. Paths, digests and references in it
// can be copied as they are.
func code(s string) string { return codeTo(s, maxCell) }

// codeTo is code of at most n code points.
func codeTo(s string, n int) string {
	if s == "" {
		return ""
	}
	return "<code>" + encode(cut(s, n), inCode) + "</code>"
}

// pre is foreign text in a block that people copy from: nothing invisible is put
// in, because inside <pre> neither Markdown nor GitHub's filters look.
func pre(s string) string {
	lines := printable.Lines(s)
	for i := range lines {
		lines[i] = encode(norm.NFC.String(lines[i]), inPre)
	}
	return "<pre>" + strings.Join(lines, "\n") + "</pre>"
}

// cut is s on one line, with single spaces, of at most n code points.
func cut(s string, n int) string {
	// What nobody will see is not worth folding: a name may be megabytes long.
	if most := 16*n + utf8.UTFMax; len(s) > most {
		end := most
		for end > most-utf8.UTFMax && !utf8.RuneStart(s[end]) {
			end--
		}
		s = s[:end] + "…"
	}
	s = norm.NFC.String(printable.Text(strings.Join(strings.Fields(s), " ")))
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

func encode(s string, in context) string {
	if in == inText {
		// The mark is a private code point that printable.Text never lets through.
		s = emoji.ReplaceAllStringFunc(s, func(m string) string { return ":\ue000" + m[1:] })
		s = issue.ReplaceAllStringFunc(s, func(m string) string { return m[:3] + "\ue000" + m[3:] })
	}
	var b strings.Builder
	b.Grow(len(s) + len(s)/2)
	for i, r := range s {
		switch {
		case r == '\ue000':
			b.WriteString(zeroWidth)
		case r >= utf8.RuneSelf, r == ' ', '0' <= r && r <= '9', 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z':
			b.WriteRune(r)
		default:
			b.WriteString("&#" + strconv.Itoa(int(r)) + ";")
			// "@sha256:" cannot be the address of anybody: a colon ends a host's name.
			if in == inText && (r == '@' || r == '#') || in == inCode && r == '@' && !strings.HasPrefix(s[i:], "@sha256:") {
				b.WriteString(zeroWidth)
			}
		}
	}
	return b.String()
}

var (
	cve  = regexp.MustCompile(`^CVE-\d{4}-\d{4,19}$`)
	ghsa = regexp.MustCompile(`^GHSA(-[23456789cfghjmpqrvwx]{4}){3}$`) // GitHub's alphabet for advisory ids
)

// advisory links an id to its public page. The address is built from an id of a
// known form, never taken from data; any other id is shown as text.
func advisory(id string) string {
	switch {
	case cve.MatchString(id):
		return "[" + id + "](https://nvd.nist.gov/vuln/detail/" + id + ")"
	case ghsa.MatchString(id):
		return "[" + id + "](https://github.com/advisories/" + id + ")"
	default:
		return escape(id)
	}
}
