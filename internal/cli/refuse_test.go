package cli_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/report/github/githubtest"
)

// Who may not write is told why once, in the log and in the summary, and the
// verdict is the same.
func TestNoRightToComment(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		may     permissions
		run     run
		private bool
		say     string // in log and summary
		hint    string
	}{
		"fork":       {reading, run{event: "pull_request.fork", github: map[string]string{"actor": "octocat"}}, false, `a fork's pull request a token that can only read`, `the verdict, the job summary`},
		"fork gone":  {reading, run{event: "pull_request.fork_gone", github: map[string]string{"actor": "octocat"}}, false, `a fork's pull request a token that can only read`, ``},
		"dependabot": {reading, run{event: "pull_request.dependabot", github: map[string]string{"actor": "dependabot[bot]"}}, false, `Dependabot`, `pull-requests: write`},
		"permission": {reading, run{}, false, `lacks pull-requests: write .*GitHub asks for .*pull_requests=write`, `permissions:\n.*contents: read`},
		"private":    {permissions{githubtest.Contents: githubtest.Read}, run{full: true}, true, `lacks pull-requests: write`, `permissions:`},
		"nothing":    {permissions{}, run{full: true}, true, `lacks pull-requests: write`, `permissions:`},
		"no token":   {writing, run{with: map[string]string{"github-token": " "}}, false, `no token`, `github-token:`},
		"expired":    {writing, run{with: map[string]string{"github-token": "ghs_expired0123456789012345678901234567"}, full: true}, false, `does not accept the token`, `github-token:`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, githubtest.Options{}, c.may)
			if c.private {
				w.AddRepository(githubtest.Repository{Name: project, DefaultBranch: trunk, Private: true})
			}
			w.open(files{"Dockerfile": good}, files{"Dockerfile": oneHigh})
			r := w.run(c.run)
			r.is(1, "verdict=fail", "introduced=1", "degraded=comment", "comment-url=")
			r.marks("error Dockerfile:3")
			if n := len(w.Comments(project, w.number)); n > 0 {
				t.Errorf("%d comments", n)
			}
			says(t, "log", r.Text(), c.say, c.hint)
			says(t, "summary", plain(r.Summary), c.say, c.hint)
			if n := strings.Count(r.Text(), "not commented"); n != 1 {
				t.Errorf("said %d times", n)
			}
			if r.report == nil || !slices.Equal(r.report.Degraded, []string{"comment"}) {
				t.Errorf("report.json does not say that there is no comment")
			}
		})
	}
}

// A fork's head is data: it is linted, and a fork without a pass fails.
func TestForkPasses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{}, reading)
	w.open(old, files{"README": "two\n"})
	r := w.run(run{event: "pull_request.fork"})
	r.is(0, "verdict=pass", "degraded=", "introduced=0")
	w.silent()
}

// The workspace holds the default branch; the head is read beside it and nothing
// in it runs.
func TestPullRequestTarget(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{}, writing)
	hostile := "FROM scratch\nCOPY app /app\nRUN touch /tmp/plimsoll-was-here\nUSER root\nENTRYPOINT [\"/app\"]\n"
	w.open(files{"Dockerfile": good, "deploy/web.yaml": oldDeployment}, files{
		"Dockerfile": hostile, "new/Dockerfile": "FROM alpine\n", ".plimsoll.yaml": "lint-fail-on-severity: critical\nignore:\n- rule: USR-1.a\n  reason: no\n",
	})
	target := func(full bool) run {
		return run{event: "pull_request.fork", full: full, commit: w.base, github: map[string]string{
			"event_name": "pull_request_target", "ref": "refs/heads/" + trunk, "ref_name": trunk, "actor": "octocat",
		}}
	}
	for _, full := range []bool{false, true} {
		r := w.run(target(full))
		r.is(1, "verdict=fail", "degraded=")
		r.marksAmong("error Dockerfile:4", "error new/Dockerfile:1")
		c := w.comment()
		says(t, "first line", firstLine(c), `fail`)
		says(t, "comment", plain(c.Body), `new/Dockerfile`, `!deploy/web.yaml.*introduced`)
	}
	// The whole gate lints too and builds nothing, neither ours nor theirs.
	whole := target(false)
	whole.gate, whole.with = true, map[string]string{"push": "true", "tags": "localhost:1/app"}
	r := w.run(whole)
	r.is(1, "verdict=fail", "degraded=")
	r.marksAmong("error Dockerfile:4", "error new/Dockerfile:1")
	if r.built() {
		t.Error("it was built")
	}
	says(t, "summary", plain(r.Summary), `no image was looked at: pull_request_target`)

	w.push(files{"Dockerfile": good, "new/Dockerfile": gone})
	r = w.run(target(false))
	r.is(0, "verdict=pass", "introduced=0", "degraded=")
	says(t, "first line", firstLine(w.Comments(project, w.number)[0]), `pass`)
}

// on gives the requests that match one fate.
func on(match func(*http.Request) bool, fate githubtest.Fate) func(int, *http.Request) githubtest.Fate {
	return func(_ int, r *http.Request) githubtest.Fate {
		if match(r) {
			return fate
		}
		return githubtest.Fate{}
	}
}

func TestGitHubIsIll(t *testing.T) {
	t.Parallel()
	all := func(*http.Request) bool { return true }
	post := githubtest.Match(http.MethodPost, "/comments")
	for name, c := range map[string]struct {
		before   func(int, *http.Request) githubtest.Fate
		full     bool
		code     int
		outputs  []string
		say      string
		comments int
	}{
		"down":                {on(all, githubtest.Unavailable(false)), true, 1, []string{"verdict=fail", "introduced=1", "degraded=comment"}, `not commented: .*50[23]`, 0},
		"down, shallow":       {on(all, githubtest.Unavailable(false)), false, 1, []string{"verdict=fail", "degraded=comment"}, `base commit .* cannot be read`, 0},
		"429":                 {on(all, githubtest.TooManyRequests(time.Hour)), true, 1, []string{"verdict=fail", "introduced=1", "degraded=comment"}, `not commented: .*limit`, 0},
		"primary":             {on(all, githubtest.PrimaryLimit(time.Now().Add(time.Hour))), true, 1, []string{"verdict=fail", "introduced=1", "degraded=comment"}, `not commented: .*limit`, 0},
		"abuse":               {on(post, githubtest.Abuse()), true, 1, []string{"verdict=fail", "introduced=1", "degraded=comment"}, `not commented: .*limit|no time`, 0},
		"hang":                {on(all, githubtest.Fate{Hang: true}), true, 1, []string{"verdict=fail", "introduced=1", "degraded=comment"}, `not commented: `, 0},
		"hang, shallow":       {on(all, githubtest.Fate{Hang: true}), false, 1, []string{"verdict=fail", "degraded=comment"}, `base commit .* cannot be read`, 0},
		"broken off, posted":  {on(post, githubtest.Fate{Drop: true, After: true}), true, 1, []string{"verdict=fail", "degraded="}, `comment created`, 1},
		"not JSON":            {on(all, githubtest.NotJSON()), true, 1, []string{"verdict=fail", "degraded=comment"}, `not commented: `, 0},
		"archive is cut":      {on(func(r *http.Request) bool { return strings.Contains(r.URL.Path, "legacy.tar.gz") }, githubtest.Fate{Cut: 100}), false, 1, []string{"verdict=fail"}, `base commit .* cannot be read`, 1},
		"archive is refused":  {on(func(r *http.Request) bool { return strings.Contains(r.URL.Path, "tarball") }, githubtest.Fate{Status: 403, Body: `{"message":"Resource not accessible by integration"}`}), false, 1, []string{"verdict=fail"}, `base commit .* cannot be read.*fetch-depth: 2`, 1},
		"comment is too much": {on(post, githubtest.Fate{Status: 422, Body: `{"message":"Validation Failed","errors":[{"resource":"IssueComment","code":"custom","field":"body","message":"body is too long (maximum is 65536 characters)"}]}`}), true, 1, []string{"verdict=fail", "degraded=comment"}, `not commented: `, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && strings.HasPrefix(name, "hang") {
				t.Skip("it waits for half a minute; run it without -short")
			}
			t.Parallel()
			w := newWorld(t, githubtest.Options{}, writing)
			w.open(files{"Dockerfile": good}, files{"Dockerfile": oneHigh})
			w.Reset(c.before)
			r := w.run(run{full: c.full, quiet: true})
			w.Violations() // answers that GitHub does not give are the point
			r.is(c.code, c.outputs...)
			says(t, "log", r.Text(), c.say)
			if n := len(w.Comments(project, w.number)); n != c.comments {
				t.Errorf("%d comments, want %d", n, c.comments)
			}
			if r.took > 90*time.Second { // 30 s for the base commit, 30 s for telling
				t.Errorf("it took %s", r.took)
			}
		})
	}
}

// Without the base commit nobody knows what settings count, nor what is new: a
// change that nothing is wrong with is not a pass.
func TestBaseCannotBeRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{}, writing)
	w.open(files{"Dockerfile": good}, files{"README": "two\n"})
	w.Reset(on(githubtest.Match(http.MethodGet, "/tarball/"+w.base), githubtest.Fate{Status: http.StatusNotFound, Body: `{"message":"Not Found"}`}))
	r := w.run(run{quiet: true})
	w.Violations()
	r.is(3, "verdict=indeterminate", "enforced=true", "degraded=")
	says(t, "reason", r.Outputs["reason"], `^the base commit .* cannot be read: .*404.*; check out with fetch-depth: 2 or give the token contents: read`)
	says(t, "first line", firstLine(w.comment()), `indeterminate: the base commit`)
}

// So it is for a branch; on the default branch, where nothing was asked to be
// loosened, it is told why old findings count.
func TestPushWithoutBase(t *testing.T) {
	t.Parallel()
	for branch, want := range map[string]string{
		"changes": `the commit at which this branch left master, whose settings count, cannot be read: .*404`,
		trunk:     `the base commit [0-9a-f]{7}, whose settings count, cannot be read: .*404`,
	} {
		w := newWorld(t, githubtest.Options{}, writing)
		w.open(old, files{"README": "two\n"})
		w.Reset(on(func(*http.Request) bool { return true }, githubtest.Fate{Status: http.StatusNotFound, Body: `{"message":"Not Found"}`}))
		r := w.run(run{event: "push.branch", quiet: true, commit: w.head, github: of("push", "refs/heads/"+branch), edit: func(e object) {
			e["before"], e["after"], e["ref"] = w.base, w.head, "refs/heads/"+branch
		}})
		w.Violations()
		r.is(1, "verdict=fail")
		says(t, "log", r.Text(), want)
	}
}
