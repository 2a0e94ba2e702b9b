// Package classic builds with an engine that has no BuildKit, such as Podman, by
// the engine's own POST /build. The context streams as a tar; the image is saved
// from the engine's store and removed there.
package classic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/build/engine"
	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/image"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
)

// stage is what progress calls a build.
const stage = "build"

// Builder is a build.Builder for the engine door.
type Builder struct {
	Open engine.Opener
	// Credentials returns what a registry host wants to see; an empty secret is
	// anonymous, and an empty user with a secret is an identity token. Nil is
	// anonymous everywhere. The engine is told those of the hosts in FROM only.
	Credentials func(host string) (user, secret string, err error)
}

// Ready says whether the engine can be reached.
func (b *Builder) Ready(ctx context.Context, _ build.Spec) error {
	_, err := b.open(ctx)
	return err
}

func (b *Builder) open(ctx context.Context) (*engine.Engine, error) {
	e, err := b.Open(ctx)
	if unavailable, ok := errors.AsType[*build.UnavailableError](err); ok && unavailable.Door == "" {
		return nil, &build.UnavailableError{Door: build.DoorEngine, Cause: unavailable.Cause, WaysOut: unavailable.WaysOut}
	}
	return e, err
}

// Build builds one image into an OCI layout at spec.Output. Errors are those of
// build.Builder; what this way of building does not know is a *config.UsageError
// that names the input.
func (b *Builder) Build(ctx context.Context, spec build.Spec, sink progress.Sink) (build.Result, error) {
	if sink == nil {
		sink = progress.Discard
	}
	if err := check(spec); err != nil {
		return build.Result{}, err
	}
	file, err := readDockerfile(spec)
	if err != nil {
		return build.Result{}, err
	}
	e, err := b.open(ctx)
	if err != nil {
		return build.Result{}, err
	}
	auth, err := b.credentials(file)
	if err != nil {
		return build.Result{}, err
	}
	name := engine.NewName()
	// Also when it fails or is stopped: the engine may have finished meanwhile.
	defer func() {
		if err := e.Remove(ctx, name); err != nil {
			sink.Emit(progress.Event{Kind: progress.Notice, Stage: stage, Text: fmt.Sprintf("the image %s was left in the engine: %v", name, err)})
		}
	}()
	if err := run(ctx, e, name, spec, file, auth, sink); err != nil {
		return build.Result{}, err
	}
	img, err := fetch(ctx, e, name, spec.Output)
	if err != nil {
		return build.Result{}, err
	}
	result := build.Result{
		Layout: spec.Output, Digest: img.Digest.String(), Door: build.DoorEngine, Detail: "the engine's own builder, without BuildKit",
		Notes: notes(spec, file),
	}
	result.Layers, result.BaseLayers, err = build.Origins(build.Source{
		Dockerfile: file.content, Name: spec.DockerfileName, Target: spec.Target, Args: spec.Args,
	}, told(img.Config, spec.Labels))
	if err != nil {
		return build.Result{}, fmt.Errorf("placing layers on lines: %w", err)
	}
	return result, nil
}

// check refuses what would be left out in silence.
func check(spec build.Spec) error {
	if err := build.Check(spec, build.DoorEngine); err != nil {
		return err
	}
	const why = "this engine has no BuildKit and knows no %s; leave them out, or build through another door (driver: remote, sibling or embedded)"
	switch {
	case len(spec.Secrets) > 0:
		return &config.UsageError{Where: "secrets", Err: fmt.Errorf(why, "secrets")}
	case len(spec.Contexts) > 0:
		return &config.UsageError{Where: "build-contexts", Err: fmt.Errorf(why, "further contexts")}
	}
	entries, err := os.ReadDir(spec.Output)
	if err == nil && len(entries) > 0 {
		return fmt.Errorf("the output directory %s is not empty; name another one", spec.Output)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("looking at the output directory: %w", err)
	}
	return nil
}

// notes are what a reader of the report should know of this way of building.
func notes(spec build.Spec, file *dockerfile) []string {
	var all []string
	if reference, _ := build.Syntax(file.content); reference != "" {
		all = append(all, fmt.Sprintf("%q was not followed: this engine has no BuildKit", "# syntax="+reference))
	}
	if spec.SourceDateEpoch != nil {
		all = append(all, "the times in the image are the build's: this engine cannot set them")
	}
	if len(spec.CacheFrom) > 0 {
		all = append(all, "cache-from was not used: this engine has no BuildKit")
	}
	return all
}

// fetch saves the image and unpacks it as an OCI layout.
func fetch(ctx context.Context, e *engine.Engine, name, output string) (img image.Image, err error) {
	saved, err := e.Save(ctx, name)
	if err != nil {
		return img, err
	}
	defer saved.Close()
	archive := filepath.Clean(output) + ".saved.tar"
	f, err := os.OpenFile(archive, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return img, fmt.Errorf("fetching the image from the engine: %w", err)
	}
	defer os.Remove(archive)
	_, err = io.Copy(f, saved)
	if err = errors.Join(err, f.Close()); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return img, fmt.Errorf("fetching the image from the engine: %w", err)
	}
	if err := os.MkdirAll(output, 0o755); err != nil {
		return img, fmt.Errorf("making the output directory: %w", err)
	}
	if img, err = image.Open(archive, output, image.Choice{}); err != nil {
		return img, fmt.Errorf("reading what the engine built: %w", err)
	}
	return img, nil
}

// told is a config whose history reads as BuildKit's does, so that layers find
// their instructions: this builder writes an entry for each as well, but as shell
// commands, and further ones for ONBUILD and, at the end, for labels that were
// asked for, which BuildKit does not write.
func told(original *v1.ConfigFile, labels map[string]string) *v1.ConfigFile {
	config := original.DeepCopy()
	config.History = nil
	for _, h := range original.History {
		by := h.CreatedBy
		if rest, ok := strings.CutPrefix(by, "|"); ok { // |1 NAME=value /bin/sh -c …: a RUN that sees arguments
			by = "RUN " + rest
		} else if _, rest, ok := strings.Cut(by, "#(nop)"); ok {
			by = strings.TrimSpace(rest)
		} else {
			by = "RUN " + strings.TrimPrefix(by, "/bin/sh -c ")
		}
		if strings.HasPrefix(by, "ONBUILD") {
			continue
		}
		h.CreatedBy, h.Comment = by, "buildkit.dockerfile.v0"
		config.History = append(config.History, h)
	}
	if n := len(config.History); n > 0 && len(labels) > 0 && labelsAll(config.History[n-1].CreatedBy, labels) {
		config.History = config.History[:n-1]
	}
	return config
}

// labelsAll says whether an instruction sets all labels.
func labelsAll(instruction string, labels map[string]string) bool {
	if !strings.HasPrefix(instruction, "LABEL") {
		return false
	}
	for name := range labels {
		if !strings.Contains(instruction, name) {
			return false
		}
	}
	return true
}
