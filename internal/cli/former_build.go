package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/compare"
	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/image"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/pipeline"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
	"github.com/plimsoll-ci/plimsoll/internal/report"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

// buildBefore builds the base commit as it says itself, with the shared cache.
func (r *runner) buildBefore(head build.Spec) pipeline.Former {
	return func(ctx context.Context, sink progress.Sink) (*pipeline.Image, string, error) {
		before, err := r.specBefore(ctx, head)
		if before == nil || err != nil {
			return nil, "", err
		}
		result, err := r.builder().Build(ctx, *before, renamed{sink, "base image"})
		if err != nil {
			return nil, "", fmt.Errorf("building the base commit: %w", err)
		}
		img, err := image.FromLayout(result.Layout, result.Digest, "")
		if err != nil {
			return nil, "", fmt.Errorf("reading the image of the base commit: %w", err)
		}
		return &pipeline.Image{Image: img, Built: &result}, "the image of base commit " + report.Short(r.env.former.commit), nil
	}
}

// specBefore is how the base commit is built: with the settings that stand in it,
// under the inputs and flags of this run. It is nil where that commit built no image.
func (r *runner) specBefore(ctx context.Context, head build.Spec) (*build.Spec, error) {
	cfg, err := r.settingsBefore()
	if err != nil {
		return nil, err
	}
	file, err := r.dockerfileBefore(ctx, cfg, head)
	if file == "" || err != nil {
		return nil, err
	}
	before := head
	before.Target, before.Platform, before.Args = cfg.Target, cfg.Platform, cfg.BuildArgs
	before.Labels, before.Annotations, before.NoCache, before.Pull = cfg.Labels, cfg.Annotations, cfg.NoCache, cfg.Pull
	before.CacheTo, before.CacheToIfAble, before.Output = nil, nil, filepath.Join(r.scratch, "base-image")
	before.Dockerfile = filepath.Join(r.env.former.dir, file)
	before.DockerfileName = filepath.ToSlash(file)
	if in, err := r.space.rel(filepath.Join(r.env.former.root, file)); err == nil {
		before.DockerfileName = in
	}
	if before.Context, err = r.insideFormer(cfg.Context); err != nil {
		return nil, err
	}
	before.Contexts = maps.Clone(cfg.BuildContexts)
	for key, value := range before.Contexts {
		dir, local := config.LocalContext(value)
		if was, err := r.insideFormer(dir); local && err == nil {
			before.Contexts[key] = strings.Replace(value, dir, was, 1)
		}
	}
	return &before, nil
}

// settingsBefore are the settings of the commit that the change left.
func (r *runner) settingsBefore() (*config.Config, error) {
	was := r.env.former
	cfg, err := r.cfg.Before(config.Change{Head: was.root, Base: was.dir}, r.env.getenv)
	if err != nil {
		return nil, fmt.Errorf("reading the settings of the base commit: %w", err)
	}
	return cfg, nil
}

// dockerfileBefore is the Dockerfile that the base commit built, relative to its
// root: what its settings name, else the one in its context, else the only one below,
// as runGate chooses for the head. What an input names may have come with the change:
// then it is the one that the change moved, and "" where it moved none.
func (r *runner) dockerfileBefore(ctx context.Context, cfg *config.Config, head build.Spec) (string, error) {
	was := r.env.former
	within, err := r.insideFormer(cfg.Context)
	if err != nil {
		return "", err
	}
	found := ""
	if cfg.File != "" {
		if found, err = r.insideFormer(cfg.File); err != nil {
			return "", err
		}
		if info, err := os.Stat(found); err != nil || !info.Mode().IsRegular() {
			found = ""
		}
	} else if found, err = dockerfileIn(within); err != nil {
		return "", err
	}
	if found != "" {
		file, _ := below(was.dir, found)
		return file, nil
	}
	tree, err := source.Open(was.dir, source.Options{})
	if err != nil {
		return "", fmt.Errorf("looking for the Dockerfile of the base commit: %w", err)
	}
	defer tree.Close()
	all, err := dockerfiles(ctx, tree)
	if err != nil {
		return "", fmt.Errorf("looking for the Dockerfile of the base commit: %w", err)
	}
	if cfg.File == "" {
		inside := slices.DeleteFunc(slices.Clone(all), func(file string) bool {
			_, ok := below(within, filepath.Join(was.dir, file))
			return !ok
		})
		if len(inside) == 1 {
			return inside[0], nil
		}
		if same, ok := below(was.root, head.Dockerfile); ok && slices.Contains(inside, same) {
			return same, nil
		}
	}
	gone := slices.DeleteFunc(all, func(file string) bool {
		_, err := os.Lstat(filepath.Join(was.root, file))
		return !errors.Is(err, fs.ErrNotExist)
	})
	switch len(gone) {
	case 0:
		return "", nil
	case 1:
		return gone[0], nil
	default:
		return "", fmt.Errorf("the change moves or removes several Dockerfiles, and which of them was built is not known: %s", strings.Join(gone, ", "))
	}
}

// lintOptionsBefore are the demands on the head, for the base commit as it is built.
func (r *runner) lintOptionsBefore(ctx context.Context) (lint.Options, error) {
	opts := r.lintOptions()
	cfg, err := r.settingsBefore()
	if err != nil {
		return lint.Options{}, err
	}
	opts.BuildArgs, opts.Target = cfg.BuildArgs, cfg.Target
	if r.toBuild == nil {
		return opts, nil
	}
	if before, err := r.specBefore(ctx, *r.toBuild); err == nil && before != nil {
		opts.Dockerfile = before.DockerfileName
	}
	return opts, nil
}

// fromBefore is what is known of the FROM image of the base commit.
func (r *runner) fromBefore(ctx context.Context) compare.From {
	was := r.env.former
	switch {
	case r.toBuild == nil, was == nil:
		return compare.FromNone // nothing says what it was built from, or it is new
	case was.dir == "":
		return compare.FromUnknown
	}
	before, err := r.specBefore(ctx, *r.toBuild)
	switch {
	case err != nil:
		return compare.FromUnknown
	case before == nil:
		return compare.FromNone
	}
	from, known := fromOf(*before)
	to, alsoKnown := fromOf(*r.toBuild)
	switch {
	case !known || !alsoKnown:
		return compare.FromUnknown
	case from != to && !sameImage(from, to):
		return compare.FromOther
	default:
		return compare.FromSame
	}
}

// fromOf names the image that a build begins with.
func fromOf(spec build.Spec) (from string, known bool) {
	text, err := os.ReadFile(spec.Dockerfile)
	if err != nil {
		return "", false
	}
	src, err := source.NewFile(spec.DockerfileName, text)
	if err != nil {
		return "", false
	}
	file, _ := dockerfile.Parse(src, dockerfile.Build{Args: spec.Args, Target: spec.Target})
	if file == nil || spec.Target != "" && file.Stage(spec.Target) == nil {
		return "", false
	}
	chain := file.Final().Chain()
	for _, stage := range chain {
		// A named context stands for the stage or image of its name.
		for key, value := range spec.Contexts {
			if !strings.EqualFold(key, stage.Name) && !sameImage(key, stage.Base.Value) {
				continue
			}
			image, ok := strings.CutPrefix(value, "docker-image://")
			return image, ok
		}
	}
	root := chain[len(chain)-1].Base
	return root.Value, root.Known
}

// sameImage says whether two names are those of one image, as registries read them.
func sameImage(a, b string) bool {
	one, err := name.ParseReference(a)
	other, otherErr := name.ParseReference(b)
	return err == nil && otherErr == nil && one.Name() == other.Name()
}

func (r *runner) insideFormer(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("finding %s: %w", path, err)
	}
	return r.env.former.inside(r.env.former.dir, abs)
}
