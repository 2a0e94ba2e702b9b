package kubernetes

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// most bounds what one look-up returns: who asks wants to know whether there is
// one, or several, and manifests come from outside.
const most = 256

// index is how objects are found without looking at all of them. It is made once
// and only read afterwards.
type index struct {
	named    map[named][]*Object
	labels   map[*Workload]map[string]string
	all      []*Workload
	byLabel  map[label][]*Workload // wherever they are
	inside   map[spot][]*Workload
	pods     map[string][]*Workload // by namespace
	services selectors[*Service]
	labelled labelled
	// What reads metrics, by the labels of Services and of pods.
	monitors, podMonitors selectors[*Monitor]
	policies              selectors[*Policy]
	budgets               selectors[*Budget]
	scalers               map[named][]*Object // by what they scale
	bound                 map[named][]*Object // RoleBindings by a ServiceAccount that they name
	generated             map[string]bool     // the names of what kustomizations generate
	foreign               foreign
	rights                map[right]bool
	seen                  map[duplicate]bool
	examples              map[string]bool // directories whose files are not applied together
	used                  map[named]bool
	said                  map[string]bool        // words of commands and environments
	certified             map[string]bool        // Secrets that cert-manager makes for an Ingress or a Gateway
	workloads             map[string][]*Workload // by name
}

// duplicate is what no two objects of a cluster have in common, in one directory.
type duplicate struct{ dir, group, kind, namespace, name string }

// spot is a label in a namespace.
type spot struct {
	namespace string
	label
}

type named struct{ kind, name string }

func newIndex(k Kustomizations) index {
	x := index{
		named: map[named][]*Object{}, labels: map[*Workload]map[string]string{},
		byLabel: map[label][]*Workload{}, inside: map[spot][]*Workload{}, pods: map[string][]*Workload{},
		scalers: map[named][]*Object{}, bound: map[named][]*Object{}, generated: map[string]bool{}, used: map[named]bool{},
		said: map[string]bool{}, certified: map[string]bool{}, workloads: map[string][]*Workload{}, labelled: labelled{},
		seen: map[duplicate]bool{}, rights: map[right]bool{}, examples: map[string]bool{},
	}
	for _, name := range k.generated {
		x.generated[name] = true
	}
	return x
}

func (x *index) add(o *Object) {
	name := named{o.Kind, unhashed(o.Name)}
	x.named[name] = append(x.named[name], o)
	if again := (duplicate{o.dir(), o.Group(), o.Kind, o.Namespace, o.Name}); o.Name != "" {
		x.examples[again.dir] = x.examples[again.dir] || x.seen[again]
		x.seen[again] = true
	}
	if w, ok := o.Workload(); ok {
		x.addWorkload(w)
	} else if !builtin(o.Group()) {
		x.foreign.add(o)
	}
	if service, ok := o.Service(); ok {
		x.services.add(service)
		x.labelled.add(service)
	}
	if policy, ok := o.Policy(); ok {
		x.policies.add(policy)
	}
	if budget, ok := o.Budget(); ok {
		x.budgets.add(budget)
	}
	if kind, target := scaled(o); target != "" {
		x.scalers[named{kind, target}] = append(x.scalers[named{kind, target}], o)
	}
	certified := o.certified()
	for _, r := range o.References() {
		x.used[named{r.Kind, unhashed(r.Name)}] = true
		if certified {
			x.certified[r.Name] = true
		}
	}
	if o.Group() == rbac {
		x.addRights(o)
		for _, subject := range o.Node.Get("subjects").Items() {
			account := named{subject.Get("kind").Text(), subject.Get("name").Text()}
			x.bound[account] = append(x.bound[account], o)
		}
	}
}

// certified says that cert-manager makes the Secrets that an object names.
func (o *Object) certified() bool {
	if o.Kind != "Ingress" && o.Kind != "Gateway" {
		return false
	}
	return slices.ContainsFunc(o.Node.Get("metadata").Get("annotations").Entries(), func(e Entry) bool {
		return strings.HasPrefix(e.Key.Text(), "cert-manager.io/") || e.Key.Text() == "kubernetes.io/tls-acme"
	})
}

func (x *index) addWorkload(w *Workload) {
	if len(x.workloads[w.Name]) < most {
		x.workloads[w.Name] = append(x.workloads[w.Name], w)
	}
	for _, c := range w.Containers() {
		texts := slices.Concat(c.Node.Get("command").Items(), c.Node.Get("args").Items())
		for _, env := range c.Node.Get("env").Items() {
			texts = append(texts, env.Get("value"))
		}
		for _, n := range texts {
			for _, word := range words(n.Text()) {
				x.said[word] = true
			}
		}
	}
	labels := w.Labels()
	x.labels[w] = labels
	x.all = append(x.all, w)
	x.pods[w.Namespace] = append(x.pods[w.Namespace], w)
	for key, value := range labels {
		l := label{key, value}
		x.byLabel[l] = append(x.byLabel[l], w)
		x.inside[spot{w.Namespace, l}] = append(x.inside[spot{w.Namespace, l}], w)
	}
}

// hashed is a name with the hash of its content, as kustomize writes it: ten
// letters of an alphabet without vowels.
var hashed = regexp.MustCompile(`^(.+)-[bcdfghkmt2456789]{10}$`)

// unhashed returns a name without the hash of its content.
func unhashed(name string) string {
	if m := hashed.FindStringSubmatch(name); m != nil {
		return m[1]
	}
	return name
}

// builtin are the API groups of Kubernetes that this package knows kinds of. What
// is in none of them is made by something that nobody here knows.
func builtin(group string) bool {
	switch group {
	case "", "apps", "batch", "autoscaling", "policy", "extensions", "networking.k8s.io", "rbac.authorization.k8s.io",
		"storage.k8s.io", "scheduling.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io", "admissionregistration.k8s.io",
		"coordination.k8s.io", "discovery.k8s.io", "node.k8s.io", "gateway.networking.k8s.io", "certificates.k8s.io",
		"resource.k8s.io", "flowcontrol.apiserver.k8s.io", "authorization.k8s.io", "authentication.k8s.io", "events.k8s.io":
		return true
	}
	return false
}

// near says whether two namespaces may be the same: an object without one goes
// where it is applied to.
func near(a, b string) bool { return a == b || a == "" || b == "" }

// Together says that two objects are for sure in one namespace of one cluster:
// those of one rendering are, and of one directory, and those of the same named
// namespace, and all of a complete set. A directory where a name stands twice
// holds examples, each file of which is for itself.
func (s *Set) Together(a, b *Object) bool {
	if a.Namespace != b.Namespace {
		return false
	}
	if s.Complete || s.Rendered || a.File == b.File {
		return true
	}
	if dir := a.dir(); dir == b.dir() {
		return !s.index.examples[dir]
	}
	// The same twice is for two clusters.
	return a.Namespace != "" && s.once(a) && s.once(b)
}

// Beside says that an object which another names with its namespace is for sure the
// one that is meant.
func (s *Set) Beside(o, other *Object, namespace string) bool {
	if o.Namespace == namespace {
		return s.Together(o, other)
	}
	return other.Namespace == namespace && (s.Complete || s.Rendered || s.once(other) || o.dir() == other.dir() && !s.index.examples[o.dir()])
}

func (s *Set) once(o *Object) bool { return len(s.index.named[named{o.Kind, unhashed(o.Name)}]) == 1 }

func (o *Object) dir() string { return path.Dir(o.File.Source.Path) }

// Find returns the objects of a kind and name in a namespace, or in one that may
// be it, the hash of a kustomization aside. The group tells kinds of one name apart.
func (s *Set) Find(namespace, group, kind, name string) []*Object {
	if s == nil {
		return nil
	}
	var all []*Object
	for _, o := range s.index.named[named{kind, unhashed(name)}] {
		if o.Group() == group && near(o.Namespace, namespace) && (o.Name == name || unhashed(o.Name) == name || o.Name == unhashed(name)) {
			if all = append(all, o); len(all) == most {
				break
			}
		}
	}
	return all
}

// Labels are those of the pods of w, which the caller leaves as they are.
func (s *Set) Labels(w *Workload) map[string]string { return s.index.labels[w] }

// Selected returns the workloads of a namespace, or of one that may be it, whose
// pods a selector selects; of very many only some.
func (s *Set) Selected(namespace string, selector Selector) []*Workload {
	if s == nil || selector.Nothing() {
		return nil
	}
	x := &s.index
	var all []*Workload
	take := func(some []*Workload) {
		for _, w := range some {
			if len(all) == most {
				return
			}
			if selector.Matches(x.labels[w]) {
				all = append(all, w)
			}
		}
	}
	anchors := selector.anchors(func(l label) int { return len(x.byLabel[l]) })
	switch {
	case anchors == nil && namespace == "":
		take(x.all)
	case anchors == nil:
		take(x.pods[namespace])
		take(x.pods[""])
	case namespace == "":
		for _, l := range anchors {
			take(x.byLabel[l])
		}
	default:
		for _, l := range anchors {
			take(x.inside[spot{namespace, l}])
			take(x.inside[spot{"", l}])
		}
	}
	return all
}

// selectors finds what selects a pod: by one label that it asks for, or by
// namespace where it asks for none.
type selectors[T selecting] struct {
	byLabel map[label][]T // wherever they are
	inside  map[spot][]T
	other   map[string][]T
	rest    []T // all of other
}

// selecting is an object with a selector of pods.
type selecting interface {
	Selects() Selector
	home() string
}

func (x *selectors[T]) add(t T) {
	selector := t.Selects()
	if selector.Nothing() {
		return
	}
	if x.byLabel == nil {
		x.byLabel, x.inside, x.other = map[label][]T{}, map[spot][]T{}, map[string][]T{}
	}
	// The rarest label so far: the others are in more of the selectors.
	anchors := selector.anchors(func(l label) int { return len(x.byLabel[l]) })
	for _, l := range anchors {
		x.byLabel[l] = append(x.byLabel[l], t)
		x.inside[spot{t.home(), l}] = append(x.inside[spot{t.home(), l}], t)
	}
	if anchors == nil {
		x.other[t.home()] = append(x.other[t.home()], t)
		x.rest = append(x.rest, t)
	}
}

// of returns what selects pods with these labels in a namespace, or may; of very
// many only some.
func (x *selectors[T]) of(namespace string, labels map[string]string) []T {
	var all []T
	take := func(some []T) {
		for _, t := range some {
			if len(all) == most {
				return
			}
			if t.Selects().Matches(labels) {
				all = append(all, t)
			}
		}
	}
	if namespace == "" {
		take(x.rest)
	} else {
		take(x.other[namespace])
		take(x.other[""])
	}
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		l := label{key, labels[key]}
		if namespace == "" {
			take(x.byLabel[l])
		} else {
			take(x.inside[spot{namespace, l}])
			take(x.inside[spot{"", l}])
		}
	}
	return all
}
