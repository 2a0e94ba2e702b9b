//go:build !slim

package doors

import (
	"github.com/plimsoll-ci/plimsoll/internal/build/buildkit/check"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

// Check returns BuildKit's own checks on Dockerfiles.
func Check() dockerfile.Checker { return check.New() }
