//go:build !slim

package doors

import (
	"context"
	"io"

	"github.com/plimsoll-ci/plimsoll/internal/build/engine"
)

// store is the image store of an engine that is opened when it is needed.
type store struct{ open engine.Opener }

// Save implements build.Store.
func (s store) Save(ctx context.Context, name string) (io.ReadCloser, error) {
	e, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	return e.Save(ctx, name)
}

// Remove implements build.Store.
func (s store) Remove(ctx context.Context, name string) error {
	e, err := s.open(ctx)
	if err != nil {
		return err
	}
	return e.Remove(ctx, name)
}
