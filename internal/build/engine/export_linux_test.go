package engine

import (
	"context"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
)

// Play lets a test outside this package add a program to the test image.
func Play(name string, play func(context.Context) error) bool {
	programs[name] = play
	return true
}

// NeedSibling, Program, Rights and SystemCalls are for tests outside this package.
var (
	NeedSibling = needSibling
	NeedEngine  = needEngine
	Program     = program
	Rights      = rights
	SystemCalls = systemCalls
	Gone        = gone
)

// ConnectWith connects to a sibling of the given image whose rights were changed,
// as Siblings.Connect does.
func (e *Engine) ConnectWith(own Own, command []string, change func(*container.HostConfig)) build.Connect {
	return func(ctx context.Context, _ build.Spec, _ progress.Sink) (*build.Connection, error) {
		opts := SiblingOptions{Own: own, Command: command}
		config, host, err := e.siblingConfig(ctx, opts)
		if err != nil {
			return nil, err
		}
		change(host)
		s, err := e.run(ctx, config, host, opts)
		if err != nil {
			return nil, err
		}
		return &build.Connection{Dial: s.dial, Close: func() error { return s.Close(ctx) }, Why: s.Why}, nil
	}
}

// Connect connects to a sibling of an image.
func (e *Engine) Connect(s *Siblings, own Own) build.Connect {
	return func(ctx context.Context, spec build.Spec, sink progress.Sink) (*build.Connection, error) {
		return s.connect(ctx, e, own, spec, sink)
	}
}

// RemoveSiblingsOf removes the siblings of an image by force, as a person might.
func (e *Engine) RemoveSiblingsOf(t testing.TB, own Own) {
	found, err := e.api.ContainerList(t.Context(), client.ContainerListOptions{Filters: client.Filters{}.Add("label", labelSibling).Add("ancestor", own.Image)})
	if err != nil {
		t.Error(err)
	}
	for _, c := range found.Items {
		if err := e.discard(t.Context(), c.ID); err != nil {
			t.Error(err)
		}
	}
}

// Volume names a volume that the test removes when it ends.
func (e *Engine) Volume(t testing.TB) string {
	name := "plimsoll-test-" + strings.ToLower(unique())
	t.Cleanup(func() { _, _ = e.api.VolumeRemove(context.Background(), name, client.VolumeRemoveOptions{Force: true}) })
	return name
}
