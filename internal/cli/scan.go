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
	client, err := env.registry(cfg)
	if err != nil {
		return ExitUsage, err
	}
	r := &runner{env: env, cfg: cfg, command: "scan", operands: []string{named}, client: client}
	gate := pipeline.Gate{Image: r.load(named)}
	if err := r.scanning(&gate); err != nil {
		return ExitUsage, err
	}
	return r.run(ctx, gate)
}
