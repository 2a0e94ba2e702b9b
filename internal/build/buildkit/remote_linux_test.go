package buildkit

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
)

// everyKind is a Dockerfile that uses what a builder can do for it.
func everyKind(t testing.TB, host string) build.Spec {
	t.Helper()
	spec := specFor(t, tree(t, `
-- Dockerfile --
# syntax=docker/dockerfile:1
FROM `+host+`/alpine:3.11 AS base
RUN --mount=type=secret,id=token test "$(wc -c < /run/secrets/token)" = 12 && echo made > /made
FROM base
COPY --from=extra /more /more
COPY <<heredoc /here
text
heredoc
COPY --chmod=640 file /file
LABEL a=b
-- file --
content
-- more/more --
more
`))
	epoch := time.Unix(1700000000, 0)
	spec.SourceDateEpoch = &epoch
	spec.Secrets = []build.Secret{{ID: "token", Data: []byte("s3cret-t0ken")}}
	spec.Annotations = map[string]string{"org.example.note": "noted"}
	spec.Contexts = map[string]string{"extra": filepath.Join(spec.Context, "more")}
	return spec
}

// TestEveryDoorGivesTheSame builds the same through our own controller, in this
// process and behind a stream, and through a buildkitd over a socket.
func TestEveryDoorGivesTheSame(t *testing.T) {
	dir := t.TempDir()
	startDaemon(t, socketIn(dir))
	host := serveImages(t)
	doors := map[string]builder{
		build.DoorEmbedded: &Embedded{},
		build.DoorRemote:   reached(t, Endpoint{URL: socketIn(dir)}),
		build.DoorSibling:  beside(t),
	}
	var first build.Result
	for _, name := range []string{build.DoorEmbedded, build.DoorRemote, build.DoorSibling} {
		spec := everyKind(t, host)
		got := through(t, doors[name], spec)
		if got.Door != name || got.Provenance == "" || got.Detail == "" {
			t.Errorf("%s: door %q, detail %q, provenance %q", name, got.Door, got.Detail, got.Provenance)
		}
		t.Log(name, got.Detail, got.Notes)
		if want := []int{0, 3, 5, 6, 9}; !slices.Equal(lines(got), want) || got.BaseLayers != 1 {
			t.Errorf("%s: layers are at %v, want %v", name, lines(got), want)
		}
		if len(got.Notes) != 1 || !strings.Contains(got.Notes[0], "no frontend image was pulled") {
			t.Errorf("%s: notes %q", name, got.Notes)
		}
		var manifest struct{ Annotations map[string]string }
		readJSON(t, blobPath(got.Layout, got.Digest), &manifest)
		if manifest.Annotations["org.example.note"] != "noted" {
			t.Errorf("%s: annotations are %v", name, manifest.Annotations)
		}
		if strings.Contains(readFile(t, got.Provenance), "s3cret-t0ken") {
			t.Errorf("%s: the provenance tells the secret", name)
		}
		if first.Digest == "" {
			first = got
		}
		if got.Digest != first.Digest {
			t.Errorf("%s gave %s, and %s gave %s", got.Door, got.Digest, first.Door, first.Digest)
		}
	}
}

func TestRemoteFailsOnTheLine(t *testing.T) {
	dir := t.TempDir()
	startDaemon(t, socketIn(dir))
	failsOnTheLine(t, reached(t, Endpoint{URL: socketIn(dir)}))
}

// TestBuilderKilledHalfWay kills the daemon while a step runs: nobody's Dockerfile
// is to blame.
func TestBuilderKilledHalfWay(t *testing.T) {
	dir := t.TempDir()
	d := startDaemon(t, socketIn(dir))
	b := reached(t, Endpoint{URL: socketIn(dir)})
	spec := specFor(t, tree(t, "-- Dockerfile --\nFROM "+serveImages(t)+"/alpine:3.11\nRUN echo begun; sleep 38572\n"))
	sink := &heard{on: func(e progress.Event) {
		if e.Kind == progress.Log && e.Text == "begun" {
			go d.kill()
		}
	}}
	begun := time.Now()
	_, err := b.Build(withTimeout(t, time.Minute), spec, sink)
	_, failed := errors.AsType[*build.FailedError](err)
	_, unavailable := errors.AsType[*build.UnavailableError](err)
	if err == nil || failed || unavailable || !strings.Contains(err.Error(), "stopped half-way") {
		t.Errorf("got %v", err)
	}
	t.Log(err)
	if took := time.Since(begun); took > 30*time.Second {
		t.Errorf("it took %s to notice", took)
	}
}

func TestEndpointThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"unix:///no/such/socket":    "no such file",
		"tcp://" + freePort(t):      "connection refused",
		"tcp://localhost":           "want tcp://HOST:PORT",
		"tcp://user:pass@host:1234": "it is no endpoint",
		"ftp://x":                   "its scheme is none of",
		"buildkit":                  "it is no endpoint",
		"":                          "no endpoint was named",
	} {
		b := &Builder{Door: build.DoorRemote, Connect: Endpoint{URL: url}.Connect}
		err := b.Ready(t.Context(), build.Spec{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "pass@") {
			t.Errorf("%s: got %v, want %q", url, err, want)
		}
		t.Log(err)
	}
}

func TestProgramsThatAreMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for url, want := range map[string]string{"docker-container://buildkit": `"docker"`, "kube-pod://pod": `"kubectl"`, "ssh://host": `"ssh"`} {
		b := &Builder{Door: build.DoorRemote, Connect: Endpoint{URL: url}.Connect}
		if err := b.Ready(t.Context(), build.Spec{}); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "endpoint: ") {
			t.Errorf("%s: got %v, want the program %s", url, err, want)
		}
	}
}

// BenchmarkDoors builds one small image, with its steps cached, through each door.
func BenchmarkDoors(b *testing.B) {
	dir := b.TempDir()
	startDaemon(b, socketIn(dir))
	_, saved := dockerd(b)
	spec := specFor(b, tree(b, "-- Dockerfile --\nFROM "+serveImages(b)+"/alpine:3.11\nRUN echo x > /x\nCOPY . /app/\n"))
	for name, door := range map[string]builder{
		build.DoorEmbedded: &Embedded{}, build.DoorRemote: reached(b, Endpoint{URL: socketIn(dir)}), build.DoorSibling: beside(b), build.DoorEngine: saved,
	} {
		b.Run(name, func(b *testing.B) {
			spec.CacheDir = b.TempDir()
			spec.Output = filepath.Join(b.TempDir(), "layout")
			through(b, door, spec)
			b.ReportAllocs()
			for b.Loop() {
				spec.Output = filepath.Join(b.TempDir(), "layout")
				through(b, door, spec)
			}
		})
	}
}
