package cache

import "github.com/plimsoll-ci/plimsoll/internal/event"

// Kinds of caches, as the setting "cache" names them.
const (
	None     = "none"
	Actions  = "gha"
	Registry = "registry"
)

// Access is what a run may do with what is kept. The zero value is nothing.
type Access struct {
	// Read and Write are about the store as a whole.
	Read, Write bool
	// Database says that a kept vulnerability database is used. A release fetches its
	// own: whoever can write to the cache could hide an advisory from it.
	Database bool
	// Inventories says that what the run sees of its image is kept for later changes
	// to be compared with.
	Inventories bool
	// Published says that the run says what the default branch last published.
	Published bool
	// Layers says that layers are kept, AllLayers also those of stages that do not end
	// in the image.
	Layers, AllLayers bool
}

// For says what a run on an event may do with a cache of a kind.
//
// GitHub's cache keeps what a run writes in the scope of its branch; others read
// that of their base and of the default branch (docs.github.com, "Restrictions for
// accessing a cache"). So a pull request can only harm itself there. It runs in
// the scope of the default branch under pull_request_target, issue_comment and the
// like, with what a stranger said at hand: those write nothing. A registry has no
// scopes: there, nothing that a pull request saw is kept.
func For(kind string, e event.Event) Access {
	if kind != Actions && kind != Registry {
		return Access{}
	}
	a := Access{Read: true, Database: true}
	untrusted := e.Fork || e.Dependabot || e.Run != nil && e.Run.Untrusted
	scoped := kind == Actions
	switch e.Kind {
	case event.Default:
		a.Write, a.Inventories, a.Published, a.Layers, a.AllLayers = true, true, true, true, true
	case event.Branch:
		// A registry has no scopes: what somebody pushed and nobody reviewed would be read
		// by the default branch and by releases.
		a.Write = scoped && !untrusted && e.Run != nil && e.Run.Event == "push"
		a.Inventories, a.Layers = a.Write, a.Write
	case event.MergeGroup:
		// Its branch is gone with its run; what it saw is kept again by the push after it.
	case event.PullRequest:
		// The next push to it reads what this one wrote. Layers of all stages would crowd
		// out those of the default branch: a repository has 10 GB.
		// Nobody is compared with its inventory: its scope is its own.
		a.Write = scoped && !untrusted
		a.Layers = a.Write
	case event.Schedule:
		a.Write = true // on the default branch: every other run finds a fresh database
	case event.Release:
		a.Database = false
	case event.PullRequestTarget:
	case event.None:
		// A laptop keeps what it has in cache-dir.
		return Access{}
	}
	return a
}
