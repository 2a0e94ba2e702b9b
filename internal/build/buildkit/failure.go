package buildkit

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	gateway "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/opencontainers/go-digest"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/finding"
)

// explain turns an error of BuildKit into one of ours: *build.FailedError when
// the Dockerfile or its context is at fault, and an ordinary error when a
// registry or a remote source could not be read. Where the frontend had an error
// of its own and BuildKit gave back no more than its text, that one counts.
func explain(err, own error, in *input, spec build.Spec, t *teller) error {
	if own != nil && len(errdefs.Sources(err)) == 0 {
		err = own
	}
	var named digest.Digest
	if vertex, ok := errors.AsType[*errdefs.VertexError](err); ok {
		named = digest.Digest(vertex.Digest)
	}
	failed := t.failure(named)
	text := plain(t.clean(err.Error()))
	at := location(err, in, spec)

	code, ran := exitCode(err)
	switch {
	case ran && runtimeFailed(failed.log):
		return fmt.Errorf("starting a container for %q: %s; check the container runtime with a container of its own", short(failed.name), failed.log[len(failed.log)-1])
	case !ran && outside(failed, err.Error()):
		where := "a remote source"
		if host := hostPattern.FindStringSubmatch(failed.name + " " + text); host != nil {
			where = host[1]
		}
		return fmt.Errorf("reading from %s: %s; check that it can be reached from here and what credentials it wants, then run again", where, text)
	}
	if !ran && at.Line == 0 && (cacheText.MatchString(text) || internalStep.MatchString(failed.name)) || !ran && machine.MatchString(text) {
		if failed.name != "" {
			text = failed.name + ": " + text
		}
		return fmt.Errorf("building %s: %s", spec.DockerfileName, text)
	}
	out := &build.FailedError{Location: at, Step: failed.name, Log: slices.Clone(failed.log), Err: errors.New(text)}
	if at.Line == 0 {
		// Some steps (downloads) carry no place, and an old BuildKit hands none back;
		// their names repeat the Dockerfile's text.
		out.Location.Line, out.Location.EndLine = in.linesOf(stepNumber.ReplaceAllString(failed.name, ""))
		at = out.Location
	}
	if at.Line > 0 {
		out.Step = t.clean(in.step(at.Line, at.EndLine))
	}
	switch {
	case ran:
		out.Err = fmt.Errorf("%q exited with code %d; its last lines say why", short(failed.name), code)
	case registryStep.MatchString(failed.name):
		out.Err = fmt.Errorf("%s; check the image's name, tag and platform", text)
	}
	return out
}

// exitText is how a BuildKit says that a command failed that hands back no more
// than text (v0.8, which Docker 20.10 carries).
var exitText = regexp.MustCompile(`executor failed running \[[^\n]*\]: exit code: (\d+)$`)

// exitCode says whether a command ran and failed, and how.
func exitCode(err error) (code uint32, ran bool) {
	if exit, ok := errors.AsType[*gateway.ExitError](err); ok {
		return exit.ExitCode, true
	}
	if found := exitText.FindStringSubmatch(err.Error()); found != nil {
		n, err := strconv.ParseUint(found[1], 10, 32)
		return uint32(n), err == nil
	}
	return 0, false
}

// maxName is how much of a step's name a message holds, in bytes.
const maxName = 80

// short is the first line of a step's name, without its number.
func short(name string) string {
	name, _, cut := strings.Cut(stepNumber.ReplaceAllString(name, ""), "\n")
	if len(name) > maxName {
		name, cut = strings.ToValidUTF8(name[:maxName], ""), true
	}
	if cut {
		name += "…"
	}
	return name
}

var stepNumber = regexp.MustCompile(`^\[[^\]]*\] `)

// Steps and errors that no instruction is to blame for.
var (
	internalStep = regexp.MustCompile(`^\[internal\] load |^exporting |^importing cache `)
	cacheText    = regexp.MustCompile(`^failed to configure \S+ cache `)
	machine      = regexp.MustCompile(`no space left on device|read-only file system|too many open files|cannot allocate memory|input/output error|database not open|failed to mount`)
)

// Parts of BuildKit's messages that tell a person nothing.
var (
	noise       = regexp.MustCompile(`^failed to solve: |(?:[A-Z][A-Za-z]+: )?rpc error: code = [A-Za-z]+ desc = |failed to resolve source metadata for [^ ]+: |failed to compute cache key: |failed to do request: `)
	missingFile = regexp.MustCompile(`failed to calculate checksum of ref [^ ]+: ("[^"]*"): not found`)
)

// plain takes the noise out of a message: internal ids, and a name that is said
// once more after it.
func plain(text string) string {
	text = noise.ReplaceAllString(text, "")
	text = missingFile.ReplaceAllString(text, "$1 was not found; check the path, and that .dockerignore does not exclude it")
	for {
		first, rest, ok := strings.Cut(text, ": ")
		if !ok || !strings.HasPrefix(rest, first+": ") {
			return text
		}
		text = rest
	}
}

// runtimeFailed says whether a container never ran because of the runtime or the
// machine, by what runc or crun wrote last. A program that does not exist is the
// Dockerfile's fault.
func runtimeFailed(log []string) bool {
	if len(log) == 0 {
		return false
	}
	last := log[len(log)-1]
	return runtimeLine.MatchString(last) && !programLine.MatchString(last)
}

var (
	runtimeLine = regexp.MustCompile(`^(?:runc run failed: |(?:\S+ )?crun: |.*level=error msg="runc run failed)`)
	programLine = regexp.MustCompile(`exec(?:: |utable file )|no such file or directory: unknown|chdir to cwd`)
)

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
	// Layers are read when the first step needs them, which is then the one that fails.
	registryError = regexp.MustCompile(`httpReadSeeker: |unexpected status from [A-Z]+ request|failed to do request: |failed to (?:authorize|fetch (?:oauth|anonymous) token)`)
	fetchStep     = regexp.MustCompile(`(?:^|\] )ADD .*(?:https?://|git@|\.git)|^https?://|^git://`)
	notFound      = regexp.MustCompile(`: not found$|: 404 Not Found|status 404|no match for platform in manifest`)
	offline       = regexp.MustCompile(`dial tcp|no such host|connection (?:refused|reset)|i/o timeout|TLS handshake|status 5\d\d|: 5\d\d |context deadline exceeded|\bEOF$|x509:`)
	hostPattern   = regexp.MustCompile(`(?:FROM |metadata for |config for |https?://)([a-zA-Z0-9.\-]+(?::\d+)?)/`)
)

// outside says whether a step failed because something outside could not be read.
// That an image does not exist is the Dockerfile's fault; whatever else goes
// wrong with a registry is not.
func outside(failed *told, text string) bool {
	switch {
	case registryStep.MatchString(failed.name), registryError.MatchString(text):
		return !notFound.MatchString(text)
	case fetchStep.MatchString(failed.name):
		return offline.MatchString(text)
	}
	return false
}
