package db

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/plimsoll-ci/plimsoll/internal/progress"
	"github.com/plimsoll-ci/plimsoll/internal/scan"
	"github.com/plimsoll-ci/plimsoll/internal/scan/trivy"
	"github.com/plimsoll-ci/plimsoll/internal/scan/trivy/match"
)

// maxPacked bounds the layer as it is transferred, in bytes: ten times what
// Trivy publishes in 2026.
const maxPacked = 1 << 30

// retry says how often and how patiently one repository is tried.
type retry struct {
	attempts int           // per repository
	first    time.Duration // the first wait, doubled each time, each with ±50 % jitter
	longest  time.Duration // the longest wait, also of one that the registry asks for
	idle     time.Duration // an attempt that brings no byte for this long has failed
}

func defaultRetry() retry {
	return retry{attempts: 4, first: time.Second, longest: 20 * time.Second, idle: time.Minute}
}

// references parses the repositories. A tag that is left out is the schema version.
func references(repositories []string) ([]name.Reference, error) {
	if len(repositories) == 0 {
		return nil, errors.New("no repository is named; set db-repository, or give db-path a directory")
	}
	refs := make([]name.Reference, 0, len(repositories))
	for _, r := range repositories {
		ref, err := name.ParseReference(strings.TrimSpace(r), name.WithDefaultTag("2"))
		if err != nil {
			return nil, fmt.Errorf("reading db-repository %q: %w; write it as \"registry/repository:2\" or \"registry/repository@sha256:…\"", r, err)
		}
		refs = append(refs, ref)
	}
	return refs, nil
}

// cached returns the database of the cache, fetched first where that is due.
func (s *Source) cached(ctx context.Context, o scan.DatabaseOptions, sink progress.Sink) (located, error) {
	refs, err := references(o.Repositories)
	if err != nil {
		return located{}, err
	}
	if o.CacheDir == "" {
		return located{}, errors.New("no cache directory is set; set cache-dir")
	}
	cache := store{dir: filepath.Join(o.CacheDir, "db")}
	last, fresh, have, err := cache.best(refs, o.Now)
	if err != nil {
		return located{}, err
	}
	if have && (fresh || o.Offline) {
		err := last.verify(ctx)
		if err == nil {
			last.touch()
			return last.located(), nil
		}
		if ctx.Err() != nil {
			return located{}, context.Cause(ctx)
		}
		if o.Offline {
			return located{}, fmt.Errorf("%w; run once without offline, or give db-path a directory with a whole one", err)
		}
		notice(sink, "%v; fetching it again", err)
		have = false
	}
	if o.Offline {
		return located{}, errNothing
	}
	fetched, err := s.fetchAny(ctx, cache, refs, o.Now, sink)
	switch {
	case err == nil && have && last.metadata.UpdatedAt.After(fetched.metadata.UpdatedAt) && last.verify(ctx) == nil:
		notice(sink, "using the cached vulnerability database of %s, because %q serves an older one of %s",
			last.metadata.UpdatedAt.UTC().Format(time.RFC3339), fetched.record.Reference, fetched.metadata.UpdatedAt.UTC().Format(time.RFC3339))
		return last.located(), nil
	case err == nil:
		cache.prune(fetched.dir)
		return fetched.located(), nil
	}
	if ctx.Err() != nil || !have {
		return located{}, err
	}
	if damage := last.verify(ctx); damage != nil {
		return located{}, errors.Join(err, damage)
	}
	notice(sink, "using the vulnerability database of %s, because no newer one could be fetched: %v",
		last.metadata.UpdatedAt.UTC().Format(time.RFC3339), err)
	return last.located(), nil
}

func notice(sink progress.Sink, format string, args ...any) {
	sink.Emit(progress.Event{Kind: progress.Notice, Stage: stage, Text: fmt.Sprintf(format, args...)})
}

// fetchAny tries the repositories in order, whatever the error of the one before.
func (s *Source) fetchAny(ctx context.Context, cache store, refs []name.Reference, now time.Time, sink progress.Sink) (snapshot, error) {
	if err := os.MkdirAll(cache.dir, 0o755); err != nil {
		return snapshot{}, fmt.Errorf("making the cache: %w", err)
	}
	var failed failures
	for i, ref := range refs {
		got, err := s.fetchPatiently(ctx, cache, ref, now, sink)
		if err == nil {
			return got, nil
		}
		if ctx.Err() != nil {
			return snapshot{}, fmt.Errorf("fetching %q: %w", ref, context.Cause(ctx))
		}
		failed = append(failed, fmt.Errorf("fetching %q: %w", ref, err))
		if i < len(refs)-1 {
			notice(sink, "%q failed and the next repository is tried: %v", ref, err)
		}
	}
	return snapshot{}, fmt.Errorf("%w; check the network, name a mirror in db-repository, or give db-path a directory", failed)
}

// failures are the errors of several repositories, told in one line.
type failures []error

func (f failures) Error() string {
	texts := make([]string, len(f))
	for i, err := range f {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

// Unwrap gives every error to errors.Is and errors.As.
func (f failures) Unwrap() []error { return f }

// fetchPatiently tries one repository until it answers, for good or for bad.
func (s *Source) fetchPatiently(ctx context.Context, cache store, ref name.Reference, now time.Time, sink progress.Sink) (snapshot, error) {
	wait := s.retry.first
	for attempt := 1; ; attempt++ {
		watch := &retryAfter{next: s.transport}
		got, err := s.fetch(ctx, cache, ref, watch, now, sink)
		if err == nil || ctx.Err() != nil || attempt >= s.retry.attempts || final(err) {
			return got, err
		}
		pause := time.Duration(float64(wait) * (0.5 + rand.Float64())) //nolint:gosec // spreads clients, keeps no secret
		pause = min(max(pause, watch.asked(now)), s.retry.longest)
		sink.Emit(progress.Event{Kind: progress.Log, Stage: stage, Text: fmt.Sprintf(
			"%s: %v; trying again in %s", ref, err, pause.Round(time.Millisecond),
		)})
		wait *= 2
		select {
		case <-ctx.Done():
			return snapshot{}, context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}

// errUnfit marks what another attempt at the same repository cannot mend.
var errUnfit = errors.New("this is no database that can be used")

// final says whether asking the same repository again is of no use.
func final(err error) bool {
	if errors.Is(err, errUnfit) {
		return true
	}
	var refused *transport.Error
	if !errors.As(err, &refused) {
		return false
	}
	switch refused.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}
	return refused.StatusCode >= 400 && refused.StatusCode < 500
}

// fetch makes one attempt. What is already in the cache is not transferred again.
func (s *Source) fetch(ctx context.Context, cache store, ref name.Reference, through http.RoundTripper, now time.Time, sink progress.Sink) (snapshot, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	idle := time.AfterFunc(s.retry.idle, func() {
		cancel(fmt.Errorf("the registry sent nothing for %s", s.retry.idle))
	})
	defer idle.Stop()

	// Retrying is ours alone: ggcr's own would multiply with it.
	got, err := remote.Get(ref, remote.WithContext(ctx), remote.WithTransport(through), remote.WithAuthFromKeychain(s.keychain),
		remote.WithRetryBackoff(remote.Backoff{Steps: 1, Duration: time.Nanosecond}))
	if err != nil {
		return snapshot{}, cause(ctx, err)
	}
	if pin, pinned := ref.(name.Digest); pinned && got.Digest.String() != pin.DigestStr() {
		return snapshot{}, fmt.Errorf("%w: the repository gave %s and %s is pinned", errUnfit, got.Digest, pin.DigestStr())
	}
	about := record{Reference: plain(ref), Digest: got.Digest.String(), Fetched: now.UTC()}
	if have, ok := cache.digest(got.Digest); ok && have.verify(ctx) == nil {
		have.record.Reference = about.Reference
		return have, writeRecord(have.dir, have.record)
	}
	layer, size, err := onlyLayer(got)
	if err != nil {
		return snapshot{}, cause(ctx, err)
	}
	content, err := layer.Compressed()
	if err != nil {
		return snapshot{}, cause(ctx, err)
	}
	defer content.Close()
	tmp, err := os.MkdirTemp(cache.dir, temporary)
	if err != nil {
		return snapshot{}, fmt.Errorf("making room in the cache: %w", err)
	}
	defer os.RemoveAll(tmp) // gone already when it was published
	counted := &counter{from: content, total: size, sink: sink, name: ref.String(), tick: func() { idle.Reset(s.retry.idle) }}
	written, err := untar(counted, tmp, s.limits)
	if err != nil {
		return snapshot{}, cause(ctx, err)
	}
	counted.tell()
	if err := check(tmp, now); err != nil {
		return snapshot{}, fmt.Errorf("%w: %w", errUnfit, err)
	}
	about.SHA256, about.Size = written.sha256, written.size
	if err := writeRecord(tmp, about); err != nil {
		return snapshot{}, err
	}
	return cache.publish(ctx, tmp, got.Digest)
}

// check says whether a directory holds a database that can be opened, so that one
// that cannot never replaces the last good one.
func check(dir string, now time.Time) error {
	if _, err := readMetadata(dir); err != nil {
		return err
	}
	matcher, err := match.Open(filepath.Join(dir, databaseName), now)
	if err != nil {
		return err
	}
	return matcher.Close()
}

// onlyLayer returns the layer of the artefact and its size in bytes.
func onlyLayer(got *remote.Descriptor) (v1.Layer, int64, error) {
	if !got.MediaType.IsImage() {
		return nil, 0, fmt.Errorf("%w: it has the media type %q", errUnfit, got.MediaType)
	}
	img, err := got.Image()
	if err != nil {
		return nil, 0, err
	}
	manifest, err := img.Manifest()
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", errUnfit, err)
	}
	if len(manifest.Layers) != 1 || manifest.Layers[0].MediaType != trivy.DatabaseMediaType {
		return nil, 0, fmt.Errorf("%w: want one layer of the media type %q", errUnfit, trivy.DatabaseMediaType)
	}
	if size := manifest.Layers[0].Size; size < 0 || size > maxPacked {
		return nil, 0, fmt.Errorf("%w: its layer has %d bytes, and the limit is %d", errUnfit, size, maxPacked)
	}
	layer, err := img.LayerByDigest(manifest.Layers[0].Digest)
	return layer, manifest.Layers[0].Size, err
}

// plain is a reference as asked for, without the digest that pinned it.
func plain(ref name.Reference) string {
	if pin, pinned := ref.(name.Digest); pinned {
		return pin.Context().Name()
	}
	return ref.Name()
}

// cause prefers the reason for which the context ended over "context canceled".
func cause(ctx context.Context, err error) error {
	if why := context.Cause(ctx); why != nil {
		return why
	}
	return err
}

// counter tells how much has come through, at most ten times a second.
type counter struct {
	from  io.Reader
	total int64
	done  int64
	told  time.Time
	sink  progress.Sink
	name  string
	tick  func() // called for every read that brought something
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.done += int64(n)
	if n > 0 {
		c.tick()
	}
	if n > 0 && time.Since(c.told) > 100*time.Millisecond {
		c.tell()
	}
	return n, err
}

func (c *counter) tell() {
	c.told = time.Now()
	c.sink.Emit(progress.Event{Kind: progress.Count, Stage: stage, Text: c.name, Done: c.done, Total: c.total})
}

// retryAfter is a transport that remembers how long the registry asked to wait.
type retryAfter struct {
	next http.RoundTripper
	mu   sync.Mutex
	text string
}

func (r *retryAfter) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.next.RoundTrip(req)
	if err == nil && (resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable) {
		r.mu.Lock()
		r.text = resp.Header.Get("Retry-After")
		r.mu.Unlock()
	}
	return resp, err
}

// asked is the wait of the last answer, 0 when it named none (RFC 9110, 10.2.3).
func (r *retryAfter) asked(now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if seconds, err := strconv.Atoi(r.text); err == nil && seconds >= 0 {
		return time.Duration(min(seconds, 3600)) * time.Second
	}
	if at, err := http.ParseTime(r.text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
