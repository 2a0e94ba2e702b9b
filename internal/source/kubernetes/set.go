package kubernetes

import (
	"path"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes/schema"
	"github.com/plimsoll-ci/plimsoll/internal/source/yaml"
)

// Set is all manifests that are judged together. It is made once and only read
// afterwards: checks look at it in parallel.
type Set struct {
	Files []*File
	// Complete says that the manifests are all that is applied. It is set before the
	// set is asked anything.
	Complete bool
	// Target is the versions of Kubernetes that the manifests are for; all that are
	// known when zero. It is set before the set is asked anything.
	Target schema.Target
	// Definitions is the set whose custom resource definitions count; its own when nil.
	Definitions *Set
	// Rendered says that they are what one chart or kustomization renders to, so that
	// they are applied together. It is set before the set is asked anything, too.
	Rendered bool

	limits map[string]string // the names of LimitRanges that give containers defaults, by namespace
	images map[string]string
	// artifacts are the images that Skaffold builds, and gives a tag when it applies
	// the manifests that name them, to the path of its settings.
	artifacts map[string]string
	// What there is somewhere in the set: policies, those of other makers, what looks
	// for metrics, what applies manifests.
	policing, otherPolicies, monitored, delivered bool

	open     map[where]Openness
	policies map[*Workload][]*Policy // of those that can be isolated
	index    index
	schemas  schemas
}

// NewSet joins files and what the kustomizations beside them say.
func NewSet(files []*File, k Kustomizations) *Set {
	s := &Set{Files: files, images: k.images, limits: map[string]string{}, artifacts: map[string]string{}, index: newIndex(k), schemas: schemas{kustomized: k.dirs}}
	for _, f := range files {
		for _, object := range f.Objects {
			object.Set = s
			s.index.add(object)
			s.note(object)
			s.built(object)
			if object.Kind == "LimitRange" {
				for _, item := range object.Node.Get("spec").Get("limits").Items() {
					if item.Get("type").Text() == "Container" && (item.Get("default").Exists() || item.Get("defaultRequest").Exists()) {
						s.limits[object.Namespace] = object.Name
					}
				}
			}
		}
	}
	s.open = s.uncovered()
	return s
}

// built notes the images that the settings of Skaffold name, also in profiles.
func (s *Set) built(o *Object) {
	if o.Group() != "skaffold" || o.Kind != "Config" {
		return
	}
	for _, part := range append(o.Node.Get("profiles").Items(), o.Node) {
		for _, artifact := range part.Get("build").Get("artifacts").Items() {
			if image, ok := source.ParseImage(artifact.Get("image").Text()); ok {
				s.artifacts[image.Name] = o.File.Source.Path
			}
		}
	}
}

// Objects lists those of all files, in order.
func (s *Set) Objects() []*Object {
	var all []*Object
	for _, f := range s.Files {
		all = append(all, f.Objects...)
	}
	return all
}

// Workloads lists the objects of all files that run pods, in order.
func (s *Set) Workloads() []*Workload {
	var all []*Workload
	for _, f := range s.Files {
		all = append(all, f.Workloads()...)
	}
	return all
}

// Served says whether a Service of the set selects the pods of w.
func (s *Set) Served(w *Workload) bool {
	return slices.ContainsFunc(s.Services(w), func(service *Service) bool { return service.Namespace == w.Namespace })
}

// LimitRange returns the name of a LimitRange of the set that gives containers
// in w's namespace defaults, empty without.
func (s *Set) LimitRange(w *Workload) string {
	if s == nil {
		return ""
	}
	return s.limits[w.Namespace]
}

// Replaced returns the path of a kustomization that sets the tag or digest of
// the image with this name, or of the settings of Skaffold that do, empty when none does.
func (s *Set) Replaced(name string) string {
	if s == nil {
		return ""
	}
	if by := s.images[name]; by != "" {
		return by
	}
	if s.Definitions != nil { // what is rendered holds no settings of tools
		s = s.Definitions
	}
	return s.artifacts[name]
}

// Kustomizations is what is read of kustomization files, which are not rendered:
// the files that are patches, not objects, and the images that are given a tag.
type Kustomizations struct {
	// Patches maps the path of a patch to the path of its kustomization.
	Patches map[string]string
	images  map[string]string
	// generated are the names of the ConfigMaps and Secrets that they make.
	generated []string
	// dirs are those that hold one.
	dirs map[string]bool
}

// ReadKustomizations reads what it understands and passes over the rest: these
// files are not judged.
func ReadKustomizations(files []*source.File) Kustomizations {
	k := Kustomizations{Patches: map[string]string{}, images: map[string]string{}, dirs: map[string]bool{}}
	for _, src := range files {
		k.dirs[path.Dir(src.Path)] = true
		parsed, unread := yaml.Parse(src, maxNodes)
		if parsed != nil && len(unread) == 0 && len(parsed.Documents) == 1 {
			k.read(src, parsed.Documents[0])
		}
	}
	return k
}

func (k *Kustomizations) read(src *source.File, n Node) {
	patch := func(name string) {
		if name != "" && !strings.Contains(name, "\n") {
			k.Patches[path.Join(path.Dir(src.Path), name)] = src.Path
		}
	}
	for _, key := range []string{"patches", "patchesJson6902", "replacements", "transformers"} {
		for _, item := range n.Get(key).Items() {
			patch(item.Get("path").Text())
			patch(item.Text())
		}
	}
	for _, key := range []string{"patchesStrategicMerge", "configurations"} {
		for _, item := range n.Get(key).Items() {
			patch(item.Text())
		}
	}
	for _, key := range []string{"configMapGenerator", "secretGenerator"} {
		for _, item := range n.Get(key).Items() {
			k.generated = append(k.generated, item.Get("name").Text())
		}
	}
	for _, image := range n.Get("images").Items() {
		tag := image.Get("newTag").Text()
		if digest := image.Get("digest").Text(); digest != "" || tag != "" && tag != "latest" {
			name := image.Get("name").Text()
			if ref, ok := source.ParseImage(name); ok {
				name = ref.Name // kustomize takes "controller:latest" as "controller"
			}
			k.images[name] = src.Path
		}
	}
}
