package workflow

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/source/script"
	"github.com/plimsoll-ci/plimsoll/internal/source/workflow"
)

// scope is what runs together and may change what ships: the steps of a job, what a
// job runs elsewhere by ssh, a script, or the recipe of a target.
type scope struct {
	subject  string
	commands []*script.Command
	// job is nil outside of workflows.
	job *workflow.Job
	// elsewhere says that ssh brings the commands to another machine.
	elsewhere bool
}

// any says whether a command of the scope satisfies is.
func (s scope) any(is func(*script.Command) bool) bool { return slices.ContainsFunc(s.commands, is) }

// pipelines is what the workflows of a tree run.
type pipelines struct {
	named map[string]*workflow.File
	// scripts are the names of scripts, targets those of Makefiles, that jobs run which
	// may change what ships.
	scripts, targets map[string]bool
}

// add takes in what a workflow runs.
func (p *pipelines) add(f *workflow.File) {
	if !f.Action {
		p.named[f.Name()] = f
	}
	for _, j := range f.Jobs {
		if rehearsal(j) {
			continue
		}
		for _, s := range j.Steps {
			if s.Script == nil {
				continue
			}
			for _, c := range s.Script.Commands {
				p.run(c)
			}
		}
	}
}

func (p *pipelines) run(c *script.Command) {
	if c.Name == "make" || c.Name == "gmake" {
		for _, w := range c.Words {
			if w.Known && !strings.HasPrefix(w.Text, "-") && !strings.Contains(w.Text, "=") {
				p.targets[w.Text] = true
			}
		}
		return
	}
	p.scripts[c.Name] = true
	if script.IsShell(c.Name) || c.Name == "source" || c.Name == "." {
		for _, w := range c.Words {
			p.scripts[path.Base(w.Text)] = true
		}
	}
}

// scopes are those of a file.
func (p *pipelines) scopes(f *file) (all []scope) {
	for _, j := range f.jobs() {
		if rehearsal(j) {
			continue
		}
		here := scope{subject: f.Subject(j), job: j}
		for _, s := range j.Steps {
			if s.Script != nil {
				for _, c := range s.Script.Commands {
					if !c.Remote {
						here.commands = append(here.commands, c)
					}
				}
				all = append(all, remote(here.subject, j, s.Script)...)
			}
			if s.Remote != nil {
				all = append(all, scope{subject: here.subject, job: j, commands: s.Remote.Commands, elsewhere: true})
			}
		}
		all = append(all, here)
	}
	if f.script == nil || !p.runs(f.script) {
		return all
	}
	for _, t := range f.script.Targets {
		subject, known := f.script.Source.Path, true
		if f.script.Make() {
			known = slices.ContainsFunc(t.Names, func(n string) bool { return p.targets[n] || deploys(n) })
			subject += "#" + strings.Join(t.Names, " ")
		}
		if !known || local(f.script.Source.Slice(t.At)) || slices.ContainsFunc(t.Script.Commands, makesCluster) || slices.ContainsFunc(t.Names, practice) {
			continue
		}
		all = append(all, scope{subject: subject, commands: t.Script.Commands})
		all = append(all, remote(subject, nil, t.Script)...)
	}
	return all
}

// runs says that a job runs a script, or that its name says that it deploys; of a
// Makefile that is known by target only.
func (p *pipelines) runs(s *script.File) bool {
	name := s.Source.Path
	return !aside(name) && (s.Make() || p.scripts[path.Base(name)] || deploys(stem(name)))
}

// remote is what a script runs by ssh on another machine.
func remote(subject string, j *workflow.Job, s *script.Script) []scope {
	far := scope{subject: subject, job: j, elsewhere: true}
	for _, c := range s.Commands {
		if c.Remote {
			far.commands = append(far.commands, c)
		}
	}
	if len(far.commands) == 0 {
		return nil
	}
	return []scope{far}
}

func stem(name string) string { return strings.TrimSuffix(path.Base(name), path.Ext(name)) }

var (
	// localClusters are tools that make a cluster on the machine they run on.
	localClusters = []string{"kind", "minikube", "k3d", "k3s", "microk8s", "kwok", "kwokctl", "ctlptl", "vcluster", "kubeadm", "colima", "k0s", "tilt", "skaffold"}
	practiceWords = []string{
		"test", "tests", "testing", "e2e", "integration", "conformance", "bench", "benchmark", "benchmarks", "perf", "smoke", "chaos", "lint", "verify",
		"validate", "example", "examples", "sample", "samples", "demo", "demos", "docs", "tutorial", "tutorials", "testdata", "hack", "dev", "develop",
		"development", "local", "localdev", "playground", "workshop", "quickstart", "fixtures", "debug", "devcontainer", "sandbox",
	}
	deployWords = []string{"deploy", "deployment", "release", "rollout", "publish", "promote", "prod", "production", "ship"}
)

var lettersAndDigits = regexp.MustCompile(`[a-z0-9]+`)

// words are those of a name, in lower case.
func words(name string) []string {
	return lettersAndDigits.FindAllString(strings.ToLower(name), -1)
}

func holds(name string, list []string) bool {
	return slices.ContainsFunc(words(name), func(w string) bool { return slices.Contains(list, w) })
}

func deploys(name string) bool  { return holds(name, deployWords) && !practice(name) }
func practice(name string) bool { return holds(name, practiceWords) || local(name) }

// local says that a name is about a cluster on the machine itself.
func local(name string) bool { return holds(name, localClusters) }

// aside says that a script lies where tests, examples and tools of developers do.
func aside(name string) bool {
	return practice(path.Dir(name)) || practice(stem(name))
}

// rehearsal says that what a job changes is its own: it tests, or makes a cluster.
func rehearsal(j *workflow.Job) bool {
	for _, name := range []string{j.ID, j.Root.Get("name").Text()} {
		if practice(name) && !holds(name, deployWords) {
			return true
		}
	}
	if practice(stem(j.File.Source.Path)) && !holds(stem(j.File.Source.Path), deployWords) {
		return true
	}
	if j.File.Action && aside(path.Dir(j.File.Source.Path)) {
		return true
	}
	return slices.ContainsFunc(j.Steps, func(s *workflow.Step) bool {
		return s.Uses.Exists() && local(s.Uses.Text) || s.Script != nil && slices.ContainsFunc(s.Script.Commands, makesCluster) ||
			local(s.Root.Get("name").Text()) || holds(s.Root.Get("name").Text(), []string{"e2e"})
	})
}

// makesCluster says that a command makes a cluster, or runs what is named after it.
func makesCluster(c *script.Command) bool {
	if local(c.Name) {
		return true
	}
	return (c.Name == "make" || script.IsShell(c.Name) || c.Name == "task" || c.Name == "just") &&
		slices.ContainsFunc(c.Words, func(w script.Argument) bool { return local(w.Text) || holds(w.Text, []string{"e2e"}) })
}
