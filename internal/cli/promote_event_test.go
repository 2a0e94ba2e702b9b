package cli

import (
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/event"
	"github.com/plimsoll-ci/plimsoll/internal/policy"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

func TestWhoMayPromote(t *testing.T) {
	t.Parallel()
	for kind, may := range map[event.Kind]bool{
		event.None: true, event.Default: true, event.Branch: true, event.Release: true,
		event.PullRequest: false, event.PullRequestTarget: false, event.MergeGroup: false, event.Schedule: false,
	} {
		for _, untrusted := range []bool{false, true} {
			e := event.Event{Kind: kind, Run: &verdict.Run{Untrusted: untrusted}}
			why := notPromoted(&environment{event: e, rules: policy.For(e)})
			if want := may && !untrusted; (why == "") != want {
				t.Errorf("%q, untrusted %v: %q", kind, untrusted, why)
			}
		}
	}
}
