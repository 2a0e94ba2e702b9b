package cli_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/report/actions/runnertest"
	"github.com/plimsoll-ci/plimsoll/internal/report/github/githubtest"
)

// of is what the runner says of an event on a ref.
func of(name, ref string) map[string]string {
	return map[string]string{"event_name": name, "ref": ref, "ref_name": ref[strings.LastIndex(ref, "/")+1:], "base_ref": "", "head_ref": ""}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	push := func(before, after, ref string) func(object) {
		return func(e object) { e["before"], e["after"], e["ref"] = before, after, ref }
	}
	home := func(e object) {
		repository := e["repository"].(object)
		id, _ := strconv.Atoi(projectID)
		repository["full_name"], repository["id"], repository["default_branch"] = project, id, trunk
	}
	const zero = "0000000000000000000000000000000000000000"
	for name, c := range map[string]struct {
		base, head files
		run        func(w *world) run
		code       int
		outputs    []string
		summary    []string
	}{
		"default branch, old": {old, files{"README": "two\n"}, func(w *world) run {
			return run{event: "push.branch", commit: w.head, github: of("push", "refs/heads/"+trunk), edit: push(w.base, w.head, "refs/heads/"+trunk)}
		}, 0, []string{"verdict=pass", "enforced=true", "introduced=0"}, nil},
		"default branch, new": {files{"Dockerfile": good}, files{"Dockerfile": oneHigh}, func(w *world) run {
			return run{event: "push.branch", commit: w.head, full: true, github: of("push", "refs/heads/"+trunk), edit: push(w.base, w.head, "refs/heads/"+trunk)}
		}, 1, []string{"verdict=fail", "introduced=1"}, nil},
		"default branch, first": {old, files{"README": "two\n"}, func(w *world) run {
			return run{event: "push.branch", commit: w.head, github: of("push", "refs/heads/"+trunk), edit: push(zero, w.head, "refs/heads/"+trunk)}
		}, 0, []string{"verdict=pass", "enforced=true"}, []string{`(?i)first run`}},
		"default branch may loosen": {files{"Dockerfile": good}, files{"Dockerfile": oneHigh, ".plimsoll.yaml": "policy:\n  push: { lint-fail-on-severity: critical }\n"}, func(w *world) run {
			return run{event: "push.branch", commit: w.head, github: of("push", "refs/heads/"+trunk), edit: push(w.base, w.head, "refs/heads/"+trunk)}
		}, 0, []string{"verdict=pass", "introduced=1"}, []string{"!Refused"}},
		"branch": {old, files{"Dockerfile": oneHigh}, func(w *world) run {
			return run{event: "push.branch", commit: w.head, github: of("push", "refs/heads/changes"), edit: push(w.base, w.head, "refs/heads/changes")}
		}, 1, []string{"verdict=fail", "enforced=true", "introduced=1"}, nil},
		"branch, loosened": {files{"Dockerfile": good}, files{"Dockerfile": oneHigh, ".plimsoll.yaml": "lint-fail-on-severity: critical\n"}, func(w *world) run {
			return run{event: "push.branch", commit: w.head, github: of("push", "refs/heads/changes"), edit: push(w.base, w.head, "refs/heads/changes")}
		}, 1, []string{"verdict=fail"}, []string{"Refused"}},
		"new branch": {old, files{"README": "two\n"}, func(w *world) run {
			return run{event: "push.branch", commit: w.head, github: of("push", "refs/heads/changes"), edit: push(zero, w.head, "refs/heads/changes")}
		}, 0, []string{"verdict=pass", "introduced=0"}, nil},
		"tag": {old, files{"README": "two\n"}, func(w *world) run {
			return run{event: "push.tag", commit: w.head, github: of("push", "refs/tags/v1"), edit: push(zero, w.head, "refs/tags/v1")}
		}, 1, []string{"verdict=fail", "enforced=true"}, nil},
		"release": {old, files{"README": "two\n"}, func(w *world) run {
			return run{event: "release.published", commit: w.head, github: of("release", "refs/tags/v1")}
		}, 1, []string{"verdict=fail"}, nil},
		"tag, warned": {old, files{"README": "two\n"}, func(w *world) run {
			return run{event: "push.tag", commit: w.head, github: of("push", "refs/tags/v1"), edit: push(zero, w.head, "refs/tags/v1"), with: map[string]string{"warn-only": "true"}}
		}, 0, []string{"verdict=fail", "enforced=false"}, nil},
		"tag, unread": {files{"Dockerfile": good}, files{"deploy/web.yaml": "apiVersion: apps/v1\nkind: Deployment\n\tmetadata: {}\n"}, func(w *world) run {
			return run{event: "push.tag", commit: w.head, github: of("push", "refs/tags/v1"), edit: push(zero, w.head, "refs/tags/v1"), with: map[string]string{"warn-only": "true"}}
		}, 3, []string{"verdict=indeterminate", "enforced=false"}, nil},
		"schedule": {old, files{"README": "two\n"}, func(w *world) run {
			return run{event: "schedule", commit: w.head, github: of("schedule", "refs/heads/"+trunk)}
		}, 0, []string{"verdict=fail", "enforced=false"}, nil},
		"merge group": {old, files{"Dockerfile": oneHigh}, func(w *world) run {
			ref := "refs/heads/gh-readonly-queue/master/pr-1-" + w.base
			return run{event: "merge_group.checks_requested", commit: w.head, github: of("merge_group", ref), edit: func(e object) {
				home(e)
				group := e["merge_group"].(object)
				group["head_sha"], group["base_sha"], group["base_ref"] = w.head, w.base, "refs/heads/"+trunk
			}}
		}, 1, []string{"verdict=fail", "introduced=1"}, nil},
		"merge group, old": {old, files{"README": "two\n", ".plimsoll.yaml": "warn-only: true\n"}, func(w *world) run {
			ref := "refs/heads/gh-readonly-queue/master/pr-1-" + w.base
			return run{event: "merge_group.checks_requested", commit: w.head, github: of("merge_group", ref), edit: func(e object) {
				home(e)
				group := e["merge_group"].(object)
				group["head_sha"], group["base_sha"], group["base_ref"] = w.head, w.base, "refs/heads/"+trunk
			}}
		}, 0, []string{"verdict=pass", "enforced=true", "introduced=0"}, []string{`Refused`}},
		"dispatch": {old, files{"README": "two\n"}, func(w *world) run {
			return run{event: "workflow_dispatch", commit: w.base, github: of("workflow_dispatch", "refs/heads/"+trunk), edit: home}
		}, 0, []string{"verdict=pass", "enforced=true", "introduced=0"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, githubtest.Options{}, writing)
			w.open(c.base, c.head)
			r := w.run(c.run(w))
			r.is(c.code, append(c.outputs, "degraded=", "comment-url=")...)
			w.silent()
			says(t, "summary", plain(r.Summary), c.summary...)
		})
	}
}

// A run whose pull request went on writes nothing, and neither does an old attempt.
func TestStaleRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{}, writing)
	w.open(files{"Dockerfile": good}, files{"Dockerfile": oneHigh})
	stale := run{commit: w.merge, raw: w.payload(run{})}
	w.push(files{"Dockerfile": good})
	r := w.run(stale)
	r.is(1, "verdict=fail", "degraded=", "comment-url=")
	w.silent()
	says(t, "log", r.Text(), `not commented: .*newer commit`)

	r = w.run(run{with: map[string]string{"comment": "always"}, github: map[string]string{"run_id": "5000", "run_attempt": "3"}})
	r.is(0, "verdict=pass")
	before := w.comment()
	w.run(run{with: map[string]string{"comment": "always"}, github: map[string]string{"run_id": "5000", "run_attempt": "2"}}).is(0, "degraded=")
	w.run(run{with: map[string]string{"comment": "always"}, github: map[string]string{"run_id": "4999", "run_attempt": "9"}}).is(0, "degraded=")
	if after := w.comment(); after.Body != before.Body {
		t.Errorf("an older run wrote:\n%s", after.Body)
	}
}

// Legs of a matrix differ in what they judge, or in their comment-key.
func TestLegsHaveTheirComments(t *testing.T) {
	t.Parallel()
	for name, legs := range map[string][2]map[string]string{
		"paths": {{"context": "a"}, {"context": "b"}},
		"keys":  {{"comment-key": "a"}, {"comment-key": "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, githubtest.Options{}, writing)
			w.open(files{"a/Dockerfile": good, "b/Dockerfile": good}, files{"a/Dockerfile": oneHigh, "b/Dockerfile": oneHigh})
			for _, leg := range []int{0, 1, 0, 1} {
				r := w.run(run{with: legs[leg]})
				r.is(1, "verdict=fail", "degraded=")
			}
			all := w.Comments(project, w.number)
			if len(all) != 2 {
				t.Fatalf("%d comments", len(all))
			}
			if name == "paths" {
				says(t, "first", plain(all[0].Body), `a/Dockerfile`, `!b/Dockerfile`)
				says(t, "second", plain(all[1].Body), `b/Dockerfile`, `!a/Dockerfile`)
			}
		})
	}
}

// Two runs see that there is no comment, and both post one.
func TestRace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{}, writing)
	w.open(files{"Dockerfile": good}, files{"Dockerfile": oneHigh})
	w.Reset(githubtest.Rendezvous(2, githubtest.Match(http.MethodGet, "/comments")))
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() { w.run(run{quiet: true}).is(1, "verdict=fail", "degraded=") })
	}
	both.Wait()
	c := w.comment()
	if want := "run=" + strconv.FormatInt(w.last.Load(), 10) + "."; !strings.Contains(c.Body, want) {
		t.Errorf("the comment is not of the later run, %s:\n%s", want, c.Body)
	}
}

func TestEventFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{}, writing)
	w.open(files{"Dockerfile": good}, files{"Dockerfile": oneHigh})
	whole := w.payload(run{})
	for name, c := range map[string]struct {
		run run
		say string
	}{
		"empty":      {run{raw: []byte{}}, `is empty; the runner writes it`},
		"cut":        {run{raw: whole[:len(whole)/2]}, `cut short`},
		"not JSON":   {run{raw: []byte("::set-output name=verdict::pass\n")}, `not an event`},
		"null":       {run{raw: []byte("null")}, `holds no event`},
		"none":       {run{raw: []byte("{}")}, `holds no pull_request`},
		"other repo": {run{edit: func(e object) { e["repository"].(object)["id"] = 1 }}, `not the one that set this run off`},
		"other pull": {run{edit: func(e object) { e["pull_request"].(object)["number"] = 99 }}, `GITHUB_REF names`},
		"bad commit": {run{edit: func(e object) { e["pull_request"].(object)["base"].(object)["sha"] = "master; rm -rf" }}, `pull_request.base.sha`},
		"bad name":   {run{github: map[string]string{"repository": "../..\n::error::x"}}, `GITHUB_REPOSITORY is .*only the runner may set it`},
	} {
		t.Run(name, func(t *testing.T) {
			r := w.run(c.run)
			r.is(2)
			says(t, "log", r.Text(), `^plimsoll: the event of this run: .*`+c.say)
			w.silent()
			if n := w.Requests(); n > 0 || len(r.Outputs) > 0 {
				t.Errorf("%d requests, outputs %q", n, r.Outputs)
			}
		})
	}
}

func TestRunnersDebugging(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{}, writing)
	w.open(files{"Dockerfile": good}, files{"Dockerfile": oneHigh})
	// The runner warns of inputs that action.yml does not name, and passes them on.
	r := w.run(run{debug: true, with: map[string]string{"severty": "high"}})
	r.is(1, "verdict=fail")
	says(t, "log", r.Text(), `severty`)
	plainLog := w.run(run{})
	if len(r.Debug)+len(r.Log) <= len(plainLog.Debug)+len(plainLog.Log) {
		t.Error("RUNNER_DEBUG shows nothing more")
	}
	bad := w.run(run{with: map[string]string{"lint-fail-on-severity": "hgih"}})
	bad.is(2)
	says(t, "log", bad.Text(), `^plimsoll: input lint-fail-on-severity: .*hgih`)
}

// GitHub Enterprise Server has its own addresses.
func TestEnterpriseServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{Prefix: "/api/v3"}, writing)
	w.open(files{"Dockerfile": good}, files{"Dockerfile": oneHigh})
	r := w.run(run{github: map[string]string{"server_url": "https://github.acme.internal:8443"}})
	r.is(1, "verdict=fail", "degraded=")
	body := w.comment().Body
	if !strings.Contains(body, "https://github.acme.internal:8443/"+project+"/blob/"+w.head+"/Dockerfile#L3") || strings.Contains(body, "github.com") {
		t.Errorf("links of another server:\n%s", body)
	}
	if strings.Contains(r.Summary, "github.com") {
		t.Errorf("links of another server:\n%s", r.Summary)
	}
	for _, e := range r.log {
		if !e.Foreign && !strings.HasPrefix(e.Path, "/api/v3/") && !strings.HasPrefix(e.Path, "/api/graphql") {
			t.Errorf("asked %s", e)
		}
	}
}

// What is given as a secret is told nowhere, not even by a build that prints it.
func TestSecretInputs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{}, writing)
	const password = "correct-horse-battery"
	w.open(files{".plimsoll.yaml": "scanners: secret\n", "Dockerfile": good, "npmrc": "fresh-" + password + "\n"}, files{"README": "two\n"})
	r := w.run(run{
		gate: true,
		with: map[string]string{
			"registry-auths": "- registry: ghcr.io\n  username: me\n  password: \"auth-" + password + "\"\n",
			"secrets":        "npm=value-" + password + "\n", "secret-files": "npmrc=npmrc", "secret-envs": "pip=PIP_TOKEN",
		},
		env: map[string]string{"COSIGN_PASSWORD": "cosign-" + password, "PIP_TOKEN": "env-" + password},
	})
	r.is(1, "verdict=fail", "degraded=")
	if !r.built() {
		t.Fatal("nothing was built")
	}
	report, err := os.ReadFile(filepath.Join(r.Workspace, "plimsoll-report", "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range runnertest.Lines(r.Stdout) {
		if strings.Contains(line, password) && !strings.HasPrefix(line, "::add-mask::") {
			t.Errorf("told raw: %q", line)
		}
	}
	for what, text := range map[string]string{"log": r.Text(), "comment": w.comment().Body, "report": string(report), "summary": r.Summary, "reason": r.Outputs["reason"]} {
		if strings.Contains(plain(text), password) {
			t.Errorf("%s tells a password:\n%s", what, text)
		}
	}
	for _, secret := range []string{"auth-", "value-", "fresh-", "env-", "cosign-"} {
		if !slices.Contains(r.Masks, secret+password) {
			t.Errorf("%s… is not masked: %q", secret, r.Masks)
		}
	}
}

// The run of a fork has no secrets: what needs one is not built, and lint is told.
func TestForkNeedsASecret(t *testing.T) {
	t.Parallel()
	for actor, event := range map[string]string{"octocat": "pull_request.fork", "dependabot[bot]": "pull_request.dependabot"} {
		w := newWorld(t, githubtest.Options{}, reading)
		w.open(files{".plimsoll.yaml": "scanners: secret\n", "Dockerfile": good}, files{"deploy/web.yaml": oldDeployment})
		with := map[string]string{"secrets": "npm="}
		r := w.run(run{gate: true, event: event, with: with, github: map[string]string{"actor": actor}})
		r.is(1, "verdict=fail", "degraded=comment")
		if r.built() {
			t.Error("it was built")
		}
		says(t, "summary", plain(r.Summary), `not built: needs the secret "npm"`, `deploy/web.yaml`)
		w.push(files{"deploy/web.yaml": gone, "README": "x\n"})
		r = w.run(run{gate: true, event: event, with: with, github: map[string]string{"actor": actor}})
		r.is(3, "verdict=indeterminate")
		says(t, "reason", r.Outputs["reason"], `not built: needs the secret "npm"`)
	}
}

// Without secrets a fork's change is built, and never pushed.
func TestForkIsBuilt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{}, reading)
	w.open(files{".plimsoll.yaml": "scanners: secret\n", "Dockerfile": good}, files{"README": "two\n"})
	r := w.run(run{gate: true, event: "pull_request.fork", with: map[string]string{"push": "true", "tags": "localhost:1/app"}})
	r.is(1, "verdict=fail")
	if !r.built() {
		t.Error("it was not built")
	}
	says(t, "summary", plain(r.Summary), `not pushed: `)
}
