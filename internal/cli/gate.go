package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/event"
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
	was, err := r.widen()
	if err != nil {
		return ExitUsage, err
	}
	tree, err := r.open(ctx)
	if err != nil {
		return ExitUsage, err
	}
	defer tree.Close()

	var gate pipeline.Gate
	if gate.Image, err = r.image(ctx, tree); err != nil {
		return ExitUsage, err
	}
	gate.Lint, gate.Across = r.lint(tree), pipeline.Across(r.checks())
	if gate.Image.Run == nil {
		if env.rules.NotBuilt == "" {
			if err := r.wantsImage(); err != nil {
				return ExitUsage, err
			}
			if err := r.leftBehind(ctx, was, tree); err != nil {
				return ExitUsage, err
			}
		}
	} else {
		if err := r.scanning(&gate); err != nil {
			return ExitUsage, err
		}
		if err := r.acts(&gate); err != nil {
			return ExitUsage, err
		}
	}
	return r.run(ctx, gate)
}

// image chooses what is judged: an image that was named, the Dockerfile that was
// named, or the one in the context. Nothing at all is an empty Stage; several
// candidates and no choice is an error that lists them.
func (r *runner) image(ctx context.Context, tree *source.Tree) (pipeline.Stage, error) {
	cfg := r.cfg
	if why := r.env.rules.NotBuilt; why != "" {
		r.notes = append(r.notes, "no image was looked at: "+why)
		return pipeline.Stage{}, nil
	}
	if cfg.Input != "" && cfg.ImageRef != "" {
		return pipeline.Stage{}, &config.UsageError{Where: "settings", Err: errors.New("input and image-ref each name an image; give one")}
	}
	switch {
	case cfg.Input != "":
		return r.take(cfg.Input), nil
	case cfg.ImageRef != "":
		return r.pull(cfg.ImageRef), nil
	case cfg.File != "":
		return r.build(cfg.File)
	}
	file, err := dockerfileIn(cfg.Context)
	if err != nil || file != "" {
		if err != nil {
			return pipeline.Stage{}, err
		}
		return r.build(file)
	}
	found, err := dockerfiles(ctx, tree)
	// The tree may hold more than the context (widen).
	found = slices.DeleteFunc(found, func(file string) bool {
		_, in := below(filepath.FromSlash(r.space.path), filepath.FromSlash(file))
		return !in
	})
	switch {
	case err != nil || len(found) == 0:
		return pipeline.Stage{}, err
	case len(found) == 1:
		file = filepath.Join(r.space.dir, filepath.FromSlash(found[0]))
		if r.env.former != nil && r.env.event.Kind != event.Default {
			if err := config.Within(r.env.former.root, file); err != nil {
				return pipeline.Stage{}, err
			}
		}
		return r.build(file)
	default:
		return pipeline.Stage{}, &config.UsageError{Where: "file", Err: fmt.Errorf(
			"%s holds no Dockerfile, and there are several below it; build one of them with --file: %s", cfg.Context, strings.Join(found, ", "))}
	}
}

// wantsImage fails when a setting only makes sense with an image and there is
// none: a wrong path must not make a release green.
func (r *runner) wantsImage() error {
	for _, s := range []struct {
		name  string
		given bool
	}{
		{"push", r.cfg.Push == "true"},
		{"sign", r.cfg.Sign == "true"},
		{"tags", len(r.cfg.Tags) > 0 && r.cfg.Push != "false"},
		{"target", r.cfg.Target != ""},
		{"dry-run", r.cfg.DryRun},
	} {
		if s.given {
			return &config.UsageError{Where: s.name, Err: fmt.Errorf("there is no image: %s holds no Dockerfile; name one with --file, or an image with --input or --image-ref", r.cfg.Context)}
		}
	}
	return nil
}

// leftBehind fails where nothing is built because a change says so, while the Dockerfile
// that the base commit's settings lead to is still there: an image that nobody builds
// cannot fail.
func (r *runner) leftBehind(ctx context.Context, was *config.Config, tree *source.Tree) error {
	if was == nil || was.Input != "" || was.ImageRef != "" {
		return nil
	}
	left := was.File
	if info, err := os.Stat(left); left != "" && (err != nil || !info.Mode().IsRegular()) {
		left = ""
	}
	if left == "" {
		var err error
		if left, err = dockerfileIn(was.Context); err != nil {
			return err
		}
	}
	if left == "" && len(r.pathsBefore) > 0 {
		found, err := dockerfiles(ctx, tree)
		if err != nil {
			return err
		}
		for _, file := range found {
			if _, in := below(filepath.FromSlash(r.pathsBefore[0]), filepath.FromSlash(file)); in {
				left = file
				break
			}
		}
	}
	if left == "" {
		return nil
	}
	return &config.UsageError{Where: "context", Err: fmt.Errorf(
		"there is no image: the change moves the context to %q, away from the Dockerfile that is built, %q; move or remove it with the context, or name one with file", r.cfg.Context, left)}
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

// dockerfileIn finds the Dockerfile of a context, or nothing. Something of that
// name that is no file is an error: it was meant to be one.
func dockerfileIn(dir string) (string, error) {
	for _, name := range []string{"Dockerfile", "Containerfile"} {
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return "", &config.UsageError{Where: path, Err: pathCause(err)}
		case !info.Mode().IsRegular():
			return "", &config.UsageError{Where: path, Err: errors.New("is no regular file; name the Dockerfile with --file")}
		default:
			return path, nil
		}
	}
	return "", nil
}
