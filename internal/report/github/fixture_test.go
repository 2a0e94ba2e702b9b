package github

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/event"
	"github.com/plimsoll-ci/plimsoll/internal/report/github/githubtest"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

const (
	repo   = "acme/app"
	secret = "ghs_aSecretThatNobodyMaySee0123456789"
)

var (
	writing = map[githubtest.Permission]githubtest.Access{githubtest.Contents: githubtest.Read, githubtest.PullRequests: githubtest.Write}
	reading = map[githubtest.Permission]githubtest.Access{githubtest.Contents: githubtest.Read, githubtest.PullRequests: githubtest.Read}
)

// world is a GitHub with one pull request.
type world struct {
	*githubtest.Server
	t      *testing.T
	number int
	head   string
}

func newWorld(t *testing.T, o githubtest.Options, permissions map[githubtest.Permission]githubtest.Access) *world {
	t.Helper()
	w := &world{Server: githubtest.Start(t, o), t: t}
	w.AddRepository(githubtest.Repository{Name: repo})
	w.AddToken(githubtest.GitHubToken(secret, repo, permissions))
	w.Commit(repo, "main", githubtest.Commit{Files: map[string]string{"Dockerfile": "FROM scratch\n", "deploy/app.yaml": "kind: Pod\n"}})
	w.head = w.Commit(repo, "change", githubtest.Commit{Parents: []string{w.tip("main")}, Files: map[string]string{"Dockerfile": "FROM scratch\nUSER 1\n"}})
	w.number = w.Open(githubtest.PullRequest{Head: githubtest.End{Repository: repo, Branch: "change"}, Base: githubtest.End{Repository: repo, Branch: "main"}})
	return w
}

// tip makes a commit on a branch and returns it.
func (w *world) tip(branch string) string {
	w.t.Helper()
	return w.Commit(repo, branch, githubtest.Commit{Files: map[string]string{"Dockerfile": "FROM scratch\n"}, Message: time.Now().String()})
}

// push moves the pull request's head.
func (w *world) push() {
	w.head = w.tip("change")
	w.Update(repo, w.number, func(p *githubtest.PullRequest) { p.Head.SHA = w.head })
}

// naps are the waits that a client would have made.
type naps struct {
	mu   sync.Mutex
	took []time.Duration
}

func (n *naps) sleep(_ context.Context, d time.Duration) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.took = append(n.took, d)
	return nil
}

func (w *world) client(o Options) (*Client, *naps) {
	w.t.Helper()
	o.API, o.GraphQL, o.Version = w.URL, w.GraphQLURL, "1.2.3"
	if o.Token == "" {
		o.Token = secret
	}
	c, err := New(o)
	if err != nil {
		w.t.Fatal(err)
	}
	n := &naps{}
	c.wire.sleep = n.sleep
	return c, n
}

// plan is what run wants to tell of the head as it is.
func (w *world) plan(run int64, body string) Plan {
	r := &verdict.Run{Repository: repo, Workflow: ".github/workflows/ci.yml", Job: "gate", ID: run, Attempt: 1, Pull: w.number, Head: w.head}
	return Plan{Event: event.Event{Kind: event.PullRequest, Run: r}, Key: Key(*r, "ghcr.io/acme/app", ""), Body: body, Create: true}
}

// comment runs a new client, as a new run would.
func (w *world) comment(p Plan) Outcome {
	w.t.Helper()
	c, _ := w.client(Options{})
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	defer cancel()
	out := c.Comment(ctx, p)
	w.clean(out)
	if n := c.Requests(); n != w.Requests() || n > 15 {
		w.t.Errorf("%d requests counted, %d made, 15 wanted at most", n, w.Requests())
	}
	w.Reset(nil)
	return out
}

// clean fails when a token is told.
func (w *world) clean(out Outcome) {
	w.t.Helper()
	for _, text := range []string{out.Reason, out.Hint, out.URL} {
		if strings.Contains(text, "ghs_") {
			w.t.Errorf("a token is told: %q", text)
		}
	}
}

// bodies of the pull request's comments, without marker lines.
func (w *world) bodies() []string {
	w.t.Helper()
	var all []string
	for _, c := range w.Comments(repo, w.number) {
		_, rest, ours := parse(c.Body)
		if !ours {
			rest = c.Body
		}
		all = append(all, c.Author.Login+": "+rest)
	}
	return all
}

// on gives the nth request that matches a fate.
func on(nth int, match func(*http.Request) bool, fate githubtest.Fate) func(int, *http.Request) githubtest.Fate {
	var mu sync.Mutex
	seen := 0
	return func(_ int, r *http.Request) githubtest.Fate {
		mu.Lock()
		defer mu.Unlock()
		if match(r) {
			if seen++; seen == nth || nth == 0 {
				return fate
			}
		}
		return githubtest.Fate{}
	}
}
