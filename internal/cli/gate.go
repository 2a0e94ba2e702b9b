package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/pipeline"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

func runGate(ctx context.Context, env *environment, cfg *config.Config, operands []string) (int, error) {
	if len(operands) > 1 {
		return ExitUsage, tooMany(operands[1:])
	}
	if len(operands) == 1 {
		cfg.Context = operands[0]
	}
	space, err := workspaceOf(cfg.Context)
	if err != nil {
		return ExitUsage, err
	}
	r, err := newRunner(env, cfg, "gate", cfg.Context)
	if err != nil {
		return ExitIndeterminate, err
	}
	defer r.close()
	r.space = space
	tree, err := source.Open(space.dir, r.sources())
	if err != nil {
		return ExitUsage, &config.UsageError{Where: cfg.Context, Err: err}
	}
	defer tree.Close()

	var gate pipeline.Gate
	if gate.Image, err = r.image(ctx, tree); err != nil {
		return ExitUsage, err
	}
	gate.Lint = r.lint(tree)
	if gate.Image.Run != nil {
		if err := r.scanning(&gate); err != nil {
			return ExitUsage, err
		}
		if err := r.acts(&gate); err != nil {
			return ExitUsage, err
		}
	}
	return r.run(ctx, gate)
}

// sources says what of the workspace is linted: what was named, and the
// Dockerfile that is built wherever it lies.
func (r *runner) sources() source.Options {
	opts := source.Options{Paths: []string{r.space.path}, Manifests: r.cfg.Manifests, SkipDirs: r.cfg.SkipDirs, SkipFiles: r.cfg.SkipFiles}
	if r.cfg.File != "" {
		opts.Dockerfiles = []string{r.cfg.File}
	}
	return opts
}

// image chooses what is judged: an image that was named, the Dockerfile that was
// named, or the one in the context. Nothing at all is an empty Stage; several
// candidates and no choice is an error that lists them.
func (r *runner) image(ctx context.Context, tree *source.Tree) (pipeline.Stage, error) {
	cfg := r.cfg
	if cfg.Input != "" && cfg.ImageRef != "" {
		return pipeline.Stage{}, &config.UsageError{Where: "settings", Err: errors.New("input and image-ref each name an image; give one")}
	}
	switch {
	case cfg.Input != "":
		return r.load(cfg.Input), nil
	case cfg.ImageRef != "":
		return r.load(cfg.ImageRef), nil
	}
	file := cfg.File
	if file == "" {
		file = dockerfileIn(cfg.Context)
	}
	if file != "" {
		return r.build(file)
	}
	found, err := dockerfiles(ctx, tree)
	if err != nil || len(found) == 0 {
		return pipeline.Stage{}, err
	}
	return pipeline.Stage{}, &config.UsageError{Where: "file", Err: fmt.Errorf(
		"%s holds no Dockerfile, and there are several below it; build one of them with --file: %s", cfg.Context, strings.Join(found, ", "))}
}

func dockerfiles(ctx context.Context, tree *source.Tree) ([]string, error) {
	listings, err := tree.Read(ctx)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, f := range listings[source.Dockerfile].Files {
		found = append(found, f.Path)
	}
	return found, nil
}

// dockerfileIn finds the Dockerfile of a context, or nothing.
func dockerfileIn(dir string) string {
	for _, name := range []string{"Dockerfile", "Containerfile"} {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return ""
}
