package buildkit

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/moby/buildkit/util/grpcerrors"
	"google.golang.org/grpc/codes"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/build/buildkit/controller"
	"github.com/plimsoll-ci/plimsoll/internal/build/buildkit/shipment"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
)

// product is what we call ourselves where BuildKit asks.
const product = "plimsoll"

// solve is one build over one connection.
type solve struct {
	*Builder
	conn     *build.Connection
	spec     build.Spec
	in       *input
	sink     progress.Sink
	partial  string // directory of what the builder gives
	frontend frontend
	teller   *teller
	detail   string
	notes    []string
}

// run builds and fetches the image into partial.
func (s *solve) run(ctx context.Context) error {
	c, w, err := s.reach(ctx, s.conn)
	if err != nil {
		return err
	}
	s.detail = cmp.Or(s.conn.Detail, detail(w))
	err = s.build(ctx, c)
	if err == nil && s.conn.CacheLimit > 0 {
		// The image is done; a cache that could not be trimmed is trimmed next time.
		_ = c.Prune(ctx, nil, client.PruneAll, client.WithKeepOpt(0, s.conn.CacheLimit/2, s.conn.CacheLimit, 0))
	}
	return errors.Join(err, c.Close())
}

func (s *solve) build(ctx context.Context, c *client.Client) error {
	opt, err := s.options()
	if err != nil {
		return err
	}
	s.teller = newTeller(s.sink, s.hidden(opt))
	if s.Store != nil {
		return s.buildAndSave(ctx, c, opt)
	}
	opt.Exports = []client.ExportEntry{{Type: client.ExporterOCI, Attrs: exported(s.spec), OutputDir: s.partial}}
	return s.solve(ctx, c, opt)
}

// solve runs the build and tells it.
func (s *solve) solve(ctx context.Context, c *client.Client, opt client.SolveOpt) error {
	status := make(chan *client.SolveStatus)
	told := make(chan struct{})
	go func() { defer close(told); s.teller.tell(status) }()
	_, err := c.Build(ctx, opt, product, s.frontend.build, status)
	<-told
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("building %s: %w", s.spec.DockerfileName, context.Cause(ctx))
	}
	_, ran := exitCode(err)
	if code := grpcerrors.Code(err); !ran && code == codes.FailedPrecondition {
		if _, why, ok := strings.Cut(err.Error(), controller.NoRuntime); ok {
			return &build.UnavailableError{Door: s.Door, Cause: controller.NoRuntime + why, WaysOut: []string{
				"install runc (Debian and Ubuntu: apt-get install runc; Alpine: apk add runc; Fedora: dnf install runc) or crun",
				build.WayElsewhere,
			}}
		}
	}
	if !ran && grpcerrors.Code(err) == codes.Canceled || !alive(ctx, c) {
		return fmt.Errorf("building %s: the %s builder stopped half-way%s: %s; run again, and look at the builder's own log if it stops again",
			s.spec.DockerfileName, s.Door, s.teller.clean(lastWords(s.conn)), plain(s.teller.clean(err.Error())))
	}
	return explain(err, s.frontend.failure(), s.in, s.spec, s.teller)
}

// alive says whether the builder still answers.
func alive(ctx context.Context, c *client.Client) bool {
	asking, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_, err := c.ListWorkers(asking)
	return err == nil
}

// options are what every door is asked for, but for the export.
func (s *solve) options() (client.SolveOpt, error) {
	opt := client.SolveOpt{
		FrontendAttrs: s.in.attributes(s.spec),
		SharedKey:     sharedKey(s.in.context),
		Session:       []session.Attachable{secretsprovider.FromMap(secretsOf(s.spec)), &credentials{lookUp: s.Credentials}},
	}
	if s.Store == nil {
		opt.FrontendAttrs["attest:provenance"] = "mode=max"
	}
	if err := s.in.mount(&opt); err != nil {
		return opt, err
	}
	if err := addContexts(s.spec.Contexts, &opt); err != nil {
		return opt, err
	}
	notes, err := addCaches(s.spec, s.Actions, &opt)
	for _, note := range notes {
		s.sink.Emit(progress.Event{Kind: progress.Notice, Stage: stage, Text: note})
	}
	s.notes = notes
	return opt, err
}

// sharedKey is the name under which a builder keeps a context, to be sent only
// what changed. It names this machine: what changed is told by sizes and times,
// and two machines may have the same path.
func sharedKey(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	host, _ := os.Hostname()
	sum := sha256.Sum256([]byte(host + "\x00" + dir))
	return hex.EncodeToString(sum[:])
}

// hidden is what is never shown: secrets of the build, and tokens of ours.
func (s *solve) hidden(opt client.SolveOpt) map[string][]byte {
	all := secretsOf(s.spec)
	all["\x00actions"] = []byte(s.Actions.Token)
	for i, c := range slices.Concat(opt.CacheImports, opt.CacheExports) {
		for _, key := range []string{"token", "ghtoken"} {
			all[fmt.Sprintf("\x00%s %d", key, i)] = []byte(c.Attrs[key])
		}
	}
	return all
}

// finish ships what was exported and reads from it what the result says.
func (s *solve) finish() (build.Result, error) {
	shipped, err := shipment.Open(s.partial)
	if err != nil {
		return build.Result{}, err
	}
	img, err := shipped.Ship(s.spec.Output)
	if err != nil {
		return build.Result{}, err
	}
	result := build.Result{Layout: s.spec.Output, Digest: img.Digest.String(), Door: s.Door, Detail: s.detail}
	result.Notes = append(result.Notes, s.in.notes...)
	result.Notes = append(result.Notes, s.conn.Notes...)
	result.Notes = append(result.Notes, s.notes...)
	if shipped.HasProvenance() {
		result.Provenance = filepath.Clean(s.spec.Output) + ".provenance.json"
		if err := shipped.WriteProvenance(result.Provenance); err != nil {
			return build.Result{}, err
		}
	} else {
		result.Notes = append(result.Notes, "there is no provenance: the "+s.Door+" door gives none")
	}
	result.Layers, result.BaseLayers, err = build.Origins(build.Source{
		Dockerfile: s.in.dockerfile, Name: s.spec.DockerfileName, Target: s.spec.Target, Args: s.spec.Args, Base: s.frontend.baseConfig(),
	}, img.Config)
	if err != nil {
		return build.Result{}, fmt.Errorf("placing layers on lines: %w", err)
	}
	return result, nil
}
