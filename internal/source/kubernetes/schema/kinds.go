package schema

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Status is how an API stands in the target's minors.
type Status struct {
	// Known says that Kubernetes has or had it itself; nothing else is said when not.
	Known bool
	// Removed is the version from which it is gone ("1.22"), when the youngest of the
	// target no longer has it.
	Removed string
	// Since is the first version with it, when the oldest of the target had it not
	// yet or has not all of it.
	Since string
	// Deprecated says that all of the target has something more stable, or that
	// Kubernetes says so.
	Deprecated bool
	// Replacement is what to write instead ("apps/v1 Deployment"), empty when there
	// is nothing.
	Replacement string
}

// deprecated are kinds that Kubernetes calls so although nothing took their name.
var deprecated = map[kindName]struct {
	since       int
	replacement string
}{
	{"v1", "Endpoints"}: {33, "discovery.k8s.io/v1 EndpointSlice"},
}

// StatusOf tells how an API stands.
func StatusOf(apiVersion, kind string, target Target) Status {
	c := builtin()
	name := kindName{apiVersion, kind}
	want := target.orAll()
	if g, ok := c.gone[name]; ok {
		return Status{Known: true, Removed: version(g.removed), Replacement: g.replacement}
	}
	s, ok := c.kinds[name]
	if !ok {
		return Status{}
	}
	status := Status{Known: true}
	youngest, oldest := c.last(want), c.first(want)
	if last := c.last(s.in); last < youngest {
		status.Removed = version(last + 1)
		status.Replacement = c.stable(name, c.at(youngest))
	}
	if first := c.first(s.in); first > oldest {
		status.Since = version(first)
	}
	if d, ok := deprecated[name]; ok && d.since <= youngest {
		status.Deprecated, status.Replacement = true, d.replacement
	}
	if better := c.stable(name, want); better != "" && status.Removed == "" {
		status.Deprecated, status.Replacement = true, better
	}
	return status
}

// at is the mask of one minor.
func (c *catalogue) at(minor int) mask { return 1 << slices.Index(c.minors, minor) }

// stable returns the most stable version of the same kind that all minors of in
// have and that is more stable than the kind's own.
func (c *catalogue) stable(name kindName, in mask) string {
	group, own := split(name.apiVersion)
	if !strings.Contains(own, "alpha") && !strings.Contains(own, "beta") { // v1 beside v2 stays
		return ""
	}
	best := ""
	for _, other := range slices.SortedFunc(maps.Keys(c.kinds), func(a, b kindName) int { return cmp.Compare(a.apiVersion, b.apiVersion) }) {
		otherGroup, v := split(other.apiVersion)
		if other.kind != name.kind || otherGroup != group || c.kinds[other].in&in != in {
			continue
		}
		if stability(v) > stability(own) && (best == "" || stability(v) > stability(best)) {
			best = v
		}
	}
	if best == "" {
		return ""
	}
	return strings.TrimPrefix(group+"/"+best, "/") + " " + name.kind
}

func split(apiVersion string) (group, version string) {
	group, version, ok := strings.Cut(apiVersion, "/")
	if !ok {
		return "", group
	}
	return group, version
}

// stability orders versions: v2 above v1 above v1beta2 above v1alpha3.
func stability(version string) string {
	switch {
	case strings.Contains(version, "alpha"):
		return "0" + version
	case strings.Contains(version, "beta"):
		return "1" + version
	}
	return "2" + version
}

// Scope is where objects of a kind live.
type Scope int

// The scopes.
const (
	UnknownScope Scope = iota
	Namespaced
	Cluster
)

// ScopeOf returns where objects of a built-in kind live, in any version of it
// that is known.
func ScopeOf(apiVersion, kind string) Scope {
	s, ok := builtin().kinds[kindName{apiVersion, kind}]
	switch {
	case !ok:
		return UnknownScope
	case s.namespaced:
		return Namespaced
	}
	return Cluster
}
