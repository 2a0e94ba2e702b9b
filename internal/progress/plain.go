package progress

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/printable"
)

// maxLog is how many of a stage's last lines of output are kept for when it fails.
const maxLog = 20

// quiet is how long a transfer may say nothing where lines stay: long enough not
// to fill a log, short enough not to look dead.
const quiet = 30 * time.Second

// Plain is a Sink that writes a line per event, for logs and pipes.
type Plain struct {
	verbose bool
	now     func() time.Time

	mu     sync.Mutex
	w      io.Writer
	err    error // the first of w
	stages map[string]*plainStage
}

type plainStage struct {
	log  []string
	said time.Time
}

// NewPlain returns a display that writes to w. Verbose shows every line of
// output of the steps; otherwise the last ones are shown when a stage fails.
func NewPlain(w io.Writer, verbose bool) *Plain {
	return &Plain{w: w, verbose: verbose, now: time.Now, stages: map[string]*plainStage{}}
}

// Emit writes what e says.
func (p *Plain) Emit(e Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	stage := p.stages[e.Stage]
	if stage == nil {
		stage = &plainStage{said: p.now()}
		p.stages[e.Stage] = stage
	}
	text := oneLine(e.Text)
	switch e.Kind {
	case Begin:
		p.line(stage, e.Stage, "begins")
	case Step:
		if e.Elapsed > 0 {
			text += "  " + printable.Duration(e.Elapsed)
		}
		p.line(stage, e.Stage, text)
	case Log:
		if p.verbose {
			p.line(stage, e.Stage, "│ "+text)
		} else {
			stage.log = keep(stage.log, text)
		}
	case Count:
		if p.now().Sub(stage.said) >= quiet {
			p.line(stage, e.Stage, strings.TrimSpace(text+" "+through(e.Done, e.Total)))
		}
	case Notice:
		p.line(stage, e.Stage, text)
	case End:
		if e.Failed {
			for _, l := range stage.log {
				p.line(stage, e.Stage, "│ "+l)
			}
		}
		p.line(stage, e.Stage, ending(e))
		delete(p.stages, e.Stage)
	}
}

func (p *Plain) line(stage *plainStage, name, text string) {
	stage.said = p.now()
	if name != "" {
		text = printable.Pad(printable.Text(name), 8) + " " + text
	}
	if _, err := io.WriteString(p.w, strings.TrimRight(text, " ")+"\n"); err != nil && p.err == nil {
		p.err = err
	}
}

// Close ends the display and returns the first error of its writer.
func (p *Plain) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// ending says how a stage ended: "done in 2.3s: 4 layers".
func ending(e Event) string {
	text := "done in " + printable.Duration(e.Elapsed)
	if e.Failed {
		text = "failed after " + printable.Duration(e.Elapsed)
	}
	if how := oneLine(strings.TrimPrefix(e.Text, "failed: ")); how != "" {
		text += ": " + how
	}
	return text
}

func oneLine(s string) string { return strings.Join(printable.Lines(s), "; ") }

// keep appends to a list of at most maxLog lines, the oldest going first.
func keep(log []string, line string) []string {
	if len(log) == maxLog {
		copy(log, log[1:])
		log[maxLog-1] = line
		return log
	}
	return append(log, line)
}

func through(done, total int64) string {
	if total <= 0 {
		return printable.Size(done)
	}
	return fmt.Sprintf("%s of %s", printable.Size(done), printable.Size(total))
}
