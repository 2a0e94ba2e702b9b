package custom

import (
	"sync"

	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/compose"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
	"github.com/plimsoll-ci/plimsoll/internal/source/workflow"
)

// node is one value of a model, with its place. A nil node is an absent value.
type node interface {
	at() finding.Location
	// plain is the value as CEL sees it: maps, lists, texts, numbers, booleans, nil, and
	// *types.Unknown for what is not known before it is built or started. It fails when
	// the budget, a number of values, is spent.
	plain(budget *int) (any, error)
	text() string // of a scalar
	get(key string) node
	item(n int) node
	children() []child
}

// child is a value in a mapping or a list; its key is a string or an int64.
type child struct {
	key  any
	node node
}

// maxValues bounds what one artefact is turned into: the largest objects in the wild,
// custom resource definitions, hold some 100,000.
const maxValues = 200_000

// artefact is one thing that a rule is asked of.
type artefact struct {
	path, name, subject string
	kind, group         string
	root                node
	where               finding.Location // of what is missing at its root
	// partial says why it cannot be asked: a part of it is not here.
	partial string

	once   sync.Once
	object any
	err    error
}

// plain is the whole artefact as CEL sees it, made once for all rules.
func (a *artefact) plain() (any, error) {
	a.once.Do(func() {
		budget := maxValues
		a.object, a.err = a.root.plain(&budget)
	})
	return a.object, a.err
}

// collect lists what a rule on a kind of sources is asked of.
func collect(models lint.Models, on string) []*artefact {
	var all []*artefact
	switch on {
	case config.OnDockerfile:
		files, _ := models[source.Dockerfile].([]*dockerfile.File)
		for _, f := range files {
			if len(f.Stages) > 0 {
				all = append(all, &artefact{path: f.Source.Path, name: f.Source.Path, subject: f.Source.Path, root: ofDockerfile(f), where: f.Stages[0].From.At})
			}
		}
	case config.OnCompose:
		if set, ok := models[source.Compose].(*compose.Set); ok {
			all = services(set)
		}
	case config.OnKubernetes:
		if set, ok := models[source.Kubernetes].(*kubernetes.Set); ok {
			for _, o := range set.Objects() {
				a := &artefact{path: o.File.Source.Path, name: o.Name, subject: o.Subject(), kind: o.Kind, group: o.Group(), root: yamlNode{value: o.Node}, where: o.Node.At()}
				if kind := o.Node.Key("kind"); kind.Exists() {
					a.where = o.Node.Get("kind").At()
				}
				all = append(all, a)
			}
		}
	case config.OnWorkflow:
		files, _ := models[source.Workflow].([]*workflow.File)
		for _, f := range files {
			all = append(all, &artefact{path: f.Source.Path, name: f.Name(), subject: f.Source.Path, root: yamlNode{value: f.Root}, where: f.Root.At()})
		}
	}
	return all
}

func services(set *compose.Set) []*artefact {
	var all []*artefact
	for _, p := range set.Projects {
		for _, s := range p.Services {
			a := &artefact{path: s.At.Path, name: s.Name, subject: s.Subject(), root: composeNode{value: s.Value}, where: s.At}
			if s.Partial {
				a.partial = "a part of it stands in files that are not here"
			}
			all = append(all, a)
		}
	}
	return all
}
