//go:build slim

package doors

import (
	"context"
	"os"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

// New has no doors to offer.
var New func(build.Options) build.Builder

// Serve has no builder to serve.
var Serve func(ctx context.Context, in, out *os.File) error

// Check has no checks of BuildKit to run.
var Check func() dockerfile.Checker
