package actions

import (
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// Log is the one way to the runner. Text from anywhere goes through a Sanitiser,
// commands come from a Runner only, and all of it leaves in one order: what was
// written to descriptors 1 and 2 before a command stands before it. Safe for
// concurrent use; no method blocks on anything but the writer below.
type Log struct {
	mu      sync.Mutex
	w       io.Writer
	source  source // of what nobody calls us for; nil without Redirect
	texts   []*Sanitiser
	secrets []string // the longest first
	hide    *strings.Replacer
	err     error // the first of w
	closed  bool
}

// source is text that arrives on its own: what is written to descriptors.
type source interface {
	drain()                      // hands on what has arrived; called with Log.mu held
	finish(within time.Duration) // hands on the rest; called without it
}

// NewLog returns a Log that writes to w, which nobody else writes to.
func NewLog(w io.Writer) *Log { return &Log{w: w} }

// ErrClosed says that a Log has been closed.
var ErrClosed = errors.New("the log is closed")

// Text returns a Writer for text, which sanitises it by whole lines. Each is a
// stream of its own: standard output, standard error.
func (l *Log) Text() io.Writer {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.sanitiser()
	l.texts = append(l.texts, s)
	return text{l, s}
}

type text struct {
	log *Log
	s   *Sanitiser
}

// Write takes p. It fails only after Close: telling changes nothing.
func (t text) Write(p []byte) (int, error) {
	t.log.mu.Lock()
	defer t.log.mu.Unlock()
	if t.log.closed {
		return 0, ErrClosed
	}
	t.log.drain()
	return t.s.Write(p)
}

// sanitiser returns one that writes below the lock.
func (l *Log) sanitiser() *Sanitiser {
	s := NewSanitiser(out{l})
	s.hide = func(text string) string {
		if l.hide == nil {
			return text
		}
		return l.hide.Replace(text)
	}
	return s
}

// out writes for those who hold the lock and keeps the error.
type out struct{ log *Log }

func (o out) Write(p []byte) (int, error) {
	if _, err := o.log.w.Write(p); err != nil && o.log.err == nil {
		o.log.err = err
	}
	return len(p), nil
}

func (l *Log) drain() {
	if l.source != nil {
		l.source.drain()
	}
}

// command writes what the runner obeys.
func (l *Log) command(p []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.drain()
	_, _ = out{l}.Write(p)
}

// forget hides values in all text that follows, beside what the runner does: it
// sees lines only after they were cut and escaped.
func (l *Log) forget(values []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, v := range values {
		if len(v) <= maxSecret && !slices.Contains(l.secrets, v) {
			l.secrets = append(l.secrets, v)
		}
	}
	slices.SortStableFunc(l.secrets, func(a, b string) int { return len(b) - len(a) })
	pairs := make([]string, 0, 2*len(l.secrets))
	for _, v := range l.secrets {
		pairs = append(pairs, v, "***")
	}
	if len(pairs) > 0 {
		l.hide = strings.NewReplacer(pairs...)
	}
}

// patience is how long Close waits for a process that still holds a descriptor
// which it inherited from us.
const patience = 500 * time.Millisecond

// Close hands on everything that was written before it, ends lines that have no
// end, and returns the first error of the writer below. What comes later is lost;
// nothing of it reaches the runner raw.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		defer l.mu.Unlock()
		return l.err
	}
	source := l.source
	l.mu.Unlock()
	if source != nil {
		source.finish(patience)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.texts {
		_ = s.Flush() // out keeps the error
	}
	l.source, l.closed = nil, true
	return l.err
}
