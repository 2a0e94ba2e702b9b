package progress

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/printable"
)

// clock is a time that moves when told.
type clock struct{ at time.Time }

func (c *clock) now() time.Time          { return c.at }
func (c *clock) advance(d time.Duration) { c.at = c.at.Add(d) }

// script is a run with two stages side by side, a transfer, a failure, and text
// from outside that a terminal would obey.
func script(c *clock, emit func(Event)) {
	step := func(d time.Duration, e Event) {
		c.advance(d)
		emit(e)
	}
	step(0, Event{Kind: Begin, Stage: "lint"})
	step(0, Event{Kind: Begin, Stage: "build"})
	step(0, Event{Kind: Begin, Stage: "database"})
	step(0, Event{Kind: Count, Stage: "database", Text: "trivy-db", Done: 1_000_000, Total: 60_000_000})
	step(100*time.Millisecond, Event{Kind: Step, Stage: "build", Text: "[1/2] FROM alpine"})
	step(time.Second, Event{Kind: Step, Stage: "build", Text: "[1/2] FROM alpine", Elapsed: time.Second})
	step(0, Event{Kind: End, Stage: "lint", Text: "3 findings", Elapsed: 1100 * time.Millisecond})
	step(0, Event{Kind: Step, Stage: "build", Text: "[2/2] RUN evil\x1b[2J\u202e"})
	step(40*time.Second, Event{Kind: Count, Stage: "database", Text: "trivy-db", Done: 30_000_000, Total: 60_000_000})
	step(0, Event{Kind: Notice, Stage: "database", Text: "mirror 1 failed\ntrying mirror 2"})
	for i := range 25 {
		step(0, Event{Kind: Log, Stage: "build", Text: "line " + strconv.Itoa(i)})
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	end := "build    [1/2] FROM alpine\n" +
		"build    [1/2] FROM alpine  1s\n" +
		"lint     done in 1.1s: 3 findings\n" +
		`build    [2/2] RUN evil\x1b[2J\u202e` + "\n" +
		"database trivy-db 30.0 MB of 60.0 MB\n" +
		"database mirror 1 failed; trying mirror 2\n"
	logged := func(from int) string {
		var b strings.Builder
		for i := from; i < 25; i++ {
			fmt.Fprintf(&b, "build    │ line %d\n", i)
		}
		return b.String()
	}
	for name, test := range map[string]struct {
		verbose bool
		want    string
	}{
		"usual":   {false, end + logged(5)},
		"verbose": {true, end + logged(0)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b strings.Builder
			c := &clock{at: time.Unix(0, 0)}
			p := NewPlain(&b, test.verbose)
			p.now = c.now
			script(c, p.Emit)
			p.Emit(Event{Kind: End, Stage: "build", Text: "failed: exit code 1", Elapsed: 41 * time.Second, Failed: true})
			want := "lint     begins\nbuild    begins\ndatabase begins\n" + test.want + "build    failed after 41s: exit code 1\n"
			if diff := cmp.Diff(want, b.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("the pipe is closed") }

func TestPlainKeepsTheFirstError(t *testing.T) {
	t.Parallel()
	p := NewPlain(broken{}, false)
	p.Emit(Event{Kind: Notice, Text: "a"})
	if err := p.Close(); err == nil {
		t.Error("no error")
	}
}

// screen is a small terminal: it wraps, moves up, erases below, and knows no
// other sequence but colours.
type screen struct {
	t     *testing.T
	width int
	rows  []string
	row   int
}

func (s *screen) Write(p []byte) (int, error) {
	for text := string(p); text != ""; {
		switch {
		case strings.HasPrefix(text, "\x1b["):
			end := strings.IndexAny(text, "AJmhl")
			if end < 0 {
				s.t.Fatalf("an unfinished sequence: %q", text)
			}
			s.obey(text[2:end], text[end])
			text = text[end+1:]
		case text[0] == '\n':
			s.row++
			s.at(s.row)
			text = text[1:]
		case text[0] == '\r':
			text = text[1:]
		default:
			end := strings.IndexAny(text, "\x1b\n\r")
			if end < 0 {
				end = len(text)
			}
			s.put(text[:end])
			text = text[end:]
		}
	}
	return len(p), nil
}

func (s *screen) obey(argument string, command byte) {
	switch command {
	case 'A':
		n, err := strconv.Atoi(argument)
		if err != nil || n > s.row {
			s.t.Fatalf("up %q from row %d", argument, s.row)
		}
		s.row -= n
	case 'J':
		s.rows = append(s.rows[:s.row], "")
	case 'm':
	default:
		s.t.Fatalf("the sequence %q%c changes the terminal", argument, command)
	}
}

func (s *screen) put(text string) {
	for _, r := range text {
		if printable.Width(s.at(s.row)+string(r)) > s.width {
			s.row++
		}
		s.rows[s.row] = s.at(s.row) + string(r)
	}
}

func (s *screen) at(row int) string {
	for len(s.rows) <= row {
		s.rows = append(s.rows, "")
	}
	return s.rows[row]
}

// narrow wraps what is there, as terminals do.
func (s *screen) narrow(width int) {
	old := s.rows[:s.row]
	s.rows, s.row, s.width = nil, 0, width
	for _, line := range old {
		s.put(line)
		s.row++
		s.at(s.row)
	}
}

func (s *screen) text() string { return strings.TrimRight(strings.Join(s.rows, "\n"), "\n") + "\n" }

func TestTerminal(t *testing.T) {
	t.Parallel()
	s := &screen{t: t, width: 80}
	c := &clock{at: time.Unix(0, 0)}
	d := newTerminal(s, func() int { return s.width }, true, c.now)
	draw := func() {
		t.Helper()
		if err := d.draw(); err != nil {
			t.Fatal(err)
		}
	}
	want := func(text string) {
		t.Helper()
		if diff := cmp.Diff(text, s.text()); diff != "" {
			t.Fatalf("the screen (-want +got):\n%s", diff)
		}
	}
	script(c, func(e Event) {
		d.Emit(e)
		draw()
	})
	want("✓ lint 1.1s  3 findings\n" +
		"! database: mirror 1 failed; trying mirror 2\n" +
		`  build 41.1s  [2/2] RUN evil\x1b[2J\u202e` + "\n" +
		"  database 41.1s  trivy-db  [==========          ]  30.0 MB of 60.0 MB\n")

	s.narrow(40)
	draw()
	want("✓ lint 1.1s  3 findings\n" +
		"! database: mirror 1 failed; trying mirr\nor 2\n" +
		`  build 41.1s  [2/2] RUN evil\x1b[2J\u…` + "\n" +
		"  database 41.1s  …  30.0 MB of 60.0 MB\n")
	s.width = 80

	d.Emit(Event{Kind: End, Stage: "build", Text: "failed: exit code 1", Elapsed: 41 * time.Second, Failed: true})
	go d.run()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d.Emit(Event{Kind: Notice, Text: "after the end"})
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	var log strings.Builder
	for i := 5; i < 25; i++ {
		fmt.Fprintf(&log, "  │ line %d\n", i)
	}
	want("✓ lint 1.1s  3 findings\n" +
		"! database: mirror 1 failed; trying mirr\nor 2\n" +
		log.String() +
		"✗ build 41s  failed: exit code 1\n" +
		"- database 41.1s  did not end\n")
}

// Live lines never take more than one row each, whatever they hold.
func TestLiveLinesFit(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	var b board
	for i := range 12 {
		name := strings.Repeat("名", i) + strconv.Itoa(i)
		b.take(Event{Kind: Step, Stage: name, Text: strings.Repeat("前 é", 50)}, now)
		if i%2 == 0 {
			b.take(Event{Kind: Count, Stage: name, Done: int64(i) << 58, Total: int64(i) << 57}, now)
		}
	}
	b.take(Event{Kind: Count, Stage: "minus", Done: -5, Total: -7}, now)
	for width := range 120 {
		lines := b.live(now.Add(time.Hour), width)
		if len(lines) != maxLive+1 {
			t.Fatalf("%d lines", len(lines))
		}
		for _, l := range lines {
			if printable.Width(l) > width {
				t.Errorf("%q is wider than %d", l, width)
			}
		}
	}
}

// A step that moves no bytes is told without a count of them.
func TestNothingOfNothingIsNotCounted(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	var b board
	b.take(Event{Kind: Count, Stage: "build", Text: "exporting layers"}, now)
	if got, want := b.live(now.Add(time.Second), 80), []string{"  build 1.0s  exporting layers"}; !slices.Equal(got, want) {
		t.Errorf("live lines %q; want %q", got, want)
	}
}

// stuck is a terminal that was stopped with Ctrl-S.
type stuck struct{ free chan struct{} }

func (s stuck) Write(p []byte) (int, error) {
	<-s.free
	return len(p), nil
}

func TestStoppedTerminalStopsNobody(t *testing.T) {
	t.Parallel()
	s := stuck{make(chan struct{})}
	defer close(s.free)
	d := NewTerminal(s, func() int { return 80 }, false)
	for i := range 1000 {
		d.Emit(Event{Kind: Notice, Text: strconv.Itoa(i)})
	}
	if err := d.Close(); err == nil {
		t.Error("nothing was written, and Close says nothing")
	}
}

// Stages run side by side and all of them tell at once.
func TestConcurrentStages(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]interface {
		Sink
		io.Closer
	}{
		"plain":    NewPlain(io.Discard, true),
		"terminal": NewTerminal(io.Discard, func() int { return 80 }, true),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var wait sync.WaitGroup
			for i := range 8 {
				wait.Go(func() {
					stage := strconv.Itoa(i)
					d.Emit(Event{Kind: Begin, Stage: stage})
					for j := range 300 {
						d.Emit(Event{Kind: Kind(2 + j%4), Stage: stage, Text: "x", Done: int64(j), Total: 300})
					}
					d.Emit(Event{Kind: End, Stage: stage, Failed: i%2 == 0})
				})
			}
			wait.Wait()
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestDiscard(t *testing.T) {
	t.Parallel()
	Discard.Emit(Event{Kind: Notice, Text: "nobody hears"})
}
