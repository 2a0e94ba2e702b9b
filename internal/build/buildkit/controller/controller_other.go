//go:build !linux

package controller

import (
	"context"
	"net"
	"runtime"
)

// Controller does not exist here: mounting layers needs Linux.
type Controller struct {
	Capability Capability
	Private    bool
}

// Open always fails with *build.UnavailableError.
func Open(context.Context, Options) (*Controller, error) { return nil, elsewhere() }

// Serve always fails with *build.UnavailableError.
func Serve(context.Context, net.Conn, Options) error { return elsewhere() }

// Probe always fails with *build.UnavailableError.
func Probe(context.Context, Options) (Capability, error) { return Capability{}, elsewhere() }

// Dial always fails with *build.UnavailableError.
func (*Controller) Dial(context.Context) (net.Conn, error) { return nil, elsewhere() }

// Close does nothing.
func (*Controller) Close() error { return nil }

func elsewhere() error {
	return unavailable("it needs Linux, and this is "+runtime.GOOS, "run plimsoll in a privileged Linux container or virtual machine")
}
