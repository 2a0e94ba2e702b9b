package pipeline_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/pipeline"
	"github.com/plimsoll-ci/plimsoll/internal/policy"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// stage notes that it ran and ends as told.
func stage(name string, ran *[]string, err error) pipeline.Stage {
	return pipeline.Stage{Name: name, Run: func(context.Context, *pipeline.State, progress.Sink) (string, error) {
		*ran = append(*ran, name)
		return "", err
	}}
}

func strictly(s *pipeline.State) verdict.Verdict {
	return policy.Policy{FailOn: finding.High, LintFailOn: finding.High}.Evaluate(policy.Seen{Findings: s.Findings(), Unread: s.Unread(), Failures: s.Failures})
}

func TestEveryLookRunsWhateverTheOthersReturn(t *testing.T) {
	t.Parallel()
	var ran []string
	way := pipeline.Way{
		Look:   [][]pipeline.Stage{{stage("first", &ran, errors.New("no"))}, {stage("second", &ran, nil)}},
		Decide: strictly,
		Act:    []pipeline.Stage{stage("push", &ran, nil)},
	}
	state := way.Run(t.Context(), progress.Discard, time.Now)
	if diff := cmp.Diff([]string{"first", "second"}, ran); diff != "" {
		t.Errorf("stages that ran (-want +got):\n%s", diff)
	}
	if state.Verdict.Decision != verdict.Indeterminate {
		t.Errorf("verdict %s; want indeterminate, because nobody knows what the first stage would have seen", state.Verdict.Decision)
	}
}

// Whoever of a group ends first, they are told in their order: the same result
// gives the same report.
func TestStagesAreToldInTheirOrder(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	last := pipeline.Stage{Name: "first", Run: func(context.Context, *pipeline.State, progress.Sink) (string, error) {
		<-ended
		time.Sleep(time.Millisecond) // for the other one's record
		return "", errors.New("no")
	}}
	first := pipeline.Stage{Name: "second", Run: func(context.Context, *pipeline.State, progress.Sink) (string, error) {
		close(ended)
		return "", errors.New("no")
	}}
	state := pipeline.Way{Look: [][]pipeline.Stage{{last, first}}, Decide: strictly}.Run(t.Context(), progress.Discard, time.Now)
	var got []string
	for _, s := range state.Stages {
		got = append(got, s.Name)
	}
	for _, f := range state.Failures {
		got = append(got, f.Stage)
	}
	if diff := cmp.Diff([]string{"first", "second", "first", "second"}, got); diff != "" {
		t.Errorf("stages and failures (-want +got):\n%s", diff)
	}
}

func TestActsEndAtTheFirstError(t *testing.T) {
	t.Parallel()
	var ran []string
	way := pipeline.Way{
		Decide: strictly,
		Act:    []pipeline.Stage{stage("push", &ran, nil), stage("sign", &ran, errors.New("denied")), stage("tag", &ran, nil)},
	}
	state := way.Run(t.Context(), progress.Discard, time.Now)
	if diff := cmp.Diff([]string{"push", "sign"}, ran); diff != "" {
		t.Errorf("stages that ran (-want +got):\n%s", diff)
	}
	if state.Verdict.Decision != verdict.Pass || state.Acted == nil || state.Acted.Done || state.Acted.Error != "sign: denied" {
		t.Errorf("verdict %s, acted %+v; want a pass that could not be acted on", state.Verdict.Decision, state.Acted)
	}
}

func TestAFailedBuildIsAFailOnItsLine(t *testing.T) {
	t.Parallel()
	at := finding.Location{Path: "Dockerfile", Line: 7}
	var ran []string
	for name, test := range map[string]struct {
		err  error
		want verdict.Decision
	}{
		"it ran and failed": {&build.FailedError{Location: at, Step: "RUN false", Err: errors.New("exit code 1")}, verdict.Fail},
		"it cannot run":     {&build.UnavailableError{Door: "embedded", Cause: "may not mount", WaysOut: []string{"run as root"}}, verdict.Indeterminate},
		"nobody knows":      {errors.New("registry away"), verdict.Indeterminate},
	} {
		t.Run(name, func(t *testing.T) {
			way := pipeline.Way{Look: [][]pipeline.Stage{{stage("build", &ran, test.err)}}, Decide: strictly, Act: []pipeline.Stage{stage("push", &ran, nil)}}
			state := way.Run(t.Context(), progress.Discard, time.Now)
			if state.Verdict.Decision != test.want {
				t.Errorf("verdict %s; want %s", state.Verdict.Decision, test.want)
			}
			if test.want == verdict.Fail && state.Verdict.Reasons[0].Location != at {
				t.Errorf("reason at %+v; want %+v", state.Verdict.Reasons[0].Location, at)
			}
			if slices.Contains(ran, "push") {
				t.Error("pushed without a pass")
			}
		})
	}
}

func TestAPanicIsAFailureOfItsStage(t *testing.T) {
	t.Parallel()
	way := pipeline.Way{Decide: strictly, Look: [][]pipeline.Stage{{{
		Name: "inspect",
		Run: func(context.Context, *pipeline.State, progress.Sink) (string, error) {
			var names []string
			return names[3], nil
		},
	}}}}
	state := way.Run(t.Context(), progress.Discard, time.Now)
	if state.Verdict.Decision != verdict.Indeterminate || !strings.Contains(state.Verdict.Reasons[0].Message, "panicked") {
		t.Errorf("verdict %+v; want indeterminate, naming the panic", state.Verdict)
	}
}

func TestASignalLeavesTheVerdictOpen(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("stopped")
	var ran []string
	way := pipeline.Way{
		Look: [][]pipeline.Stage{
			{{Name: "build", Run: func(context.Context, *pipeline.State, progress.Sink) (string, error) { cancel(reason); return "", nil }}},
			{stage("inspect", &ran, nil)},
		},
		Decide: strictly, Act: []pipeline.Stage{stage("push", &ran, nil)},
	}
	state := way.Run(ctx, progress.Discard, time.Now)
	if len(ran) > 0 {
		t.Errorf("ran %v; want nothing more", ran)
	}
	if state.Verdict.Decision != verdict.Indeterminate || state.Verdict.Reasons[0].Message != "stopped" {
		t.Errorf("verdict %+v; want indeterminate, because it was stopped", state.Verdict)
	}
}

// What was seen before time ran out still counts: fail wins.
func TestAFailOutlivesATimeout(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	way := pipeline.Way{
		Look: [][]pipeline.Stage{{{Name: "build", Run: func(context.Context, *pipeline.State, progress.Sink) (string, error) {
			cancel(errors.New("the time is over"))
			return "", &build.FailedError{Err: errors.New("exit code 1")}
		}}}},
		Decide: strictly,
	}
	state := way.Run(ctx, progress.Discard, time.Now)
	if state.Verdict.Decision != verdict.Fail || !state.Verdict.Incomplete {
		t.Errorf("verdict %+v; want an incomplete fail", state.Verdict)
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	targets, err := pipeline.Targets([]string{"ghcr.io/acme/app:1", "localhost:5000/app", "ghcr.io/acme/app:latest"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, target := range targets {
		for _, tag := range target.Tags {
			got = append(got, target.Repository.Name()+" "+tag.TagStr())
		}
	}
	if diff := cmp.Diff([]string{"ghcr.io/acme/app 1", "ghcr.io/acme/app latest", "localhost:5000/app latest"}, got); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
	for _, bad := range []string{"UPPER/case", "app@sha256:" + strings.Repeat("0", 64), "a b"} {
		if _, err := pipeline.Targets([]string{bad}); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%q: error %v; want one that names it", bad, err)
		}
	}
}
