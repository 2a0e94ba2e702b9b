package policy_test

import (
	"testing"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/event"
	"github.com/plimsoll-ci/plimsoll/internal/policy"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// The table of interface.md, "What fails when", row by row.
func TestRulesOfEvents(t *testing.T) {
	t.Parallel()
	trusted, fork := &verdict.Run{}, &verdict.Run{Untrusted: true}
	tests := []struct {
		event                                      event.Event
		introduced, enforced, strict, builds, auto bool
		mayPush, maySign, comments                 bool
		age                                        time.Duration
	}{
		{event.Event{}, true, true, false, true, false, true, true, false, 0},
		{event.Event{Kind: event.PullRequest, Run: trusted}, true, true, false, true, false, true, false, true, 0},
		{event.Event{Kind: event.PullRequest, Run: fork}, true, true, false, true, false, false, false, true, 0},
		{event.Event{Kind: event.PullRequestTarget, Run: trusted}, true, true, false, false, false, false, false, true, 0},
		{event.Event{Kind: event.MergeGroup, Run: trusted}, true, true, false, true, false, true, false, false, 0},
		{event.Event{Kind: event.Default, Run: trusted}, true, true, false, true, true, true, true, false, 0},
		{event.Event{Kind: event.Branch, Run: trusted}, true, true, false, true, false, true, true, false, 0},
		{event.Event{Kind: event.Branch, Run: fork}, true, true, false, false, false, false, false, false, 0}, // workflow_run, issue_comment
		{event.Event{Kind: event.Release, Run: trusted}, false, true, true, true, true, true, true, false, 24 * time.Hour},
		{event.Event{Kind: event.Schedule, Run: trusted}, false, false, false, true, false, false, false, false, 0},
	}
	for _, test := range tests {
		r := policy.For(test.event)
		got := []any{r.OnlyIntroduced, r.Enforced, r.Strict, r.NotBuilt == "", r.AutoPush, r.NeverPushed == "", r.NeverSigned == "", r.Comments, r.MaxAge}
		want := []any{test.introduced, test.enforced, test.strict, test.builds, test.auto, test.mayPush, test.maySign, test.comments, test.age}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%q (%+v): rule %d is %v, want %v", test.event.Kind, test.event.Run, i, got[i], want[i])
			}
		}
	}
}
