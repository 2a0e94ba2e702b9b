// Package build says what building an image asks for and gives, whoever builds
// it, and maps what was built back onto the lines of the Dockerfile.
package build

import (
	"context"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
)

// Secret is a build secret, mounted by RUN --mount=type=secret and never stored.
type Secret struct {
	ID   string
	Data []byte
}

// Spec is what to build. The names are those of docker/build-push-action.
type Spec struct {
	Context    string // directory
	Dockerfile string // file, relative to Context or absolute
	// DockerfileName is how findings name the file: relative to the workspace, slash-separated.
	DockerfileName string
	Target         string
	Args           map[string]string
	Secrets        []Secret
	Labels         map[string]string
	Annotations    map[string]string // of the manifest
	// Contexts are further named contexts: a directory, "docker-image://…", "oci-layout://…".
	Contexts map[string]string
	// CacheFrom and CacheTo are caches outside CacheDir, one "type=registry,ref=…" or
	// "type=gha,scope=…" each, as docker buildx takes them.
	CacheFrom, CacheTo []string
	// CacheToIfAble is CacheTo for a door that writes caches; another one leaves it
	// out and says so. Auto reads it.
	CacheToIfAble []string
	Platform      string // "linux/amd64"; empty is the builder's own
	NoCache       bool
	Pull          bool // resolve base images anew
	// SourceDateEpoch is written as the time of the image and its layers; nil keeps the build's times.
	SourceDateEpoch *time.Time
	// InsecureRegistries are hosts spoken to over plain HTTP beside localhost.
	InsecureRegistries []string
	// Output is the directory the OCI layout is written to; it must not exist or be empty.
	Output string
	// CacheDir is where a builder of ours keeps its state between runs.
	CacheDir string
}

// Result is what a build gave.
type Result struct {
	Layout string // directory of the OCI layout
	Digest string // of the manifest, recomputed from its bytes
	Door   string // remote, docker, sibling, engine, embedded
	Detail string // a word on how: snapshotter, runtime, cache root
	// Provenance is the path of the SLSA provenance, a sidecar beside the layout,
	// empty when the builder gives none.
	Provenance string
	// Lines is the path of a sidecar with Layers as JSON, empty when none was written.
	Lines string
	// Layers places each layer on the instruction that made it; BaseLayers of them,
	// the lowest ones, came with the FROM image and are placed on its line.
	Layers     []LayerOrigin
	BaseLayers int
	// Notes are what the reader of the report should know ("# syntax … was built with the built-in frontend").
	Notes []string
}

// LayerOrigin is where a layer comes from.
type LayerOrigin struct {
	DiffID   string
	Location finding.Location // in the Dockerfile
	Command  string           // the instruction as the history tells it
	Base     bool
}

// Builder builds images.
//
// Build returns a *FailedError when the build itself failed (the Dockerfile is
// at fault: the verdict is fail, on its line) and an *UnavailableError when this
// builder cannot run here (the verdict is indeterminate). Any other error is
// indeterminate too.
type Builder interface {
	Build(context.Context, Spec, progress.Sink) (Result, error)
}

// FailedError is a build that ran and failed.
type FailedError struct {
	Location finding.Location // the instruction that failed; path only when unknown
	Step     string           // the instruction's text
	Log      []string         // the last lines it printed, at most 20
	Err      error
}

func (e *FailedError) Error() string { return e.Err.Error() }

func (e *FailedError) Unwrap() error { return e.Err }

// UnavailableError is a builder that cannot run on this machine.
type UnavailableError struct {
	Door    string   // empty when it is all of them
	Cause   string   // what is missing
	WaysOut []string // what a person can do, the easiest first
}

func (e *UnavailableError) Error() string {
	if e.Door == "" {
		return "no builder can run here: " + e.Cause
	}
	return "the " + e.Door + " builder cannot run here: " + e.Cause
}

// WayElsewhere is the way out that is open wherever no builder is.
const WayElsewhere = "build the image elsewhere (docker buildx build --output type=oci,dest=image.tar .) and give the archive, its layout or a reference as the input"
