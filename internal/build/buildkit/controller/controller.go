// Package controller runs BuildKit's controller in this process: no daemon, no
// socket, no image to pull. It is reached through memory (Open and Dial), or
// through one stream that somebody else opened (Serve), and knows nothing of what
// is built: the Dockerfile frontend runs in its client.
//
// BuildKit and containerd log to a process-wide logger; opening a controller
// silences it. What concerns a build arrives at the client as status instead.
package controller

import (
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/build"
)

// DefaultPatience is how long Open waits for another controller that holds the cache.
const DefaultPatience = 10 * time.Second

// CapabilityLabel is the label of the worker that holds Capability.String, for
// clients in another process.
const CapabilityLabel = "dev.plimsoll.capability"

// NoRuntime begins the error of a RUN where there is no container runtime. Its
// gRPC code is FailedPrecondition.
const NoRuntime = "RUN needs a container runtime, and "

// Options of a controller.
type Options struct {
	// CacheDir is where state is kept between runs; empty is a private directory
	// that is thrown away at the end.
	CacheDir string
	// Runtime is the program that runs containers; empty takes runc or crun from PATH.
	Runtime string
	// Patience is how long to wait for another controller that uses the same cache
	// before taking a private one; 0 means DefaultPatience.
	Patience time.Duration
	// Insecure are registry hosts spoken to over plain HTTP beside localhost.
	Insecure []string
	// Notice is told what a person should know of the cache; nil tells nobody.
	Notice func(text string)
}

// Capability is what a controller can use on this machine.
type Capability struct {
	Snapshotter string // "overlayfs" or "native"
	Runtime     string // path of runc or crun; empty means that RUN cannot be built
	Missing     string // why Runtime is empty
}

// String says it in a few words.
func (c Capability) String() string {
	if c.Runtime == "" {
		return c.Snapshotter + ", no RUN: " + c.Missing
	}
	return c.Snapshotter + ", " + c.Runtime
}

// unavailable is the error of a machine that no controller runs on.
func unavailable(cause string, first ...string) error {
	return &build.UnavailableError{Door: build.DoorEmbedded, Cause: cause, WaysOut: append(first, build.WayElsewhere)}
}
