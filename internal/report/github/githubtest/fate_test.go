package githubtest_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/plimsoll-ci/plimsoll/internal/report/github/githubtest"
)

// post writes a comment, without any retrying.
func post(ctx context.Context, c *github.Client, number int) error {
	_, _, err := c.Issues.CreateComment(ctx, owner, name, number, &github.IssueComment{Body: new("x")})
	return err
}

// always gives every request the same fate.
func always(f githubtest.Fate) func(int, *http.Request) githubtest.Fate {
	return func(int, *http.Request) githubtest.Fate { return f }
}

func TestLimitsComeInEveryDress(t *testing.T) {
	s, number := start(t, githubtest.Options{})
	reset := time.Now().Add(time.Hour)
	for what, test := range map[string]struct {
		fate githubtest.Fate
		want func(error) bool
	}{
		"primary": {githubtest.PrimaryLimit(reset), func(err error) bool {
			limit, ok := errors.AsType[*github.RateLimitError](err)
			return ok && limit.Rate.Reset.Unix() == reset.Unix()
		}},
		"secondary": {githubtest.SecondaryLimit(7 * time.Second), func(err error) bool {
			limit, ok := errors.AsType[*github.AbuseRateLimitError](err)
			return ok && limit.GetRetryAfter() == 7*time.Second
		}},
		"429": {githubtest.TooManyRequests(7 * time.Second), func(err error) bool {
			plain, ok := errors.AsType[*github.ErrorResponse](err) // go-github 60 does not know it
			return ok && plain.Response.StatusCode == http.StatusTooManyRequests && plain.Response.Header.Get("Retry-After") == "7"
		}},
		"abuse": {githubtest.Abuse(), func(err error) bool {
			plain, ok := errors.AsType[*github.ErrorResponse](err)
			return ok && plain.Response.StatusCode == http.StatusUnprocessableEntity && plain.Errors[0].Code == "abuse"
		}},
		"unavailable": {githubtest.Unavailable(false), func(err error) bool {
			plain, ok := errors.AsType[*github.ErrorResponse](err)
			return ok && plain.Response.StatusCode == http.StatusBadGateway
		}},
		"dropped": {githubtest.Fate{Drop: true}, func(err error) bool {
			_, answered := errors.AsType[*github.ErrorResponse](err)
			return err != nil && !answered
		}},
	} {
		s.Reset(always(test.fate))
		if err := post(t.Context(), client(t, s, "secret"), number); !test.want(err) {
			t.Errorf("%s: %T %v", what, err, err)
		}
	}
	if got := s.Comments(repo, number); len(got) != 0 {
		t.Errorf("refused, and there are comments: %v", got)
	}
}

func TestAnEffectCanStandThoughTheClientNeverLearns(t *testing.T) {
	for what, fate := range map[string]githubtest.Fate{
		"502 after":  githubtest.Unavailable(true),
		"drop after": {Drop: true, After: true},
		"cut":        {Cut: 20},
		"hang after": {Hang: true, After: true},
		"not JSON":   {Status: 200, After: true, Body: githubtest.NotJSON().Body},
	} {
		t.Run(what, func(t *testing.T) {
			s, number := start(t, githubtest.Options{Before: always(fate)})
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if err := post(ctx, client(t, s, "secret"), number); err == nil {
				t.Error("the client thinks that all went well")
			}
			if got := s.Comments(repo, number); len(got) != 1 {
				t.Errorf("%d comments", len(got))
			}
		})
	}
}

func TestAnswersCanBeSlow(t *testing.T) {
	s, number := start(t, githubtest.Options{Before: always(githubtest.Fate{Delay: 300 * time.Millisecond})})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := post(ctx, client(t, s, "secret"), number); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if err := post(t.Context(), client(t, s, "secret"), number); err != nil {
		t.Error(err)
	}
}

func TestAnswersCanBeHuge(t *testing.T) {
	s, _ := start(t, githubtest.Options{Before: always(githubtest.Huge(1 << 20))})
	if _, body := raw(t, s, "secret", http.MethodGet, "/repos/"+repo+"/pulls", ""); len(body) != 1<<20 {
		t.Errorf("%d bytes", len(body))
	}
}

func TestARendezvousLetsTwoClientsSeeTheSame(t *testing.T) {
	s, number := start(t, githubtest.Options{Before: githubtest.Rendezvous(2, githubtest.Match(http.MethodGet, "/comments"))})
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() { // list, and create when there is nothing: the race of a first run
			c := client(t, s, "secret")
			list, _, err := c.Issues.ListComments(t.Context(), owner, name, number, nil)
			if err != nil || len(list) != 0 {
				t.Errorf("%v, %v", list, err)
			}
			if err := post(t.Context(), c, number); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	if got := s.Comments(repo, number); len(got) != 2 {
		t.Errorf("%d comments", len(got))
	}
}

func TestAnAnswerCanBeHeldUntilSomethingElseHappened(t *testing.T) {
	created := make(chan struct{})
	s, number := start(t, githubtest.Options{Before: func(_ int, r *http.Request) githubtest.Fate {
		if r.Method == http.MethodPost {
			return githubtest.Fate{Served: func() { close(created) }}
		}
		return githubtest.Fate{Hold: created}
	}})
	var list []*github.IssueComment
	var listing sync.WaitGroup
	listing.Go(func() { list, _, _ = client(t, s, "secret").Issues.ListComments(t.Context(), owner, name, number, nil) })
	for s.Served() == 0 { // the list has been made
		time.Sleep(time.Millisecond)
	}
	if err := post(t.Context(), client(t, s, "secret"), number); err != nil {
		t.Fatal(err)
	}
	listing.Wait()
	if len(list) != 0 || len(s.Comments(repo, number)) != 1 {
		t.Errorf("the list was made before the comment and has %d", len(list))
	}
}

func TestTheLogSaysWhenAndByWhom(t *testing.T) {
	at := time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
	s, number := start(t, githubtest.Options{Now: func() time.Time { at = at.Add(time.Second); return at }})
	for range 2 {
		if err := post(t.Context(), client(t, s, "secret"), number); err != nil {
			t.Fatal(err)
		}
	}
	log := s.Writes()
	if len(log) != 2 || log[1].At.Sub(log[0].At) < time.Second || log[0].Login != "github-actions[bot]" || !log[0].Authorized ||
		!strings.HasSuffix(log[0].String(), "/comments 201") {
		t.Errorf("%+v", log)
	}
	s.Reset(nil)
	if s.Requests() != 0 {
		t.Error("the log is not empty after a reset")
	}
}
