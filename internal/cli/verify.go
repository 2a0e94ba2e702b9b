package cli

import (
	"context"
	"errors"

	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/pipeline"
)

func runVerify(ctx context.Context, env *environment, cfg *config.Config, operands []string) (int, error) {
	named, err := one(operands, "an image in a registry")
	if err != nil {
		return ExitUsage, err
	}
	if cfg.VerificationKey == "" {
		return ExitUsage, &config.UsageError{Where: "verification-key", Err: errors.New("name the public key that the signature is checked against")}
	}
	r, err := newRunner(env, cfg, "verify", named)
	if err != nil {
		return ExitIndeterminate, err
	}
	defer r.close()
	ref, err := r.client.Reference(named)
	if err != nil {
		return ExitUsage, &config.UsageError{Where: "command line", Err: err}
	}
	verifier, err := r.verifier(nil)
	if err != nil {
		return ExitUsage, err
	}
	return r.run(ctx, pipeline.Gate{Evidence: pipeline.Signatures(r.client, ref, verifier)})
}
