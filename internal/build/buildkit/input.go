package buildkit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/finding"
)

// maxDockerfile is the largest Dockerfile read, in bytes. BuildKit's own limit is
// above it.
const maxDockerfile = 1 << 20

// syntaxArg is the build argument that stands for a "# syntax=" line.
const syntaxArg = "BUILDKIT_SYNTAX"

// input is what a build reads, looked at before anything starts.
type input struct {
	context    string
	dockerfile []byte
	name       string // base name of the Dockerfile
	ignore     []byte // of <Dockerfile>.dockerignore; nil when there is none
	notes      []string
}

// readInput reads the Dockerfile once: what is built is what lines are told from.
// A frontend that is not Docker's own is a *build.FailedError on its line.
func readInput(spec build.Spec) (*input, error) {
	info, err := os.Stat(spec.Context)
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the build context: %w", err)
	case !info.IsDir():
		return nil, fmt.Errorf("reading the build context: %s is not a directory", spec.Context)
	}
	file := spec.Dockerfile
	if !filepath.IsAbs(file) {
		file = filepath.Join(spec.Context, file)
	}
	in := &input{context: spec.Context, name: filepath.Base(file)}
	if in.dockerfile, err = readBounded(file); err != nil {
		return nil, fmt.Errorf("reading the Dockerfile: %w", err)
	}
	if in.ignore, err = readBounded(file + ".dockerignore"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the Dockerfile's ignore file: %w", err)
	}
	return in, in.checkSyntax(spec)
}

func (in *input) checkSyntax(spec build.Spec) error {
	reference, line := build.Syntax(in.dockerfile)
	if asked := spec.Args[syntaxArg]; asked != "" {
		reference, line = asked, 0
	}
	if reference == "" {
		return nil
	}
	if !build.StandardSyntax(reference) {
		return &build.FailedError{
			Location: finding.Location{Path: spec.DockerfileName, Line: line, EndLine: line},
			Step:     "# syntax=" + reference,
			Err: fmt.Errorf("the Dockerfile frontend %q cannot be used, because it would be pulled and run; use %q, or build elsewhere and give the image as the input",
				reference, "docker/dockerfile:1"),
		}
	}
	in.notes = append(in.notes, fmt.Sprintf("%q was built with the Dockerfile frontend that plimsoll carries; no frontend image was pulled", "# syntax="+reference))
	return nil
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxDockerfile+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxDockerfile {
		return nil, fmt.Errorf("%s is larger than %d KiB", path, maxDockerfile>>10)
	}
	return raw, nil
}

// attributes are what the Dockerfile frontend is told (BuildKit,
// frontend/dockerui/config.go).
func (in *input) attributes(spec build.Spec) map[string]string {
	attrs := map[string]string{
		"filename": in.name,
	}
	for name, value := range spec.Args {
		if name != syntaxArg {
			attrs["build-arg:"+name] = value
		}
	}
	for name, value := range spec.Labels {
		attrs["label:"+name] = value
	}
	if spec.Target != "" {
		attrs["target"] = spec.Target
	}
	if spec.Platform != "" {
		attrs["platform"] = spec.Platform
	}
	if spec.NoCache {
		attrs["no-cache"] = ""
	}
	if spec.Pull {
		attrs["image-resolve-mode"] = "pull"
	}
	if spec.SourceDateEpoch != nil {
		attrs["build-arg:SOURCE_DATE_EPOCH"] = strconv.FormatInt(spec.SourceDateEpoch.Unix(), 10)
	}
	return attrs
}

// exported are the attributes of the exporter: OCI media types, and gzip because
// every registry and scanner reads it.
func exported(spec build.Spec) map[string]string {
	attrs := map[string]string{"tar": "false", "oci-mediatypes": "true", "compression": "gzip"}
	if spec.SourceDateEpoch != nil {
		attrs["rewrite-timestamp"] = "true"
	}
	for name, value := range spec.Annotations {
		attrs["annotation."+name] = value
	}
	return attrs
}

func secretsOf(spec build.Spec) map[string][]byte {
	all := make(map[string][]byte, len(spec.Secrets))
	for _, s := range spec.Secrets {
		all[s.ID] = s.Data
	}
	return all
}

// maxStep is how much of an instruction is told, in bytes.
const maxStep = 400

// step is the text of the Dockerfile's lines first to last, cut where it is long.
func (in *input) step(first, last int) string {
	lines := strings.Split(string(in.dockerfile), "\n")
	first, last = max(first, 1), min(last, len(lines))
	if first > last {
		return ""
	}
	text := strings.TrimSpace(strings.Join(lines[first-1:last], "\n"))
	if len(text) > maxStep {
		text = strings.ToValidUTF8(text[:maxStep], "") + "…"
	}
	return text
}

// linesOf are the first and last line of the instruction that a step's name
// repeats, else of the first line that holds the text and is no comment; 0 when
// there is none.
func (in *input) linesOf(text string) (first, last int) {
	if text == "" {
		return 0, 0
	}
	words := strings.Join(strings.Fields(text), " ")
	if tree, err := parser.Parse(bytes.NewReader(in.dockerfile)); err == nil {
		for _, node := range tree.AST.Children {
			if strings.Join(strings.Fields(node.Original), " ") == words {
				return node.StartLine, node.EndLine
			}
		}
	}
	n := 0
	for line := range strings.Lines(string(in.dockerfile)) {
		n++
		if strings.Contains(line, text) && !strings.HasPrefix(strings.TrimSpace(line), "#") {
			return n, n
		}
	}
	return 0, 0
}
