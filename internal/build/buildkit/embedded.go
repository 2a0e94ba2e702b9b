package buildkit

import (
	"cmp"
	"context"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/build/buildkit/controller"
	"github.com/plimsoll-ci/plimsoll/internal/cache"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
)

// DefaultCacheLimit bounds the cache of a builder of ours in bytes, as the cache of
// GitHub Actions does.
const DefaultCacheLimit = 10 << 30

// Embedded is a build.Builder that runs BuildKit's controller in this process. It
// works on Linux, where mounting is allowed. The zero value is ready for use.
type Embedded struct {
	// Credentials are as Builder's.
	Credentials func(host string) (user, secret string, err error)
	// Actions is as Builder's.
	Actions cache.ActionsService
	// Runtime is the program that runs containers; empty takes runc or crun from PATH.
	Runtime string
	// CacheLimit is what the cache may hold after a build, in bytes; 0 means 10 GiB.
	CacheLimit int64
	// Patience is how long to wait for another build that uses the same cache
	// before taking a private one; 0 means 10 seconds.
	Patience time.Duration
}

// Build builds as Builder does, and keeps its cache below spec.CacheDir, or none
// when that is empty. When it returns, no process, mount or listener is left.
func (e *Embedded) Build(ctx context.Context, spec build.Spec, sink progress.Sink) (build.Result, error) {
	b := Builder{Door: build.DoorEmbedded, Connect: e.connect, Credentials: e.Credentials, Actions: e.Actions}
	return b.Build(ctx, spec, sink)
}

// Ready says whether mounting is allowed here.
func (e *Embedded) Ready(ctx context.Context, _ build.Spec) error {
	_, err := e.Probe(ctx)
	return err
}

// Probe says what embedded builds can use here; see controller.Probe.
func (e *Embedded) Probe(ctx context.Context) (controller.Capability, error) {
	return controller.Probe(ctx, controller.Options{Runtime: e.Runtime})
}

func (e *Embedded) connect(ctx context.Context, spec build.Spec, sink progress.Sink) (*build.Connection, error) {
	c, err := controller.Open(ctx, controller.Options{
		CacheDir: spec.CacheDir, Runtime: e.Runtime, Patience: e.Patience, Insecure: spec.InsecureRegistries,
		Notice: func(text string) { sink.Emit(progress.Event{Kind: progress.Notice, Stage: stage, Text: text}) },
	})
	if err != nil {
		return nil, err
	}
	conn := &build.Connection{
		Dial: c.Dial, Close: c.Close,
		Detail: c.Capability.String(), CacheLimit: cmp.Or(e.CacheLimit, DefaultCacheLimit),
	}
	if c.Private && spec.CacheDir != "" {
		conn.Notes = []string{"the build cache was not used: another build held it"}
	}
	return conn, nil
}
