// Package pipeline is the one way through: some stages look, one decides, the
// rest act, and what happened is told whatever it was. The lists in gate.go,
// read from top to bottom, are the program.
//
// Every command is a selection of the same stages. State holds results only and
// flows forward; settings reach a stage through its constructor.
package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/policy"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// Stage is one step of the way.
type Stage struct {
	Name string
	// Skip says why the stage has nothing to do, or "" when it has. Nil never skips.
	Skip func(*State) string
	// Run does the work and stores its result in the State. The text is a word on
	// what was done, for people.
	Run func(context.Context, *State, progress.Sink) (string, error)
	// Optional says that a failure of the stage decides nothing: it is told, and the
	// verdict is reached without the result.
	Optional bool
}

// Way is the order of a run.
type Way struct {
	// Look holds groups of stages. The stages of a group run side by side, a group
	// begins when the one before has ended, and all of them run whatever the others
	// returned.
	Look [][]Stage
	// Sort marks what was seen as introduced or existing, and as excused. Nil leaves
	// it as it is.
	Sort func(*State)
	// Decide turns the State into a verdict. It alone does.
	Decide func(*State) verdict.Verdict
	// Act stages run one after another, after a pass only, and the first error ends them.
	Act []Stage
}

// Run goes the way and returns what came of it, which can always be told. When
// ctx ends, what was not looked at is a failure among the others, so that the
// verdict is never a pass, and nothing is acted on.
func (w Way) Run(ctx context.Context, sink progress.Sink, now func() time.Time) *State {
	r := &run{sink: sink, now: now, state: &State{}}
	for _, group := range w.Look {
		stages, failures := len(r.state.Stages), len(r.state.Failures)
		var wait sync.WaitGroup
		for _, stage := range group {
			wait.Go(func() { r.look(ctx, stage) })
		}
		wait.Wait()
		// They end in any order and are told in theirs: the same result gives the same report.
		place := func(name string) int { return slices.IndexFunc(group, func(s Stage) bool { return s.Name == name }) }
		slices.SortStableFunc(r.state.Stages[stages:], func(a, b verdict.Stage) int { return cmp.Compare(place(a.Name), place(b.Name)) })
		slices.SortStableFunc(r.state.Failures[failures:], func(a, b policy.Failure) int { return cmp.Compare(place(a.Stage), place(b.Stage)) })
		if ctx.Err() != nil {
			r.state.Failures = append(r.state.Failures, policy.Failure{Stage: "run", Message: context.Cause(ctx).Error()})
			break
		}
	}
	if w.Sort != nil {
		w.Sort(r.state)
	}
	r.state.Verdict = w.Decide(r.state)
	if r.state.Verdict.Decision == verdict.Pass {
		r.act(ctx, w.Act)
	}
	return r.state
}

type run struct {
	sink  progress.Sink
	now   func() time.Time
	mu    sync.Mutex
	state *State
}

// look runs a stage and keeps its failure as data.
func (r *run) look(ctx context.Context, stage Stage) {
	if err := r.one(ctx, stage); err != nil && !stage.Optional {
		r.mu.Lock()
		defer r.mu.Unlock()
		if misuse, ok := errors.AsType[*config.UsageError](err); ok {
			r.state.Misuse = cmp.Or(r.state.Misuse, error(misuse))
		}
		r.state.Failures = append(r.state.Failures, failure(stage.Name, err))
	}
}

// act runs what writes. Nothing after a failed act is tried: a tag never moves to
// what could not be signed.
func (r *run) act(ctx context.Context, stages []Stage) {
	for _, stage := range stages {
		if err := r.one(ctx, stage); err != nil {
			acted := r.state.Acting()
			acted.Done, acted.Error = false, stage.Name+": "+err.Error()
			return
		}
	}
}

func (r *run) one(ctx context.Context, stage Stage) error {
	record := verdict.Stage{Name: stage.Name}
	if stage.Skip != nil {
		if reason := stage.Skip(r.state); reason != "" {
			record.Status, record.Detail = verdict.StageSkipped, reason
			r.keep(record)
			return nil
		}
	}
	start := r.now()
	r.sink.Emit(progress.Event{Kind: progress.Begin, Stage: stage.Name})
	detail, err := guarded(ctx, stage, r.state, r.sink)
	record.Duration = r.now().Sub(start)
	record.Status, record.Detail = verdict.StageRan, detail
	if err != nil {
		record.Status, record.Error = verdict.StageFailed, err.Error()
		if failed, ok := errors.AsType[*build.FailedError](err); ok {
			record.Log = failed.Log
		}
		detail = "failed: " + err.Error()
	}
	r.sink.Emit(progress.Event{Kind: progress.End, Stage: stage.Name, Text: detail, Elapsed: record.Duration, Failed: err != nil})
	r.keep(record)
	return err
}

func (r *run) keep(record verdict.Stage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state.Stages = append(r.state.Stages, record)
}

// guarded turns a panic of a stage into its failure. What runs below includes
// parsers of other people's making on hostile input, and a verdict that dies with
// them would leave nothing told.
func guarded(ctx context.Context, stage Stage, state *State, sink progress.Sink) (detail string, err error) {
	defer func() {
		if p := recover(); p != nil {
			sink.Emit(progress.Event{Kind: progress.Log, Stage: stage.Name, Text: string(debug.Stack())})
			err = fmt.Errorf("the stage panicked: %v; this is a bug of plimsoll, please report it", p)
		}
	}()
	return stage.Run(ctx, state, sink)
}

// failure says what a stage's error means for the verdict.
func failure(stage string, err error) policy.Failure {
	if failed, ok := errors.AsType[*build.FailedError](err); ok {
		message := failed.Error()
		if failed.Step != "" {
			message = fmt.Sprintf("the build failed at %q: %s", failed.Step, message)
		}
		return policy.Failure{Stage: stage, Message: message, Location: failed.Location, Judged: true}
	}
	f := policy.Failure{Stage: stage, Message: err.Error()}
	if _, ok := errors.AsType[*NotBuiltError](err); ok {
		f.Code = "not-built"
	}
	if unavailable, ok := errors.AsType[*build.UnavailableError](err); ok {
		for _, way := range unavailable.WaysOut {
			f.Message += "; " + way
		}
	}
	return f
}
