// Package engine speaks to Docker's engine, or to one that answers like it
// (Podman), through its socket. It opens the streams that carry BuildKit's gRPC:
// into the engine's own BuildKit (Engine.BuildKit, Engine.Session), and into a
// sibling, a container of our own image that runs our builder (Engine.Sibling).
// It saves images that the engine built, and removes them.
//
// No path of the host is ever named: where we run in a container our paths mean
// nothing to the engine, so contexts stream and caches lie in volumes.
//
// # What a sibling is allowed
//
// It gets sixteen capabilities, two system calls more than Docker's default
// seccomp profile has, and no AppArmor profile. It is not privileged, sees no
// device and no directory of the host. Each right was taken away alone, with a
// Dockerfile that unpacks a root file system and runs programs as root and as
// another user (Docker 20.10.24, runc 1.1.5, kernel 6.18, cgroup v1 and v2; the
// test TestSiblingNeedsEachRight repeats it):
//
//	without                what happens
//	SYS_ADMIN              no mount at all: neither overlayfs nor a bind mount
//	NET_ADMIN              RUN --network=none: the loopback device cannot be brought up
//	CHOWN, DAC_OVERRIDE,
//	FOWNER                 ADD and COPY of a tree with owners and modes
//	SETGID                 every RUN: "setgroups: operation not permitted"
//	FSETID, MKNOD, NET_RAW,
//	SETUID, SETFCAP,
//	SETPCAP, SYS_CHROOT,
//	NET_BIND_SERVICE,
//	KILL, AUDIT_WRITE      every RUN: these are what a RUN step is given, and nobody
//	                       can give what he does not have ("unable to apply caps")
//	keyctl, pivot_root     every RUN: runc makes a session keyring and changes the root
//	writable cgroups       every RUN: "mkdir /sys/fs/cgroup/…: read-only file system";
//	                       see WritableCgroups, which needs no right beyond SYS_ADMIN
//	a volume               nothing fails, but overlayfs does not stand on the
//	                       container's own overlayfs: every layer is copied in full
//
// The same siblings build on moby v2.0.0-beta.15 with containerd 2.4.2 and runc
// 1.5.2, and one on Podman 4.3.1, with seccomp=unconfined, because Podman reads a
// profile from its own disk. That Podman did not remove siblings that had ended by
// themselves; Sweep does.
//
// Not needed, against what is often written: SYS_RESOURCE, SYS_PTRACE and the rest
// of --cap-add ALL, systempaths=unconfined, and /sys/fs/cgroup of the host. Docker's
// AppArmor profile denies mount (moby, profiles/apparmor/template.go); SELinux's
// container type does as well. Neither was at hand to try; they are switched off
// for the sibling only where the engine says that it uses them.
// No-new-privileges stays off: it would break su and sudo in RUN.
package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/client"

	"github.com/plimsoll-ci/plimsoll/internal/build"
)

// DefaultHost is where the engine is looked for when nothing else is said.
const DefaultHost = "unix:///var/run/docker.sock"

// defaultPatience is how long the engine may take for a short answer. A loaded
// engine takes seconds to list its images.
const defaultPatience = 15 * time.Second

// Options of Open. The zero value takes the default host and no environment.
type Options struct {
	// Host is an endpoint such as "unix:///run/docker.sock" or "tcp://10.0.0.2:2376";
	// empty takes DOCKER_HOST, then DefaultHost.
	Host string
	// Getenv gives DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH, and the
	// variables of a proxy, which a sibling is given too; nil is an empty environment.
	Getenv func(string) string
	// Patience bounds connecting and short calls; 0 means 15 seconds.
	Patience time.Duration
}

func (o Options) getenv(name string) string {
	if o.Getenv == nil {
		return ""
	}
	return o.Getenv(name)
}

// Engine is an engine that answered.
type Engine struct {
	api      *client.Client
	endpoint *endpoint
	getenv   func(string) string
	patience time.Duration
	system   string // "linux", "windows"
}

// Open finds the engine and speaks to it once. Where none can be used it returns
// a *build.UnavailableError without a door, whose cause is exactly what is wrong:
// no socket, a directory in its place, no permission, nobody who answers, or
// answers that cannot be understood. Close must be called.
func Open(ctx context.Context, opts Options) (*Engine, error) {
	host := cmp.Or(opts.Host, opts.getenv("DOCKER_HOST"), DefaultHost)
	end, err := find(host, opts)
	if err != nil {
		return nil, err
	}
	e := &Engine{endpoint: end, getenv: opts.getenv, patience: cmp.Or(opts.Patience, defaultPatience)}
	transport := &http.Transport{TLSClientConfig: end.tls, MaxIdleConns: 6, IdleConnTimeout: 30 * time.Second}
	scheme := "http"
	if end.tls != nil {
		scheme = "https"
	}
	e.api, err = client.New(
		client.WithHTTPClient(&http.Client{Transport: transport, CheckRedirect: client.CheckRedirect}),
		client.WithHost(host),
		// After WithHost, which sets a dialer and a proxy of its own.
		client.WithDialContext(func(ctx context.Context, _, _ string) (net.Conn, error) { return end.dial(ctx) }),
		client.WithScheme(scheme),
	)
	if err != nil {
		return nil, unreachable(host, err.Error(), "correct DOCKER_HOST")
	}
	if err := e.greet(ctx, host); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// greet connects, to tell a refused connection from a silent one, and agrees on a
// version of the API: the client speaks 1.40 (Docker 19.03) and up.
func (e *Engine) greet(ctx context.Context, host string) error {
	waiting, cancel := context.WithTimeout(ctx, e.patience)
	defer cancel()
	conn, err := e.endpoint.dial(waiting)
	if err == nil {
		err = conn.Close()
	}
	if err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("connecting to the engine: %w", context.Cause(ctx))
		}
		return e.endpoint.explain(host, err)
	}
	ping, err := e.api.Ping(waiting, client.PingOptions{NegotiateAPIVersion: true})
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("greeting the engine: %w", context.Cause(ctx))
	case waiting.Err() != nil:
		return unreachable(host, fmt.Sprintf("something accepts connections at %s and did not answer within %s", host, e.patience), "start the engine anew")
	case err != nil:
		return unreachable(host, fmt.Sprintf("what answers at %s is not an engine that can be used: %v", host, err), "check that DOCKER_HOST names Docker's engine, version 19.03 or newer")
	}
	e.system = cmp.Or(ping.OSType, "linux")
	return nil
}

// Close ends idle connections.
func (e *Engine) Close() error { return e.api.Close() }

// short bounds a call whose answer is short.
func (e *Engine) short(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, e.patience, fmt.Errorf("the engine did not answer within %s", e.patience))
}

// lastTime is how long tidying up may take once a run has been stopped; the whole
// of Plimsoll has 5 seconds then.
const lastTime = 3 * time.Second

// tidy bounds what is done to leave nothing behind, also after a signal.
func (e *Engine) tidy(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Err() == nil {
		return e.short(ctx)
	}
	return context.WithTimeoutCause(context.WithoutCancel(ctx), lastTime, fmt.Errorf("the engine did not answer within %s", lastTime))
}

// Lazily gives a function that opens the engine when it is first called, and from
// then on tells the same engine, or the same *build.UnavailableError: the doors
// that go through one socket look at it once.
func Lazily(opts Options) func(context.Context) (*Engine, error) {
	var (
		mu     sync.Mutex
		engine *Engine
		failed *build.UnavailableError
	)
	return func(ctx context.Context) (*Engine, error) {
		mu.Lock()
		defer mu.Unlock()
		if engine != nil {
			return engine, nil
		}
		if failed != nil {
			return nil, failed
		}
		opened, err := Open(ctx, opts)
		if errors.As(err, &failed) {
			return nil, failed
		}
		engine = opened
		return engine, err
	}
}

// unreachable is an error about an engine that cannot be used from here.
func unreachable(host, cause, first string) *build.UnavailableError {
	u := &build.UnavailableError{Cause: cause, WaysOut: []string{first}}
	if strings.HasPrefix(host, "unix://") {
		u.WaysOut = append(u.WaysOut, "set DOCKER_HOST to where the engine listens")
	}
	return u
}

// parseHost splits an endpoint.
func parseHost(host string) (*url.URL, error) {
	at, err := client.ParseHostURL(host)
	if err != nil {
		return nil, unreachable(host, fmt.Sprintf("DOCKER_HOST is %q, which is no endpoint", host), "write it as unix:///path or tcp://host:port")
	}
	return at, nil
}
