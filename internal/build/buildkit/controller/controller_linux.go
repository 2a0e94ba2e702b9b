package controller

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"github.com/moby/buildkit/cache/remotecache"
	"github.com/moby/buildkit/cache/remotecache/gha"
	"github.com/moby/buildkit/cache/remotecache/inline"
	localcache "github.com/moby/buildkit/cache/remotecache/local"
	"github.com/moby/buildkit/cache/remotecache/registry"
	"github.com/moby/buildkit/cmd/buildkitd/config"
	"github.com/moby/buildkit/control"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/solver"
	"github.com/moby/buildkit/solver/bboltcachestorage"
	"github.com/moby/buildkit/util/db/boltutil"
	"github.com/moby/buildkit/util/grpcerrors"
	"github.com/moby/buildkit/util/resolver"
	"github.com/moby/buildkit/worker"
	"github.com/sirupsen/logrus"
	bolt "go.etcd.io/bbolt"
	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"

	"github.com/plimsoll-ci/plimsoll/internal/build"
)

// Controller is BuildKit in this process.
type Controller struct {
	Capability Capability
	// Private says that the cache was not used, because another controller held it
	// or because there is none.
	Private bool

	root    *root
	closers []func() error
	server  *grpc.Server
	memory  *bufconn.Listener
}

// Open starts a controller on the cache of opts, locked for us. It says where the
// cache is held by another or damaged, and goes on without it. It returns
// *build.UnavailableError where mounting is not allowed. Close must be called.
func Open(ctx context.Context, opts Options) (*Controller, error) {
	c, err := open(ctx, opts)
	if err != nil {
		return nil, err
	}
	c.memory = bufconn.Listen(1 << 20)
	go func() { _ = c.server.Serve(c.memory) }()
	return c, nil
}

// Dial connects to the controller through memory.
func (c *Controller) Dial(ctx context.Context) (net.Conn, error) { return c.memory.DialContext(ctx) }

// open starts a controller that nothing listens for yet.
func open(ctx context.Context, opts Options) (*Controller, error) {
	if opts.Notice == nil {
		opts.Notice = func(string) {}
	}
	r, err := lockRoot(ctx, opts.CacheDir, cmp.Or(opts.Patience, DefaultPatience), opts.Notice)
	if err != nil {
		return nil, err
	}
	capability, err := probe(ctx, r.dir, opts.Runtime)
	if err != nil {
		return nil, errors.Join(err, r.release())
	}
	c, err := start(ctx, r, capability, opts)
	if err != nil && ctx.Err() == nil && damaged(err) {
		opts.Notice(fmt.Sprintf("the build cache is damaged and starts anew (%v)", err))
		if err := r.clear(); err != nil {
			return nil, errors.Join(err, r.release())
		}
		c, err = start(ctx, r, capability, opts)
	}
	if err != nil {
		return nil, errors.Join(err, r.release())
	}
	return c, nil
}

// start starts a controller on a root; when it fails the root is still locked.
func start(ctx context.Context, r *root, capability Capability, opts Options) (*Controller, error) {
	// Everything of BuildKit and containerd that has no context logs here.
	logrus.SetOutput(io.Discard)
	// The pool keeps hosts of earlier builds, with their settings.
	resolver.DefaultPool.Clear()
	sweep(r.dir)

	c := &Controller{Capability: capability, Private: r.private, root: r}
	if err := c.assemble(ctx, opts.Insecure); err != nil {
		return nil, errors.Join(fmt.Errorf("starting BuildKit in %s: %w", r.dir, err), c.stop())
	}
	return c, nil
}

func (c *Controller) assemble(ctx context.Context, insecure []string) error {
	transport := newTransport()
	c.closers = append(c.closers, func() error { transport.CloseIdleConnections(); return nil })
	hosts := registryHosts(&http.Client{Transport: transport}, insecure)
	work, err := c.worker(ctx, hosts)
	if err != nil {
		return err
	}
	workers := &worker.Controller{}
	if err := workers.Add(work); err != nil {
		return err
	}
	sessions, err := session.NewManager()
	if err != nil {
		return err
	}
	results, err := bboltcachestorage.NewStore(filepath.Join(c.root.dir, "cache.db"))
	if err != nil {
		return err
	}
	history, err := boltutil.SafeOpen(filepath.Join(c.root.dir, "history.db"), 0o600, &bolt.Options{NoSync: true}) // it stays empty
	if err != nil {
		return errors.Join(err, results.Close())
	}
	stop := make(chan struct{})
	noHistory := int64(0)
	control, err := control.NewController(control.Opt{
		SessionManager:   sessions,
		WorkerController: workers,
		ResolveCacheExporterFuncs: map[string]remotecache.ResolveCacheExporterFunc{
			build.CacheRegistry: registry.ResolveCacheExporterFunc(sessions, hosts),
			build.CacheLocal:    localcache.ResolveCacheExporterFunc(sessions),
			build.CacheInline:   inline.ResolveCacheExporterFunc(),
			build.CacheActions:  gha.ResolveCacheExporterFunc(nil, nil),
		},
		ResolveCacheImporterFuncs: map[string]remotecache.ResolveCacheImporterFunc{
			build.CacheRegistry: registry.ResolveCacheImporterFunc(sessions, work.ContentStore(), hosts),
			build.CacheLocal:    localcache.ResolveCacheImporterFunc(sessions),
			build.CacheActions:  gha.ResolveCacheImporterFunc(nil, nil),
		},
		CacheManager:   solver.NewCacheManager(ctx, "local", results, worker.NewCacheResultStorage(workers)),
		HistoryDB:      history,
		HistoryConfig:  &config.HistoryConfig{MaxEntries: &noHistory},
		CacheStore:     results,
		LeaseManager:   work.LeaseManager(),
		ContentStore:   work.ContentStore(),
		GarbageCollect: work.GarbageCollect,
		GracefulStop:   stop,
	})
	if err != nil {
		return errors.Join(err, history.Close(), results.Close())
	}
	c.closers = append(c.closers, func() error { close(stop); return control.Close() })
	c.server = grpc.NewServer(
		grpc.MaxRecvMsgSize(16<<20), grpc.MaxSendMsgSize(16<<20),
		grpc.WaitForHandlers(true),
		grpc.UnaryInterceptor(grpcerrors.UnaryServerInterceptor), grpc.StreamInterceptor(grpcerrors.StreamServerInterceptor),
	)
	control.Register(c.server)
	return nil
}

// Limits of an orderly end; the whole of Plimsoll has 5 seconds after a signal.
const (
	handlersTime = 1500 * time.Millisecond
	killedTime   = time.Second
)

// Close ends everything (the server's requests, containers, mounts, databases) and
// gives the cache back.
func (c *Controller) Close() error { return errors.Join(c.stop(), c.root.release()) }

func (c *Controller) stop() error {
	var errs []error
	if c.server != nil {
		done := make(chan struct{})
		go func() { c.server.Stop(); close(done) }()
		if !waitFor(done, handlersTime) {
			removeContainers(c.root.dir)
			waitFor(done, killedTime)
		}
	}
	for _, closer := range slices.Backward(c.closers) {
		errs = append(errs, closer())
	}
	sweep(c.root.dir)
	return errors.Join(errs...)
}

func waitFor(done <-chan struct{}, limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}
