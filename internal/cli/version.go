package cli

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/plimsoll-ci/plimsoll/internal/config"
)

// shown are the modules whose behaviour people ask about.
var shown = []string{
	"github.com/moby/buildkit",
	"github.com/aquasecurity/trivy",
	"github.com/sigstore/cosign/v2",
	"github.com/sigstore/sigstore-go",
}

func runVersion(_ context.Context, env *environment, _ *config.Config, operands []string) (int, error) {
	if len(operands) > 0 {
		return ExitUsage, tooMany(operands)
	}
	kind := "full"
	if !env.deps.full() {
		kind = "lite"
	}
	fmt.Fprintf(env.stdout, "plimsoll %s (%s, %s, %s/%s)\n", env.deps.Version, kind, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	info, ok := debug.ReadBuildInfo()
	if !ok || !env.deps.full() {
		return ExitPass, nil
	}
	for _, name := range shown {
		for _, m := range info.Deps {
			if m.Path == name {
				fmt.Fprintf(env.stdout, "  %s %s\n", m.Path, m.Version)
			}
		}
	}
	return ExitPass, nil
}
