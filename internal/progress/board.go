package progress

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/printable"
)

// board is what a live display shows: lines that are settled and stay, and below
// them one line per running stage. It knows no terminal and no lock.
type board struct {
	color   bool
	settled []string
	running []*liveStage // in the order they began
}

type liveStage struct {
	name        string
	began       time.Time
	step        string
	counted     bool // the last thing heard was a count
	what        string
	done, total int64
	log         []string
}

const (
	green  = "32"
	red    = "31"
	yellow = "33"
	dim    = "2"
)

func (b *board) paint(s, code string) string {
	if !b.color || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (b *board) take(e Event, now time.Time) {
	text := oneLine(e.Text)
	if e.Kind == Notice {
		if e.Stage != "" {
			text = printable.Text(e.Stage) + ": " + text
		}
		b.settle("!", yellow, text)
		return
	}
	s := b.stage(e.Stage, now)
	switch e.Kind {
	case Step:
		s.counted = false
		if e.Elapsed == 0 || s.step == "" {
			s.step = text
		}
	case Log:
		s.log = keep(s.log, text)
	case Count:
		s.counted, s.what, s.done, s.total = true, text, max(e.Done, 0), e.Total
	case End:
		b.end(s, e)
	case Begin, Notice:
	}
}

// stage finds a running stage; one that was never begun begins now.
func (b *board) stage(name string, now time.Time) *liveStage {
	for _, s := range b.running {
		if s.name == name {
			return s
		}
	}
	s := &liveStage{name: name, began: now}
	b.running = append(b.running, s)
	return s
}

func (b *board) end(s *liveStage, e Event) {
	b.running = slices.DeleteFunc(b.running, func(other *liveStage) bool { return other == s })
	mark, color := "✓", green
	how := oneLine(e.Text)
	if e.Failed {
		mark, color = "✗", red
		for _, l := range s.log {
			b.settled = append(b.settled, b.paint("  │ "+l, dim))
		}
	}
	b.settle(mark, color, strings.TrimRight(printable.Text(s.name)+" "+printable.Duration(e.Elapsed)+"  "+how, " "))
}

// abandon settles the stages that never ended: the run was stopped.
func (b *board) abandon(now time.Time) {
	for _, s := range b.running {
		b.settle("-", dim, printable.Text(s.name)+" "+printable.Duration(now.Sub(s.began))+"  did not end")
	}
	b.running = nil
}

func (b *board) settle(mark, color, text string) {
	b.settled = append(b.settled, b.paint(mark, color)+" "+text)
}

// maxLive is how many running stages are shown; the live part must be lower than
// any window.
const maxLive = 8

// live draws the running stages, each on one line of at most width cells, and
// without colours, so that its width is that of its text.
func (b *board) live(now time.Time, width int) []string {
	lines := make([]string, 0, min(len(b.running), maxLive)+1)
	for i, s := range b.running {
		if i == maxLive {
			lines = append(lines, printable.Cut(fmt.Sprintf("  and %d more", len(b.running)-maxLive), width))
			break
		}
		lines = append(lines, s.line(now, width))
	}
	return lines
}

// barWidth is the length of a transfer's bar in cells. A window narrower than
// minWidth has no room for it beside what it is a bar of.
const (
	barWidth = 20
	minWidth = 72
)

func bar(done, total int64) string {
	if total <= 0 {
		return ""
	}
	filled := min(int(float64(done)/float64(total)*barWidth), barWidth)
	return "  [" + strings.Repeat("=", filled) + strings.Repeat(" ", barWidth-filled) + "]"
}

func (s *liveStage) line(now time.Time, width int) string {
	elapsed := now.Sub(s.began)
	clock := fmt.Sprintf("%.1fs", elapsed.Seconds())
	if elapsed >= time.Minute {
		clock = elapsed.Truncate(time.Second).String()
	}
	line := "  " + printable.Text(s.name) + " " + clock + "  "
	text, tail := s.step, ""
	if s.counted {
		if s.what != "" {
			text = s.what
		}
		// BuildKit counts steps that move no bytes too: nothing of nothing says nothing.
		if s.done > 0 || s.total > 0 {
			tail = "  " + through(s.done, s.total)
			if width >= minWidth {
				tail = bar(s.done, s.total) + tail
			}
		}
	}
	room := width - printable.Width(line) - printable.Width(tail)
	return strings.TrimRight(printable.Cut(line+printable.Cut(text, max(room, 0))+tail, width), " ")
}
