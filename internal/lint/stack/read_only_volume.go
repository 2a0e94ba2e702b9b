package stack

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/stack/binding"
)

var readOnlyVolume = lint.Check[*ship]{
	Rule: finding.Rule{
		ID: "X-10", Name: "read-only-volume", Points: []string{"USR-4"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "Where the root file system is read-only, every path that the image writes is a mount",
	},
	Run: func(p *lint.Pass, s *ship) {
		for _, c := range s.containers {
			flag := c.Security("readOnlyRootFilesystem")
			if on, _ := flag.Bool(); !on || c.Workload.Windows() {
				continue
			}
			covered := func(name string) bool {
				return slices.ContainsFunc(mounts(c), func(m mount) bool { return covers(m.path, name) })
			}
			for _, v := range s.volumesOf(c) {
				if !covered(v.text) {
					problem := about(c, "readOnlyRootFilesystem["+v.text+"]", flag.At(), fmt.Sprintf(
						"container %q has a read-only root, and nothing is mounted at %q, a VOLUME of its image: what it writes there fails or is lost, as the runtime likes; mount a volume there", c.Name, v.text,
					))
					if v.at.Line != 0 {
						problem.Related = []finding.Location{v.at}
					}
					p.Report(problem)
				}
			}
			base, writes := s.writes(c)
			writes = slices.DeleteFunc(slices.Clone(writes), covered)
			if len(writes) == 0 || s.configured(c, base) {
				continue
			}
			p.Report(about(c, "readOnlyRootFilesystem", flag.At(), fmt.Sprintf(
				"container %q has a read-only root, and %q writes to %s to start, where nothing is mounted; mount an emptyDir there", c.Name, base, list(quoted(writes)),
			)))
		}
		for _, service := range s.services {
			v := service.Get("read_only")
			if !v.True() || service.Partial {
				continue
			}
			f := s.of(service.Stage)
			base := f.base
			if service.Stage == nil && service.Named && !service.Built() {
				base = binding.Normal(service.Ref.Name)
			}
			writes := slices.DeleteFunc(slices.Clone(writers[base]), func(name string) bool { return covered(service.Service, name) })
			if len(writes) == 0 || f.brings(configs[base]) || slices.ContainsFunc(configs[base], func(name string) bool { return covered(service.Service, name) }) {
				continue
			}
			p.Report(lint.Problem{
				At: v.At(), Subject: service.Subject(), Path: "read_only",
				Message: fmt.Sprintf("service %q is read_only, and %q writes to %s to start, where nothing is mounted; add them to tmpfs", service.Name, base, list(quoted(writes))),
			})
		}
	},
}

// volumesOf are the VOLUMEs of a container's image that are known.
func (s *ship) volumesOf(c *binding.Container) []setting {
	if c.Image == nil {
		return slices.DeleteFunc(slices.Clone(s.of(c.Stage).volumes), func(v setting) bool { return !v.known })
	}
	var all []setting
	for name := range c.Image.Config.Volumes {
		v := setting{text: path.Clean(name)}
		for _, written := range s.of(c.Stage).volumes {
			if written.text == v.text {
				v.at = written.at
			}
		}
		all = append(all, v)
	}
	slices.SortFunc(all, func(a, b setting) int { return strings.Compare(a.text, b.text) })
	return all
}

// writers are the paths that public images write to before they answer, as they
// come: seen by running them with a read-only root.
var writers = map[string][]string{
	"nginx":                       {"/var/cache/nginx", "/run"},
	"nginxinc/nginx-unprivileged": {"/tmp"},
	"httpd":                       {"/usr/local/apache2/logs"},
	"postgres":                    {"/run/postgresql"},
	"mysql":                       {"/run/mysqld", "/tmp"},
	"mariadb":                     {"/run/mysqld", "/tmp"},
}

// configs are the files that, changed, may make those images write elsewhere.
var configs = map[string][]string{
	"nginx":                       {"/etc/nginx/nginx.conf"},
	"nginxinc/nginx-unprivileged": {"/etc/nginx/nginx.conf"},
	"httpd":                       {"/usr/local/apache2/conf/httpd.conf"},
	"postgres":                    {"/etc/postgresql/postgresql.conf"},
	"mysql":                       {"/etc/my.cnf"},
	"mariadb":                     {"/etc/mysql/my.cnf"},
}

// writes returns the public image that a container's image is or is made of, and the
// paths that it is known to write to.
func (s *ship) writes(c *binding.Container) (base string, paths []string) {
	switch {
	case c.Stage != nil:
		base = s.of(c.Stage).base
	case c.Dockerfile() == nil && c.Named:
		base = binding.Normal(c.Ref.Name)
	}
	return base, writers[base]
}

// configured says that the program of a public image was given another configuration
// or is not what starts.
func (s *ship) configured(c *binding.Container, base string) bool {
	if c.Node.Get("command").Exists() || c.Node.Get("args").Exists() {
		return true
	}
	for _, m := range mounts(c) {
		if slices.ContainsFunc(configs[base], func(name string) bool { return covers(m.path, name) }) {
			return true
		}
	}
	return s.of(c.Stage).brings(configs[base])
}

// brings says whether a stage may put something at one of some paths, or start
// something else than its base does.
func (f *facts) brings(names []string) bool {
	if f.stage == nil {
		return false
	}
	if f.entrypoint != nil || f.command != nil && f.command.exec && len(f.command.args) > 0 && path.Base(f.command.args[0]) != path.Base(f.base) {
		return true
	}
	for _, s := range f.stage.Chain() {
		for _, in := range s.Instructions {
			text := f.stage.File.Source.Slice(in.At)
			for _, name := range names {
				if (in.Name == "COPY" || in.Name == "ADD" || in.Name == "RUN") && (strings.Contains(text, path.Base(name)) || strings.Contains(text, path.Dir(name)+" ") || strings.HasSuffix(strings.TrimRight(text, "/"), path.Dir(name))) {
					return true
				}
			}
		}
	}
	return false
}
