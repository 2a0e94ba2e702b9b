package cli

import (
	"context"

	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/pipeline"
)

func runScan(ctx context.Context, env *environment, cfg *config.Config, operands []string) (int, error) {
	named, err := one(operands, "an image: a registry reference, an OCI layout or a docker archive")
	if err != nil {
		return ExitUsage, err
	}
	r, err := newRunner(env, cfg, "scan", named)
	if err != nil {
		return ExitIndeterminate, err
	}
	defer r.close()
	gate := pipeline.Gate{Image: r.pull(named)}
	if onDisk(named) {
		gate.Image = r.take(named)
	}
	if err := r.scanning(&gate); err != nil {
		return ExitUsage, err
	}
	return r.run(ctx, gate)
}
