package cli

import (
	"context"

	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/pipeline"
)

func runLint(ctx context.Context, env *environment, cfg *config.Config, operands []string) (int, error) {
	if err := checkFix(cfg); err != nil {
		return ExitUsage, err
	}
	if len(operands) == 0 {
		operands = []string{cfg.Context}
	}
	// One operand may lie anywhere; several share the directory we stand in.
	start := "."
	if len(operands) == 1 {
		start = operands[0]
	}
	space, err := workspaceOf(start)
	if err != nil {
		return ExitUsage, err
	}
	paths := []string{space.path}
	if len(operands) > 1 {
		paths = nil
		for _, operand := range operands {
			path, err := space.rel(operand)
			if err != nil {
				return ExitUsage, err
			}
			paths = append(paths, path)
		}
	}
	r := &runner{env: env, cfg: cfg, command: "lint", space: space, operands: operands, paths: paths}
	if len(operands) <= 1 {
		if _, err := r.widen(); err != nil {
			return ExitUsage, err
		}
	}
	tree, err := r.open(ctx)
	if err != nil {
		return ExitUsage, err
	}
	defer tree.Close()
	if cfg.Bindings {
		return r.bindings(ctx, tree)
	}
	if err := r.mend(ctx, tree); err != nil {
		return ExitIndeterminate, err
	}
	gate := pipeline.Gate{Lint: r.lint(tree), Across: pipeline.Across(r.checks())}
	if cfg.Image != "" {
		if err := r.connect(); err != nil {
			return ExitIndeterminate, err
		}
		defer r.close()
		gate.Image = r.pull(cfg.Image)
		if onDisk(cfg.Image) {
			gate.Image = r.take(cfg.Image)
		}
		gate.Inspect = pipeline.Inspect(r.inspection())
	}
	return r.run(ctx, gate)
}
