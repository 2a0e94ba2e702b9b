package buildkit

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	dockerfile "github.com/moby/buildkit/frontend/dockerfile/builder"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/tonistiigi/fsutil"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
)

// Build builds one image for one platform into an OCI layout at spec.Output, with
// its provenance beside it in "<Output>.provenance.json". It keeps its cache below
// spec.CacheDir, or none when that is empty. Errors are those of build.Builder.
// When it returns, no process, mount or listener of the build is left.
func (e *Embedded) Build(ctx context.Context, spec build.Spec, sink progress.Sink) (build.Result, error) {
	if sink == nil {
		sink = progress.Discard
	}
	if strings.Contains(spec.Platform, ",") {
		return build.Result{}, fmt.Errorf("the platform %q names several; build one platform at a time", spec.Platform)
	}
	in, err := readInput(spec)
	if err != nil {
		return build.Result{}, err
	}
	if err := checkOutput(spec.Output); err != nil {
		return build.Result{}, err
	}
	r, err := lockRoot(ctx, spec.CacheDir, cmp.Or(e.Patience, defaultPatience), sink)
	if err != nil {
		return build.Result{}, err
	}
	result, err := e.buildIn(ctx, r, spec, in, sink)
	if err := errors.Join(err, r.release()); err != nil {
		return build.Result{}, err
	}
	return result, nil
}

func (e *Embedded) buildIn(ctx context.Context, r *root, spec build.Spec, in *input, sink progress.Sink) (build.Result, error) {
	capability, err := e.capability(ctx, r.dir)
	if err != nil {
		return build.Result{}, err
	}
	partial := spec.Output + ".partial"
	defer os.RemoveAll(partial)
	if err := os.RemoveAll(partial); err != nil {
		return build.Result{}, fmt.Errorf("clearing the output directory: %w", err)
	}
	run := &builtin{}
	opts := options{root: r.dir, capability: capability, insecure: spec.InsecureRegistries, frontend: run.build}
	c, err := open(ctx, opts)
	if err != nil && ctx.Err() == nil && damaged(err) {
		sink.Emit(progress.Event{Kind: progress.Notice, Stage: stage, Text: fmt.Sprintf("the build cache is damaged and starts anew (%v)", err)})
		if err := r.clear(); err != nil {
			return build.Result{}, err
		}
		c, err = open(ctx, opts)
	}
	if err != nil {
		return build.Result{}, err
	}
	err = e.solve(ctx, c, spec, in, partial, sink)
	if err == nil {
		limit := cmp.Or(e.CacheLimit, defaultCacheLimit)
		// The image is done; a cache that could not be trimmed is trimmed next time.
		_ = c.Prune(ctx, nil, client.PruneAll, client.WithKeepOpt(0, limit/2, limit, 0))
	}
	if err := errors.Join(err, c.Close()); err != nil {
		return build.Result{}, err
	}
	result, err := finish(partial, spec, in, run.baseConfig())
	if err != nil {
		return build.Result{}, err
	}
	result.Detail = capability.String()
	if r.private {
		result.Notes = append(result.Notes, "the build cache was not used: another build held it")
	}
	return result, nil
}

// handedPrefix begins the names of directories that Dockerfiles are handed over in.
const handedPrefix = "dockerfile-"

// solve builds and exports into partial.
func (e *Embedded) solve(ctx context.Context, c *controller, spec build.Spec, in *input, partial string, sink progress.Sink) error {
	contextFS, err := fsutil.NewFS(in.context)
	if err != nil {
		return fmt.Errorf("reading the build context: %w", err)
	}
	source, err := os.MkdirTemp(c.root, handedPrefix)
	if err != nil {
		return fmt.Errorf("handing over the Dockerfile: %w", err)
	}
	defer os.RemoveAll(source)
	if err := in.write(source); err != nil {
		return err
	}
	dockerfileFS, err := fsutil.NewFS(source)
	if err != nil {
		return fmt.Errorf("handing over the Dockerfile: %w", err)
	}
	secrets := secretsOf(spec)
	teller := newTeller(sink, secrets)
	status := make(chan *client.SolveStatus)
	told := make(chan struct{})
	go func() { defer close(told); teller.tell(status) }()
	_, err = c.Solve(ctx, nil, client.SolveOpt{
		Frontend:      "dockerfile.v0",
		FrontendAttrs: in.attributes(spec),
		LocalMounts:   map[string]fsutil.FS{"context": contextFS, "dockerfile": dockerfileFS},
		SharedKey:     in.context,
		Session:       []session.Attachable{secretsprovider.FromMap(secrets), &credentials{lookUp: e.Credentials}},
		Exports:       []client.ExportEntry{{Type: client.ExporterOCI, Attrs: exported(spec), OutputDir: partial}},
	}, status)
	<-told
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("building %s: %w", spec.DockerfileName, context.Cause(ctx))
	case c.missing != nil && c.missing.needed.Load():
		return &build.UnavailableError{Door: door, Cause: c.missing.why, WaysOut: elsewhere(
			"install runc (Debian and Ubuntu: apt-get install runc; Alpine: apk add runc; Fedora: dnf install runc) or crun",
		)}
	}
	return explain(err, in, spec, teller)
}

// finish ships what was exported and reads from it what the result says.
func finish(partial string, spec build.Spec, in *input, base *v1.ConfigFile) (build.Result, error) {
	shipped, err := unpack(partial)
	if err != nil {
		return build.Result{}, err
	}
	img, err := shipped.ship(spec.Output)
	if err != nil {
		return build.Result{}, err
	}
	result := build.Result{Layout: spec.Output, Digest: img.Digest.String(), Door: door, Notes: in.notes}
	if shipped.provenance != nil {
		result.Provenance = filepath.Clean(spec.Output) + ".provenance.json"
		if err := shipped.writeProvenance(result.Provenance); err != nil {
			return build.Result{}, err
		}
	}
	result.Layers, result.BaseLayers, err = build.Origins(build.Source{
		Dockerfile: in.dockerfile, Name: spec.DockerfileName, Target: spec.Target, Args: spec.Args, Base: base,
	}, img.Config)
	if err != nil {
		return build.Result{}, fmt.Errorf("placing layers on lines: %w", err)
	}
	return result, nil
}

// builtin is the Dockerfile frontend that never forwards to an image, and keeps
// what it learnt of the base image.
type builtin struct {
	mu   sync.Mutex
	base []byte
}

func (b *builtin) build(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
	result, err := dockerfile.Build(ctx, unforwarded{c})
	if err != nil {
		return nil, err
	}
	for key, value := range result.Metadata {
		if strings.HasPrefix(key, exptypes.ExporterImageBaseConfigKey) {
			b.mu.Lock()
			b.base = bytes.Clone(value)
			b.mu.Unlock()
		}
	}
	return result, nil
}

// baseConfig is the config of the base image, nil when there is none.
func (b *builtin) baseConfig() *v1.ConfigFile {
	b.mu.Lock()
	defer b.mu.Unlock()
	var config v1.ConfigFile
	if b.base == nil || json.Unmarshal(b.base, &config) != nil {
		return nil
	}
	return &config
}

// unforwarded tells the frontend that a "# syntax=" line has been followed already.
type unforwarded struct{ gateway.Client }

// BuildOpts adds the option that a forwarded frontend finds.
func (u unforwarded) BuildOpts() gateway.BuildOpts {
	opts := u.Client.BuildOpts()
	opts.Opts = maps.Clone(opts.Opts)
	if opts.Opts == nil {
		opts.Opts = map[string]string{}
	}
	opts.Opts["cmdline"] = "builtin"
	return opts
}
