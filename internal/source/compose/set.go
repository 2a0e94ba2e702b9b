package compose

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// Set is all projects of a tree.
type Set struct {
	Projects []*Project
	// Files and EnvFiles are all that were read, those too that only others name.
	Files    map[string]*File
	EnvFiles map[string]*EnvFile
	Unread   []finding.Unread
	Notes    []string
	// Unjudged counts the files that were there and that nothing was judged of.
	Unjudged int

	read   func(name string) (*source.File, error)
	loaded map[string]string // why a file could not be, by path
	// includes counts those of the project that is being made.
	includes int
}

// The names that Compose looks for, in its order.
var (
	bases     = []string{"compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"}
	overrides = []string{"compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml"}
)

// NewSet makes projects of files. groups are those that somebody named as one
// project, by path; read brings further files that they name. Of a directory, the
// first base that Compose would take is one project with its override, or what
// COMPOSE_FILE in its .env names; every other file is one of its own.
func NewSet(files []*source.File, groups [][]string, read func(name string) (*source.File, error)) *Set {
	s := &Set{Files: map[string]*File{}, EnvFiles: map[string]*EnvFile{}, read: read, loaded: map[string]string{}}
	given := map[string]*source.File{}
	for _, f := range files {
		given[f.Path] = f
	}
	for _, f := range files {
		s.parse(f)
	}
	taken := map[string]bool{}
	add := func(names []string) {
		var parts []*File
		for _, name := range names {
			taken[name] = true
			if f, _ := s.load(name); f != nil {
				parts = append(parts, f)
			}
		}
		if len(parts) > 0 {
			s.includes = 0
			s.Projects = append(s.Projects, s.project(path.Dir(parts[0].Source.Path), parts, nil))
		}
	}
	for _, names := range groups {
		add(names)
	}
	for _, dir := range slices.Sorted(maps.Keys(directories(given))) {
		if names := s.defaults(dir, given); len(names) > 0 && !slices.ContainsFunc(names, func(n string) bool { return taken[n] }) {
			add(names)
		}
	}
	for _, f := range files {
		if !taken[f.Path] && s.Files[f.Path] != nil {
			add([]string{f.Path})
		}
	}
	s.partial()
	slices.SortStableFunc(s.Projects, func(a, b *Project) int { return strings.Compare(a.Path, b.Path) })
	return s
}

func directories(files map[string]*source.File) map[string]bool {
	dirs := map[string]bool{}
	for name := range files {
		dirs[path.Dir(name)] = true
	}
	return dirs
}

// defaults are the files that Compose takes in a directory when none is named.
func (s *Set) defaults(dir string, given map[string]*source.File) []string {
	if env := s.env(path.Join(dir, ".env")); env != nil {
		if list, ok := env.Get("COMPOSE_FILE"); ok && list != "" {
			separator := ":"
			if other, ok := env.Get("COMPOSE_PATH_SEPARATOR"); ok && other != "" {
				separator = other
			}
			var names []string
			for name := range strings.SplitSeq(list, separator) {
				if name = within(dir, name); name == "" {
					continue
				}
				if f, _ := s.load(name); f != nil {
					names = append(names, name)
				}
			}
			if len(names) > 0 {
				return names
			}
		}
	}
	var names []string
	for _, candidates := range [][]string{bases, overrides} {
		for _, base := range candidates {
			if name := path.Join(dir, base); given[name] != nil && s.Files[name] != nil {
				names = append(names, name)
				break
			}
		}
		if len(names) == 0 {
			return nil
		}
	}
	return names
}

func (s *Set) note(text string) { s.Notes = append(s.Notes, text) }

// parse reads one file into the set. Its path is in loaded afterwards.
func (s *Set) parse(src *source.File) {
	s.loaded[src.Path] = ""
	f, unread := Parse(src)
	s.Unread = append(s.Unread, unread...)
	switch {
	case f == nil && len(unread) > 0:
		s.loaded[src.Path] = "cannot be read; mend it first"
	case f == nil:
		s.loaded[src.Path] = "is empty"
		s.Unjudged++
	case f.Legacy:
		s.loaded[src.Path] = "has no \"services\""
		s.note(src.Path + ": has services at its root, a form that Compose gave up in 2023: not judged; put them under \"services\"")
		s.Unjudged++
	default:
		s.Files[src.Path] = f
	}
}

// load returns a file of the tree, or why there is none.
func (s *Set) load(name string) (*File, string) {
	if name == "" {
		return nil, "lies outside the tree"
	}
	if f := s.Files[name]; f != nil {
		return f, ""
	}
	if cause, ok := s.loaded[name]; ok {
		return nil, cause
	}
	src, err := s.read(name)
	if err != nil {
		s.loaded[name] = err.Error()
		return nil, err.Error()
	}
	s.parse(src)
	return s.Files[name], s.loaded[name]
}

// env returns a file of variables, nil when there is none.
func (s *Set) env(name string) *EnvFile {
	if f, ok := s.EnvFiles[name]; ok {
		return f
	}
	var f *EnvFile
	if src, err := s.read(name); err == nil {
		f = ReadEnv(src)
	}
	s.EnvFiles[name] = f
	return f
}

// Env returns the file of variables at a path of the tree, nil when there is none.
func (s *Set) Env(name string) *EnvFile {
	if name == "" {
		return nil
	}
	return s.env(name)
}

// project merges files into one, which those above include.
func (s *Set) project(dir string, files []*File, above []string) *Project {
	p := &Project{Path: files[0].Source.Path, Dir: dir, Own: files, Files: slices.Clone(files), dirs: map[string]string{}}
	p.Env = s.env(path.Join(dir, ".env"))
	b := s.newBuilder(p)
	b.build(files)
	p.index()
	above = slices.Clone(above)
	for _, f := range files {
		above = append(above, f.Source.Path)
	}
	b.include(files, above)
	p.index()
	return p
}

// partial marks the services of which other files, that are not known to go
// together, have a part.
func (s *Set) partial() {
	byDir := map[string]*Project{}
	for _, p := range s.Projects {
		if slices.Contains(bases, path.Base(p.Path)) && byDir[p.Dir] == nil {
			byDir[p.Dir] = p
		}
	}
	for _, p := range s.Projects {
		base := byDir[p.Dir]
		for _, service := range p.Services {
			lacks := !service.Get("image").Exists() && !service.Built() && !service.Get("provider").Exists()
			// What is extended and could not be followed is in the value still.
			service.Partial = lacks || service.Get("extends").Exists() || base != nil && base != p && base.Service(service.Name) != nil
		}
		// A file for one purpose may stand in another directory than what it completes.
		purpose := len(p.Own) == 1 && !slices.Contains(bases, path.Base(p.Path)) && !strings.Contains(path.Base(p.Path), "stack")
		p.Open = p.Open || purpose || base != nil && base != p || slices.ContainsFunc(p.Services, func(s *Service) bool { return s.Partial })
	}
}
