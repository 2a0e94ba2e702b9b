package buildkit

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/image"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
)

func TestBuildFromScratch(t *testing.T) {
	needMounts(t)
	dir := tree(t, `
-- Dockerfile --
# syntax=docker/dockerfile:1
FROM scratch AS files
COPY etc/ /etc/

FROM scratch
LABEL a=b
COPY --from=files /etc/ /etc/
COPY <<one <<two /heredoc/
1
one
2
two
USER 65532
-- etc/passwd --
app:x:65532:65532::/:/none
`)
	spec := specFor(t, dir)
	spec.Labels = map[string]string{"org.opencontainers.image.source": "here"}
	result := mustBuild(t, &Embedded{}, spec)

	img, err := image.FromLayout(result.Layout, "", "")
	if err != nil {
		t.Fatal(err)
	}
	if img.Digest.String() != result.Digest || img.Config.Config.User != "65532" ||
		img.Config.Config.Labels["org.opencontainers.image.source"] != "here" {
		t.Errorf("got %s and config %+v", img.Digest, img.Config.Config)
	}
	if want := []int{7, 8}; !slices.Equal(lines(result), want) || result.BaseLayers != 0 {
		t.Errorf("layers are at %v (%d of the base), want %v", lines(result), result.BaseLayers, want)
	}
	if got := result.Layers[1].Location; got.EndLine != 12 || got.Path != "app/Dockerfile" {
		t.Errorf("the heredoc is at %+v", got)
	}
	if len(result.Notes) != 1 || !strings.Contains(result.Notes[0], "no frontend image was pulled") {
		t.Errorf("notes %q do not speak of the frontend", result.Notes)
	}
	var statement struct {
		PredicateType string
		Subject       []struct{ Digest map[string]string }
	}
	readJSON(t, result.Provenance, &statement)
	if !strings.HasPrefix(statement.PredicateType, "https://slsa.dev/provenance/") || len(statement.Subject) == 0 ||
		"sha256:"+statement.Subject[0].Digest["sha256"] != result.Digest {
		t.Errorf("the provenance is %+v", statement)
	}
	entries, err := os.ReadDir(filepath.Join(result.Layout, "blobs", "sha256"))
	if err != nil || len(entries) != 4 {
		t.Errorf("the layout has blobs %v, %v; want manifest, config and two layers", entries, err)
	}
}

func TestRunOnAlpine(t *testing.T) {
	needRuntime(t)
	host := serveImages(t)
	dir := tree(t, `
-- Dockerfile --
ARG VERSION=3.10
FROM `+host+`/alpine:${VERSION} AS base
ONBUILD RUN echo triggered > /triggered
RUN echo one > /one

FROM base AS final
ARG GREETING=none
RUN echo ${GREETING} > /greeting
RUN <<END
echo two > /two
END
WORKDIR /app
WORKDIR /app
COPY . .
ENTRYPOINT ["/bin/sh"]
-- file --
x
-- Dockerfile.dockerignore --
Dockerfile*
`)
	spec := specFor(t, dir)
	spec.Args = map[string]string{"VERSION": "3.11", "GREETING": "hello"}
	result := mustBuild(t, &Embedded{}, spec)
	if want := []int{0, 4, 3, 8, 9, 12, 13, 14}; !slices.Equal(lines(result), want) {
		t.Errorf("layers are at %v, want %v", lines(result), want)
	}
	if result.BaseLayers != 1 || result.Layers[0].Location.Line != 2 {
		t.Errorf("the base has %d layers at %+v", result.BaseLayers, result.Layers[0].Location)
	}
	for _, l := range result.Layers {
		t.Logf("%d-%d %s | %s", l.Location.Line, l.Location.EndLine, l.Location.Note, l.Command)
	}
	if config := readConfig(t, result); !slices.Equal(config.Config.Entrypoint, []string{"/bin/sh"}) {
		t.Errorf("config is %+v", config.Config)
	}
}

func TestReproducible(t *testing.T) {
	needRuntime(t)
	host := serveImages(t)
	dir := tree(t, `
-- Dockerfile --
FROM `+host+`/alpine:3.11
RUN mkdir -p /made/here; date > /dev/null; echo x > /made/here/file
COPY file /file
-- file --
x
`)
	epoch := time.Unix(1700000000, 0)
	spec := specFor(t, dir)
	spec.SourceDateEpoch = &epoch
	var digests []string
	for _, change := range []func(){
		func() {},
		func() {},
		func() { spec.CacheDir = t.TempDir() },
		func() {
			spec.CacheDir = t.TempDir()
			now := time.Now().Add(time.Hour)
			if err := os.Chtimes(filepath.Join(dir, "file"), now, now); err != nil {
				t.Fatal(err)
			}
		},
	} {
		change()
		spec.Output = filepath.Join(t.TempDir(), "layout")
		result := mustBuild(t, &Embedded{}, spec)
		digests = append(digests, result.Digest)
		if want := []int{0, 2, 3}; !slices.Equal(lines(result), want) {
			t.Errorf("layers are at %v, want %v", lines(result), want)
		}
	}
	if len(slices.Compact(slices.Clone(digests))) != 1 {
		t.Errorf("the same source gave (first, warm, cold, touched) %s", strings.Join(digests, " "))
	}
}

func TestDockerfileOutsideTheContext(t *testing.T) {
	needMounts(t)
	dir := tree(t, `
-- ctx/kept --
x
-- ctx/dropped --
x
-- ctx/.dockerignore --
kept
-- deploy/app.Dockerfile --
FROM scratch
COPY . /
-- deploy/app.Dockerfile.dockerignore --
dropped
.dockerignore
`)
	spec := specFor(t, filepath.Join(dir, "ctx"))
	spec.Dockerfile = filepath.Join(dir, "deploy", "app.Dockerfile")
	result := mustBuild(t, &Embedded{}, spec)
	if diff := cmp.Diff([]string{"kept"}, fileNames(t, result)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}

	spec.Output = filepath.Join(t.TempDir(), "layout")
	if err := os.Remove(spec.Dockerfile + ".dockerignore"); err != nil {
		t.Fatal(err)
	}
	result = mustBuild(t, &Embedded{}, spec)
	if diff := cmp.Diff([]string{".dockerignore", "dropped"}, fileNames(t, result)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestSecretsStayOut(t *testing.T) {
	needRuntime(t)
	host := serveImages(t)
	dir := tree(t, `
-- Dockerfile --
FROM `+host+`/alpine:3.11
RUN --mount=type=secret,id=token test "$(cat /run/secrets/token)" = "s3cr3t-of-"the-file && echo "seen: $(cat /run/secrets/token)"
RUN --mount=type=secret,id=env,env=TOKEN test "$TOKEN" = "s3cr3t-of-"the-env
`)
	spec := specFor(t, dir)
	spec.Secrets = []build.Secret{{ID: "token", Data: []byte("s3cr3t-of-the-file")}, {ID: "env", Data: []byte("s3cr3t-of-the-env")}}
	sink := &heard{}
	result, err := (&Embedded{}).Build(t.Context(), spec, sink)
	if err != nil {
		t.Fatal(err)
	}
	seen := false
	for _, e := range sink.events {
		if strings.Contains(e.Text, "s3cr3t-of-the") {
			t.Errorf("progress tells %q", e.Text)
		}
		seen = seen || e.Text == "seen: "+mask
	}
	if !seen {
		t.Error("the masked line is not in the log")
	}
	notIn(t, filepath.Dir(result.Layout), "s3cr3t-of-the")
	notIn(t, spec.CacheDir, "s3cr3t-of-the")
}

func TestTargetAndPlatform(t *testing.T) {
	needMounts(t)
	dir := tree(t, `
-- Dockerfile --
FROM scratch AS one
COPY file /one
FROM scratch AS base-arm64
COPY file /arm64
FROM base-${TARGETARCH} AS two
COPY file /two
-- file --
x
`)
	spec := specFor(t, dir)
	spec.Target, spec.Platform, spec.NoCache, spec.Pull = "two", "linux/arm64", true, true
	result := mustBuild(t, &Embedded{}, spec)
	if config := readConfig(t, result); config.Architecture != "arm64" {
		t.Errorf("architecture is %q", config.Architecture)
	}
	if want := []int{4, 6}; !slices.Equal(lines(result), want) {
		t.Errorf("layers are at %v, want %v", lines(result), want)
	}
	spec.Output, spec.Target = filepath.Join(t.TempDir(), "layout"), "ONE"
	if got := lines(mustBuild(t, &Embedded{}, spec)); !slices.Equal(got, []int{2}) {
		t.Errorf("layers are at %v, want line 2", got)
	}
}

// TestBasesOfAllKinds builds on images whose configs tell less, or more, than
// their layers.
func TestBasesOfAllKinds(t *testing.T) {
	needRuntime(t)
	host := serveImages(t)
	for name, change := range map[string]func(*v1.ConfigFile){
		"onbuild": func(c *v1.ConfigFile) { c.Config.OnBuild = []string{"COPY . /triggered/", "RUN true", "ENV A=1"} },
		"silent":  func(c *v1.ConfigFile) { c.History = nil },
		"chatty": func(c *v1.ConfigFile) {
			c.History = append(c.History, v1.History{CreatedBy: "RUN of another Dockerfile", Comment: "buildkit.dockerfile.v0", EmptyLayer: true})
		},
	} {
		base, err := remote.Image(reference(t, host+"/alpine:3.11"))
		if err != nil {
			t.Fatal(err)
		}
		config, err := base.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		config = config.DeepCopy()
		change(config)
		if base, err = mutate.ConfigFile(base, config); err != nil {
			t.Fatal(err)
		}
		push(t, host+"/"+name, base)
	}
	for name, want := range map[string][]int{"onbuild": {0, 1, 1, 2, 3}, "silent": {0, 2, 3}, "chatty": {0, 2, 3}} {
		spec := specFor(t, tree(t, "-- Dockerfile --\nFROM "+host+"/"+name+"\nRUN echo x > /x\nCOPY . /app/\n"))
		result := mustBuild(t, &Embedded{}, spec)
		if got := lines(result); !slices.Equal(got, want) || result.BaseLayers != 1 {
			t.Errorf("%s: layers are at %v (%d of the base), want %v: %+v", name, got, result.BaseLayers, want, readConfig(t, result).History)
		}
	}
}

func TestCacheIsBounded(t *testing.T) {
	needMounts(t)
	spec := specFor(t, tree(t, "-- Dockerfile --\nFROM scratch\nCOPY . /\n"))
	for limit, want := range map[int64]bool{0: true, 1: false} {
		spec.CacheDir = t.TempDir()
		var steps string
		for range 2 {
			sink := &heard{}
			spec.Output = filepath.Join(t.TempDir(), "layout")
			if _, err := (&Embedded{CacheLimit: limit}).Build(t.Context(), spec, sink); err != nil {
				t.Fatal(err)
			}
			steps = sink.text(progress.Step)
		}
		if got := strings.Contains(steps, "COPY . / CACHED"); got != want {
			t.Errorf("with a limit of %d the step was cached: %v, want %v", limit, got, want)
		}
	}
}
