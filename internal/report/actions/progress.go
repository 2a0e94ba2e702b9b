package actions

import (
	"bytes"
	"io"
	"slices"
	"sync"

	"github.com/plimsoll-ci/plimsoll/internal/progress"
)

// maxHeld is how many bytes of a stage are held while another one has the log; what
// is more is told at once.
const maxHeld = 256 << 10

// Progress is a progress.Sink for the runner's log: a group per stage with all that
// its steps print, and below the group one line that says how the stage ended; of a
// failed stage the last lines too, where nobody must unfold anything. Of stages that
// run side by side the one that began first has the log; the others are held and
// told when they end. Notices stand outside the groups.
type Progress struct {
	runner *Runner
	text   io.Writer
	ends   *progress.Plain // outside the groups

	mu     sync.Mutex
	stages []*stage // those that run, in the order they began
	open   *stage   // whose group is open
}

// stage is one that runs. Its own Plain knows no name: the group has it.
type stage struct {
	name  string
	plain *progress.Plain
	held  bytes.Buffer
	told  bool // a group of it has been seen
}

// NewProgress returns a Progress that writes by r. The caller closes it.
func NewProgress(r *Runner) *Progress {
	text := r.Log().Text()
	return &Progress{runner: r, text: text, ends: progress.NewPlain(text, false)}
}

// Emit tells e.
func (p *Progress) Emit(e progress.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.Kind == progress.Notice {
		p.outside()
		p.ends.Emit(e)
		return
	}
	s := p.stage(e.Stage)
	inside := e
	inside.Stage = ""
	switch e.Kind {
	case progress.Step, progress.Count:
		s.plain.Emit(inside)
	case progress.Log:
		s.plain.Emit(inside)
		p.ends.Emit(e) // kept for when the stage fails
	case progress.End:
		p.end(s, e)
		return
	case progress.Begin, progress.Notice:
	}
	if s == p.stages[0] || s.held.Len() > maxHeld {
		p.tell(s)
	}
}

// stage finds one that runs; one that was never begun begins now.
func (p *Progress) stage(name string) *stage {
	for _, s := range p.stages {
		if s.name == name {
			return s
		}
	}
	s := &stage{name: name}
	s.plain = progress.NewPlain(&s.held, true)
	p.stages = append(p.stages, s)
	return s
}

// tell writes what is held of s into its group.
func (p *Progress) tell(s *stage) {
	if s.held.Len() == 0 {
		return
	}
	if p.open != s {
		p.outside()
		title := s.name
		if s.told {
			title += " (continued)"
		}
		p.runner.Group(title)
		p.open, s.told = s, true
	}
	_, _ = p.text.Write(s.held.Bytes()) // it fails when the log is closed, and nobody reads
	s.held.Reset()
}

// outside ends the group that is open.
func (p *Progress) outside() {
	if p.open != nil {
		p.runner.EndGroup()
		p.open = nil
	}
}

func (p *Progress) end(s *stage, e progress.Event) {
	p.tell(s)
	p.outside()
	p.ends.Emit(e)
	p.stages = slices.DeleteFunc(p.stages, func(other *stage) bool { return other == s })
	if len(p.stages) > 0 {
		p.tell(p.stages[0])
	}
}

// Close tells what is held of stages that never ended, because the run was stopped,
// and ends the group that is open.
func (p *Progress) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.stages {
		p.tell(s)
		p.outside()
		p.ends.Emit(progress.Event{Kind: progress.Step, Stage: s.name, Text: "did not end"})
	}
	p.stages = nil
	p.outside()
	return p.ends.Close()
}
