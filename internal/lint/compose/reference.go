package compose

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/compose"
)

var serviceReference = lint.Check[*project]{
	Rule: finding.Rule{
		ID: "SEC-3.m", Name: "service-reference", Points: []string{"SEC-3"}, Severity: finding.High, Since: "0.1.0",
		Summary: "Every secret, config, network, volume, service and file that a Compose project names is there",
	},
	Run: func(p *lint.Pass, pr *project) {
		tell := pr.teller(p)
		if !pr.Open {
			for _, s := range pr.Services {
				for _, r := range references(s) {
					if r.section == "services" && pr.Service(r.name) == nil || r.section != "services" && !declared(pr.section(r.section), r.name) {
						tell(about(s, r.section+"["+r.name+"]", r.at, fmt.Sprintf("service %q names the %s %q, which is not under %q; declare it there, or mend the name", s.Name, strings.TrimSuffix(r.section, "s"), r.name, r.section)))
					}
				}
			}
		}
		for _, s := range pr.Services {
			for _, f := range s.EnvFiles() {
				if f.Required && pr.absent(f) {
					problem := about(s, "env_file["+f.Text+"]", f.At, fmt.Sprintf("service %q reads %q, which does not exist; add it, or set required: false", s.Name, f.Text))
					problem.Severity = finding.Medium
					tell(problem)
				}
			}
		}
		for _, e := range pr.Configs.Entries {
			if f, ok := pr.File(e.Value); ok && pr.absent(f) {
				problem := pr.whole(lint.Problem{At: f.At, Path: "configs[" + e.Name + "]", Message: fmt.Sprintf("config %q is the file %q, which does not exist; add it, or mend the name", e.Name, f.Text)})
				problem.Severity = finding.Medium
				tell(problem)
			}
		}
	},
}

type reference struct {
	section, name string
	at            finding.Location
}

// references are the names that a service uses of what its project declares.
func references(s *compose.Service) []reference {
	var all []reference
	for _, kind := range []string{"secrets", "configs"} {
		for _, g := range s.Grants(kind) {
			all = append(all, reference{kind, g.Name, g.At})
		}
	}
	for _, e := range s.Get("networks").Entries {
		if e.Name != "default" {
			all = append(all, reference{"networks", e.Name, e.At()})
		}
	}
	for _, m := range s.Mounts() {
		if m.Type == "volume" && m.Known && m.Source != "" {
			all = append(all, reference{"volumes", m.Source, m.At})
		}
	}
	for _, d := range s.Dependencies() {
		if d.Required {
			all = append(all, reference{"services", d.Name, d.At})
		}
	}
	if mode := s.Get("network_mode"); mode.Known {
		if name, ok := strings.CutPrefix(mode.Text, "service:"); ok {
			all = append(all, reference{"services", name, mode.At()})
		}
	}
	return slices.DeleteFunc(all, func(r reference) bool { return r.name == "" || strings.Contains(r.name, "$") })
}

func (pr *project) section(name string) compose.Value {
	return map[string]compose.Value{"secrets": pr.Secrets, "configs": pr.Configs, "networks": pr.Networks, "volumes": pr.Volumes}[name]
}

func declared(section compose.Value, name string) bool {
	return slices.ContainsFunc(section.Entries, func(e compose.Entry) bool { return e.Name == name })
}

// absent says that a file is not there and that nothing says why: it is not kept
// out of git, no sample of it lies beside, and it is not the one that Portainer makes.
func (pr *project) absent(f compose.NamedFile) bool {
	if f.Path == "" || pr.tree == nil || pr.tree.Exists(f.Path) || pr.ignored(f.Path) || strings.Contains(f.Path, ".local") || path.Base(f.Path) == "stack.env" {
		return false
	}
	base := path.Base(f.Path)
	for _, end := range []string{"example", "sample", "template", "dist", "tmpl", "default"} {
		for _, name := range []string{base + "." + end, base + "-" + end, end + base, end + "." + strings.TrimPrefix(base, "."), base + "_" + end, "." + end + base, strings.TrimSuffix(base, path.Ext(base)) + "." + end + path.Ext(base)} {
			if pr.tree.Exists(path.Join(path.Dir(f.Path), name)) {
				return false
			}
		}
	}
	return true
}
