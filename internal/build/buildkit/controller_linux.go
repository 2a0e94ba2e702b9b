package buildkit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/containerd/containerd/v2/core/diff/apply"
	"github.com/containerd/containerd/v2/core/metadata"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/containerd/containerd/v2/plugins/diff/walking"
	nativesnapshotter "github.com/containerd/containerd/v2/plugins/snapshots/native"
	"github.com/containerd/containerd/v2/plugins/snapshots/overlay"
	"github.com/containerd/platforms"
	"github.com/moby/buildkit/cache"
	"github.com/moby/buildkit/cache/contenthash"
	cachemetadata "github.com/moby/buildkit/cache/metadata"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/cmd/buildkitd/config"
	"github.com/moby/buildkit/control"
	"github.com/moby/buildkit/executor"
	"github.com/moby/buildkit/executor/oci"
	"github.com/moby/buildkit/executor/resources"
	"github.com/moby/buildkit/executor/runcexecutor"
	"github.com/moby/buildkit/frontend"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/frontend/gateway/forwarder"
	"github.com/moby/buildkit/session"
	snapshot "github.com/moby/buildkit/snapshot/containerd"
	"github.com/moby/buildkit/solver"
	"github.com/moby/buildkit/solver/bboltcachestorage"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/db/boltutil"
	"github.com/moby/buildkit/util/grpcerrors"
	"github.com/moby/buildkit/util/leaseutil"
	"github.com/moby/buildkit/util/network"
	"github.com/moby/buildkit/util/resolver"
	"github.com/moby/buildkit/worker"
	"github.com/moby/buildkit/worker/base"
	"github.com/moby/buildkit/worker/label"
	"github.com/moby/sys/userns"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sirupsen/logrus"
	bolt "go.etcd.io/bbolt"
	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"
)

// namespace is the containerd namespace of all content; BuildKit insists on one.
const namespace = "buildkit"

// controller is BuildKit in this process, and a client of it.
type controller struct {
	*client.Client
	root    string
	missing *missing // nil when there is a runtime
	closers []func() error
	server  *grpc.Server
}

// options of a controller.
type options struct {
	root       string
	capability Capability
	insecure   []string
	frontend   gateway.BuildFunc
}

// open starts a controller on a root that is locked for us. Close must be called.
func open(ctx context.Context, opts options) (*controller, error) {
	// Everything of BuildKit and containerd that has no context logs here.
	logrus.SetOutput(io.Discard)
	// The pool keeps hosts of earlier builds, with their settings.
	resolver.DefaultPool.Clear()
	sweep(opts.root)

	c := &controller{root: opts.root}
	if err := c.start(ctx, opts); err != nil {
		return nil, errors.Join(fmt.Errorf("starting BuildKit in %s: %w", opts.root, err), c.Close())
	}
	return c, nil
}

func (c *controller) start(ctx context.Context, opts options) error {
	transport := newTransport()
	c.closers = append(c.closers, func() error { transport.CloseIdleConnections(); return nil })
	work, err := c.worker(ctx, opts, registryHosts(&http.Client{Transport: transport}, opts.insecure))
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
	results, err := bboltcachestorage.NewStore(filepath.Join(opts.root, "cache.db"))
	if err != nil {
		return err
	}
	history, err := boltutil.SafeOpen(filepath.Join(opts.root, "history.db"), 0o600, &bolt.Options{NoSync: true}) // it stays empty
	if err != nil {
		return errors.Join(err, results.Close())
	}
	stop := make(chan struct{})
	noHistory := int64(0)
	control, err := control.NewController(control.Opt{
		SessionManager:   sessions,
		WorkerController: workers,
		Frontends:        map[string]frontend.Frontend{"dockerfile.v0": forwarder.NewGatewayForwarder(workers.Infos(), opts.frontend)},
		CacheManager:     solver.NewCacheManager(ctx, "local", results, worker.NewCacheResultStorage(workers)),
		HistoryDB:        history,
		HistoryConfig:    &config.HistoryConfig{MaxEntries: &noHistory},
		CacheStore:       results,
		LeaseManager:     work.LeaseManager(),
		ContentStore:     work.ContentStore(),
		GarbageCollect:   work.GarbageCollect,
		GracefulStop:     stop,
	})
	if err != nil {
		return errors.Join(err, history.Close(), results.Close())
	}
	c.closers = append(c.closers, func() error { close(stop); return control.Close() })
	return c.serve(ctx, control)
}

// serve connects a client to the controller through memory.
func (c *controller) serve(ctx context.Context, control *control.Controller) error {
	listener := bufconn.Listen(1 << 20)
	c.server = grpc.NewServer(
		grpc.MaxRecvMsgSize(16<<20), grpc.MaxSendMsgSize(16<<20),
		grpc.WaitForHandlers(true),
		grpc.UnaryInterceptor(grpcerrors.UnaryServerInterceptor), grpc.StreamInterceptor(grpcerrors.StreamServerInterceptor),
	)
	control.Register(c.server)
	go func() { _ = c.server.Serve(listener) }()
	var err error
	c.Client, err = client.New(ctx, "passthrough:///"+door, client.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
		return listener.DialContext(ctx)
	}))
	return err
}

// worker is what buildkitd calls the OCI worker, put together here because its
// own constructor wants a runtime, makes keys for a proxy that nobody asked for
// and never closes the snapshotter.
func (c *controller) worker(ctx context.Context, opts options, hosts docker.RegistryHosts) (*base.Worker, error) {
	name := opts.capability.Snapshotter
	dir := filepath.Join(opts.root, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	snapshotter, err := newSnapshotter(name, filepath.Join(dir, "snapshots"))
	if err != nil {
		return nil, fmt.Errorf("opening snapshots: %w", err)
	}
	c.closers = append(c.closers, snapshotter.Close)
	blobs, err := local.NewStore(filepath.Join(dir, "content"))
	if err != nil {
		return nil, fmt.Errorf("opening content: %w", err)
	}
	db, err := boltutil.Open(filepath.Join(dir, "containerdmeta.db"), 0o600, &bolt.Options{
		FreelistType: bolt.FreelistMapType, NoFreelistSync: true, Timeout: time.Second,
	})
	if err != nil {
		return nil, fmt.Errorf("opening metadata: %w", err)
	}
	meta := metadata.NewDB(db, blobs, map[string]snapshots.Snapshotter{name: snapshotter})
	if err := meta.Init(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("reading metadata: %w", err), db.Close())
	}
	records, err := cachemetadata.NewStore(filepath.Join(dir, "metadata_v2.db"))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening cache records: %w", err), db.Close())
	}
	if err := forgetChecksums(records); err != nil {
		return nil, errors.Join(err, records.Close(), db.Close())
	}
	monitor, err := resources.NewMonitor()
	if err != nil {
		return nil, errors.Join(err, records.Close(), db.Close())
	}
	networks := map[pb.NetMode]network.Provider{
		pb.NetMode_UNSET: network.NewHostProvider(),
		pb.NetMode_HOST:  network.NewHostProvider(),
		pb.NetMode_NONE:  network.NewNoneProvider(),
	}
	exec, err := c.executor(opts, dir, monitor, networks)
	if err != nil {
		return nil, errors.Join(err, monitor.Close(), records.Close(), db.Close())
	}
	id, err := base.ID(dir)
	if err != nil {
		return nil, errors.Join(err, monitor.Close(), records.Close(), db.Close())
	}
	content := snapshot.NewContentStore(meta.ContentStore(), namespace)
	work, err := base.NewWorker(ctx, base.WorkerOpt{
		ID:               id,
		Root:             dir,
		Labels:           map[string]string{label.Executor: "oci", label.Snapshotter: name, label.Network: "host"},
		Platforms:        []ocispec.Platform{platforms.Normalize(platforms.DefaultSpec())},
		MetadataStore:    records,
		ContentMetadata:  db,
		NetworkProviders: networks,
		Executor:         exec,
		Snapshotter:      snapshot.NewSnapshotter(name, meta.Snapshotter(name), namespace, nil),
		ContentStore:     content,
		Applier:          apply.NewFileSystemApplier(content),
		Differ:           walking.NewWalkingDiff(content),
		RegistryHosts:    hosts,
		LeaseManager:     leaseutil.WithNamespace(metadata.NewLeaseManager(meta), namespace),
		GarbageCollect:   meta.GarbageCollect,
		MountPoolRoot:    filepath.Join(dir, "cachemounts"),
		ResourceMonitor:  monitor,
	})
	if err != nil {
		return nil, errors.Join(err, monitor.Close(), records.Close(), db.Close())
	}
	return work, nil
}

// forgetChecksums clears what BuildKit remembers process-wide of the records: an
// earlier build in this process had the same ones open through another database.
func forgetChecksums(records *cachemetadata.Store) error {
	items, err := records.All()
	if err != nil {
		return fmt.Errorf("reading cache records: %w", err)
	}
	for _, item := range items {
		contenthash.ClearCacheContext(known{id: item.ID()})
	}
	return nil
}

// known is a record of which only the id is asked for.
type known struct {
	cache.RefMetadata
	id string
}

// ID implements cache.RefMetadata.
func (k known) ID() string { return k.id }

func newSnapshotter(name, dir string) (snapshots.Snapshotter, error) {
	if name == overlayfs {
		return overlay.NewSnapshotter(dir, overlay.AsynchronousRemove)
	}
	return nativesnapshotter.NewSnapshotter(dir)
}

func (c *controller) executor(opts options, dir string, monitor *resources.Monitor, networks map[pb.NetMode]network.Provider) (executor.Executor, error) {
	if opts.capability.Runtime == "" {
		c.missing = &missing{why: "RUN needs a container runtime, and " + opts.capability.Missing}
		return c.missing, nil
	}
	notes := filepath.Join(opts.root, containersDir)
	if err := os.MkdirAll(notes, 0o700); err != nil {
		return nil, err
	}
	run, err := runcexecutor.New(runcexecutor.Opt{
		Root:              filepath.Join(dir, "executor"),
		CommandCandidates: []string{opts.capability.Runtime},
		Rootless:          userns.RunningInUserNS(),
		ProcessMode:       oci.ProcessSandbox,
		ResourceMonitor:   monitor,
	}, networks)
	if err != nil {
		return nil, err
	}
	return &recorded{Executor: run, dir: notes, runtime: opts.capability.Runtime}, nil
}

// Limits of an orderly end; the whole of Plimsoll has 5 seconds after a signal.
const (
	handlersTime = 1500 * time.Millisecond
	killedTime   = time.Second
)

// Close ends everything: the server's requests, containers, mounts, databases.
func (c *controller) Close() error {
	var errs []error
	if c.Client != nil {
		errs = append(errs, c.Client.Close())
	}
	if c.server != nil {
		done := make(chan struct{})
		go func() { c.server.Stop(); close(done) }()
		if !waitFor(done, handlersTime) {
			removeContainers(c.root)
			waitFor(done, killedTime)
		}
	}
	for _, closer := range slices.Backward(c.closers) {
		errs = append(errs, closer())
	}
	sweep(c.root)
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
