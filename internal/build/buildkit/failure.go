package buildkit

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	gateway "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/opencontainers/go-digest"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/finding"
)

// explain turns an error of BuildKit into one of ours: *build.FailedError when
// the Dockerfile or its context is at fault, and an ordinary error when a
// registry or a remote source could not be read.
func explain(err error, in *input, spec build.Spec, t *teller) error {
	var vertex *errdefs.VertexError
	var named digest.Digest
	if errors.As(err, &vertex) {
		named = digest.Digest(vertex.Vertex.Digest)
	}
	failed := t.failure(named)
	text := t.clean(strings.TrimPrefix(err.Error(), "failed to solve: "))
	at := location(err, in, spec)

	var exit *gateway.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitCode == gateway.UnknownExitStatus && exit.Err != nil && !strings.Contains(text, "did not complete successfully: exit code"):
		// The runtime did not start the process.
		return fmt.Errorf("running %s: %s", failed.name, text)
	case outside(failed, text):
		if host := registryOf(failed.name + " " + text); host != "" {
			return fmt.Errorf("reading from %s: %s; check that it can be reached from here and that the credentials for it are right, then run again", host, text)
		}
		return fmt.Errorf("reading a remote source: %s; check that it can be reached from here, then run again", text)
	}
	out := &build.FailedError{Location: at, Step: failed.name, Log: slices.Clone(failed.log), Err: errors.New(text)}
	if at.Line > 0 {
		out.Step = t.clean(in.step(at.Line, at.EndLine))
	}
	if exit != nil && failed.name != "" {
		out.Err = fmt.Errorf("%q exited with code %d", failed.name, exit.ExitCode)
	}
	return out
}

// location is the innermost place in the Dockerfile that an error speaks of.
func location(err error, in *input, spec build.Spec) finding.Location {
	at := finding.Location{Path: spec.DockerfileName}
	for _, source := range errdefs.Sources(err) {
		if source.Info == nil || source.Info.Filename != in.name {
			continue
		}
		for _, r := range source.Ranges {
			if first := int(r.GetStart().GetLine()); at.Line == 0 || first < at.Line {
				at.Line = first
			}
			at.EndLine = max(at.EndLine, int(r.GetEnd().GetLine()), int(r.GetStart().GetLine()))
		}
		if at.Line > 0 {
			break
		}
	}
	return at
}

// How BuildKit and containerd name steps that read from registries, and say that
// there is no such image.
var (
	registryStep = regexp.MustCompile(`(?:^|\] |^FROM |load metadata for )(?:FROM |load metadata for |resolve image config for )`)
	fetchStep    = regexp.MustCompile(`(?:^|\] )ADD .*(?:https?://|git@|\.git)|^https?://|^git://`)
	notFound     = regexp.MustCompile(`: not found$|: 404 Not Found|status 404|no match for platform in manifest`)
	offline      = regexp.MustCompile(`dial tcp|no such host|connection (?:refused|reset)|i/o timeout|TLS handshake|status 5\d\d|: 5\d\d |context deadline exceeded|\bEOF$|x509:`)
	hostPattern  = regexp.MustCompile(`(?:FROM|metadata for|config for) ([a-zA-Z0-9.\-]+(?::\d+)?)/`)
)

// outside says whether a step failed because something outside could not be read.
// That an image does not exist is the Dockerfile's fault; whatever else goes
// wrong with a registry is not.
func outside(failed *told, text string) bool {
	switch {
	case registryStep.MatchString(failed.name):
		return !notFound.MatchString(text)
	case fetchStep.MatchString(failed.name):
		return offline.MatchString(text)
	}
	return false
}

func registryOf(text string) string {
	if m := hostPattern.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}
