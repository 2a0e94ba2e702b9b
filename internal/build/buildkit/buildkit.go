// Package buildkit builds images with BuildKit, whoever runs it: a controller in
// our own process (Embedded, whose controller is the child package), or any
// daemon that a build.Connection leads to (Builder). The Dockerfile frontend is
// always the one linked here, so that a Dockerfile means the same, and gives the
// same digest, behind every door.
package buildkit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/worker/label"
	"github.com/sirupsen/logrus"
	"golang.org/x/mod/semver"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/build/buildkit/controller"
	"github.com/plimsoll-ci/plimsoll/internal/build/buildkit/shipment"
	"github.com/plimsoll-ci/plimsoll/internal/cache"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
)

// Builder is a build.Builder over any BuildKit.
type Builder struct {
	// Door is what results and errors call it, one of build's constants.
	Door string
	// Connect opens a way to the BuildKit, for each build anew.
	Connect build.Connect
	// Store is where a BuildKit that cannot export OCI leaves the image; nil exports OCI.
	Store build.Store
	// NewName names the image in the store until it is removed again; nil takes a
	// random name. An engine that removes what killed runs left behind knows its own.
	NewName func() string
	// Credentials returns what a registry host ("ghcr.io", "127.0.0.1:5000",
	// "index.docker.io" for Docker Hub) wants to see; an empty secret is anonymous,
	// and an empty user with a secret is an identity token. Nil is anonymous
	// everywhere. A host is told its own credentials only.
	Credentials func(host string) (user, secret string, err error)
	// Actions is how GitHub's cache is reached, for caches of type gha.
	Actions cache.ActionsService
}

// Build builds one image for one platform into an OCI layout at spec.Output, with
// its provenance beside it in "<Output>.provenance.json" where the builder gives
// one. Errors are those of build.Builder; a builder that goes away half-way is an
// ordinary error. When it returns, nothing of the build is left but caches.
func (b *Builder) Build(ctx context.Context, spec build.Spec, sink progress.Sink) (build.Result, error) {
	if sink == nil {
		sink = progress.Discard
	}
	if err := build.Check(spec, b.Door); err != nil {
		return build.Result{}, err
	}
	in, err := readInput(spec)
	if err != nil {
		return build.Result{}, err
	}
	if err := shipment.CheckOutput(spec.Output); err != nil {
		return build.Result{}, err
	}
	partial := spec.Output + ".partial"
	defer os.RemoveAll(partial)
	if err := os.RemoveAll(partial); err != nil {
		return build.Result{}, fmt.Errorf("clearing the output directory: %w", err)
	}
	conn, err := b.Connect(ctx, spec, sink)
	if err != nil {
		return build.Result{}, b.named(err)
	}
	s := &solve{Builder: b, conn: conn, spec: spec, in: in, sink: sink, partial: partial}
	err = s.run(ctx)
	if conn.Close != nil {
		err = errors.Join(err, conn.Close())
	}
	if err != nil {
		return build.Result{}, err
	}
	return s.finish()
}

// AsDoor is this builder for build.Auto, with Ready as its readiness. A door whose
// connection starts something wants a lighter question.
func (b *Builder) AsDoor() build.Door {
	return build.Door{Name: b.Door, Builder: b, Ready: b.Ready}
}

// Ready says whether the builder can be reached and can give what Build needs of it.
func (b *Builder) Ready(ctx context.Context, spec build.Spec) error {
	conn, err := b.Connect(ctx, spec, progress.Discard)
	if err != nil {
		return b.named(err)
	}
	c, _, err := b.reach(ctx, conn)
	if err == nil {
		err = c.Close()
	}
	if conn.Close != nil {
		err = errors.Join(err, conn.Close())
	}
	return err
}

// answerTime is how long a builder may take to answer the first question. One
// that has to be started through kubectl takes seconds.
const answerTime = 20 * time.Second

// errGone is why a stream is not opened twice: a builder that was started anew
// knows nothing of our build.
var errGone = errors.New("the connection ended")

// reach makes a client of a connection and asks it who is there. It returns
// *build.UnavailableError when nobody answers, or one that cannot give an image.
func (b *Builder) reach(ctx context.Context, conn *build.Connection) (*client.Client, *client.WorkerInfo, error) {
	// The client's half of BuildKit, and the HTTP/2 server of its session, log here
	// what has no context.
	logrus.SetOutput(io.Discard)
	log.SetOutput(io.Discard)
	var dialled atomic.Bool
	refused := make(chan error, 1)
	opts := []client.ClientOpt{client.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
		if dialled.Swap(true) {
			return nil, errGone
		}
		stream, err := conn.Dial(ctx)
		if err != nil {
			refused <- err
		}
		return stream, err
	})}
	if conn.Session != nil {
		opts = append(opts, client.WithSessionDialer(conn.Session))
	}
	c, err := client.New(ctx, "passthrough:///"+b.Door, opts...)
	if err != nil {
		return nil, nil, fmt.Errorf("connecting to the %s builder: %w", b.Door, err)
	}
	asking, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	workers, err := c.ListWorkers(asking)
	if err == nil && len(workers) == 0 {
		err = errors.New("it has no workers")
	}
	if err == nil {
		if err = b.able(workers[0], conn); err == nil {
			return c, workers[0], nil
		}
		return nil, nil, errors.Join(err, c.Close())
	}
	select {
	case dialErr := <-refused:
		err = dialErr
	default:
	}
	_ = c.Close()
	if ctx.Err() != nil {
		return nil, nil, fmt.Errorf("connecting to the %s builder: %w", b.Door, context.Cause(ctx))
	}
	if asking.Err() != nil {
		err = fmt.Errorf("it does not answer within %s", answerTime)
	}
	if _, ok := errors.AsType[*build.UnavailableError](err); ok {
		return nil, nil, b.named(err)
	}
	return nil, nil, b.unavailable(unanswered.ReplaceAllString(plain(err.Error()), "") + lastWords(conn))
}

// unanswered is what gRPC says before it says why nobody answers.
var unanswered = regexp.MustCompile(`^failed to list workers: |Unavailable: |connection error: (?:desc = )?`)

// oldest is the BuildKit that first exported a directory and rewrote the times in
// layers (BuildKit's release notes of v0.11 and v0.13).
const oldest = "v0.13.0"

// able says whether a worker can give an image in the way of this door.
func (b *Builder) able(w *client.WorkerInfo, conn *build.Connection) error {
	if b.Store != nil {
		return nil
	}
	version := w.BuildkitVersion.Version
	if _, ok := w.Labels[label.Snapshotter]; !ok {
		return b.unavailable("its BuildKit cannot export OCI" + who(conn, version))
	}
	if semver.IsValid(version) && semver.Compare(version, "v0.1.0") > 0 && semver.Compare(version, oldest) < 0 {
		return b.unavailable("its BuildKit " + version + " is older than " + oldest)
	}
	return nil
}

// who is a builder in a sentence about it, as far as it is known.
func who(conn *build.Connection, version string) string {
	switch {
	case conn.Detail != "":
		return " (" + conn.Detail + ")"
	case version != "":
		return " (BuildKit " + version + ")"
	}
	return ""
}

// named is an error that says which door was tried: an engine does not know whether
// it was asked to build, or to start a builder.
func (b *Builder) named(err error) error {
	if u, ok := errors.AsType[*build.UnavailableError](err); ok && u.Door == "" {
		return &build.UnavailableError{Door: b.Door, Cause: u.Cause, WaysOut: u.WaysOut}
	}
	return err
}

func (b *Builder) unavailable(cause string) error {
	return &build.UnavailableError{Door: b.Door, Cause: cause, WaysOut: []string{build.WayElsewhere}}
}

// lastWords is what a builder that is gone said, as the end of a sentence.
func lastWords(conn *build.Connection) string {
	if conn.Why == nil {
		return ""
	}
	if why := strings.TrimSpace(conn.Why()); why != "" {
		return " (" + why + ")"
	}
	return ""
}

// detail is a word on how a worker builds.
func detail(w *client.WorkerInfo) string {
	if ours := w.Labels[controller.CapabilityLabel]; ours != "" {
		return ours
	}
	text := "BuildKit"
	if v := w.BuildkitVersion.Version; v != "" {
		text += " " + v
	}
	if s := w.Labels[label.Snapshotter]; s != "" {
		text += ", " + s
	}
	return text
}
