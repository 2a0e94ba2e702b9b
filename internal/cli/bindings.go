package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/stack"
	"github.com/plimsoll-ci/plimsoll/internal/lint/stack/binding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// bindings prints which container, stage and service are one image. What could not be
// read is said, and leaves the table without it.
func (r *runner) bindings(ctx context.Context, tree *source.Tree) (int, error) {
	opts := r.lintOptions()
	looked, err := lint.Look(ctx, r.env.deps.linters(), nil, tree, opts)
	if err != nil {
		return ExitIndeterminate, err
	}
	if _, err := io.WriteString(r.env.stdout, binding.Table(stack.Bindings(looked.Models, opts))); err != nil {
		return ExitIndeterminate, fmt.Errorf("printing the bindings: %w", err)
	}
	if unread := looked.Report().Unread; len(unread) > 0 {
		return ExitIndeterminate, fmt.Errorf("reading %s: %s", unread[0].Location.Path, unread[0].Cause)
	}
	return ExitPass, nil
}
