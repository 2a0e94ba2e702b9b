package github

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/report/github/githubtest"
)

func TestWritesAreASecondApart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{}, writing)
	c, naps := w.client(Options{})
	for run := range int64(3) {
		c.Comment(t.Context(), w.plan(run, strings.Repeat("x", int(run)+1)))
	}
	if len(w.Writes()) != 3 || len(naps.took) != 2 {
		t.Fatalf("%d writes, %v waits", len(w.Writes()), naps.took)
	}
	for _, d := range naps.took {
		if d < writeGap-500*time.Millisecond || d > writeGap {
			t.Errorf("waited %v", d)
		}
	}
}

func TestReadingIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, fate := range map[string]githubtest.Fate{"502": githubtest.Unavailable(false), "reset": {Drop: true}} {
		for broken, ok := range map[int]bool{2: true, 3: false} {
			w := newWorld(t, githubtest.Options{}, writing)
			w.Reset(func(n int, _ *http.Request) githubtest.Fate {
				if n <= broken {
					return fate
				}
				return githubtest.Fate{}
			})
			c, _ := w.client(Options{})
			_, err := c.Parents(t.Context(), repo, w.head)
			if (err == nil) != ok || err != nil && !isKind(err, Unreachable) {
				t.Errorf("%s %d times: %v", name, broken, err)
			}
		}
	}
}

func TestBudget(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{}, writing)
	c, _ := w.client(Options{})
	for range maxRequests {
		if _, err := c.Parents(t.Context(), repo, w.head); err != nil {
			t.Fatal(err)
		}
	}
	_, err := c.Parents(t.Context(), repo, w.head)
	if !isKind(err, RateLimited) || !strings.Contains(err.Error(), "25 times") || w.Requests() != maxRequests || c.Requests() != maxRequests {
		t.Errorf("%v after %d", err, w.Requests())
	}
}

// A host that answers a request with a redirect must not get another to see the token.
func TestTheTokenStaysAtHome(t *testing.T) {
	t.Parallel()
	var visits, leaks atomic.Int64
	foreign := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		visits.Add(1)
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(r.Header.Get("Authorization")+r.URL.String()+string(body), secret) {
			leaks.Add(1)
		}
		w.Write([]byte(`[{"id":1}]`))
	}))
	t.Cleanup(foreign.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		w := newWorld(t, githubtest.Options{}, writing)
		away := githubtest.Fate{Status: status, Header: http.Header{"Location": {foreign.URL + "/?token=" + secret}}}
		for name, match := range map[string]func(*http.Request) bool{"list": listing, "post": posting} {
			w.Reset(on(0, match, away))
			c, _ := w.client(Options{})
			out := c.Comment(t.Context(), w.plan(1, "x"))
			w.clean(out)
			if out.Action != Refused || visits.Load() > 0 {
				t.Errorf("%d on %s: %+v, %d visits", status, name, out, visits.Load())
			}
		}
		// Within the API a moved repository is followed; a write that would become a read is sent once more.
		w.Reset(on(1, posting, githubtest.Fate{Status: status, Header: http.Header{"Location": {w.URL + "/repos/" + repo + "/issues/1/comments"}}}))
		out := w.comment(w.plan(2, "moved"))
		if out.Action != Created || len(w.Comments(repo, w.number)) != 1 {
			t.Errorf("%d: %+v", status, out)
		}
		w.Reset(on(0, githubtest.Match("GET", w.head), away))
		c, _ := w.client(Options{})
		body, err := c.Tarball(t.Context(), repo, w.head)
		if err != nil {
			t.Fatal(err)
		}
		body.Close()
		if visits.Swap(0) != 1 {
			t.Error("the archive was not fetched")
		}
	}
	if leaks.Load() != 5 { // the address that the test itself put it into
		t.Errorf("%d leaks", leaks.Load())
	}
}

func TestErrorsHoldNoToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{}, writing)
	c, _ := w.client(Options{})
	for _, text := range []string{
		"x " + secret, "Authorization: Bearer abcdefghijk", "authorization: abcdefghijk", "bearer abcdefghijk", "/x?token=abcdefghijk&y",
		"github_pat_abcdefghijk", "gho_abcdefghijk", "v1.0123456789abcdef0123456789abcdef01234567",
	} {
		if got := c.line(text); !strings.Contains(got, "[token]") || strings.Contains(got, "abcdefghijk") || strings.Contains(got, "0123") {
			t.Errorf("%q gives %q", text, got)
		}
	}
	if got := c.line("Resource not accessible by personal access token; bad tokens"); strings.Contains(got, "[token]") {
		t.Error(got)
	}
	for _, at := range []string{"https://u:" + secret + "@x", "ftp://x", "x", "https://x?a=b", "https://"} {
		if _, err := New(Options{API: at}); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", at, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for api, graphQL := range map[string]string{
		"": "https://api.github.com/graphql", "https://ghes.corp/api/v3": "https://ghes.corp/api/graphql",
		"https://ghes.corp/api/v3/": "https://ghes.corp/api/graphql", "https://api.acme.ghe.com": "https://api.acme.ghe.com/graphql",
	} {
		c, err := New(Options{API: api})
		if err != nil || c.graphQL != graphQL || !strings.HasSuffix(c.rest.BaseURL.Path, "/") || strings.HasSuffix(c.rest.BaseURL.Path, "//") {
			t.Errorf("%s: %s %s %v", api, c.graphQL, c.rest.BaseURL, err)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{"3": 3 * time.Second, "0": 0, "99999999": 24 * time.Hour, "Mon, 02 Jan 2006 15:04:05 GMT": 0} {
		if got, ok := retryAfter(http.Header{"Retry-After": {value}}); got != want || !ok {
			t.Errorf("%s: %v", value, got)
		}
	}
	for _, value := range []string{"", "-1", "soon"} {
		if got, ok := retryAfter(http.Header{"Retry-After": {value}}); ok {
			t.Errorf("%s: %v", value, got)
		}
	}
}

func TestTarball(t *testing.T) {
	t.Parallel()
	for _, private := range []bool{false, true} {
		w := githubtest.Start(t, githubtest.Options{})
		w.AddRepository(githubtest.Repository{Name: repo, Private: private})
		w.AddToken(githubtest.GitHubToken(secret, repo, writing))
		sha := w.Commit(repo, "main", githubtest.Commit{Files: map[string]string{"a": "b"}})
		c, _ := (&world{Server: w, t: t}).client(Options{})
		body, err := c.Tarball(t.Context(), repo, sha)
		if err != nil {
			t.Fatal(err)
		}
		start := make([]byte, 2)
		if _, err := io.ReadFull(body, start); err != nil || string(start) != "\x1f\x8b" {
			t.Errorf("%x %v", start, err)
		}
		body.Close()
		if c.Requests() != 1 {
			t.Error(c.Requests())
		}
		_, err = c.Tarball(t.Context(), repo, strings.Repeat("a", 40))
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "fetching commit aaaaaaaaaaaa of acme/app: HTTP 404") {
			t.Error(err)
		}
		for _, bad := range []string{"main", "", "-x", strings.Repeat("A", 40)} {
			if _, err := c.Tarball(t.Context(), repo, bad); err == nil {
				t.Errorf("%q is a commit", bad)
			}
		}
	}
}

func TestParents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{}, reading)
	base := w.tip("main")
	merge := w.Commit(repo, "", githubtest.Commit{Parents: []string{base, w.head}, Files: map[string]string{"a": "b"}})
	c, _ := w.client(Options{})
	parents, err := c.Parents(t.Context(), repo, merge)
	if err != nil || len(parents) != 2 || parents[0] != base || parents[1] != w.head {
		t.Errorf("%v %v", parents, err)
	}
	w.Reset(on(1, githubtest.Match("GET", merge), githubtest.Fate{Status: 200, Body: `{"parents":[{"sha":"--output=x"}]}`}))
	if _, err := c.Parents(t.Context(), repo, merge); err == nil {
		t.Error("a parent that is an option")
	}
	w.Violations()
}

func TestFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{}, reading)
	const org = "acme/.github"
	w.AddRepository(githubtest.Repository{Name: org, Private: true})
	w.AddToken(githubtest.GitHubToken("org-secret", org, reading))
	w.Commit(org, "main", githubtest.Commit{
		Files: map[string]string{"ci/plimsoll #1.yaml": "version: 1\n", "big": strings.Repeat("x", maxFile+1)},
		Links: map[string]string{"link": "../../etc/passwd"},
	})
	c, _ := w.client(Options{Token: "org-secret"})
	for _, ref := range []string{"", "main"} {
		if got, err := c.File(t.Context(), org, "ci/plimsoll #1.yaml", ref); err != nil || string(got) != "version: 1\n" {
			t.Errorf("%q %v", got, err)
		}
	}
	for path, want := range map[string]string{
		"none.yaml": "HTTP 404", "ci": "this is not a file", "link": "this is not a file", "big": "1 MiB", "../user": "not a path", "/x": "not a path", ".": "not a path", "a..b": "not a path",
	} {
		_, err := c.File(t.Context(), org, path, "main")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
		if errors.Is(err, fs.ErrNotExist) != (path == "none.yaml") {
			t.Errorf("%s: %v", path, err)
		}
	}
	other, _ := w.client(Options{})
	if _, err := other.File(t.Context(), org, "ci/plimsoll #1.yaml", ""); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func FuzzMark(f *testing.F) {
	f.Add(mark{key: strings.Repeat("a", 32), run: 1, attempt: 2, head: strings.Repeat("b", 40)}.String() + "\r\nbody")
	f.Add("<!-- plimsoll:c1 key= run=1.1 head= -->")
	f.Fuzz(func(t *testing.T, body string) {
		m, rest, ok := parse(body)
		if !ok {
			return
		}
		again, _, ok := parse(m.String() + "\n" + rest)
		if !ok || again != m {
			t.Errorf("%q: %+v, then %+v", body, m, again)
		}
	})
}
