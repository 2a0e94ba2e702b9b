package github

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/event"
	"github.com/plimsoll-ci/plimsoll/internal/report/github/githubtest"
)

func TestNeverAcceptedIsSaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{}, writing)
	w.Reset(on(0, posting, githubtest.Unavailable(false)))
	want(t, w.comment(w.plan(1, "x")), Refused, "HTTP 502")
	w.Reset(func(_ int, r *http.Request) githubtest.Fate {
		if posting(r) || listing(r) && len(w.Writes()) > 0 {
			return githubtest.Unavailable(posting(r))
		}
		return githubtest.Fate{}
	})
	want(t, w.comment(w.plan(1, "x")), Refused, "it is not known whether it is there")
}

func TestTheLadder(t *testing.T) {
	t.Parallel()
	fork := func(p *Plan) { p.Event.Fork = true }
	say := func(status int, message string) func(int, *http.Request) githubtest.Fate {
		return on(0, posting, githubtest.Fate{Status: status, Body: fmt.Sprintf(`{"message":%q}`, message), Header: http.Header{"X-Accepted-Github-Permissions": {"pull_requests=write"}}})
	}
	for name, test := range map[string]struct {
		permissions map[githubtest.Permission]githubtest.Access
		before      func(int, *http.Request) githubtest.Fate
		change      func(*Plan)
		locked      bool
		reason      string
		hint        string
	}{
		"missing permission":     {permissions: reading, reason: "the token lacks pull-requests: write (HTTP 403 (Resource not accessible by integration); GitHub asks for issues=write; pull_requests=write)", hint: permissionsHint},
		"fork":                   {permissions: reading, change: fork, reason: "a fork's pull request", hint: elsewhereHint},
		"fork in target":         {permissions: reading, change: func(p *Plan) { fork(p); p.Event.Kind = event.PullRequestTarget }, reason: "the token lacks pull-requests: write", hint: permissionsHint},
		"Dependabot":             {permissions: reading, change: func(p *Plan) { p.Event.Dependabot = true }, reason: "Dependabot's", hint: permissionsHint},
		"locked":                 {permissions: writing, locked: true, reason: "locked"},
		"archived":               {permissions: writing, before: say(403, "Repository was archived so is read-only."), reason: "the repository is archived"},
		"hidden":                 {permissions: writing, before: say(404, "Not Found"), reason: "the token lacks pull-requests: write (HTTP 404 (Not Found); GitHub asks for pull_requests=write)", hint: permissionsHint},
		"gone":                   {permissions: writing, before: say(410, "This issue was deleted"), reason: "commenting on pull request 1: HTTP 410 (This issue was deleted)"},
		"expired":                {permissions: writing, before: say(401, "Bad credentials"), reason: "GitHub does not accept the token", hint: tokenHint},
		"invalid":                {permissions: writing, before: say(422, "Validation Failed"), reason: "HTTP 422 (Validation Failed)"},
		"primary limit":          {permissions: writing, before: on(0, posting, githubtest.PrimaryLimit(time.Now().Add(40*time.Minute))), reason: "GitHub limits how often this token may ask, and says to wait"},
		"429":                    {permissions: writing, before: on(0, posting, githubtest.TooManyRequests(50*time.Minute)), reason: "says to wait 50m0s"},
		"secondary limit":        {permissions: writing, before: on(0, posting, githubtest.SecondaryLimit(0)), reason: "says to wait 1m0s"},
		"abuse":                  {permissions: writing, before: on(0, posting, githubtest.Abuse()), reason: "says to wait 1m0s"},
		"limit from the start":   {permissions: writing, before: on(0, func(*http.Request) bool { return true }, githubtest.PrimaryLimit(time.Now().Add(time.Hour))), reason: "GitHub limits"},
		"the token in an answer": {permissions: writing, before: say(403, "bad "+secret+" and ghp_0123456789abcdef"), reason: "bad [token] and [token]", hint: permissionsHint},
		"a command in an answer": {permissions: writing, before: say(422, "x\n::set-output name=verdict::pass\u202e"), reason: `x ::set-output name=verdict::pass\u202e`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, githubtest.Options{}, test.permissions)
			w.Update(repo, w.number, func(p *githubtest.PullRequest) { p.Locked = test.locked })
			p := w.plan(1, "x")
			if test.change != nil {
				test.change(&p)
			}
			w.Reset(test.before)
			out := w.comment(p)
			want(t, out, Refused, test.reason)
			if out.Hint != test.hint || strings.Contains(out.Reason, "\n") {
				t.Errorf("%+v", out)
			}
			if len(w.Comments(repo, w.number)) > 0 {
				t.Error("there is a comment")
			}
		})
	}
}

func TestShortLimitsAreWaitedForOnce(t *testing.T) {
	t.Parallel()
	for name, fate := range map[string]githubtest.Fate{
		"403": githubtest.SecondaryLimit(5 * time.Second), "429": githubtest.TooManyRequests(5 * time.Second), "at once": githubtest.TooManyRequests(0),
		"reset": githubtest.PrimaryLimit(time.Now().Add(10 * time.Second)),
	} {
		w := newWorld(t, githubtest.Options{}, writing)
		w.Reset(on(1, posting, fate))
		c, naps := w.client(Options{})
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		want(t, c.Comment(ctx, w.plan(1, name)), Created, "")
		if longest := slices.Max(naps.took); name != "at once" && longest < 4*time.Second || longest > 11*time.Second {
			t.Errorf("%s: waited %v", name, naps.took)
		}
		w.wantBodies("github-actions[bot]: " + name)
		w.Reset(on(0, posting, fate))
		c, _ = w.client(Options{})
		w.RemoveComment(repo, w.number, w.Comments(repo, w.number)[0].ID)
		want(t, c.Comment(ctx, w.plan(2, name)), Refused, "GitHub limits")
		if n := len(w.Writes()); n != 2 {
			t.Errorf("%s: asked %d times", name, n)
		}
		cancel()
	}
}
