package kubernetes

import (
	"path"
	"sync"

	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes/schema"
)

// schemas is what the objects of a set are judged by, made when it is asked for.
type schemas struct {
	customs    sync.Once
	known      schema.Customs
	mutated    map[string]bool // API groups
	violations sync.Map        // *Object → judged
	kustomized map[string]bool
	identities sync.Once
	first      map[appliedAs]*Object
}

type judged struct {
	found []schema.Violation
	known bool
}

// Violations lists what an object breaks of the schema of its kind: a built-in
// one, or that of a custom resource definition of the set. It is false when there
// is none.
func (o *Object) Violations() ([]schema.Violation, bool) {
	if o.Set == nil {
		return schema.Check(o.Node, schema.Any(), nil)
	}
	if j, ok := o.Set.schemas.violations.Load(o); ok {
		return j.(judged).found, j.(judged).known
	}
	found, known := schema.Check(o.Node, o.Set.Target, o.Set.customs())
	o.Set.schemas.violations.Store(o, judged{found, known})
	return found, known
}

func (s *Set) customs() schema.Customs {
	if s.Definitions != nil && s.Definitions != s {
		return s.Definitions.customs()
	}
	s.schemas.customs.Do(func() {
		s.schemas.known, s.schemas.mutated = schema.Customs{}, map[string]bool{}
		for _, f := range s.Files {
			for _, o := range f.Objects {
				s.schemas.known.Add(o.Node)
				if o.Kind == "MutatingWebhookConfiguration" {
					s.mutates(o)
				}
			}
		}
	})
	return s.schemas.known
}

// mutates notes the API groups whose objects a webhook of the set may complete. One
// without rules gets them from a program.
func (s *Set) mutates(o *Object) {
	for _, webhook := range o.Node.Get("webhooks").Items() {
		rules := webhook.Get("rules").Items()
		if len(rules) == 0 {
			s.schemas.mutated["*"] = true
		}
		for _, rule := range rules {
			for _, group := range rule.Get("apiGroups").Items() {
				s.schemas.mutated[group.Text()] = true
			}
		}
	}
}

// Mutated says that the object is a custom resource that a webhook of the set may
// complete before its schema is looked at.
func (o *Object) Mutated() bool {
	if o.Set == nil || schema.ScopeOf(o.APIVersion, o.Kind) != schema.UnknownScope {
		return false
	}
	set := o.Set
	if set.Definitions != nil {
		set = set.Definitions
	}
	set.customs()
	return set.schemas.mutated["*"] || set.schemas.mutated[o.Group()]
}

// Foreign says that neither Kubernetes nor the set says what the object's kind
// looks like.
func (o *Object) Foreign() bool {
	return !schema.StatusOf(o.APIVersion, o.Kind, o.Set.Target).Known && !o.Set.customs().Has(o.APIVersion, o.Kind)
}

// Unfinished says that a kustomization above the object may yet add to it: labels
// and selectors, a patch. What it is rendered to is finished.
func (o *Object) Unfinished() bool {
	if o.Set == nil || o.File.Source.Rendered() {
		return false
	}
	for dir := o.dir(); ; dir = path.Dir(dir) {
		if o.Set.schemas.kustomized[dir] {
			return true
		}
		if dir == "." || dir == "/" {
			return false
		}
	}
}

// appliedAs is what the API server knows an object by, whatever its version.
type appliedAs struct {
	file                         *File // nil where all files are applied together
	group, kind, namespace, name string
}

// Earliest returns the first object that is applied under the same name together
// with o for sure, o itself when there is no other: in the same file, or in any of
// a complete set.
func (s *Set) Earliest(o *Object) *Object {
	s.schemas.identities.Do(func() {
		s.schemas.first = map[appliedAs]*Object{}
		for _, f := range s.Files {
			for _, o := range f.Objects {
				if id := s.appliedAs(o); s.schemas.first[id] == nil {
					s.schemas.first[id] = o
				}
			}
		}
	})
	if first := s.schemas.first[s.appliedAs(o)]; first != nil {
		return first
	}
	return o
}

func (s *Set) appliedAs(o *Object) appliedAs {
	id := appliedAs{o.File, o.Group(), o.Kind, o.Namespace, o.Name}
	if s.Complete {
		id.file = nil
	}
	if schema.ScopeOf(o.APIVersion, o.Kind) == schema.Cluster {
		id.namespace = ""
	}
	return id
}
