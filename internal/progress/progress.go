// Package progress carries what long work has to say while it runs: a live
// display on a terminal, plain lines elsewhere, nothing when asked to be quiet.
// It never carries results.
package progress

import "time"

// Kind says what an Event is.
type Kind int

// The kinds of events.
const (
	Begin  Kind = iota // a stage begins
	End                // a stage ended; Text says how, Elapsed how long it took
	Step               // a step inside a stage began, or ended when Elapsed is not zero ("[build 2/4] RUN apk add curl")
	Log                // a line of output of that step
	Count              // Done of Total bytes are through; Total is 0 when unknown
	Notice             // something a person should see even when all goes well
)

// Event is one thing that happened. Text may hold text from outside (package
// names, build output): displays print it through their sanitiser.
type Event struct {
	Kind    Kind
	Stage   string
	Text    string
	Done    int64
	Total   int64
	Elapsed time.Duration
	Failed  bool // with End: the stage did not give what it was asked for
}

// Sink takes events. Implementations are safe for concurrent use, never block
// for long and never fail: telling cannot change what is told.
type Sink interface {
	Emit(Event)
}

// Discard is a Sink that shows nothing.
var Discard Sink = discard{}

type discard struct{}

func (discard) Emit(Event) {}
