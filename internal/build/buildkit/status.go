package buildkit

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"

	"github.com/plimsoll-ci/plimsoll/internal/progress"
)

// stage is what progress calls a build.
const stage = "build"

// maxLog is how many of the last lines of a step are kept for its error.
const maxLog = 20

// maxLine is how much of one line is kept, in bytes.
const maxLine = 4096

// mask stands for a secret in what is told.
const mask = "***"

// teller turns BuildKit's status into progress, and remembers what an error will
// have to say. It is used by one goroutine until that ends.
type teller struct {
	sink    progress.Sink
	secrets [][]byte // the longest first
	steps   map[digest.Digest]*told
}

// told is what is known of a vertex.
type told struct {
	name    string
	begun   bool
	ended   bool
	failed  string
	partial []byte
	log     []string
}

// newTeller makes a teller that shows no secret, whole or by line.
func newTeller(sink progress.Sink, secrets map[string][]byte) *teller {
	t := &teller{sink: sink, steps: map[digest.Digest]*told{}}
	for _, secret := range secrets {
		for line := range bytes.Lines(secret) {
			// Shorter ones are in every word; to mask them would tell them.
			if line = bytes.TrimSpace(line); len(line) >= 4 {
				t.secrets = append(t.secrets, line)
			}
		}
	}
	slices.SortFunc(t.secrets, func(a, b []byte) int { return cmp.Compare(len(b), len(a)) })
	return t
}

// tell reads status until the channel closes.
func (t *teller) tell(status <-chan *client.SolveStatus) {
	for s := range status {
		for _, v := range s.Vertexes {
			t.vertex(v)
		}
		for _, v := range s.Statuses {
			if step := t.steps[v.Vertex]; step != nil {
				t.sink.Emit(progress.Event{
					Kind: progress.Count, Stage: stage, Text: t.clean(cmp.Or(v.Name, v.ID)),
					Done: v.Current, Total: v.Total,
				})
			}
		}
		for _, l := range s.Logs {
			t.log(l.Vertex, l.Data)
		}
		for _, w := range s.Warnings {
			t.sink.Emit(progress.Event{Kind: progress.Log, Stage: stage, Text: "warning: " + t.clean(string(w.Short))})
		}
	}
	for _, step := range t.steps {
		t.line(step, step.partial)
	}
}

func (t *teller) vertex(v *client.Vertex) {
	step := t.steps[v.Digest]
	if step == nil {
		step = &told{name: t.clean(v.Name)}
		t.steps[v.Digest] = step
	}
	if v.Started != nil && !step.begun {
		step.begun = true
		t.sink.Emit(progress.Event{Kind: progress.Step, Stage: stage, Text: step.name})
	}
	if v.Error != "" {
		step.failed = t.clean(v.Error)
	}
	if v.Completed == nil || v.Started == nil || step.ended {
		return
	}
	step.ended = true
	how := " DONE"
	switch {
	case v.Error != "":
		how = " FAILED"
	case v.Cached:
		how = " CACHED"
	}
	t.sink.Emit(progress.Event{Kind: progress.Step, Stage: stage, Text: step.name + how, Elapsed: max(v.Completed.Sub(*v.Started), time.Nanosecond)})
}

// log takes a piece of output, which ends anywhere.
func (t *teller) log(vertex digest.Digest, data []byte) {
	step := t.steps[vertex]
	if step == nil {
		step = &told{}
		t.steps[vertex] = step
	}
	step.partial = append(step.partial, data...)
	for {
		line, rest, ok := bytes.Cut(step.partial, []byte("\n"))
		if !ok {
			break
		}
		t.line(step, line)
		step.partial = rest
	}
	if len(step.partial) > maxLine {
		t.line(step, step.partial)
		step.partial = nil
	}
}

func (t *teller) line(step *told, raw []byte) {
	// A progress bar rewrites its line; what it last said counts.
	raw = bytes.TrimRight(raw, "\r")
	if i := bytes.LastIndexByte(raw, '\r'); i >= 0 {
		raw = raw[i+1:]
	}
	if len(raw) == 0 {
		return
	}
	text := t.clean(string(raw[:min(len(raw), maxLine)]))
	t.sink.Emit(progress.Event{Kind: progress.Log, Stage: stage, Text: text})
	step.log = append(step.log, text)
	if len(step.log) > maxLog {
		step.log = slices.Delete(step.log, 0, len(step.log)-maxLog)
	}
}

// clean masks secrets and mends what is not text.
func (t *teller) clean(text string) string {
	for _, secret := range t.secrets {
		text = strings.ReplaceAll(text, string(secret), mask)
	}
	return strings.ToValidUTF8(text, "�")
}

// failure is the vertex that failed: the one named, else the first by name that
// has an error of its own.
func (t *teller) failure(named digest.Digest) *told {
	if step := t.steps[named]; step != nil {
		return step
	}
	var found *told
	for _, step := range t.steps {
		if step.failed != "" && !strings.Contains(step.failed, context.Canceled.Error()) && (found == nil || step.name < found.name) {
			found = step
		}
	}
	if found == nil {
		found = &told{}
	}
	return found
}
