package classic

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/moby/api/types/registry"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/finding"
)

// maxDockerfile is the largest Dockerfile read, in bytes, as for every other door.
const maxDockerfile = 1 << 20

// dockerfile is what a build follows, read once: what is built is what lines are
// told from.
type dockerfile struct {
	content []byte
	path    string // in the context, slash-separated; empty when it lies elsewhere
	ignore  []byte // what the context leaves out
	steps   []step // in the order of the engine's counting
	stages  [][]step
	names   []string // of stages
	images  []string // of FROM and COPY --from
}

// step is one instruction.
type step struct {
	text string
	at   finding.Location
}

func readDockerfile(spec build.Spec) (*dockerfile, error) {
	name := spec.Dockerfile
	if !filepath.IsAbs(name) {
		name = filepath.Join(spec.Context, name)
	}
	content, err := readBounded(name)
	if err != nil {
		return nil, fmt.Errorf("reading the Dockerfile: %w", err)
	}
	d := &dockerfile{content: content}
	if rel, err := filepath.Rel(spec.Context, name); err == nil && filepath.IsLocal(rel) {
		d.path = filepath.ToSlash(rel)
	}
	for _, ignore := range []string{name + ".dockerignore", filepath.Join(spec.Context, ".dockerignore")} {
		if d.ignore, err = readBounded(ignore); err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("reading the ignore file: %w", err)
		}
	}
	return d, d.parse(spec)
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxDockerfile+1))
	if err == nil && len(raw) > maxDockerfile {
		err = fmt.Errorf("%s is larger than %d KiB", path, maxDockerfile>>10)
	}
	return raw, err
}

// parse lists the steps. A Dockerfile that does not parse is a *build.FailedError.
func (d *dockerfile) parse(spec build.Spec) error {
	_, stages, globals, err := build.Stages(d.content)
	if err != nil {
		at := finding.Location{Path: spec.DockerfileName}
		if parse, ok := errors.AsType[*parser.LocationError](err); ok && len(parse.Locations) > 0 {
			at = place(spec.DockerfileName, parse.Locations[0])
		}
		return &build.FailedError{Location: at, Step: d.text(at), Err: err}
	}
	values := map[string]string{}
	for _, arg := range globals {
		d.add(nil, spec, arg.Location())
		for _, a := range arg.Args {
			values[a.Key] = a.ValueString()
		}
	}
	maps.Copy(values, spec.Args)
	for i := range stages {
		d.stages = append(d.stages, nil)
		own := &d.stages[len(d.stages)-1]
		d.names = append(d.names, stages[i].Name)
		d.add(own, spec, stages[i].Location)
		d.images = append(d.images, os.Expand(stages[i].BaseName, func(name string) string { return values[name] }))
		for _, command := range stages[i].Commands {
			d.add(own, spec, command.Location())
			if from, ok := command.(*instructions.CopyCommand); ok && from.From != "" {
				d.images = append(d.images, from.From)
			}
		}
	}
	return nil
}

// target is a stage by its name; these engines find none by its number.
func (d *dockerfile) target(asked string) (string, error) {
	n, err := strconv.Atoi(asked)
	if err != nil || n < 0 || n >= len(d.names) || slices.ContainsFunc(d.names, func(name string) bool { return strings.EqualFold(name, asked) }) {
		return asked, nil //nolint:nilerr // a name, or what the engine will refuse
	}
	if d.names[n] == "" && n < len(d.names)-1 {
		return "", &config.UsageError{Where: "target", Err: fmt.Errorf("%q is the number of a stage, and this engine knows names only; name the stage (FROM … AS name)", asked)}
	}
	return d.names[n], nil
}

func (d *dockerfile) add(stage *[]step, spec build.Spec, ranges []parser.Range) {
	at := place(spec.DockerfileName, ranges)
	s := step{text: d.text(at), at: at}
	d.steps = append(d.steps, s)
	if stage != nil {
		*stage = append(*stage, s)
	}
}

// place turns the parser's ranges into one place. The parser knows no columns.
func place(name string, ranges []parser.Range) finding.Location {
	at := finding.Location{Path: name}
	for _, r := range ranges {
		if at.Line == 0 || r.Start.Line < at.Line {
			at.Line = r.Start.Line
		}
		at.EndLine = max(at.EndLine, r.End.Line)
	}
	return at
}

// maxStep is how much of an instruction is told, in bytes.
const maxStep = 400

// text is what stands at a place.
func (d *dockerfile) text(at finding.Location) string {
	lines := strings.Split(string(d.content), "\n")
	if at.Line < 1 || at.Line > len(lines) {
		return ""
	}
	text := strings.TrimSpace(strings.Join(lines[at.Line-1:min(max(at.EndLine, at.Line), len(lines))], "\n"))
	if len(text) > maxStep {
		text = strings.ToValidUTF8(text[:maxStep], "") + "…"
	}
	return text
}

// How engines begin a step: Docker "Step 2/3 : RUN …", counted through the whole
// file; Podman "STEP 2/3: RUN …" or "[1/2] STEP 2/3: RUN …", counted per stage.
var (
	dockerStep = regexp.MustCompile(`^Step (\d+)/\d+ : `)
	podmanStep = regexp.MustCompile(`^(?:\[(\d+)/\d+\] )?STEP (\d+)/\d+: `)
)

// step finds the instruction that a line of output begins; false when it begins none.
func (d *dockerfile) step(line string) (step, bool) {
	if m := dockerStep.FindStringSubmatch(line); m != nil {
		return nth(d.steps, m[1])
	}
	if m := podmanStep.FindStringSubmatch(line); m != nil {
		stage := "1"
		if m[1] != "" {
			stage = m[1]
		}
		if n, err := strconv.Atoi(stage); err == nil && n >= 1 && n <= len(d.stages) {
			return nth(d.stages[n-1], m[2])
		}
	}
	return step{}, false
}

func nth(steps []step, number string) (step, bool) {
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > len(steps) {
		return step{}, false
	}
	return steps[n-1], true
}

// credentials are those of the registries that the Dockerfile's images lie in, and
// of no other.
func (b *Builder) credentials(d *dockerfile) (map[string]registry.AuthConfig, error) {
	all := map[string]registry.AuthConfig{}
	if b.Credentials == nil {
		return all, nil
	}
	for _, name := range d.images {
		named, err := reference.ParseNormalizedNamed(name)
		if err != nil {
			continue // a stage by its number, or nonsense that the engine will refuse
		}
		host := reference.Domain(named)
		key := host
		if host == "docker.io" {
			host, key = "index.docker.io", "https://index.docker.io/v1/"
		}
		if _, ok := all[key]; ok {
			continue
		}
		user, secret, err := b.Credentials(host)
		if err != nil {
			return nil, err
		}
		switch {
		case secret == "":
		case user == "":
			all[key] = registry.AuthConfig{IdentityToken: secret, ServerAddress: host}
		default:
			all[key] = registry.AuthConfig{Username: user, Password: secret, ServerAddress: host}
		}
	}
	return all, nil
}
