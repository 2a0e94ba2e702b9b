//go:build !linux

package buildkit

import (
	"context"
	"runtime"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
)

// Build always fails: mounting layers needs Linux.
func (*Embedded) Build(context.Context, build.Spec, progress.Sink) (build.Result, error) {
	return build.Result{}, unavailable()
}

// Probe always fails: mounting layers needs Linux.
func (*Embedded) Probe(context.Context) (Capability, error) { return Capability{}, unavailable() }

func unavailable() error {
	return &build.UnavailableError{
		Door:    door,
		Cause:   "it needs Linux, and this is " + runtime.GOOS,
		WaysOut: elsewhere("run plimsoll in a privileged Linux container or virtual machine"),
	}
}
