package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

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
	client, err := env.registry(cfg)
	if err != nil {
		return ExitUsage, err
	}
	r := &runner{env: env, cfg: cfg, command: "build", space: space, client: client}
	path := cfg.File
	if path == "" {
		path = dockerfileIn(cfg.Context)
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
	bounded, cancel := context.WithTimeoutCause(ctx, cfg.Timeout, fmt.Errorf("the timeout of %s is over; set --timeout", cfg.Timeout))
	defer cancel()
	shown := env.display(cfg)
	state, err := pipeline.Gate{Image: pipeline.Build(env.deps.Builder(client.Keychain()), spec, r.imageName(spec))}.Way(r.policy()).Run(bounded, shown, time.Now)
	shown.Close() //nolint:errcheck // a display that cannot be ended changes nothing
	if err != nil {
		return ExitIndeterminate, err
	}
	for _, failure := range state.Failures {
		where := failure.Location.Path
		if failure.Location.Line > 0 {
			where = fmt.Sprintf("%s:%d", where, failure.Location.Line)
		}
		if where == "" {
			where = "build"
		}
		fmt.Fprintf(env.stderr, "plimsoll: %s: %s\n", where, printable.Text(failure.Message))
		if failure.Judged {
			return ExitFail, nil
		}
		return ExitIndeterminate, nil
	}
	fmt.Fprintln(env.stdout, state.Images[0].Digest)
	return ExitPass, nil
}
