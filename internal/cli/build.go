package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/pipeline"
	"github.com/plimsoll-ci/plimsoll/internal/printable"
)

func runBuild(ctx context.Context, env *environment, cfg *config.Config, operands []string) (int, error) {
	if len(operands) > 1 {
		return ExitUsage, tooMany(operands[1:])
	}
	if len(operands) == 1 {
		cfg.Context = operands[0]
	}
	if cfg.Output == "" {
		return ExitUsage, &config.UsageError{Where: "output", Err: errors.New("name the directory of the OCI layout, such as --output=image")}
	}
	space, err := workspaceOf(cfg.Context)
	if err != nil {
		return ExitUsage, err
	}
	r, err := newRunner(env, cfg, "build", cfg.Context)
	if err != nil {
		return ExitIndeterminate, err
	}
	defer r.close()
	r.space = space
	path := cfg.File
	if path == "" {
		if path, err = dockerfileIn(cfg.Context); err != nil {
			return ExitUsage, err
		}
	}
	if path == "" {
		return ExitUsage, &config.UsageError{Where: cfg.Context, Err: errors.New("holds no Dockerfile; name one with --file")}
	}
	spec, err := r.spec(path)
	if err != nil {
		return ExitUsage, err
	}
	spec.Output = cfg.Output
	if entries, err := os.ReadDir(spec.Output); err == nil && len(entries) > 0 {
		return ExitUsage, &config.UsageError{Where: "output", Err: fmt.Errorf("%s is not empty; name another directory", spec.Output)}
	}
	builder := r.builder()
	state, err := r.walk(ctx, pipeline.Gate{Image: pipeline.Build(builder, spec, r.imageName(spec))})
	if err != nil {
		return ExitIndeterminate, err
	}
	if len(state.Failures) > 0 {
		failure := state.Failures[0]
		where := failure.Location.Path
		if failure.Location.Line > 0 {
			where = fmt.Sprintf("%s:%d", where, failure.Location.Line)
		}
		if where == "" {
			where = "build"
		}
		fmt.Fprintf(env.stderr, "plimsoll: %s: %s\nreproduce: %s\n", where, printable.Text(failure.Message), r.reproduce())
		if failure.Judged {
			return ExitFail, nil
		}
		return ExitIndeterminate, nil
	}
	fmt.Fprintln(env.stdout, state.Images[0].Digest)
	return ExitPass, nil
}
