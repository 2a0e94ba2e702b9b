package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/image"
	"github.com/plimsoll-ci/plimsoll/internal/pipeline"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
	"github.com/plimsoll-ci/plimsoll/internal/report"
)

// buildBefore builds the base commit, with the shared cache, as the head was built.
func (r *runner) buildBefore(spec build.Spec) pipeline.Former {
	return func(ctx context.Context, sink progress.Sink) (*pipeline.Image, string, error) {
		was := r.env.former
		before := spec
		var err error
		if before.Context, err = r.insideFormer(spec.Context); err != nil {
			return nil, "", err
		}
		if before.Dockerfile, err = r.insideFormer(spec.Dockerfile); err != nil {
			return nil, "", err
		}
		if _, err := os.Stat(before.Dockerfile); err != nil {
			return nil, "", nil //nolint:nilerr // the change brought the Dockerfile: there was no image
		}
		before.CacheTo, before.CacheToIfAble, before.Output = nil, nil, filepath.Join(r.scratch, "base-image")
		result, err := r.builder().Build(ctx, before, renamed{sink, "base image"})
		if err != nil {
			return nil, "", fmt.Errorf("building the base commit: %w", err)
		}
		img, err := image.FromLayout(result.Layout, result.Digest, "")
		if err != nil {
			return nil, "", fmt.Errorf("reading the image of the base commit: %w", err)
		}
		return &pipeline.Image{Image: img, Built: &result}, "the image of base commit " + report.Short(was.commit), nil
	}
}

func (r *runner) insideFormer(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("finding %s: %w", path, err)
	}
	return r.env.former.inside(r.env.former.dir, abs)
}
