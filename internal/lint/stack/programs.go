package stack

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/image/contents"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/stack/binding"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

// start is a command that a container runs in its image, as a manifest or a Compose
// file has it.
type start struct {
	argv []string
	at   finding.Location
	path string
	// probe says that it is a probe, hook or health check.
	probe bool
}

var programMissing = lint.Check[*ship]{
	Rule: contents.ProgramMissing,
	Run: func(p *lint.Pass, s *ship) {
		s.eachStart(func(image *contents.Image, u contents.User, one start, problem lint.Problem) {
			if cause, bad := contents.MissingProgram(image, u, one.argv); bad && !one.probe {
				problem.Message = fmt.Sprintf("%s: %s; mend the command, or add it to the image", problem.Message, cause)
				p.Report(problem)
			}
		})
	},
}

var probeProgramMissing = lint.Check[*ship]{
	Rule: contents.ProbeProgramMissing,
	Run: func(p *lint.Pass, s *ship) {
		s.eachStart(func(image *contents.Image, u contents.User, one start, problem lint.Problem) {
			if cause, bad := contents.MissingProgram(image, u, one.argv); bad && one.probe {
				problem.Message = fmt.Sprintf("%s never succeeds: %s; check with what is in the image", problem.Message, cause)
				p.Report(problem)
			}
		})
	},
}

// eachStart calls look for every command that manifests and Compose files run in an
// image that is known, with the part of a problem that is about it. Commands that a
// mount may bring are left out, as are those of the image itself.
func (s *ship) eachStart(look func(image *contents.Image, u contents.User, one start, problem lint.Problem)) {
	for _, c := range s.containers {
		if c.Image == nil || !c.Image.Linux() || c.Workload.Windows() {
			continue
		}
		image := moved(c)
		u, err := image.User(runsAs(c))
		if err != nil {
			continue
		}
		for _, one := range containerStarts(c) {
			if !brought(image, one.argv, mountPaths(c)) {
				look(image, u, one, about(c, one.path, one.at, fmt.Sprintf("%s of container %q", strings.Split(one.path, ".")[0], c.Name)))
			}
		}
	}
	for _, service := range s.services {
		if service.Image == nil || !service.Image.Linux() || service.Partial {
			continue
		}
		spec := service.Image.Config.User
		if v := service.Get("user"); v.Exists() {
			if spec = v.Text; !v.Known {
				continue
			}
		}
		u, err := service.Image.User(spec)
		if err != nil || service.Get("working_dir").Exists() {
			continue
		}
		var mounted []string
		for _, m := range service.Mounts() {
			mounted = append(mounted, m.Target)
		}
		for _, one := range serviceStarts(service) {
			if !brought(service.Image, one.argv, mounted) {
				look(service.Image, u, one, lint.Problem{At: one.at, Subject: service.Subject(), Path: one.path, Message: fmt.Sprintf("%s of service %q", one.path, service.Name)})
			}
		}
	}
}

// runsAs is the user that Kubernetes starts a container as.
func runsAs(c *binding.Container) string {
	spec := c.Image.Config.User
	if n := c.Security("runAsUser"); !n.IsNull() {
		spec = n.Text()
	}
	if n := c.Security("runAsGroup"); !n.IsNull() {
		who, _, _ := strings.Cut(spec, ":")
		spec = or(who, "0") + ":" + n.Text()
	}
	return spec
}

// moved is a container's image with the working directory and PATH that the manifest sets.
func moved(c *binding.Container) *contents.Image {
	image := *c.Image
	if n := c.Node.Get("workingDir"); n.Text() != "" {
		image.Config.WorkingDir = n.Text()
	}
	for _, item := range c.Node.Get("env").Items() {
		if item.Get("name").Text() == "PATH" {
			image.Config.Env = append(slices.Clone(image.Config.Env), "PATH="+item.Get("value").Text())
		}
	}
	return &image
}

// containerStarts are the commands that a manifest has a container run.
func containerStarts(c *binding.Container) []start {
	var all []start
	command, args := c.Node.Get("command"), c.Node.Get("args")
	if argv, ok := override(c.Image, command, args); ok {
		at, key := command.Items(), "command"
		if len(at) == 0 {
			at, key = args.Items(), "args"
		}
		if len(at) > 0 {
			all = append(all, start{argv, at[0].At(), key, false})
		}
	}
	hooks := map[string]kubernetes.Node{"lifecycle.preStop": c.Node.Get("lifecycle").Get("preStop"), "lifecycle.postStart": c.Node.Get("lifecycle").Get("postStart")}
	for _, key := range probes {
		hooks[key] = c.Node.Get(key)
	}
	for _, key := range append([]string{"lifecycle.preStop", "lifecycle.postStart"}, probes...) {
		if items := hooks[key].Get("exec").Get("command").Items(); len(items) > 0 {
			all = append(all, start{texts(items), items[0].At(), key + ".exec.command", true})
		}
	}
	return all
}

// override is what a container starts, where the manifest changes that: command takes
// the place of ENTRYPOINT and CMD, args that of CMD.
func override(image *contents.Image, command, args kubernetes.Node) ([]string, bool) {
	var argv []string
	switch {
	case len(command.Items()) > 0:
		argv = append(texts(command.Items()), texts(args.Items())...)
	case len(args.Items()) > 0:
		argv = append(slices.Clone(image.Config.Entrypoint), texts(args.Items())...)
	}
	return argv, len(argv) > 0 && !slices.ContainsFunc(argv, func(a string) bool { return strings.Contains(a, "$(") })
}

// serviceStarts are the commands that a Compose file has a service run.
func serviceStarts(s *binding.Service) []start {
	var all []start
	if argv, ok := composed(s); ok {
		at, key := s.Get("entrypoint").At(), "entrypoint"
		if at.Line == 0 {
			at, key = s.Get("command").At(), "command"
		}
		all = append(all, start{argv, at, key, false})
	}
	if check := s.Healthcheck(); check.Set {
		test := words(check.Test)
		switch {
		case check.Test.IsScalar():
			all = append(all, start{[]string{"/bin/sh", "-c", test[0]}, check.Test.At(), "healthcheck.test", true})
		case test[0] == "CMD-SHELL" && len(test) > 1:
			all = append(all, start{[]string{"/bin/sh", "-c", test[1]}, check.Test.At(), "healthcheck.test", true})
		case test[0] == "CMD" && len(test) > 1:
			all = append(all, start{test[1:], check.Test.At(), "healthcheck.test", true})
		}
	}
	return slices.DeleteFunc(all, func(one start) bool { return one.at.Line == 0 })
}

// composed is what a service starts, where its project changes that.
func composed(s *binding.Service) ([]string, bool) {
	entrypoint, command := s.Get("entrypoint"), s.Get("command")
	if entrypoint.IsScalar() || command.IsScalar() || !entrypoint.Exists() && !command.Exists() {
		return nil, false // a string is split by Compose's own rules
	}
	argv := words(entrypoint)
	if !entrypoint.Exists() {
		argv = slices.Clone(s.Image.Config.Entrypoint)
	}
	for _, v := range slices.Concat(entrypoint.Items, command.Items) {
		if !v.Known {
			return nil, false
		}
	}
	argv = append(argv, words(command)...)
	return argv, len(argv) > 0
}

// brought says that a mount may bring the program of a command, or what it is given.
func brought(image *contents.Image, argv, mounted []string) bool {
	search, ok := image.Env("PATH")
	if !ok {
		search = contents.DefaultPath
	}
	dirs := append(strings.Split(search, ":"), image.Abs("."))
	for _, word := range argv {
		if path.IsAbs(word) {
			dirs = append(dirs, path.Dir(word))
		}
	}
	return slices.ContainsFunc(mounted, func(m string) bool {
		return slices.ContainsFunc(dirs, func(d string) bool { return covers(m, d) || covers(d, m) && d != "/" }) ||
			slices.ContainsFunc(argv, func(w string) bool { return strings.Contains(w, path.Clean(m)) })
	})
}

func mountPaths(c *binding.Container) []string {
	var all []string
	for _, m := range mounts(c) {
		all = append(all, m.path)
	}
	return all
}
