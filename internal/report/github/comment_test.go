package github

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/report/github/githubtest"
)

var (
	posting  = githubtest.Match(http.MethodPost, "/comments")
	listing  = githubtest.Match(http.MethodGet, "/comments")
	patching = func(r *http.Request) bool { return r.Method == http.MethodPatch }
	deleting = func(r *http.Request) bool { return r.Method == http.MethodDelete }
	asking   = githubtest.Match(http.MethodPost, "/graphql")
)

func want(t *testing.T, out Outcome, action Action, reason string) {
	t.Helper()
	if out.Action != action || !strings.Contains(out.Reason, reason) || reason == "" && out.Reason != "" {
		t.Errorf("got %+v, want %s %q", out, action, reason)
	}
}

func (w *world) wantBodies(bodies ...string) {
	w.t.Helper()
	if diff := cmp.Diff(bodies, w.bodies()); diff != "" {
		w.t.Errorf("comments (-want +got)\n%s", diff)
	}
}

func TestCommentIsUpdatedInPlace(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"", "/api/v3"} {
		w := newWorld(t, githubtest.Options{Prefix: prefix}, writing)
		first := w.comment(w.plan(1, "### fail"))
		want(t, first, Created, "")
		w.push()
		second := w.comment(w.plan(2, "### pass"))
		want(t, second, Updated, "")
		if first.URL == "" || first.URL != second.URL {
			t.Errorf("%q, then %q", first.URL, second.URL)
		}
		w.wantBodies("github-actions[bot]: ### pass")
		if m, _, ok := parse(w.Comments(repo, w.number)[0].Body); !ok || m.run != 2 || m.head != w.head {
			t.Errorf("marker %+v", m)
		}
		again := w.plan(2, "### pass")
		again.Event.Run.Attempt = 2
		want(t, w.comment(again), Unchanged, "")
	}
}

func TestQuietRunWritesOnlyWhereThereIsAComment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{}, writing)
	quiet := w.plan(1, "### pass")
	quiet.Create = false
	want(t, w.comment(quiet), Skipped, "nothing to act on")
	want(t, w.comment(w.plan(2, "### fail")), Created, "")
	quiet = w.plan(3, "### pass")
	quiet.Create = false
	want(t, w.comment(quiet), Updated, "")
	w.wantBodies("github-actions[bot]: ### pass")
	quiet = w.plan(4, "### pass again")
	quiet.Create = false
	w.Reset(on(1, patching, githubtest.Fate{Status: http.StatusNotFound, Body: `{"message":"Not Found"}`}))
	want(t, w.comment(quiet), Skipped, "was deleted")
}

func TestModes(t *testing.T) {
	t.Parallel()
	for mode, creates := range map[Mode][3]bool{ // quiet pass, pass with something to act on, fail
		Auto: {false, true, true}, Always: {true, true, true}, OnFailure: {false, false, true}, Never: {},
	} {
		got := [3]bool{mode.Creates(true, false), mode.Creates(true, true), mode.Creates(false, true)}
		if got != creates {
			t.Errorf("%s: %v, want %v", mode, got, creates)
		}
	}
}

func TestMatrixLegsHaveTheirOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{}, writing)
	web, worker := w.plan(1, "web"), w.plan(1, "worker")
	worker.Key = Key(*worker.Event.Run, "ghcr.io/acme/worker", "")
	want(t, w.comment(web), Created, "")
	want(t, w.comment(worker), Created, "")
	web.Body, web.Event.Run.ID = "web 2", 2
	want(t, w.comment(web), Updated, "")
	w.wantBodies("github-actions[bot]: web 2", "github-actions[bot]: worker")
}

func TestRacingRunsEndWithOneComment(t *testing.T) {
	t.Parallel()
	for _, racers := range []int{2, 5} {
		w := newWorld(t, githubtest.Options{}, writing)
		w.Reset(githubtest.Rendezvous(racers, listing)) // all see that there is no comment
		outs := make([]Outcome, racers)
		var group sync.WaitGroup
		for i := range outs {
			c, _ := w.client(Options{})
			p := w.plan(int64(i+1), fmt.Sprintf("run %d", i+1))
			group.Go(func() { outs[i] = c.Comment(t.Context(), p) })
		}
		group.Wait()
		left := w.Comments(repo, w.number)
		if len(left) != 1 {
			t.Fatalf("%d comments of %d racers: %v", len(left), racers, outs)
		}
		if racers == 2 && !strings.HasSuffix(left[0].Body, "run 2") {
			t.Errorf("the older run had the last word: %v", outs)
		}
		for _, out := range outs {
			if out.Action == Refused || out.URL == "" {
				t.Errorf("%+v", out)
			}
		}
		w.Reset(nil)
		want(t, w.comment(w.plan(9, "run 9")), Updated, "")
		w.wantBodies("github-actions[bot]: run 9")
	}
}

func TestForgedMarkersAreLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{}, writing)
	p := w.plan(1, "true")
	forged := mark{key: p.Key, run: 99, attempt: 9, head: w.head}.String() + "\nforged"
	w.AddComment(repo, w.number, githubtest.Mallory, forged)
	w.AddComment(repo, w.number, githubtest.Identity{Login: "github-actions", ID: 5}, forged)
	w.AddComment(repo, w.number, githubtest.Identity{Login: "evil[bot]", ID: 6, Bot: true}, forged)
	w.AddComment(repo, w.number, githubtest.Actions, "quoted:\n"+forged)
	w.Reset(on(1, asking, githubtest.Fate{Status: http.StatusOK, Body: `{"data":{"viewer":{"login":"github-actions[bot]"}}}`}))
	want(t, w.comment(p), Created, "")
	if n := len(w.Comments(repo, w.number)); n != 5 {
		t.Errorf("%d comments", n)
	}
	p = w.plan(2, "truer")
	want(t, w.comment(p), Updated, "") // and nobody is asked whose the token is
	if got := w.bodies(); got[4] != "github-actions[bot]: truer" || got[0] != "mallory: forged" {
		t.Error(got)
	}
}

func TestTokensOfOthersFindTheirOwn(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		who    githubtest.Identity
		viewer string
		author string
	}{
		"an app":                         {githubtest.Identity{Login: "gatekeeper[bot]", ID: 70, Bot: true}, "gatekeeper[bot]", ""},
		"an app, as GraphQL may name it": {githubtest.Identity{Login: "gatekeeper[bot]", ID: 70, Bot: true}, "gatekeeper", ""},
		"a person":                       {githubtest.Identity{Login: "Harbourmaster", ID: 71}, "harbourmaster", ""},
		"configured":                     {githubtest.Identity{Login: "Harbourmaster", ID: 71}, "", "harbourmaster"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, githubtest.Options{}, writing)
			w.AddToken(githubtest.Token{Secret: "other-secret", Identity: test.who, Repositories: []string{repo}, Permissions: writing})
			for run := range int64(2) {
				if test.viewer != "" {
					w.Reset(on(0, asking, githubtest.Fate{Status: http.StatusOK, Body: fmt.Sprintf(`{"data":{"viewer":{"login":%q}}}`, test.viewer)}))
				}
				c, _ := w.client(Options{Token: "other-secret", Author: test.author})
				want(t, c.Comment(t.Context(), w.plan(run, strconv.FormatInt(run, 10))), []Action{Created, Updated}[run], "")
			}
			w.wantBodies(test.who.Login + ": 1")
		})
	}
}

func TestDuplicatesAreRemoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{}, writing)
	p := w.plan(7, "one")
	for run := range int64(3) {
		w.AddComment(repo, w.number, githubtest.Actions, mark{key: p.Key, run: run, attempt: 1, head: w.head}.String()+"\nold")
	}
	w.AddComment(repo, w.number, githubtest.Actions, "something else")
	w.Reset(on(1, deleting, githubtest.Fate{Status: http.StatusForbidden, Body: `{"message":"no"}`}))
	want(t, w.comment(p), Updated, "could not be removed")
	want(t, w.comment(w.plan(8, "two")), Updated, "")
	w.wantBodies("github-actions[bot]: two", "github-actions[bot]: something else")
}

func TestOldRunsDoNotWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{}, writing)
	stale := w.plan(1, "stale")
	w.push()
	want(t, w.comment(stale), Superseded, "newer commit")
	late := w.plan(3, "late")
	late.Event.Run.Attempt = 2
	want(t, w.comment(late), Created, "")
	for _, early := range []Plan{w.plan(2, "early"), w.plan(3, "early attempt")} {
		want(t, w.comment(early), Skipped, "a later run")
	}
	w.wantBodies("github-actions[bot]: late")
}

func TestDeletedCommentIsWrittenAnew(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusNotFound, http.StatusGone} {
		w := newWorld(t, githubtest.Options{}, writing)
		w.comment(w.plan(1, "one"))
		w.Reset(func(_ int, r *http.Request) githubtest.Fate {
			if patching(r) {
				w.RemoveComment(repo, w.number, w.Comments(repo, w.number)[0].ID)
				return githubtest.Fate{Status: status, Body: `{"message":"Not Found"}`}
			}
			return githubtest.Fate{}
		})
		want(t, w.comment(w.plan(2, "two")), Created, "")
		w.wantBodies("github-actions[bot]: two")
	}
}

func TestAcceptedThoughBrokenOff(t *testing.T) {
	t.Parallel()
	for name, fate := range map[string]githubtest.Fate{
		"502 after":      githubtest.Unavailable(true),
		"502 before":     githubtest.Unavailable(false),
		"dropped after":  {Drop: true, After: true},
		"dropped before": {Drop: true},
		"cut":            {Cut: 40},
		"not JSON":       githubtest.NotJSON(),
		"empty":          {Status: http.StatusCreated, Body: " "},
		"hang":           {Hang: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, githubtest.Options{}, writing)
			w.Reset(on(1, posting, fate))
			transport := &http.Transport{ResponseHeaderTimeout: 200 * time.Millisecond} // in place of 10 s
			c, _ := w.client(Options{Transport: transport})
			out := c.Comment(t.Context(), w.plan(1, "once"))
			want(t, out, Created, "")
			w.wantBodies("github-actions[bot]: once")
			w.Reset(on(1, patching, fate))
			c, _ = w.client(Options{Transport: transport})
			want(t, c.Comment(t.Context(), w.plan(2, "twice")), Updated, "")
			w.wantBodies("github-actions[bot]: twice")
		})
	}
}

func TestTooLong(t *testing.T) {
	t.Parallel()
	for _, shape := range []githubtest.TooLong{githubtest.TooLongUnprocessable, githubtest.TooLongCustom} {
		w := newWorld(t, githubtest.Options{TooLong: shape}, writing)
		p := w.plan(1, strings.Repeat("é", githubtest.MaxComment))
		want(t, w.comment(p), Refused, "too long")
		p.Short = "### fail, see the summary"
		want(t, w.comment(p), Created, "")
		p = w.plan(2, p.Body)
		p.Short = "### still"
		want(t, w.comment(p), Updated, "")
		w.wantBodies("github-actions[bot]: ### still")
	}
}

func TestLongConversations(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ before, after int }{
		"first page": {20, 500}, "last page": {1980, 10}, "in the middle of a small one": {150, 200}, "the end of a page": {99, 0}, "just full": {100, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, githubtest.Options{RateLimit: 5000}, writing)
			chat := func(n int) {
				for range n {
					w.AddComment(repo, w.number, githubtest.Mallory, "chat")
				}
			}
			chat(test.before)
			want(t, w.comment(w.plan(1, "one")), Created, "")
			chat(test.after)
			want(t, w.comment(w.plan(2, "two")), Updated, "")
			if n := len(w.Comments(repo, w.number)); n != test.before+test.after+1 {
				t.Errorf("%d comments", n)
			}
		})
	}
}

func TestNotForUs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{}, writing)
	p := w.plan(1, "x")
	p.Event.Run.Pull = 0
	want(t, w.comment(p), Skipped, "does not belong to a pull request")
	want(t, w.comment(Plan{}), Skipped, "does not belong to a pull request")
	p = w.plan(1, "x")
	p.Key = "key --> <script>"
	want(t, w.comment(p), Refused, "cannot be told")
	p = w.plan(1, "x")
	p.Event.Run.Repository = "../../user"
	want(t, w.comment(p), Refused, "is not a repository")
	c, err := New(Options{API: w.URL})
	if err != nil {
		t.Fatal(err)
	}
	want(t, c.Comment(t.Context(), w.plan(1, "x")), Refused, "there is no token")
	if w.Requests() != 0 {
		t.Error(w.Log())
	}
}

func TestTimeRunsOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{}, writing)
	w.Reset(on(0, listing, githubtest.Fate{Hang: true}))
	c, _ := w.client(Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	want(t, c.Comment(ctx, w.plan(1, "x")), Refused, "the time for telling ran out while reading the comments")
	ended, stop := context.WithCancel(t.Context())
	stop()
	want(t, c.Comment(ended, w.plan(1, "x")), Refused, "ran out")
	if len(w.Writes()) > 0 {
		t.Error(w.Log())
	}
}

func TestFaultsOfTheLibraryAreCaught(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{}, writing)
	c, _ := w.client(Options{})
	c.rest = nil
	want(t, c.Comment(t.Context(), w.plan(1, "x")), Refused, "a fault while writing the comment")
}

func TestNonsenseAnswers(t *testing.T) {
	t.Parallel()
	for name, fate := range map[string]githubtest.Fate{
		"no JSON": githubtest.NotJSON(), "null": {Status: 200, Body: "null"}, "list of nulls": {Status: 200, Body: "[null]"},
		"a number": {Status: 200, Body: "7"}, "huge": githubtest.Huge(maxBody + 10),
	} {
		for what, match := range map[string]func(*http.Request) bool{"pull": githubtest.Match("GET", "/pulls/1"), "comments": listing} {
			w := newWorld(t, githubtest.Options{}, writing)
			w.Reset(on(1, match, fate))
			out := w.comment(w.plan(1, "x"))
			if name != "null" && name != "list of nulls" && out.Action != Refused {
				t.Errorf("%s %s: %+v", what, name, out)
			}
			w.Violations()
		}
	}
}
