package compose

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/yaml"
)

// The bounds on what files may pull in.
const (
	maxIncludes = 64 // of one project, those of what it includes counted
	maxExtends  = 32 // levels
)

// Project is what one start of Compose is given.
type Project struct {
	// Path is that of the first file, Dir its directory.
	Path, Dir string
	// Own are the files that are merged, base first. Files has those too that they include.
	Own, Files []*File
	// Services are in the order of the files.
	Services []*Service
	// Name, Networks, Volumes, Secrets and Configs are the merged sections.
	Name                                Value
	Networks, Volumes, Secrets, Configs Value
	// Env is the .env beside the first file; nil without one.
	Env *EnvFile
	// Open says that a part of the project is not known: what seems to be missing may
	// be there.
	Open bool

	dirs    map[string]string // by path of a file, what paths in it are relative to
	byName  map[string]*Service
	built   map[string]bool // images that the project builds
	awaited map[string]bool // services whose end others wait for
}

// Sources are the paths of all files that have a part in the project, those that it
// only extends or includes too, and those of variables, in no order.
func (p *Project) Sources() []string {
	var all []string
	for name := range p.dirs {
		all = append(all, name)
	}
	if p.Env != nil {
		all = append(all, p.Env.Source.Path)
	}
	for _, s := range p.Services {
		for _, f := range s.EnvFiles() {
			all = append(all, f.Path)
		}
	}
	return all
}

// Service returns the service of a name, nil without one.
func (p *Project) Service(name string) *Service { return p.byName[name] }

// index makes what services are asked about each other.
func (p *Project) index() {
	p.byName, p.built, p.awaited = map[string]*Service{}, map[string]bool{}, map[string]bool{}
	for _, s := range p.Services {
		p.byName[s.Name] = s
		if image := s.Get("image"); s.Built() && image.Text != "" {
			p.built[image.Text] = true
		}
		for _, d := range s.Dependencies() {
			if d.Condition == "service_completed_successfully" {
				p.awaited[d.Name] = true
			}
		}
	}
}

// Stack says that the project is written for a swarm, where another program reads it.
func (p *Project) Stack() bool {
	if base := path.Base(p.Path); strings.Contains(base, "stack") || strings.Contains(base, "swarm") {
		return true
	}
	for _, s := range p.Services {
		deploy := s.Get("deploy")
		for _, key := range []string{"mode", "placement", "update_config", "rollback_config", "endpoint_mode"} {
			if deploy.Get(key).Exists() {
				return true
			}
		}
	}
	return false
}

// Locate returns the path in the tree of a path that is written in a file of the
// project, "" when it is not known or leads out of the tree.
func (p *Project) Locate(v Value) string {
	if !v.Known || v.Text == "" || !v.Exists() {
		return ""
	}
	dir, ok := p.dirs[v.Node.Source().Path]
	if !ok {
		dir = p.Dir
	}
	return within(dir, v.Text)
}

// within joins a path to a directory of the tree, "" when it leaves the tree or is
// no path in it.
func within(dir, name string) string {
	if path.IsAbs(name) || strings.HasPrefix(name, "~") || strings.Contains(name, "://") || strings.ContainsAny(name, "\\\x00") {
		return ""
	}
	joined := path.Join(dir, name)
	if joined == ".." || strings.HasPrefix(joined, "../") {
		return ""
	}
	return joined
}

func (p *Project) file(v Value, required bool) NamedFile {
	return NamedFile{Path: p.Locate(v), Text: v.Text, Required: required, At: v.At()}
}

// File returns the file that a key of a secret or config names.
func (p *Project) File(definition Value) (NamedFile, bool) {
	v := definition.Get("file")
	return p.file(v, true), v.IsScalar()
}

// builder makes one project and what it includes.
type builder struct {
	set     *Set
	project *Project
	reader  reader
	raw     map[string]map[string]Value // services of a file before extends, by path
	told    map[finding.Location]bool
}

func (s *Set) newBuilder(project *Project) *builder {
	b := &builder{set: s, project: project, raw: map[string]map[string]Value{}, told: map[finding.Location]bool{}}
	b.reader.lookup = project.Env.Get
	b.reader.malformed = func(n yaml.Node, err error) { b.unread(n.At(), err.Error()) }
	return b
}

func (b *builder) unread(at finding.Location, cause string) {
	b.project.Open = true
	if b.told[at] {
		return
	}
	b.told[at] = true
	b.set.Unread = append(b.set.Unread, finding.Unread{Kind: finding.UnreadSource, Location: finding.Location{Path: at.Path, Line: at.Line}, Cause: cause})
}

// services returns the services of a file in canonical form, before extends.
func (b *builder) services(f *File) map[string]Value {
	if known, ok := b.raw[f.Source.Path]; ok {
		return known
	}
	all := map[string]Value{}
	b.raw[f.Source.Path] = all
	for _, e := range b.reader.read(f.Root.Get("services")).Entries {
		all[e.Name] = b.reader.canonical(e.Value)
	}
	return all
}

// build merges the files and fills in the project.
func (b *builder) build(files []*File) {
	p := b.project
	var root Value
	var order []Entry
	merged := map[string]Value{}
	for _, f := range files {
		p.dirs[f.Source.Path] = p.Dir
		whole := b.reader.read(f.Root)
		services := whole.Get("services")
		whole.Entries = remove(append([]Entry(nil), whole.Entries...), "services")
		whole.Entries = remove(whole.Entries, "include")
		root = merge("root", root, whole)
		own := b.services(f)
		for _, e := range services.Entries {
			if _, ok := merged[e.Name]; !ok {
				order = append(order, e)
			}
			value := b.extended(f, e.Name, own[e.Name], nil)
			merged[e.Name] = merge("", merged[e.Name], value)
		}
	}
	p.Name = root.Get("name")
	p.Networks, p.Volumes, p.Secrets, p.Configs = root.Get("networks"), root.Get("volumes"), root.Get("secrets"), root.Get("configs")
	for _, e := range order {
		if value := merged[e.Name]; value.mapping() {
			p.Services = append(p.Services, &Service{Project: p, Name: e.Name, Value: value, At: e.At()})
		}
	}
}

// extended lays a service over the one that it extends.
func (b *builder) extended(f *File, name string, value Value, seen []string) Value {
	extends := value.Get("extends")
	if !extends.Exists() || extends.IsNull() {
		return value
	}
	at := extends.At()
	from, other := extends, Value{}
	if extends.mapping() {
		from, other = extends.Get("service"), extends.Get("file")
	}
	self := f.Source.Path + "#" + name
	if slices.Contains(seen, self) || len(seen) > maxExtends {
		b.unread(at, fmt.Sprintf("service %q extends itself; break the circle", name))
		return value
	}
	seen = append(seen, self)
	if !from.Known || other.Exists() && !other.Known {
		b.project.Open = true
		return value
	}
	if other.Exists() {
		target := b.project.Locate(other)
		loaded, cause := b.set.load(target)
		if loaded == nil {
			b.unread(at, fmt.Sprintf("service %q extends one of %q, which %s", name, other.Text, cause))
			return value
		}
		if _, ok := b.project.dirs[target]; !ok {
			b.project.dirs[target] = path.Dir(target)
		}
		f = loaded
	}
	base, ok := b.services(f)[from.Text]
	if !ok {
		if !other.Exists() && len(b.project.Files) > 1 {
			b.project.Open = true // of the file before, say
			return value
		}
		b.unread(at, fmt.Sprintf("service %q extends %q, which is not in %s; mend the name", name, from.Text, f.Source.Path))
		return value
	}
	base = b.extended(f, from.Text, base, seen)
	base.Entries = remove(slices.Clone(base.Entries), "extends")
	value.Entries = remove(slices.Clone(value.Entries), "extends")
	return merge("", base, value)
}

// include adds the services of the projects that the files include.
func (b *builder) include(files []*File, above []string) {
	p := b.project
	for _, f := range files {
		for _, item := range b.reader.read(f.Root.Get("include")).Items {
			paths := item.Get("path").Words()
			dir := item.Get("project_directory")
			if item.IsScalar() {
				paths = []Value{item}
			}
			sub := b.included(paths, dir, above)
			if sub == nil {
				p.Open = true
				continue
			}
			b.adopt(sub)
		}
	}
}

func (b *builder) included(paths []Value, dir Value, above []string) *Project {
	var files []*File
	for _, v := range paths {
		target := b.project.Locate(v)
		if !v.Known || strings.Contains(v.Text, "://") || strings.HasPrefix(v.Text, "git@") {
			b.set.note(fmt.Sprintf("%s includes %q, which is not known here: not judged", b.project.Path, v.Node.Text()))
			return nil
		}
		if b.set.includes++; b.set.includes > maxIncludes || slices.Contains(above, target) {
			b.unread(v.At(), fmt.Sprintf("includes %q in a circle, or more than %d files; break it up", v.Text, maxIncludes))
			return nil
		}
		loaded, cause := b.set.load(target)
		if loaded == nil {
			b.unread(v.At(), fmt.Sprintf("includes %q, which %s", v.Text, cause))
			return nil
		}
		files = append(files, loaded)
	}
	if len(files) == 0 {
		return nil
	}
	base := path.Dir(files[0].Source.Path)
	if dir.IsScalar() && dir.Known {
		base = b.project.Locate(dir)
	}
	return b.set.project(base, files, above)
}

// adopt takes over what an included project has.
func (b *builder) adopt(sub *Project) {
	p := b.project
	p.Open = p.Open || sub.Open
	for _, s := range sub.Services {
		if p.byName[s.Name] == nil {
			adopted := *s
			adopted.Project = p
			p.Services = append(p.Services, &adopted)
			p.byName[s.Name] = &adopted
		}
	}
	for _, section := range []struct {
		to   *Value
		from Value
	}{{&p.Networks, sub.Networks}, {&p.Volumes, sub.Volumes}, {&p.Secrets, sub.Secrets}, {&p.Configs, sub.Configs}} {
		*section.to = merge("root", section.from, *section.to)
	}
	for file, dir := range sub.dirs {
		if _, ok := p.dirs[file]; !ok {
			p.dirs[file] = dir
		}
	}
	for _, f := range sub.Files {
		if !slices.ContainsFunc(p.Files, func(known *File) bool { return known.Source == f.Source }) {
			p.Files = append(p.Files, f)
		}
	}
}

// Source returns the file of the project that a place lies in, nil for another.
func (p *Project) Source(at finding.Location) *source.File {
	for _, f := range p.Files {
		if f.Source.Path == at.Path {
			return f.Source
		}
	}
	return nil
}
