package build

import (
	"context"
	"io"
	"net"

	"github.com/plimsoll-ci/plimsoll/internal/progress"
)

// Names of doors: the ways to a builder, in the order that auto tries them.
const (
	DoorAuto     = "auto"     // the first that is ready
	DoorRemote   = "remote"   // an endpoint that was named
	DoorDocker   = "docker"   // the engine's own BuildKit, which can export OCI
	DoorSibling  = "sibling"  // a container beside us, started through the engine, that runs our builder
	DoorEngine   = "engine"   // the engine builds and saves: one platform, no cache export
	DoorEmbedded = "embedded" // our builder in this process
)

// Connection is a way to a BuildKit, whoever runs it. What implements a door
// gives one; what builds closes it.
type Connection struct {
	// Dial opens the stream that carries gRPC. It is called at most once, so that a
	// builder that dies is never mistaken for one that starts anew.
	Dial func(context.Context) (net.Conn, error)
	// Session opens a further stream for the session, by which the builder reads the
	// context, secrets and credentials from us; nil sends it through the first
	// stream. Docker's engine wants it (POST /session, with meta as its headers).
	Session func(ctx context.Context, proto string, meta map[string][]string) (net.Conn, error)
	// Close ends whatever was started for the connection; nil when nothing was.
	Close func() error
	// Why is asked for the last words of a builder that went away, such as what its
	// container wrote before it ended; nil or "" when nothing is known.
	Why func() string
	// Detail is a word on how, for Result.Detail; empty takes what the builder says of itself.
	Detail string
	// Notes go to Result.Notes.
	Notes []string
	// CacheLimit is what a builder of ours may keep after a build, in bytes; 0 leaves
	// the builder's cache alone, as one that others use too wants it.
	CacheLimit int64
}

// Connect opens a way to a BuildKit for one build. It returns *UnavailableError
// where there is none.
type Connect func(context.Context, Spec, progress.Sink) (*Connection, error)

// Store is an engine's image store, for a BuildKit that can leave images there only.
type Store interface {
	// Save gives the image of a name as "docker save" writes it.
	Save(ctx context.Context, name string) (io.ReadCloser, error)
	// Remove takes the name away again, and the image with it when nothing else needs it.
	Remove(ctx context.Context, name string) error
}
