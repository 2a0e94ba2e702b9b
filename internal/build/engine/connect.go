package engine

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
)

// Opener opens the engine; Lazily gives one.
type Opener func(context.Context) (*Engine, error)

// ToBuildKit connects to the engine's own BuildKit, for the named door.
func ToBuildKit(open Opener, door string) build.Connect {
	return func(ctx context.Context, _ build.Spec, _ progress.Sink) (*build.Connection, error) {
		e, err := open(ctx)
		if err == nil {
			err = e.HasBuildKit(ctx)
		}
		if err != nil {
			return nil, named(err, door)
		}
		return &build.Connection{Dial: e.BuildKit, Session: e.Session}, nil
	}
}

// Siblings is the sibling door: it connects to a builder of ours in a container
// beside the one we run in.
type Siblings struct {
	Open Opener
	// Command is the program in our image, and its arguments, that serves BuildKit's
	// gRPC on its standard input and output, with its cache below CachePath.
	Command func(build.Spec) []string
	// CacheVolume is the volume of the cache; empty takes CacheVolume, the constant.
	CacheVolume string
	// CacheLimit is what the cache may hold after a build, in bytes.
	CacheLimit int64
}

// Ready says whether a sibling could be started, without starting one.
func (s *Siblings) Ready(ctx context.Context, _ build.Spec) error {
	_, _, err := s.find(ctx)
	return named(err, build.DoorSibling)
}

func (s *Siblings) find(ctx context.Context) (*Engine, Own, error) {
	e, err := s.Open(ctx)
	if err != nil {
		return nil, Own{}, err
	}
	own, err := e.ReadyForSibling(ctx)
	return e, own, err
}

// Connect implements build.Connect. What the sibling writes on its standard error
// are notices. Closing the connection waits until the sibling is gone.
func (s *Siblings) Connect(ctx context.Context, spec build.Spec, sink progress.Sink) (*build.Connection, error) {
	e, own, err := s.find(ctx)
	if err != nil {
		return nil, named(err, build.DoorSibling)
	}
	return s.connect(ctx, e, own, spec, sink)
}

func (s *Siblings) connect(ctx context.Context, e *Engine, own Own, spec build.Spec, sink progress.Sink) (*build.Connection, error) {
	sibling, err := e.Sibling(ctx, SiblingOptions{
		Own: own, Command: s.Command(spec), CacheVolume: cmp.Or(s.CacheVolume, CacheVolume),
		Stderr: func(line string) {
			if line = strings.TrimSpace(line); line != "" {
				sink.Emit(progress.Event{Kind: progress.Notice, Stage: stage, Text: line})
			}
		},
	})
	if err != nil {
		return nil, err
	}
	return &build.Connection{
		Dial:  sibling.dial,
		Close: func() error { return sibling.Close(ctx) },
		Why:   sibling.Why, CacheLimit: s.CacheLimit,
	}, nil
}

// stage is what progress calls a build.
const stage = "build"

// named says which door an unavailable engine closes.
func named(err error, door string) error {
	unavailable, ok := errors.AsType[*build.UnavailableError](err)
	if !ok || unavailable.Door != "" {
		return err
	}
	return &build.UnavailableError{Door: door, Cause: unavailable.Cause, WaysOut: unavailable.WaysOut}
}
