// Package check runs BuildKit's own checks on Dockerfiles, through its library and
// without a builder, a network or an image.
package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

// limit is how long one file may take. The largest that is let through takes a tenth.
const limit = 5 * time.Second

// checker has no state.
type checker struct{}

// New returns BuildKit's checks.
func New() dockerfile.Checker { return checker{} }

// outcome is what a check came to.
type outcome struct {
	warnings []dockerfile.Warning
	err      error
}

// Check implements [dockerfile.Checker].
func (checker) Check(ctx context.Context, text string, args map[string]string) ([]dockerfile.Warning, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	done := make(chan outcome, 1)
	// BuildKit does not look at ctx on its way: one that does not end is left behind.
	go func() { done <- follow(ctx, text, args) }()
	select {
	case o := <-done:
		return o.warnings, o.err
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return nil, fmt.Errorf("BuildKit's checks took more than %v; make the file smaller", limit)
		}
		return nil, ctx.Err()
	}
}

// follow lets BuildKit follow a file. A panic in it is an error here: the text comes
// from outside.
func follow(ctx context.Context, text string, args map[string]string) (o outcome) {
	defer func() {
		if r := recover(); r != nil {
			o.err = fmt.Errorf("confuses BuildKit's checks (%v); simplify it", r)
		}
	}()
	source := llb.NewSourceMap(nil, "Dockerfile", "Dockerfile", []byte(text))
	source.Definition = &llb.Definition{} // which the library takes as given
	results, err := dockerfile2llb.DockerfileLint(ctx, []byte(text), dockerfile2llb.ConvertOpt{
		Config:         dockerui.Config{BuildArgs: args},
		SourceMap:      source,
		TargetPlatform: &platform,
		MetaResolver:   nothing{},
	})
	if err != nil {
		return outcome{err: fmt.Errorf("following the file as BuildKit does: %w", err)}
	}
	for _, w := range results.Warnings {
		warning := dockerfile.Warning{Check: w.RuleName, Text: w.Detail}
		if w.Location != nil && len(w.Location.Ranges) > 0 {
			warning.Line = int(w.Location.Ranges[0].GetStart().GetLine())
		}
		o.warnings = append(o.warnings, warning)
	}
	if results.Error != nil {
		o.err = errors.New(strings.Join(strings.Fields(results.Error.Message), " "))
	}
	return o
}

// platform is that of every image, so that what is said does not depend on the machine.
var platform = ocispecs.Platform{OS: "linux", Architecture: "amd64"}

// nothing answers for all images that they hold nothing.
type nothing struct{}

// ResolveImageConfig implements [llb.ImageMetaResolver].
func (nothing) ResolveImageConfig(_ context.Context, ref string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	of := platform
	if opt.ImageOpt != nil && opt.ImageOpt.Platform != nil {
		of = *opt.ImageOpt.Platform
	}
	config, err := json.Marshal(ocispecs.Image{Platform: of})
	return ref, "", config, err
}
