package classic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	enginebuild "github.com/moby/moby/api/types/build"
	"github.com/moby/moby/api/types/jsonstream"
	"github.com/moby/moby/api/types/registry"
	"github.com/moby/moby/client"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/build/engine"
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
)

// run builds under a name.
func run(ctx context.Context, e *engine.Engine, name string, spec build.Spec, file *dockerfile, auth map[string]registry.AuthConfig, sink progress.Sink) error {
	inContext, write, err := pack(spec.Context, file)
	if err != nil {
		return err
	}
	target, err := file.target(spec.Target)
	if err != nil {
		return err
	}
	args := map[string]*string{}
	for key, value := range spec.Args {
		args[key] = &value
	}
	options := client.ImageBuildOptions{
		Tags: []string{name}, Dockerfile: inContext, Target: target, BuildArgs: args, Labels: spec.Labels,
		NoCache: spec.NoCache, PullParent: spec.Pull, Remove: true, ForceRemove: true,
		AuthConfigs: auth, Version: enginebuild.BuilderV1,
	}
	if spec.Platform != "" {
		system, rest, _ := strings.Cut(spec.Platform, "/")
		architecture, variant, _ := strings.Cut(rest, "/")
		options.Platforms = []ocispec.Platform{{OS: system, Architecture: architecture, Variant: variant}}
	}
	reader, writer := io.Pipe()
	sent := make(chan error, 1)
	go func() {
		err := write(writer)
		writer.CloseWithError(err)
		sent <- err
	}()
	output, err := e.Build(ctx, reader, options)
	h := &hearer{file: file, sink: sink}
	if err == nil {
		err = h.hear(output)
		err = errors.Join(err, output.Close())
	}
	reader.CloseWithError(errEnded) // whoever writes still may stop
	sendErr := <-sent
	switch {
	case err == nil && h.finished && h.failed == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("building %s: %w", spec.DockerfileName, context.Cause(ctx))
	case sendErr != nil && !errors.Is(sendErr, errEnded) && !errors.Is(sendErr, io.ErrClosedPipe):
		return sendErr
	}
	return h.explain(err, spec)
}

var errEnded = errors.New("the engine reads no further")

// Bounds on what is kept of a step's output.
const (
	maxLog  = 20   // lines
	maxLine = 4096 // bytes
)

// hearer turns the engine's messages into progress, and remembers what an error
// will have to say.
type hearer struct {
	file     *dockerfile
	sink     progress.Sink
	now      step
	began    time.Time
	partial  string
	log      []string
	failed   *jsonstream.Error
	finished bool
}

// hear reads messages until the engine ends them.
func (h *hearer) hear(r io.Reader) error {
	for messages := json.NewDecoder(r); ; {
		var m jsonstream.Message
		err := messages.Decode(&m)
		if errors.Is(err, io.EOF) {
			h.line(h.partial)
			h.done("DONE")
			return nil
		}
		if err != nil {
			return err
		}
		switch {
		case m.Error != nil:
			h.line(h.partial)
			h.partial, h.failed = "", m.Error
			h.done("FAILED")
		case m.Stream != "":
			h.stream(m.Stream)
		case m.Status != "":
			h.status(m)
		case m.Aux != nil:
			// The image's id: {"ID":"sha256:…"}.
			h.finished = h.finished || strings.Contains(string(*m.Aux), `"sha256:`)
		}
	}
}

func (h *hearer) status(m jsonstream.Message) {
	text := strings.TrimPrefix(m.ID+": "+m.Status, ": ")
	if m.Progress != nil && m.Progress.Total > 0 {
		h.sink.Emit(progress.Event{Kind: progress.Count, Stage: stage, Text: text, Done: m.Progress.Current, Total: m.Progress.Total})
		return
	}
	h.sink.Emit(progress.Event{Kind: progress.Log, Stage: stage, Text: text})
}

// stream takes a piece of output, which ends anywhere.
func (h *hearer) stream(text string) {
	h.partial += text
	for {
		line, rest, ok := strings.Cut(h.partial, "\n")
		if !ok {
			break
		}
		h.line(line)
		h.partial = rest
	}
	if len(h.partial) > maxLine {
		h.line(h.partial)
		h.partial = ""
	}
}

// What engines say about their own work between the lines of a step.
var chatter = regexp.MustCompile(`^ ---> |^Removing intermediate container |^(?:COMMIT|--> ) ?|^Successfully (?:built|tagged) `)

func (h *hearer) line(line string) {
	if line = strings.TrimRight(line, "\r"); line == "" {
		return
	}
	if next, ok := h.file.step(line); ok {
		h.done("DONE")
		h.now, h.began, h.log = next, time.Now(), nil
		h.sink.Emit(progress.Event{Kind: progress.Step, Stage: stage, Text: next.text})
		return
	}
	if chatter.MatchString(line) {
		return
	}
	// A progress bar rewrites its line; what it last said counts.
	if i := strings.LastIndexByte(line, '\r'); i >= 0 {
		line = line[i+1:]
	}
	line = line[:min(len(line), maxLine)]
	h.sink.Emit(progress.Event{Kind: progress.Log, Stage: stage, Text: line})
	h.log = append(h.log, line)
	h.log = h.log[max(len(h.log)-maxLog, 0):]
}

// done ends the step that runs.
func (h *hearer) done(how string) {
	if h.began.IsZero() {
		return
	}
	h.sink.Emit(progress.Event{Kind: progress.Step, Stage: stage, Text: h.now.text + " " + how, Elapsed: max(time.Since(h.began), time.Nanosecond)})
	h.began = time.Time{}
}

// How engines say what is not the Dockerfile's fault, or of which line they speak.
var (
	exitCode     = regexp.MustCompile(`returned a non-zero code: (\d+)|exit status (\d+)`)
	needBuildKit = regexp.MustCompile(`(?i)requires BuildKit|BuildKit is enabled`)
	machine      = regexp.MustCompile(`no space left on device|read-only file system|too many open files|cannot allocate memory|input/output error|OCI runtime create failed|failed to create (?:shim|task)`)
	notThere     = regexp.MustCompile(`manifest unknown|manifest for .* not found|pull access denied|repository does not exist|invalid reference format`)
	offline      = regexp.MustCompile(`dial tcp|no such host|connection (?:refused|reset)|i/o timeout|TLS handshake|x509:|EOF|unauthorized|denied|status 5\d\d|toomanyrequests`)
	errorLine    = regexp.MustCompile(`(?i)parse error (?:on )?line (\d+)`)
	program      = regexp.MustCompile(`exec(?:: |utable file )|no such file or directory: unknown`)
)

// explain makes an error of a build that did not end well: err is what broke the
// exchange with the engine, nil when it only said that the build failed.
func (h *hearer) explain(err error, spec build.Spec) error {
	if h.failed == nil {
		if err == nil {
			return fmt.Errorf("building %s: the engine stopped half-way; look at the engine's log, then run again", spec.DockerfileName)
		}
		text := err.Error()
		m := errorLine.FindStringSubmatch(text)
		if m == nil {
			return fmt.Errorf("building %s through the engine: %w", spec.DockerfileName, err)
		}
		at := finding.Location{Path: spec.DockerfileName}
		if _, scanErr := fmt.Sscan(m[1], &at.Line); scanErr == nil {
			at.EndLine = at.Line
		}
		return &build.FailedError{Location: at, Step: h.file.text(at), Err: err}
	}
	text := h.failed.Message
	name, _, _ := strings.Cut(h.now.text, "\n")
	switch {
	case needBuildKit.MatchString(text):
		return &build.UnavailableError{
			Door: build.DoorEngine, Cause: fmt.Sprintf("%q needs BuildKit, which this engine does not have", name),
			WaysOut: []string{"build through another door (driver: remote, sibling or embedded)"},
		}
	case machine.MatchString(text) && !program.MatchString(text):
		return fmt.Errorf("building %s: %s; look at the engine's log", spec.DockerfileName, text)
	}
	failed := &build.FailedError{Location: h.now.at, Step: h.now.text, Log: slices.Clone(h.log), Err: errors.New(text)}
	if failed.Location.Path == "" {
		failed.Location.Path = spec.DockerfileName
	}
	if code := exitCode.FindStringSubmatch(text); code != nil {
		failed.Err = fmt.Errorf("%q exited with code %s; its last lines say why", name, code[1]+code[2])
		return failed
	}
	if strings.HasPrefix(strings.ToUpper(name), "FROM") {
		if !notThere.MatchString(text) && offline.MatchString(text) {
			return fmt.Errorf("reading %q: %s; check that the engine can reach the registry and what credentials it wants, then run again", name, text)
		}
		failed.Err = fmt.Errorf("%s; check the image's name, tag and platform", text)
	}
	return failed
}
