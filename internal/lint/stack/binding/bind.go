package binding

import (
	"path"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/image/contents"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/compose"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

// services binds each service to what builds it, and claims its image's name.
func (b *binder) services() {
	for _, p := range b.Projects.Projects {
		for _, cs := range p.Services {
			s := &Service{Service: cs}
			if v := cs.Get("image"); v.Known {
				s.Ref, s.Named = source.ParseImage(v.Text)
			}
			b.build(s)
			b.Services = append(b.Services, s)
		}
	}
	for _, s := range b.Services {
		if s.file != nil && s.Named {
			b.claim(s.Ref.String(), claim{s.file, targetOf(s), ByReference})
		}
	}
	for _, s := range b.Services { // and who only names what another one builds
		if s.file == nil && s.Named && !s.Built() {
			if files := b.claims[Normal(s.Ref.Name)]; len(files) == 1 {
				c := b.claimed[Normal(s.Ref.Name)]
				s.file, s.Stage, s.By = c.file, b.target(c.file, c.target), ByReference
			}
		}
	}
}

// build binds a service by the configuration, or by its own build section.
func (b *binder) build(s *Service) {
	for _, i := range b.opts.Images {
		if i.Compose != "" && (i.Compose == s.Name || i.Compose == s.Subject()) {
			if f := b.byPath[configured(i)]; f != nil {
				s.file, s.Stage, s.By = f, b.target(f, i.Target), ByConfig
				if t := targetOf(s); t != "" {
					s.Stage = b.target(f, t)
				}
				return
			}
		}
	}
	f := b.byPath[dockerfilePath(s.Service)]
	if f == nil {
		return
	}
	if v := s.Get("build").Get("target"); v.Exists() && !v.Known {
		return
	}
	s.file, s.Stage, s.By = f, b.target(f, targetOf(s)), ByBuild
	if targetOf(s) == "" { // whatever the target of this run is
		s.Stage = b.stage(f, f.Stages[len(f.Stages)-1])
	}
}

func targetOf(s *Service) string { return s.Get("build").Get("target").Text }

// dockerfilePath is the path of the Dockerfile that a service is built from, ""
// when it is not known.
func dockerfilePath(s *compose.Service) string {
	build := s.Get("build")
	if !build.Exists() || build.Get("dockerfile_inline").Exists() {
		return ""
	}
	dir := s.Project.Dir
	if v := build.Get("context"); v.Exists() {
		if dir = s.Project.Locate(v); dir == "" {
			return ""
		}
	}
	name := "Dockerfile"
	if v := build.Get("dockerfile"); v.Exists() {
		if !v.Known || path.IsAbs(v.Text) {
			return ""
		}
		name = v.Text
	}
	return path.Join(dir, name)
}

// containers binds those of the manifests by what is said of them: the
// configuration, or the reference of their image.
func (b *binder) containers() {
	for _, w := range b.Manifests.Workloads() {
		for _, kc := range w.Containers() {
			if kc.Role == kubernetes.Ephemeral {
				continue
			}
			c := &Container{Container: kc}
			c.Ref, c.Named = source.ParseImage(kc.Node.Get("image").Text())
			if !b.byConfig(c) {
				b.byReference(c)
			}
			b.Containers = append(b.Containers, c)
		}
	}
}

func (b *binder) byConfig(c *Container) bool {
	for _, i := range b.opts.Images {
		if i.Kubernetes == "" || !names(i, c) {
			continue
		}
		if f := b.byPath[configured(i)]; f != nil {
			c.file, c.Stage, c.By = f, b.target(f, i.Target), ByConfig
			b.standFor(c, func(s *Service) bool {
				return i.Compose != "" && (i.Compose == s.Name || i.Compose == s.Subject()) || i.Compose == "" && s.file == f
			})
			return true
		}
	}
	return false
}

// names says whether a configured image names a container: itself, or its workload
// where it is the only one that is no init container.
func names(i lint.Image, c *Container) bool {
	w := c.Workload
	for _, name := range []string{w.Subject(), w.Kind + "/" + w.Name} {
		if i.Kubernetes == name+"/"+c.Name {
			return true
		}
		if i.Kubernetes == name && c.Role == kubernetes.Main {
			others := func(o *kubernetes.Container) bool { return o.Role == kubernetes.Main && o != c.Container }
			return !slices.ContainsFunc(w.Containers(), others)
		}
	}
	return false
}

func (b *binder) byReference(c *Container) {
	if !c.Named {
		return
	}
	name := Normal(c.Ref.Name)
	switch files := b.claims[name]; {
	case len(files) == 1:
		claimed := b.claimed[name]
		c.file, c.By = claimed.file, claimed.by
		c.Stage = b.shipped(claimed.file, claimed.target)
		if claimed.by == ByConfig {
			c.Stage = b.target(claimed.file, claimed.target)
		}
	case len(files) > 1 && c.Ref.Tag != "" && len(b.tagged[name+":"+c.Ref.Tag]) == 1:
		// One repository for several images: their tags tell them apart.
		claimed := b.tagged[name+":"+c.Ref.Tag][0]
		c.file, c.By, c.Stage = claimed.file, claimed.by, b.shipped(claimed.file, claimed.target)
	case len(files) > 1:
		for _, f := range files {
			c.Candidates = append(c.Candidates, f.Source.Path)
		}
		return
	}
	b.standFor(c, func(s *Service) bool {
		return s.Named && Normal(s.Ref.Name) == name || c.file != nil && s.file == c.file
	})
}

// standFor binds a container to the service among those that fit which runs the
// same: the only one, or the only one of its name.
func (b *binder) standFor(c *Container, fits func(*Service) bool) {
	var all, called []*Service
	for _, s := range b.fitting(c) {
		if !fits(s) {
			continue
		}
		all = append(all, s)
		if s.Name == c.Name || s.Name == c.Workload.Name {
			called = append(called, s)
		}
	}
	if c.Role == kubernetes.Init {
		all = called // the same image runs something else there
	}
	if len(called) > 0 {
		all = called
	}
	if all = main(all); len(all) != 1 {
		return
	}
	c.Service = all[0]
	all[0].Containers = append(all[0].Containers, c)
	if c.By == "" {
		c.By = ByReference
	}
}

// fitting are the services that could stand for a container.
func (b *binder) fitting(c *Container) []*Service {
	if b.index == nil {
		b.index = map[any][]*Service{}
		for _, s := range b.Services {
			if s.Named {
				b.index[Normal(s.Ref.Name)] = append(b.index[Normal(s.Ref.Name)], s)
			}
			if s.file != nil {
				b.index[s.file] = append(b.index[s.file], s)
			}
			b.index[[1]string{s.Name}] = append(b.index[[1]string{s.Name}], s)
		}
	}
	var all []*Service
	add := func(key any) {
		for _, s := range b.index[key] {
			if !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
	}
	if c.Named {
		add(Normal(c.Ref.Name))
	}
	if c.file != nil {
		add(c.file)
	}
	if c.By == ByConfig {
		for _, i := range b.opts.Images {
			_, name, ok := strings.Cut(i.Compose, "#")
			if !ok {
				name = i.Compose
			}
			add([1]string{name})
		}
	}
	return all
}

// main leaves, of services that stand in several projects under one name, the one
// of the main project: that of the file whose name Compose looks for.
func main(all []*Service) []*Service {
	if len(all) < 2 {
		return all
	}
	var kept []*Service
	for _, s := range all {
		base := path.Base(s.Project.Path)
		if s.Name == all[0].Name && slices.Contains([]string{"compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"}, base) {
			kept = append(kept, s)
		}
	}
	if slices.ContainsFunc(all, func(s *Service) bool { return s.Name != all[0].Name }) {
		return all
	}
	return kept
}

// images gives what this run knows of its image to all that run it.
func (b *binder) images() {
	if len(b.built) == 0 {
		return
	}
	known := map[string]bool{}
	for _, text := range b.opts.Tags {
		if ref, ok := source.ParseImage(text); ok {
			known[Normal(ref.Name)] = true
		}
	}
	for _, i := range b.built {
		if ref, ok := source.ParseImage(i.Reference); ok && len(b.opts.Tags) == 0 {
			known[Normal(ref.Name)] = true
		}
	}
	var from *Stage
	if f := b.byPath[b.opts.Dockerfile]; f != nil && b.opts.Built {
		from = b.stage(f, f.Final())
	}
	for _, c := range b.Containers {
		if from != nil && c.Stage == from || from == nil && c.Named && known[Normal(c.Ref.Name)] && b.fits(c.Ref) {
			c.Image = choose(b.built, architecture(c.Workload))
			if c.By == "" {
				c.By = ByRun
			}
		}
	}
	for _, s := range b.Services {
		if from != nil && s.Stage == from || from == nil && s.Named && !s.Built() && known[Normal(s.Ref.Name)] && b.fits(s.Ref) {
			s.Image = choose(b.built, "")
		}
	}
}

// fits says whether a reference can be to the image that this run was given: its tag
// is no other one.
func (b *binder) fits(ref source.Image) bool {
	if ref.Digest != "" && slices.Contains(b.opts.Digests, ref.Digest) {
		return true
	}
	texts := slices.Clone(b.opts.Tags)
	for _, i := range b.built {
		texts = append(texts, i.Reference)
	}
	for _, text := range texts {
		given, ok := source.ParseImage(text)
		if ok && Normal(given.Name) == Normal(ref.Name) && (given.Tag == "" && given.Digest != "" || tag(given) == tag(ref)) {
			return true
		}
	}
	return false
}

func tag(i source.Image) string {
	if i.Tag == "" {
		return "latest"
	}
	return i.Tag
}

// choose takes the image for a processor, else the first one for Linux.
func choose(images []*contents.Image, architecture string) *contents.Image {
	var first *contents.Image
	for _, i := range images {
		if !i.Linux() {
			continue
		}
		if first == nil {
			first = i
		}
		if architecture != "" && i.Architecture == architecture {
			return i
		}
	}
	return first
}

func architecture(w *kubernetes.Workload) string {
	return w.Pod.Get("nodeSelector").Get("kubernetes.io/arch").Text()
}

// Dockerfile is what builds the container's image, nil when that is not known.
func (c *Container) Dockerfile() *dockerfile.File { return c.file }

// Dockerfile is what builds the service's image, nil when that is not known.
func (s *Service) Dockerfile() *dockerfile.File { return s.file }
