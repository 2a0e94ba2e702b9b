// Package event says what set a run off: the event, the commits, the pull
// request and how far its author is trusted, as the runner and its event file
// tell. On a laptop there is no event. Nothing here asks GitHub.
package event

import "github.com/plimsoll-ci/plimsoll/internal/verdict"

// Kind sorts events by what they may do (interface.md, "What fails when").
type Kind string

// The kinds.
const (
	None              Kind = ""                    // a laptop, or another CI
	PullRequest       Kind = "pull request"        // pull_request, and a review of one
	PullRequestTarget Kind = "pull request target" // pull_request_target: lint only, never builds
	MergeGroup        Kind = "merge group"
	Default           Kind = "default branch" // push to the default branch
	Branch            Kind = "branch"         // push to another branch, workflow_dispatch, and any event not named here
	Release           Kind = "release"        // push of a tag, release
	Schedule          Kind = "schedule"
)

// Event is what set a run off. The zero value is a laptop.
type Event struct {
	Kind Kind
	// Run is told in reports; nil on a laptop.
	Run *verdict.Run
	// Base is the commit that the change is compared with, BaseRef the branch it goes
	// to ("main"): of a pull request or merge group its base, of a push what the branch
	// was before. Empty when there is none (a new branch, a tag).
	Base, BaseRef string
	// DefaultBranch of the repository, without "refs/heads/"; empty when not told.
	DefaultBranch string
	// Fork says that the head lies in another repository, Dependabot that it is the
	// author: the token is read-only and there are no secrets. HeadRepository is "owner/name", empty when
	// the fork is gone.
	Fork, Dependabot bool
	HeadRepository   string
	// Private says that the repository is not public.
	Private bool
}
