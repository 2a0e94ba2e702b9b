package stack

import (
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint/stack/binding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

// setting is a value and its place.
type setting struct {
	text string
	// known is false where only the build or the cluster knows the text.
	known bool
	at    finding.Location
}

// facts are what a stage says of the image that it makes, bases that are stages
// included. The zero facts say nothing.
type facts struct {
	stage   *binding.Stage
	env     map[string]setting
	ports   []port
	volumes []setting
	user    setting // at is zero without USER
	workdir string  // "" when it is not known
	health  *health
	// entrypoint and command are nil where the stage has none, and the base may have.
	entrypoint, command *command
	// base is the image that the stage begins with, without what Docker takes for granted.
	base, baseTag string
}

// command is an ENTRYPOINT or CMD.
type command struct {
	in   *dockerfile.Instruction
	exec bool
	args []string
}

// health is a HEALTHCHECK.
type health struct {
	in    *dockerfile.Instruction
	check *instructions.HealthCheckCommand
	urls  []*url.URL
}

func newFacts(stage *binding.Stage) *facts {
	f := &facts{stage: stage, env: map[string]setting{}, workdir: "/"}
	chain := slices.Clone(stage.Chain())
	slices.Reverse(chain)
	root := chain[0].Base
	if ref, ok := source.ParseImage(root.Value); ok && root.Known {
		f.base, f.baseTag = binding.Normal(ref.Name), ref.Tag
	}
	if root.Value != "scratch" {
		f.workdir = "" // the base may have one
	}
	variables := map[*dockerfile.Instruction][]dockerfile.Variable{}
	for _, v := range stage.File.Variables() {
		variables[v.In] = append(variables[v.In], v)
	}
	for _, s := range chain {
		for _, in := range s.Instructions {
			f.read(s, in, variables[in])
		}
	}
	return f
}

func (f *facts) read(s *dockerfile.Stage, in *dockerfile.Instruction, variables []dockerfile.Variable) {
	file := f.stage.File
	switch v := in.Value.(type) {
	case *instructions.EnvCommand:
		for _, e := range variables {
			value, known := file.Expand(s, in, e.Value)
			f.env[e.Name] = setting{value, known, e.ValueAt}
		}
	case *instructions.ExposeCommand:
		for _, w := range in.Arguments() {
			text, known := file.Expand(s, in, w.Text)
			f.ports = append(f.ports, readPorts(text, known, w.At, "EXPOSE")...)
		}
	case *instructions.VolumeCommand:
		for _, name := range v.Volumes {
			text, known := file.Expand(s, in, name)
			f.volumes = append(f.volumes, setting{path.Clean(text), known && path.IsAbs(text), in.ArgumentsAt()})
		}
	case *instructions.UserCommand:
		text, known := file.Expand(s, in, v.User)
		f.user = setting{text, known, in.ArgumentsAt()}
	case *instructions.WorkdirCommand:
		text, known := file.Expand(s, in, v.Path)
		switch {
		case !known:
			f.workdir = ""
		case path.IsAbs(text):
			f.workdir = path.Clean(text)
		case f.workdir != "":
			f.workdir = path.Join(f.workdir, text)
		}
	case *instructions.EntrypointCommand:
		f.entrypoint, f.command = &command{in, in.Exec, in.Args}, nil
	case *instructions.CmdCommand:
		f.command = &command{in, in.Exec, in.Args}
	case *instructions.HealthCheckCommand:
		f.health = &health{in: in, check: v}
		if v.Health != nil {
			f.health.urls = urls(strings.Join(v.Health.Test, " "))
		}
	}
}

// argv is what a container starts with when nobody overrides it, nil when that is
// not known here: in the shell form, and where the base may have an ENTRYPOINT.
func (f *facts) argv() []string {
	switch {
	case f.entrypoint != nil && !f.entrypoint.exec, f.command != nil && !f.command.exec:
		return nil
	case f.entrypoint != nil && f.command != nil:
		return slices.Concat(f.entrypoint.args, f.command.args)
	case f.entrypoint != nil:
		return f.entrypoint.args
	case f.command != nil:
		return f.command.args // node's and python's bases hand over to it
	}
	return nil
}

// plain says that the base adds no port, volume or file for data of its own.
func (f *facts) plain() bool {
	if f.stage == nil {
		return false
	}
	root := f.stage.Root().Base
	return root.Value == "scratch" || slices.Contains(plainBases, f.base) || strings.HasPrefix(f.base, "gcr.io/distroless/") || strings.HasPrefix(f.base, "cgr.dev/chainguard/static") ||
		f.base == "php" && !strings.Contains(f.baseTag, "apache") && !strings.Contains(f.baseTag, "fpm")
}

// plainBases are images that only bring programs: no EXPOSE, no VOLUME.
var plainBases = strings.Fields(`alpine amazoncorretto amazonlinux bash buildpack-deps busybox clojure debian eclipse-temurin elixir erlang fedora golang
	haskell ibmjava node openjdk oven/bun perl python ruby rust sapmachine ubuntu`)

var urlPattern = regexp.MustCompile(`https?://[^\s"'|;&)<>\\]+`)

// urls are those in the text of a command that ask the container itself.
func urls(text string) []*url.URL {
	var all []*url.URL
	for _, match := range urlPattern.FindAllString(text, -1) {
		u, err := url.Parse(match)
		if err == nil && slices.Contains([]string{"localhost", "127.0.0.1", "::1", "0.0.0.0"}, u.Hostname()) && !strings.Contains(match, "$") {
			all = append(all, u)
		}
	}
	return all
}

// urlPort is the port that a URL asks.
func urlPort(u *url.URL) (int, bool) {
	if u.Port() == "" {
		return map[string]int{"http": 80, "https": 443}[u.Scheme], true
	}
	n, err := strconv.Atoi(u.Port())
	return n, err == nil
}
