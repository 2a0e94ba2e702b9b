package stack

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/stack/binding"
	"github.com/plimsoll-ci/plimsoll/internal/source/compose"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var mountHidesProgram = lint.Check[*ship]{
	Rule: finding.Rule{
		ID: "X-20", Name: "mount-hides-program", Severity: finding.High, Since: "0.1.0",
		Summary: "No mount hides what the image starts or what that needs",
	},
	Run: func(p *lint.Pass, s *ship) {
		for _, c := range s.containers {
			file := s.started(c.Stage, c)
			if file == "" || c.Node.Get("command").Exists() || c.Node.Get("args").Exists() || c.Node.Get("workingDir").Exists() {
				continue
			}
			for _, m := range mounts(c) {
				if m.single || !covers(m.path, file) || path.Clean(m.path) == file || !s.hides(c, m, file) {
					continue
				}
				problem := about(c, "volumeMounts["+m.path+"]", m.at, fmt.Sprintf(
					"container %q mounts %s at %q, which hides %q that its image starts; mount it elsewhere, or one file of it by subPath", c.Name, article(m.kind), m.path, file,
				))
				problem.Related = []finding.Location{noted(s.of(c.Stage).startAt(), "starts it")}
				p.Report(problem)
			}
		}
		for _, service := range s.services {
			s.hiddenModules(p, service)
		}
	},
}

func article(kind string) string {
	if kind == "emptyDir" {
		return "an emptyDir"
	}
	return "a " + kind
}

// started is the file that an image starts, as its Dockerfile says, "" when that is
// not known: the program, or what an interpreter is given.
func (s *ship) started(stage *binding.Stage, c *binding.Container) string {
	f := s.of(stage)
	argv := f.argv()
	if c != nil && c.Image != nil && c.Image.Linux() {
		argv = slices.Concat(c.Image.Config.Entrypoint, c.Image.Config.Cmd)
		if len(argv) > 0 {
			return operand(argv, or(c.Image.Config.WorkingDir, "/"))
		}
	}
	if stage == nil || len(argv) == 0 {
		return ""
	}
	return operand(argv, f.workdir)
}

// interpreters are given the file that they run as their first operand.
var interpreters = []string{"node", "python", "python3", "ruby", "perl", "php", "sh", "bash", "deno", "bun"}

func operand(argv []string, workdir string) string {
	name := argv[0]
	if slices.Contains(interpreters, path.Base(name)) {
		name = ""
		if len(argv) > 1 && !strings.HasPrefix(argv[1], "-") && strings.ContainsAny(argv[1], "./") {
			name = argv[1]
		}
	} else if i := slices.Index(argv, "-jar"); path.Base(name) == "java" && i > 0 && i+1 < len(argv) {
		name = argv[i+1]
	}
	switch {
	case !strings.Contains(name, "/") && name == argv[0], name == "", strings.Contains(name, "$"):
		return ""
	case path.IsAbs(name):
		return path.Clean(name)
	case workdir == "":
		return ""
	}
	return path.Join(workdir, name)
}

// startAt is where a Dockerfile says what starts.
func (f *facts) startAt() finding.Location {
	if in := or2(f.command, f.entrypoint); in != nil {
		return in.in.ArgumentsAt()
	}
	return finding.Location{}
}

// hides says whether a mount is known not to hold a file of the image: an empty
// directory that nothing fills first, or keys that are not it.
func (s *ship) hides(c *binding.Container, m mount, file string) bool {
	switch m.kind {
	case "emptyDir":
		return !slices.ContainsFunc(c.Workload.Containers(), func(other *kubernetes.Container) bool {
			return other != c.Container && slices.ContainsFunc(other.Node.Get("volumeMounts").Items(), func(n kubernetes.Node) bool { return n.Get("name").Text() == m.volume })
		})
	case "configMap", "secret":
		rest := strings.TrimPrefix(strings.TrimPrefix(file, path.Clean(m.path)), "/")
		source := m.node.Get(m.kind)
		if items := source.Get("items").Items(); len(items) > 0 {
			return !slices.ContainsFunc(items, func(n kubernetes.Node) bool { return n.Get("path").Text() == rest })
		}
		if strings.Contains(rest, "/") {
			return true
		}
		object := s.objects.find("ConfigMap", c.Workload.Namespace, source.Get("name").Text())
		return m.kind == "configMap" && object != nil && !object.Node.Get("data").Get(rest).Exists() && !object.Node.Get("binaryData").Get(rest).Exists()
	case "downwardAPI":
		return true
	}
	return false
}

// modules are the directories that package managers fill beside the sources, and
// the commands that do.
var modules = []struct {
	dir      string
	managers []string
}{
	{"node_modules", []string{"npm", "yarn", "pnpm", "bun"}},
	{"vendor", []string{"composer"}},
}

// hiddenModules reports a bind mount of the sources over the packages that the
// image installed beside them.
func (s *ship) hiddenModules(p *lint.Pass, service *binding.Service) {
	f := s.of(service.Stage)
	if service.Stage == nil || service.Partial || f.workdir == "" || service.Get("working_dir").Exists() || fetches(service) {
		return
	}
	for _, m := range service.Mounts() {
		if m.Type != "bind" || !m.Known || !strings.HasPrefix(m.Source, ".") || path.Clean(m.Target) != f.workdir {
			continue
		}
		for _, kind := range modules {
			dir := path.Join(f.workdir, kind.dir)
			at, ok := f.installs(kind.managers)
			if !ok || below(service.Service, dir, f.workdir) || tracked(service, kind.dir) {
				continue
			}
			p.Report(lint.Problem{
				At: m.At, Subject: service.Subject(), Path: "volumes[" + m.Target + "]", Severity: finding.Medium,
				Message: fmt.Sprintf("service %q mounts %q over %q and so hides %q that the image installed: it works only where they are installed on the host too; add a volume for %q", service.Name, m.Source, f.workdir, kind.dir, dir),
				Related: []finding.Location{noted(at, "installs them")},
			})
		}
	}
}

// below says that another mount brings a directory back, or a parent of it below the sources.
func below(s *compose.Service, dir, workdir string) bool {
	for _, m := range s.Mounts() {
		if target := path.Clean(m.Target); covers(target, dir) && target != workdir && covers(workdir, target) {
			return true
		}
	}
	return false
}

// fetches says that what the service starts may install packages itself.
func fetches(s *binding.Service) bool {
	text := strings.Join(slices.Concat(words(s.Get("command")), words(s.Get("entrypoint"))), " ")
	return strings.Contains(text, "install") || strings.Contains(text, " ci") || strings.Contains(text, ".sh") || strings.Contains(text, "make") || s.Get("entrypoint").Exists()
}

// installs finds where the stage's own chain installs packages into the directory
// that it ends in.
func (f *facts) installs(managers []string) (finding.Location, bool) {
	if f.entrypoint != nil && slices.ContainsFunc(f.entrypoint.args, func(a string) bool { return strings.Contains(a, ".sh") || strings.Contains(a, "entrypoint") }) {
		return finding.Location{}, false
	}
	for _, s := range f.stage.Chain() {
		dir := "" // where a RUN works, as far as it is said here
		for _, in := range s.Instructions {
			switch {
			case in.Name == "WORKDIR" && len(in.Arguments()) > 0:
				dir = in.Arguments()[0].Text
			case in.Name == "RUN" && in.Script != nil && (dir == "" || path.Clean(dir) == f.workdir):
				for _, c := range in.Script.Commands {
					sub, _, ok := c.Sub()
					installs := ok && slices.Contains([]string{"install", "ci", "i"}, sub) || c.Name == "yarn" && sub == ""
					if slices.Contains(managers, c.Name) && installs && !c.Has("-g", "--global") {
						return in.At, true
					}
				}
			}
		}
	}
	return finding.Location{}, false
}

// tracked says that the sources hold the directory themselves.
func tracked(service *binding.Service, dir string) bool {
	return service.Stage.File.Lookup(dir+"/.package-lock.json") != nil || service.Stage.File.Lookup(dir+"/autoload.php") != nil
}
