package actions

import (
	"bytes"
	"io"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/plimsoll-ci/plimsoll/internal/printable"
)

const (
	// maxLine is how many bytes of a line without an end are held; what is longer
	// comes out in pieces, each a line of its own.
	maxLine = 64 << 10
	// maxSecret is the longest masked value that a cut never divides, in bytes.
	// maxCut is how far back a cut looks for a space: what the runner masks and we do
	// not know of holds none.
	maxSecret = 4 << 10
	maxCut    = 4 << 10
	// again begins a line that continues a piece.
	again = "… "
)

// Sanitiser is a Writer for text from outside on its way to the runner. Every
// line that comes out prints (package printable; colours are left out) and no
// line is a command in either form that the runner obeys (actions/runner
// v2.336.0, src/Runner.Common/ActionCommand.cs): "::" where the line begins, after
// white space, gets a backslash before it, and "##[" anywhere one inside, as the
// runner itself breaks what it reserves. An invisible character would not do: the
// runner compares by the rules of a culture, for which those do not exist.
//
// A line ends at LF, CR, U+0085, U+2028 and U+2029. The zero value is not
// usable; a Sanitiser is for one goroutine at a time.
type Sanitiser struct {
	w       io.Writer
	hide    func(string) string // replaces masked values
	pending []byte              // a line without an end
	out     []byte
	cut     bool // pending continues a piece
	cr      bool // the last line ended at CR: an LF at once belongs to it
}

// NewSanitiser returns a Sanitiser in front of w. Every Write to w is one or
// more whole lines.
func NewSanitiser(w io.Writer) *Sanitiser { return &Sanitiser{w: w} }

// Write takes all of p and hands on the lines that end in it. The error is that of w.
func (s *Sanitiser) Write(p []byte) (int, error) {
	s.out = s.out[:0]
	for rest := p; len(rest) > 0; {
		take := min(len(rest), maxLine)
		s.pending = append(s.pending, rest[:take]...)
		rest = rest[take:]
		s.split()
	}
	if err := s.send(); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush ends the line that has no end yet.
func (s *Sanitiser) Flush() error {
	s.out = s.out[:0]
	if len(s.pending) > 0 {
		s.line(s.pending)
		s.pending = s.pending[:0]
	}
	return s.send()
}

func (s *Sanitiser) send() error {
	if len(s.out) == 0 {
		return nil
	}
	_, err := s.w.Write(s.out)
	return err
}

// split moves whole lines, and pieces of a huge one, from pending to out.
func (s *Sanitiser) split() {
	rest := s.pending
	for len(rest) > 0 {
		if s.cr {
			s.cr = false
			rest = bytes.TrimPrefix(rest, []byte{'\n'})
			continue
		}
		i, size := lineBreak(rest)
		if i < 0 {
			break
		}
		s.line(rest[:i])
		s.cr = rest[i] == '\r'
		rest = rest[i+size:]
	}
	for len(rest) > maxLine+maxSecret {
		hidden := []byte(s.hidden(rest))
		end := cutAt(hidden)
		s.piece(hidden[:end])
		s.cut = true
		rest = hidden[end:]
	}
	s.pending = append(s.pending[:0], rest...)
}

// lineBreak finds the first end of a line and its length, or -1.
func lineBreak(b []byte) (at, size int) {
	for i := range b {
		switch c := b[i]; {
		case c == '\n', c == '\r':
			return i, 1
		case c == 0xc2 && i+1 < len(b) && b[i+1] == 0x85:
			return i, 2
		case c == 0xe2 && i+2 < len(b) && b[i+1] == 0x80 && (b[i+2] == 0xa8 || b[i+2] == 0xa9):
			return i, 3
		}
	}
	return -1, 0
}

// cutAt says where a piece of a huge line ends: after a space, else between two
// characters.
func cutAt(b []byte) int {
	end := min(len(b), maxLine)
	if i := bytes.LastIndexByte(b[max(0, end-maxCut):end], ' '); i >= 0 {
		return max(0, end-maxCut) + i + 1
	}
	for back := end; back > max(0, end-utf8.UTFMax); back-- {
		if back == len(b) || utf8.RuneStart(b[back]) {
			return back
		}
	}
	return end
}

func (s *Sanitiser) line(raw []byte) {
	if !s.cut || len(raw) > 0 {
		s.piece(raw)
	}
	s.cut = false
}

func (s *Sanitiser) piece(raw []byte) {
	if s.cut {
		s.out = append(s.out, again...)
	}
	s.out = append(s.out, Line(s.hidden(raw))...)
	s.out = append(s.out, '\n')
}

func (s *Sanitiser) hidden(raw []byte) string {
	if s.hide == nil {
		return string(raw)
	}
	return s.hide(string(raw))
}

// escapes are the sequences that a terminal obeys (ECMA-48): CSI, OSC with its
// end, and the short ones.
var escapes = regexp.MustCompile(`(?:\x1b\[|\x{9b})[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]+[0-~]|\x1b[0-Z\\^-~]`)

// Line makes one line of text from outside safe to show to the runner; a line
// break in it is written out. Line(Line(s)) == Line(s).
func Line(s string) string {
	if strings.ContainsAny(s, "\x1b\u009b") {
		s = escapes.ReplaceAllString(s, "")
	}
	s = printable.Text(strings.ReplaceAll(s, "\t", "    "))
	return defuseStart(defuseAnywhere(s))
}

// unseen reports what the rules of a culture may pass over when they compare, of
// what printable.Text leaves: marks that combine, and variation selectors.
func unseen(r rune) bool { return unicode.Is(unicode.M, r) }

// defuseStart breaks "::" at the beginning of a line.
func defuseStart(s string) string {
	text := strings.TrimLeftFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unseen(r) })
	if rest, ok := strings.CutPrefix(text, ":"); ok && strings.HasPrefix(strings.TrimLeftFunc(rest, unseen), ":") {
		return s[:len(s)-len(text)] + `\` + text
	}
	return s
}

// defuseAnywhere breaks "##[" wherever it stands.
func defuseAnywhere(s string) string {
	if !strings.Contains(s, "#") || !strings.Contains(s, "[") {
		return s
	}
	var b strings.Builder
	hashes := 0
	for _, r := range s {
		switch {
		case r == '#':
			hashes++
		case unseen(r):
		case r == '[' && hashes > 1:
			b.WriteByte('\\')
			hashes = 0
		default:
			hashes = 0
		}
		b.WriteRune(r)
	}
	return b.String()
}
