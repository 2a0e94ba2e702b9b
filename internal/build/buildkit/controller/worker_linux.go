package controller

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
	"github.com/moby/buildkit/executor"
	"github.com/moby/buildkit/executor/oci"
	"github.com/moby/buildkit/executor/resources"
	"github.com/moby/buildkit/executor/runcexecutor"
	snapshot "github.com/moby/buildkit/snapshot/containerd"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/db/boltutil"
	"github.com/moby/buildkit/util/leaseutil"
	"github.com/moby/buildkit/util/network"
	"github.com/moby/buildkit/worker/base"
	"github.com/moby/buildkit/worker/label"
	"github.com/moby/sys/userns"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	bolt "go.etcd.io/bbolt"
)

// namespace is the containerd namespace of all content; BuildKit insists on one.
const namespace = "buildkit"

// worker is what buildkitd calls the OCI worker, put together here because its
// own constructor wants a runtime, makes keys for a proxy that nobody asked for
// and never closes the snapshotter.
func (c *Controller) worker(ctx context.Context, hosts docker.RegistryHosts) (*base.Worker, error) {
	name := c.Capability.Snapshotter
	dir := filepath.Join(c.root.dir, name)
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
	exec, err := c.executor(dir, monitor, networks)
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
		Labels:           map[string]string{label.Executor: "oci", label.Snapshotter: name, label.Network: "host", CapabilityLabel: c.Capability.String()},
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

func (c *Controller) executor(dir string, monitor *resources.Monitor, networks map[pb.NetMode]network.Provider) (executor.Executor, error) {
	if c.Capability.Runtime == "" {
		return &missing{why: c.Capability.Missing}, nil
	}
	notes := filepath.Join(c.root.dir, containersDir)
	if err := os.MkdirAll(notes, 0o700); err != nil {
		return nil, err
	}
	run, err := runcexecutor.New(runcexecutor.Opt{
		Root:              filepath.Join(dir, "executor"),
		CommandCandidates: []string{c.Capability.Runtime},
		Rootless:          userns.RunningInUserNS(),
		ProcessMode:       oci.ProcessSandbox,
		ResourceMonitor:   monitor,
	}, networks)
	if err != nil {
		return nil, err
	}
	return &recorded{Executor: run, dir: notes, runtime: c.Capability.Runtime}, nil
}
