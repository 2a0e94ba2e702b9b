package policy

import (
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/event"
)

// Rules are what an event allows and demands, whatever the settings say. The
// source of each line is interface.md, "What fails when".
type Rules struct {
	// OnlyIntroduced is honoured; where it is not, old problems fail too.
	OnlyIntroduced bool
	// Enforced is false where nothing fails.
	Enforced bool
	// Strict holds an indeterminate verdict to be a failure even under warn-only.
	Strict bool
	// MaxAge bounds the age of the vulnerability database; 0 leaves it to the settings.
	MaxAge time.Duration
	// NotBuilt says why nothing is built; "" where it is.
	NotBuilt string
	// AutoPush is whether push "auto" means push.
	AutoPush bool
	// NeverPushed and NeverSigned say why not even "true" does; "" where it does.
	NeverPushed, NeverSigned string
	// Comments is whether the pull request is commented on.
	Comments bool
}

// For returns the rules of an event.
func For(e event.Event) Rules {
	r := Rules{Enforced: true}
	switch e.Kind {
	case event.None:
		// A laptop compares when told to, and pushes when told to.
		r.OnlyIntroduced = true
	case event.PullRequest:
		r.OnlyIntroduced, r.Comments = true, true
		r.NeverSigned = "what a pull request builds is not signed"
	case event.PullRequestTarget:
		r.OnlyIntroduced, r.Comments = true, true
		r.NotBuilt = "pull_request_target runs with the repository's secrets, and building runs what the pull request says; use the event pull_request"
		r.NeverPushed, r.NeverSigned = "pull_request_target never pushes", "pull_request_target never signs"
	case event.MergeGroup:
		r.OnlyIntroduced = true
		r.NeverSigned = "what a merge queue builds is not signed"
	case event.Default:
		r.OnlyIntroduced, r.AutoPush = true, true
	case event.Branch:
		r.OnlyIntroduced = true
	case event.Release:
		r.Strict, r.AutoPush, r.MaxAge = true, true, 24*time.Hour
	case event.Schedule:
		r.Enforced = false
		r.NeverPushed, r.NeverSigned = "a scheduled run only reports", "a scheduled run only reports"
	}
	if e.Run != nil && e.Run.Untrusted {
		if e.Kind != event.PullRequest && r.NotBuilt == "" {
			// workflow_run and issue_comment run with the repository's secrets, whoever's
			// code is checked out.
			r.NotBuilt = "this event runs with the repository's secrets on behalf of whoever caused it, and building runs what the checkout says; use the event pull_request"
		}
		const why = "the run of a fork or of Dependabot has no right to"
		r.NeverPushed, r.NeverSigned = why+" push", why+" sign"
	}
	return r
}
