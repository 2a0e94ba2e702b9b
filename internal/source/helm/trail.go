package helm

import (
	"bytes"
	"sort"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
)

// piece says of the output from byte out on where it comes from, up to the next.
type piece struct {
	out        int
	file       *file
	start, end int // of the action; of a literal only start counts
	literal    bool
}

// sink takes what a template writes and remembers where it comes from.
type sink struct {
	run    *run
	text   []byte
	pieces []piece
	now    mark // the action that is executed
	calls  []call
}

// call is a template that is executed inside this one, by an action of that name.
type call struct {
	by            mark
	bytes, pieces int // how much there was before
}

var noValue = []byte("<no value>")

// Write takes the next bytes of a template. It fails when a bound is reached, which
// ends the execution.
func (s *sink) Write(p []byte) (int, error) {
	if err := s.run.tick(len(p)); err != nil {
		return 0, err
	}
	if len(p) == 0 {
		if cap(p) > 0 {
			m := s.run.marks.actions[&p[:1][0]]
			if s.run.depth += m.depth; s.run.depth > maxIncludes {
				return 0, errTooDeep
			}
			switch {
			case m.depth > 0:
				s.calls = append(s.calls, call{s.now, len(s.text), len(s.pieces)})
			case m.depth < 0 && len(s.calls) > 0:
				s.back()
			case m.file != nil:
				s.now = m
			}
		}
		return 0, nil
	}
	if l, ok := s.run.marks.literals[&p[0]]; ok {
		s.pieces = append(s.pieces, piece{out: len(s.text), file: l.file, start: l.pos, literal: true})
		s.text = append(s.text, p...)
		return len(p), nil
	}
	s.action(p)
	return len(p), nil
}

// back ends the innermost call. What came to one line is told where it is used.
func (s *sink) back() {
	c := s.calls[len(s.calls)-1]
	s.calls = s.calls[:len(s.calls)-1]
	if c.by.file == nil {
		return
	}
	s.now = c.by
	if part := string(s.text[c.bytes:]); part != "" && strings.Count(normal(part), "\n") < 2 {
		s.pieces = append(s.pieces[:c.pieces], piece{out: c.bytes, file: c.by.file, start: c.by.start, end: c.by.end})
	}
}

// action takes what an action printed. Go prints what is absent as "<no value>",
// which Helm takes out again.
func (s *sink) action(p []byte) {
	text := p
	if bytes.Contains(p, noValue) {
		text = bytes.ReplaceAll(p, noValue, nil)
	}
	out := len(s.text)
	s.pieces = append(s.pieces, piece{out: out, file: s.now.file, start: s.now.start, end: s.now.end})
	// One line, a name say, is told where it is used; what spans several is a part of
	// the manifest that stands in another place.
	if n := normal(string(text)); strings.Count(n, "\n") > 1 {
		if from := s.run.included[n]; from != nil {
			s.follow(out, string(text), from)
		}
	}
	s.text = append(s.text, text...)
}

// follow takes over where the lines of an included template come from, which were
// only indented on the way.
func (s *sink) follow(out int, text string, from *sink) {
	theirs := lines(string(from.text))
	action := s.pieces[len(s.pieces)-1]
	for i, mine := range lines(text) {
		if i >= len(theirs) {
			return
		}
		p, end := from.find(theirs[i].start), theirs[i].end
		for at := theirs[i].start; at < end; {
			next := end
			if p+1 < len(from.pieces) {
				next = min(next, from.pieces[p+1].out)
			}
			if next > at {
				piece := from.pieces[p]
				if piece.literal {
					piece.start += at - piece.out
				}
				piece.out = out + mine.start + at - theirs[i].start
				if piece.file == nil || piece.file.src == nil {
					piece.file, piece.start, piece.end, piece.literal = action.file, action.start, action.end, false
				}
				s.pieces = append(s.pieces, piece)
			}
			at, p = next, p+1
		}
	}
}

// line is one that is not blank, without the white space around it.
type line struct{ start, end int }

func lines(text string) []line {
	var all []line
	for start := 0; start < len(text); {
		end := start + strings.IndexByte(text[start:]+"\n", '\n')
		if body := strings.TrimSpace(text[start:end]); body != "" {
			from := start + strings.Index(text[start:end], body)
			all = append(all, line{from, from + len(body)})
		}
		start = end + 1
	}
	return all
}

// normal is a text without what indent, nindent and trim change.
func normal(text string) string {
	var b strings.Builder
	for _, l := range lines(text) {
		b.WriteString(text[l.start:l.end])
		b.WriteByte('\n')
	}
	return b.String()
}

// find returns the piece that holds an offset of the output, 0 for none.
func (s *sink) find(offset int) int {
	return max(0, sort.Search(len(s.pieces), func(i int) bool { return s.pieces[i].out > offset })-1)
}

// place says where the bytes [start, end) of the output come from. It is false when
// that is in no file of the tree.
func (s *sink) place(start, end int) (finding.Location, bool) {
	if len(s.pieces) == 0 {
		return finding.Location{}, false
	}
	first := s.pieces[s.find(start)]
	if first.file == nil || first.file.src == nil {
		return finding.Location{}, false
	}
	from, to := first.start, first.end
	if first.literal {
		from += start - first.out
		to = from
	}
	if last := s.pieces[s.find(max(start, end-1))]; last.file == first.file {
		switch {
		case last.literal:
			to = max(to, last.start+end-last.out)
		default:
			to = max(to, last.end)
		}
	}
	src := first.file.src
	if rest := src.Text[min(from, len(src.Text)):]; to <= from || first.literal && to > from+maxSpan {
		length := strings.IndexByte(rest+"\n", '\n')
		to = from + max(1, len(strings.TrimRight(rest[:length], " \t\r")))
	}
	return src.Span(from, to), true
}

// maxSpan bounds the place of one value in bytes.
const maxSpan = 4 << 10
