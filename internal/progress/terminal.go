package progress

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/printable"
)

// redraw is how often the live lines are drawn anew.
const redraw = 100 * time.Millisecond

// patience is how long Close waits for a terminal that takes nothing (Ctrl-S).
const patience = time.Second

// Terminal is a Sink that shows running stages live at the bottom of a terminal
// and leaves one line of each that ended.
//
// It draws with three sequences every terminal knows (up, erase below, colour)
// and never hides the cursor or changes a mode, so there is nothing to restore
// when the program is killed. Drawing happens beside the work: Emit only takes
// note.
type Terminal struct {
	w     io.Writer
	width func() int
	now   func() time.Time

	mu     sync.Mutex // guards board and closed
	board  board
	closed bool

	poke chan struct{} // something settled
	stop chan struct{}
	done chan error

	drawn []string // the live lines on the screen; the drawing goroutine's own
}

// NewTerminal returns a display on w, which is a terminal of width() columns (0
// or less counts as 80; it is asked before every drawing). Close must be called.
func NewTerminal(w io.Writer, width func() int, color bool) *Terminal {
	t := newTerminal(w, width, color, time.Now)
	go t.run()
	return t
}

func newTerminal(w io.Writer, width func() int, color bool, now func() time.Time) *Terminal {
	return &Terminal{
		w: w, width: width, now: now, board: board{color: color},
		poke: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan error, 1),
	}
}

// Emit takes note of e; it never waits for the terminal. After Close it does nothing.
func (t *Terminal) Emit(e Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	t.board.take(e, t.now())
	if len(t.board.settled) > 0 {
		select {
		case t.poke <- struct{}{}:
		default:
		}
	}
}

// Close erases the live lines, leaving one of each stage, and returns the
// terminal's last error. It may be called again.
func (t *Terminal) Close() error {
	t.mu.Lock()
	again := t.closed
	t.closed = true
	t.board.abandon(t.now())
	t.mu.Unlock()
	if again {
		return nil
	}
	close(t.stop)
	select {
	case err := <-t.done:
		return err
	case <-time.After(patience):
		return errors.New("ending the progress display: the terminal takes no output")
	}
}

func (t *Terminal) run() {
	ticker := time.NewTicker(redraw)
	defer ticker.Stop()
	for {
		select {
		case <-t.stop:
			t.done <- t.draw()
			return
		case <-t.poke:
		case <-ticker.C:
		}
		_ = t.draw() // Close tells the last one; until then the work goes on
	}
}

// draw replaces the live lines on the screen, in one write.
func (t *Terminal) draw() error {
	width := t.width()
	if width <= 0 {
		width = 80
	}
	t.mu.Lock()
	settled := t.board.settled
	t.board.settled = nil
	// The last column stays free: a line that fills it wraps on some terminals only.
	live := t.board.live(t.now(), width-1)
	t.mu.Unlock()
	if len(settled) == 0 && len(live) == 0 && len(t.drawn) == 0 {
		return nil
	}
	var b strings.Builder
	if rows := t.rows(width); rows > 0 {
		b.WriteString("\x1b[" + strconv.Itoa(rows) + "A\r\x1b[J")
	}
	for _, l := range settled {
		b.WriteString(l + "\n")
	}
	for _, l := range live {
		b.WriteString(l + "\n")
	}
	t.drawn = live
	_, err := io.WriteString(t.w, b.String())
	return err
}

// rows is how many rows the live lines take now: in a window that has become
// narrower they were wrapped.
func (t *Terminal) rows(width int) int {
	rows := 0
	for _, l := range t.drawn {
		rows += max(1, (printable.Width(l)+width-1)/width)
	}
	return rows
}
