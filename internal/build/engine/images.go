package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"github.com/plimsoll-ci/plimsoll/internal/build"
)

var _ build.Store = (*Engine)(nil)

// Names of images that we let the engine make: the prefix, the time in seconds
// since 1970 in base 36, and something random.
const namePrefix = "plimsoll-build-"

// abandonedAfter is how old an image of ours must be before another run takes it
// for a leftover. Nothing that GitHub runs on its own runners lasts longer than
// six hours (GitHub Docs, "Actions limits").
const abandonedAfter = 24 * time.Hour

// NewName makes a name for an image that is to be saved and removed again. It is
// used by nobody else.
func NewName() string {
	return namePrefix + strconv.FormatInt(time.Now().Unix(), 36) + "-" + strings.ToLower(rand.Text()) + ":build"
}

// made is when NewName made a name; false when it did not.
func made(name string) (time.Time, bool) {
	rest, ok := strings.CutPrefix(strings.TrimPrefix(strings.TrimPrefix(name, "docker.io/library/"), "localhost/"), namePrefix)
	stamp, _, cut := strings.Cut(rest, "-")
	seconds, err := strconv.ParseInt(stamp, 36, 64)
	return time.Unix(seconds, 0), ok && cut && err == nil
}

// Save streams an image as "docker save" writes it. A stream that the engine cuts
// ends with an error, never as if it were whole. The context bounds the stream as
// well.
func (e *Engine) Save(ctx context.Context, ref string) (io.ReadCloser, error) {
	saved, err := e.api.ImageSave(ctx, []string{ref})
	if err != nil {
		return nil, fmt.Errorf("saving the image %q from the engine: %w", ref, err)
	}
	return saved, nil
}

// Remove takes an image's name away, and the image with it when nothing else needs
// it. When ctx has ended it has three seconds for that; an image that is not there
// is no error.
func (e *Engine) Remove(ctx context.Context, ref string) error {
	ctx, cancel := e.tidy(ctx)
	defer cancel()
	_, err := e.api.ImageRemove(ctx, ref, client.ImageRemoveOptions{Force: true, PruneChildren: true})
	if err != nil && !cerrdefs.IsNotFound(err) {
		return fmt.Errorf("removing the image %q from the engine: %w", ref, err)
	}
	return nil
}

// sweepImages removes images that runs before us left behind because they were killed.
func (e *Engine) sweepImages(ctx context.Context) error {
	found, err := e.api.ImageList(ctx, client.ImageListOptions{Filters: client.Filters{}.Add("reference", namePrefix+"*")})
	if err != nil {
		return fmt.Errorf("looking for images that were left behind: %w", err)
	}
	var failed error
	for _, image := range found.Items {
		for _, name := range image.RepoTags {
			if at, ours := made(name); ours && time.Since(at) > abandonedAfter {
				failed = errors.Join(failed, e.Remove(ctx, name))
			}
		}
	}
	return failed
}

// Build asks the engine's own builder (POST /build) for an image; the context is a
// tar. What comes back are its messages as JSON, one after another.
func (e *Engine) Build(ctx context.Context, tar io.Reader, options client.ImageBuildOptions) (io.ReadCloser, error) {
	started, err := e.api.ImageBuild(ctx, tar, options)
	if err != nil {
		return nil, fmt.Errorf("asking the engine to build: %w", err)
	}
	return started.Body, nil
}
