package engine_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/build/buildkit"
	"github.com/plimsoll-ci/plimsoll/internal/build/engine"
)

func opened(e *engine.Engine) engine.Opener {
	return func(context.Context) (*engine.Engine, error) { return e, nil }
}

// What the engine's own BuildKit builds comes back as a layout: by export where it
// can, else by way of its image store.
func TestEnginesBuildKit(t *testing.T) {
	t.Parallel()
	e := engine.NeedEngine(t)
	if err := e.HasBuildKit(t.Context()); err != nil {
		t.Skipf("%v; run: .ci/install-engine", err)
	}
	spec := specOf(t, "-- Dockerfile --\nFROM scratch\nADD rootfs.tar /\nRUN --mount=type=secret,id=s test -s /run/secrets/s && echo built\n")
	spec.Secrets = []build.Secret{{ID: "s", Data: []byte("hush hush")}}
	spec.NoCache = true // so that RUN is heard each time
	export := &buildkit.Builder{Door: build.DoorDocker, Connect: engine.ToBuildKit(opened(e), build.DoorDocker)}
	b := export
	var unavailable *build.UnavailableError
	if err := export.Ready(t.Context(), spec); errors.As(err, &unavailable) {
		if !strings.Contains(unavailable.Cause, "cannot export OCI") {
			t.Errorf("the docker door is not ready: %v", err)
		}
		b = &buildkit.Builder{Door: build.DoorEngine, Connect: engine.ToBuildKit(opened(e), build.DoorEngine), Store: e}
	} else if err != nil {
		t.Fatal(err)
	}
	told := &heard{}
	result, err := b.Build(t.Context(), spec, told)
	if err != nil {
		t.Fatalf("%v\n%s", err, told.text())
	}
	t.Logf("through the %s door: %s (%s)", result.Door, result.Digest, result.Detail)
	if result.Door != b.Door || len(result.Layers) < 1 || result.Layers[0].Location.Line != 2 || !strings.Contains(told.text(), "built") {
		t.Errorf("got %+v\n%s", result, told.text())
	}

	spec.Output = filepath.Join(t.TempDir(), "layout")
	if err := os.WriteFile(filepath.Join(spec.Context, "Dockerfile"), []byte("FROM scratch\nADD rootfs.tar /\nRUN exit 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var failed *build.FailedError
	if _, err := b.Build(t.Context(), spec, told); !errors.As(err, &failed) || failed.Location.Line != 3 {
		t.Errorf("got %v, want a failure on line 3", err)
	}
}
