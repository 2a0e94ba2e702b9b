package kubernetes

import (
	"strings"
)

// foreign is what objects of kinds that nobody here knows say: operators make
// pods, Secrets and Services of them, so that what they name may be there.
type foreign struct {
	names  map[string]bool
	words  map[string]bool
	groups map[string]bool
	pods   []map[string]string // labels of templates
}

// longest is that of the names of objects.
const longest = 253

func (f *foreign) add(o *Object) {
	if f.names == nil {
		f.names, f.words, f.groups = map[string]bool{}, map[string]bool{}, map[string]bool{}
	}
	f.names[o.Name], f.groups[o.Group()] = true, true
	if labels := texts(o.Node.Get("spec").Get("template").Get("metadata").Get("labels")); len(labels) > 0 {
		f.pods = append(f.pods, labels)
	}
	f.walk(o.Node.Get("spec"), 0)
}

// walk takes the texts that may be names.
func (f *foreign) walk(n Node, depth int) {
	if depth > 12 {
		return
	}
	if text := n.Text(); text != "" && len(text) <= longest {
		f.words[text] = true
	}
	for _, e := range n.Entries() {
		f.walk(e.Value, depth+1)
	}
	for _, item := range n.Items() {
		f.walk(item, depth+1)
	}
}

// MayMake says whether an object of an unknown kind may be the source of a Secret,
// a ConfigMap, a Service or a claim of this name: it names it, or bears a name
// that it begins with.
func (s *Set) MayMake(name string) bool {
	if s == nil {
		return true
	}
	if f := &s.index.foreign; len(f.names) > 0 {
		if f.words[name] || f.names[name] {
			return true
		}
		for i := range name {
			if (name[i] == '-' || name[i] == '.') && f.names[name[:i]] {
				return true
			}
		}
	}
	return s.index.generated[name]
}

// MayRun says whether an object of an unknown kind may run pods that a selector
// selects.
func (s *Set) MayRun(selector Selector) bool {
	if s == nil || selector.Doubtful() {
		return true
	}
	f := &s.index.foreign
	if len(f.names) == 0 {
		return false
	}
	if selector.Everything() {
		return true
	}
	for i, labels := range f.pods {
		if i == most || selector.Matches(labels) {
			return true
		}
	}
	for _, p := range selector.pairs {
		if f.names[p.value] {
			return true
		}
	}
	for _, key := range selector.keys() {
		domain, _, ok := strings.Cut(key, "/")
		if !ok {
			continue
		}
		for group := range f.groups {
			if strings.HasSuffix(group, domain) || strings.HasSuffix(domain, group) {
				return true
			}
		}
	}
	return false
}
