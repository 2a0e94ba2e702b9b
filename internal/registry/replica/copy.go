package replica

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/plimsoll-ci/plimsoll/internal/printable"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
	"github.com/plimsoll-ci/plimsoll/internal/registry"
)

// atOnce is how many requests for blobs go side by side, as for a push.
const atOnce = 4

// Record is what a copy did. Blobs and manifests that were there already count
// nowhere but in Existed.
type Record struct {
	Manifests int   // of the image: index, children
	Evidence  int   // manifests of referrers and under cosign's tags
	Tags      int   // cosign's tags that were written
	Streamed  int   // blobs whose bytes went through here
	Mounted   int   // blobs the registry took from its other repository
	Existed   int   // blobs and manifests that were there
	Bytes     int64 // of the streamed blobs
}

// String is the record in a few words: "5 manifests, 9 blobs (12.0 MB), 4 blobs mounted".
func (r Record) String() string {
	var parts []string
	if n := r.Manifests + r.Evidence; n > 0 {
		parts = append(parts, printable.Count(n, "manifest"))
	}
	if r.Streamed > 0 {
		parts = append(parts, fmt.Sprintf("%s (%s)", printable.Count(r.Streamed, "blob"), printable.Size(r.Bytes)))
	}
	if r.Mounted > 0 {
		parts = append(parts, printable.Count(r.Mounted, "blob")+" mounted")
	}
	if len(parts) == 0 {
		return "all was there"
	}
	return strings.Join(parts, ", ")
}

// String says how much there is to copy, in a few words.
func (o *Original) String() string {
	var image, evidence int
	for _, it := range o.items {
		if it.evidence == 0 {
			image++
		} else {
			evidence++
		}
	}
	var size int64
	for _, d := range o.blobs {
		size += d.Size
	}
	return fmt.Sprintf("%s, %d of evidence, %s (%s)", printable.Count(image, "manifest"), evidence, printable.Count(len(o.blobs), "blob"), printable.Size(size))
}

// Check looks whether it can be copied to a repository without losing evidence
// that lies there. It writes nothing. The error is a *ConflictError when it cannot,
// and a *registry.Error when nobody knows.
func (o *Original) Check(ctx context.Context, to name.Repository) error {
	if o.at(to) {
		return nil
	}
	for _, it := range o.items {
		if it.tag == "" {
			continue
		}
		if _, _, err := o.berth(ctx, to, it); err != nil {
			return err
		}
	}
	return nil
}

// at says that it lies in this repository.
func (o *Original) at(repo name.Repository) bool { return repo.Name() == o.Digest.Context().Name() }

// Copy writes to a repository what it does not hold yet: blobs first, then children,
// the image or index, and evidence after what it is about. A copy that was broken
// off is completed by the next one. Within its own repository there is nothing to do.
//
// Progress is emitted as Count events in bytes under the stage's name.
func (o *Original) Copy(ctx context.Context, to name.Repository, stage string, sink progress.Sink) (Record, error) {
	if o.at(to) {
		return Record{}, nil
	}
	c := &copying{Original: o, to: to, stage: stage, sink: sink, missing: make([]bool, len(o.items))}
	if err := c.survey(ctx); err != nil {
		return Record{}, err
	}
	if err := c.blobs(ctx); err != nil {
		return c.record, err
	}
	for i, it := range o.items {
		if err := c.write(ctx, it, c.missing[i]); err != nil {
			return c.record, err
		}
	}
	return c.record, nil
}

// copying is a copy under way.
type copying struct {
	*Original
	to      name.Repository
	stage   string
	sink    progress.Sink
	missing []bool // by item
	total   int64
	done    atomic.Int64

	mu     sync.Mutex
	record Record
}

// survey finds out which manifests the destination lacks. A referrer that the
// destination holds and does not list counts as lacking: the list was not written.
func (c *copying) survey(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, it := range c.items {
		group.Go(func() error {
			_, there, err := c.client.Lookup(ctx, c.to.Digest(it.Digest.String()))
			if there && err == nil && it.subject != (v1.Hash{}) {
				var listed []v1.Descriptor
				listed, err = c.client.Referrers(ctx, c.to.Digest(it.subject.String()))
				there = slices.ContainsFunc(listed, func(d v1.Descriptor) bool { return d.Digest == it.Digest })
			}
			c.missing[i] = !there
			return err
		})
	}
	return group.Wait()
}

// blobs brings the blobs of the manifests that are missing.
func (c *copying) blobs(ctx context.Context) error {
	wanted := map[v1.Hash]bool{}
	for i, it := range c.items {
		for _, digest := range it.blobs {
			if c.missing[i] && !wanted[digest] {
				wanted[digest] = true
				c.total += c.Original.blobs[digest].Size
			}
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for digest := range wanted {
		group.Go(func() error {
			d := c.Original.blobs[digest]
			passage, err := c.client.CopyBlob(ctx, c.Digest.Context(), c.to, d, c.count)
			if err != nil {
				return err
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			switch passage {
			case registry.Existed:
				c.record.Existed++
			case registry.Mounted:
				c.record.Mounted++
			case registry.Streamed:
				c.record.Streamed++
				c.record.Bytes += d.Size
			}
			return nil
		})
	}
	return group.Wait()
}

// count tells how far it is, about once every MiB.
func (c *copying) count(n int64) {
	done := c.done.Add(n)
	if n != 0 && (done>>20 != (done-n)>>20 || done == c.total) {
		c.sink.Emit(progress.Event{Kind: progress.Count, Stage: c.stage, Done: done, Total: c.total})
	}
}

func (c *copying) write(ctx context.Context, it item, missing bool) error {
	if missing {
		put := func() error { return c.client.Put(ctx, c.to, it.Manifest) }
		if it.subject != (v1.Hash{}) {
			put = func() error { return c.client.PutReferrer(ctx, c.to.Digest(it.subject.String()), it.Manifest) }
		}
		if err := put(); err != nil {
			return err
		}
		if it.evidence > 0 {
			c.record.Evidence++
		} else {
			c.record.Manifests++
		}
	} else {
		c.record.Existed++
	}
	if it.tag == "" {
		return nil
	}
	was, write, err := c.berth(ctx, c.to, it)
	if err != nil || !write {
		return err
	}
	if err := c.client.Retag(ctx, c.to.Digest(it.Digest.String()), c.to.Tag(it.tag), was); err != nil {
		return err
	}
	c.record.Tags++
	return nil
}
