// Package change holds the checks that see what a change does to a set of
// manifests: they need the base as well as the head, and no state of one of them
// shows what they find.
package change

import (
	"context"
	"embed"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

// Pages are the rules' pages and fixtures.
//
//go:embed *.txtar
var Pages embed.FS

// checks is ordered by name.
var checks = []lint.Check[*object]{
	guardRemoved,
	immutableField,
}

// object is one object of the head, and what it was at the base.
type object struct {
	head, base *kubernetes.Object
	// lost are the objects of the base that guarded this one and are gone, each told
	// on one object only.
	lost []*kubernetes.Object
}

// Since makes the checks that compare a tree with what it was; nil is nothing, with
// which nothing is compared.
func Since(before lint.Models) lint.Across {
	return lint.NewAcross(func(_ context.Context, after lint.Models, _ lint.Options) ([]lint.Unit[*object], error) {
		head, _ := after[source.Kubernetes].(*kubernetes.Set)
		base, _ := before[source.Kubernetes].(*kubernetes.Set)
		if head == nil || base == nil {
			return nil, nil
		}
		return pairs(head, base), nil
	}, checks)
}

// identity is by what the API server knows an object. The version of its API is no
// part of it: the same object is served in all of them.
type identity struct{ group, kind, namespace, name string }

func identify(o *kubernetes.Object) identity {
	return identity{o.Group(), o.Kind, o.Namespace, o.Name}
}

// unique indexes what stands once: two objects of one name are for two clusters, and
// nobody can say which became which.
func unique(s *kubernetes.Set) map[identity]*kubernetes.Object {
	byIdentity := map[identity]*kubernetes.Object{}
	for _, o := range s.Objects() {
		if o.Name == "" || strings.Contains(o.Name, "$") || o.Node.Get("metadata").Get("generateName").Exists() {
			continue
		}
		id := identify(o)
		if _, twice := byIdentity[id]; twice {
			byIdentity[id] = nil
			continue
		}
		byIdentity[id] = o
	}
	return byIdentity
}

// pairs finds the objects of the head that were there at the base.
func pairs(head, base *kubernetes.Set) []lint.Unit[*object] {
	before, after := unique(base), unique(head)
	var units []lint.Unit[*object]
	byHead := map[*kubernetes.Object]*object{}
	for _, o := range head.Objects() {
		was := before[identify(o)]
		if was == nil || after[identify(o)] == nil {
			continue
		}
		pair := &object{head: o, base: was}
		byHead[o] = pair
		units = append(units, lint.Unit[*object]{File: o.File.Source, Doc: pair})
	}
	for _, o := range base.Objects() {
		if before[identify(o)] == nil || moved(head, o) {
			continue
		}
		if left := guarded(base, after, o); left != nil && byHead[left] != nil {
			byHead[left].lost = append(byHead[left].lost, o)
		}
	}
	return units
}

// moved says whether an object of that kind and name is still there, wherever.
func moved(head *kubernetes.Set, o *kubernetes.Object) bool {
	return len(head.Find("", o.Group(), o.Kind, o.Name)) > 0
}
