// Package binding finds out what is one image: which stage of which Dockerfile a
// container of the manifests runs, and which Compose service runs it too. No file
// says that alone. What could be several is left open, with what it could be.
package binding

import (
	"cmp"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/image/contents"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/compose"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

// By says what a binding leans on, in words for people. The order of the constants
// is that in which they are tried.
type By string

// What bindings lean on.
const (
	ByConfig    By = "images in the configuration"
	ByReference By = "the same image reference"
	ByRun       By = "the image of this run"
	ByBuild     By = "the service's build section"
	ByName      By = "a name that only they share"
	ByOnlyPair  By = "nothing else is left"
)

// Stage is a stage and the Dockerfile that it is in.
type Stage struct {
	*dockerfile.Stage
	File *dockerfile.File
}

// Subject names the stage in findings and fingerprints.
func (s *Stage) Subject() string { return s.File.Subject(s.Stage) }

// Container is a container of a manifest and what it was bound to.
type Container struct {
	*kubernetes.Container
	// Ref is its image; Named is false when that is a placeholder.
	Ref   source.Image
	Named bool
	// Stage builds the image; nil when that is not known.
	Stage *Stage
	// Image is what this run knows to be in the image; nil without one.
	Image *contents.Image
	// Service runs the same image in Compose; nil when none does, or several do and no
	// name tells which.
	Service *Service
	// By is empty where nothing was bound.
	By By
	// Candidates are what it could be where it could be several.
	Candidates []string

	file *dockerfile.File
}

// Service is a Compose service and what it was bound to.
type Service struct {
	*compose.Service
	Ref   source.Image
	Named bool
	Stage *Stage
	Image *contents.Image
	// Containers are those that run the same image in Kubernetes and stand for the service.
	Containers []*Container
	By         By

	file *dockerfile.File
}

// Set is all that was bound.
type Set struct {
	Files      []*dockerfile.File
	Manifests  *kubernetes.Set // without any file where there is none
	Projects   *compose.Set    // without any project where there is none
	Containers []*Container
	Services   []*Service
}

// New binds what the models hold. images are those of this run, one per platform.
func New(models lint.Models, opts lint.Options, images []*contents.Image) *Set {
	s := &Set{Manifests: &kubernetes.Set{}, Projects: &compose.Set{}}
	if files, ok := models[source.Dockerfile].([]*dockerfile.File); ok {
		s.Files = files
	}
	if manifests, ok := models[source.Kubernetes].(*kubernetes.Set); ok {
		s.Manifests = manifests
	}
	if projects, ok := models[source.Compose].(*compose.Set); ok {
		s.Projects = projects
	}
	b := newBinder(s, opts, images)
	b.services()
	b.containers()
	b.pairs()
	b.images()
	for _, service := range s.Services {
		slices.SortStableFunc(service.Containers, byPlace)
	}
	return s
}

// binder holds the indexes that binding needs once.
type binder struct {
	*Set
	opts    lint.Options
	built   []*contents.Image
	byPath  map[string]*dockerfile.File
	stages  map[stageKey]*Stage
	claimed map[string]claim // by name of image
	claims  map[string][]*dockerfile.File
	tagged  map[string][]claim // by name and tag
	index   map[any][]*Service // by name of image, file, and [1]string{name}
	builds  map[*dockerfile.File][]*Service
}

type stageKey struct {
	file  *dockerfile.File
	index int
}

// claim is a Dockerfile that builds what an image's name names, and why.
type claim struct {
	file   *dockerfile.File
	target string
	by     By
}

func newBinder(s *Set, opts lint.Options, images []*contents.Image) *binder {
	b := &binder{
		Set: s, opts: opts, built: images, byPath: map[string]*dockerfile.File{},
		stages: map[stageKey]*Stage{}, claimed: map[string]claim{}, claims: map[string][]*dockerfile.File{}, tagged: map[string][]claim{},
	}
	for _, f := range s.Files {
		b.byPath[f.Source.Path] = f
	}
	for _, i := range opts.Images {
		f := b.byPath[configured(i)]
		for _, tag := range i.Tags {
			b.claim(tag, claim{f, i.Target, ByConfig})
		}
	}
	if f := b.byPath[opts.Dockerfile]; f != nil && opts.Built {
		for _, tag := range opts.Tags {
			b.claim(tag, claim{f, opts.Target, ByRun})
		}
	}
	return b
}

// configured is the path of the Dockerfile that a configured image names.
func configured(i lint.Image) string {
	name := strings.TrimPrefix(i.File, "./")
	if name == "" && i.Context != "" {
		name = "Dockerfile"
	}
	dir := strings.Trim(strings.TrimPrefix(i.Context, "./"), "/")
	if i.File == "" && dir != "" && dir != "." {
		name = dir + "/" + name
	}
	return name
}

// claim records that a Dockerfile builds what a reference names. A claim of an
// earlier kind holds; of the same kind all are kept.
func (b *binder) claim(reference string, c claim) {
	image, ok := source.ParseImage(reference)
	if !ok || c.file == nil {
		return
	}
	name := Normal(image.Name)
	if old, taken := b.claimed[name]; taken && rank(old.by) < rank(c.by) {
		return
	}
	if !slices.Contains(b.claims[name], c.file) {
		b.claims[name] = append(b.claims[name], c.file)
	}
	b.claimed[name] = c
	b.tagged[name+":"+image.Tag] = append(b.tagged[name+":"+image.Tag], c)
}

func rank(by By) int {
	return slices.Index([]By{ByConfig, ByReference, ByRun, ByBuild, ByName, ByOnlyPair}, by)
}

// Normal is an image's name in the form that is compared: without what Docker
// takes for granted.
func Normal(name string) string {
	name = strings.ToLower(name)
	for _, prefix := range []string{"index.docker.io/", "registry-1.docker.io/", "docker.io/"} {
		name = strings.TrimPrefix(name, prefix)
	}
	return strings.TrimPrefix(name, "library/")
}

// stage is the one and only Stage of a stage.
func (b *binder) stage(f *dockerfile.File, s *dockerfile.Stage) *Stage {
	if f == nil || s == nil {
		return nil
	}
	key := stageKey{f, s.Index}
	if b.stages[key] == nil {
		b.stages[key] = &Stage{s, f}
	}
	return b.stages[key]
}

// target finds the stage of a name, the final one without a name, nil when there is none.
func (b *binder) target(f *dockerfile.File, name string) *Stage {
	if f == nil {
		return nil
	}
	if name == "" {
		return b.stage(f, f.Final())
	}
	return b.stage(f, f.Stage(name))
}

// shipped is the stage that is released where one service, or nobody, says what is
// developed with: a stage for development is not it.
func (b *binder) shipped(f *dockerfile.File, target string) *Stage {
	if f == nil {
		return nil
	}
	if target != "" && !development(target) {
		return b.target(f, target)
	}
	final := f.Final()
	if development(final.Name) {
		return nil
	}
	return b.stage(f, final)
}

// development says that a name is one of what never leaves the developer's machine.
func development(name string) bool {
	for _, word := range strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '-' || r == '_' || r == '.' || r == '/' }) {
		if slices.Contains([]string{"dev", "devel", "develop", "development", "debug", "test", "tests", "testing", "local", "ci", "lint", "e2e", "devcontainer", "builder", "build", "example"}, word) {
			return true
		}
	}
	return false
}

// byPlace orders containers as they stand in the files.
func byPlace(a, b *Container) int {
	x, y := a.At(), b.At()
	return cmp.Or(strings.Compare(x.Path, y.Path), x.Line-y.Line, x.Column-y.Column)
}
