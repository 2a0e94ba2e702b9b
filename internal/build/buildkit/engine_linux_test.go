package buildkit

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/build/engine"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
)

// dockerd is the engine's two doors, where an engine runs.
func dockerd(t testing.TB) (own, saved *Builder) {
	t.Helper()
	open := engine.Lazily(engine.Options{})
	e, err := open(t.Context())
	if err != nil {
		t.Skipf("this needs Docker's engine (%v); run: .ci/install-engine", err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return &Builder{Door: build.DoorDocker, Connect: engine.ToBuildKit(open, build.DoorDocker)},
		&Builder{Door: build.DoorEngine, Connect: engine.ToBuildKit(open, build.DoorEngine), Store: e, NewName: engine.NewName}
}

// TestEngineBuildsAndSaves builds with whatever frontend features the engine's own
// frontend may be too old for: heredocs, named contexts, COPY --chmod.
func TestEngineBuildsAndSaves(t *testing.T) {
	_, b := dockerd(t)
	spec := everyKind(t, serveImages(t))
	spec.Annotations = nil
	got := through(t, b, spec)
	t.Log(got.Detail, got.Notes)
	if want := []int{0, 3, 5, 6, 9}; !slices.Equal(lines(got), want) || got.BaseLayers != 1 {
		t.Errorf("layers are at %v, want %v", lines(got), want)
	}
	if got.Provenance != "" || !strings.Contains(strings.Join(got.Notes, "\n"), "no provenance") || !strings.Contains(strings.Join(got.Notes, "\n"), "times inside the layers") {
		t.Errorf("provenance %q, notes %q", got.Provenance, got.Notes)
	}
	if config := readConfig(t, got); config.Config.Labels["a"] != "b" {
		t.Errorf("config is %+v", config.Config)
	}
}

func TestEngineFailsOnTheLine(t *testing.T) {
	_, b := dockerd(t)
	failsOnTheLine(t, b)
}

// TestAutoPassesOverWhatIsNotReady walks doors as a runner has them.
func TestAutoPassesOverWhatIsNotReady(t *testing.T) {
	needMounts(t)
	docker, _ := dockerd(t)
	named := &Builder{Door: build.DoorRemote, Connect: Endpoint{}.Connect}
	embedded := &Embedded{}
	doors := &build.Auto{Doors: []build.Door{named.AsDoor(), docker.AsDoor(), {Name: build.DoorEmbedded, Builder: embedded, Ready: embedded.Ready}}}
	sink := &heard{}
	begun := time.Now()
	result, err := doors.Build(t.Context(), specFor(t, tree(t, "-- Dockerfile --\nFROM scratch\nCOPY . /\n")), sink)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(sink.text(progress.Notice), time.Since(begun))
	if result.Door != build.DoorEmbedded && result.Door != build.DoorDocker {
		t.Errorf("door %q", result.Door)
	}
	if told := sink.text(progress.Notice); !strings.Contains(told, "building through the "+result.Door+" door; remote: no endpoint was named") {
		t.Errorf("told %q", told)
	}
}
