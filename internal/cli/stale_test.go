package cli_test

import (
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/report/github/githubtest"
)

// What the base branch mended since the change left it is not the change's doing,
// even where the head itself is looked at and not its merge.
func TestMendedMeanwhile(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]run{
		"target": {event: "pull_request.fork", github: map[string]string{"event_name": "pull_request_target", "ref": "refs/heads/" + trunk, "actor": "octocat"}},
		"head":   {},
	} {
		for _, full := range []bool{false, true} {
			w := newWorld(t, githubtest.Options{}, writing)
			w.open(old, files{"README": "two\n"})
			fork := w.base
			w.base = w.commit(trunk, w.base, files{"Dockerfile": good, "deploy/web.yaml": gone, ".plimsoll.yaml": "lint-fail-on-severity: medium\n"})
			w.merged()
			r.full, r.commit = full, w.head
			if name == "target" {
				r.commit = w.base
			}
			r.github = map[string]string{"sha": w.merge}
			if name == "target" {
				r.github = map[string]string{"event_name": "pull_request_target", "ref": "refs/heads/" + trunk, "actor": "octocat", "sha": w.base}
			}
			got := w.run(r)
			got.is(0, "verdict=pass", "introduced=0")
			says(t, name, got.Text(), `compared with master at `+fork[:7])

			// An excuse that the base branch took back does not come again with an old head.
			excused := "FROM scratch\nCOPY app /app\n# plimsoll:ignore USR-1.a -- it is fine\nUSER root\nENTRYPOINT [\"/app\"]\n"
			w = newWorld(t, githubtest.Options{}, writing)
			w.open(files{"Dockerfile": excused}, files{"new/Dockerfile": oneHigh})
			w.base = w.commit(trunk, w.base, files{"Dockerfile": oneHigh})
			w.merged()
			r.commit = w.head
			if name == "target" {
				r.commit, r.github["sha"] = w.base, w.base
			} else {
				r.github["sha"] = w.merge
			}
			got = w.run(r)
			got.is(1, "verdict=fail", "introduced=1")
			got.marks("error new/Dockerfile:3")
			says(t, name, got.Text(), `suppression of USR-1.a in Dockerfile:3 .* is not at the base commit`)
		}
	}
}

// A branch is compared with where it left the default one, whatever was pushed to
// it before: two pushes are no way around the gate.
func TestBranchCannotGrowOld(t *testing.T) {
	t.Parallel()
	for _, full := range []bool{false, true} {
		w := newWorld(t, githubtest.Options{}, writing)
		w.open(old, files{"new/Dockerfile": oneHigh, ".plimsoll.yaml": "lint-fail-on-severity: critical\n"})
		before := w.head
		w.push(files{"README": "two\n"})
		r := w.run(run{event: "push.branch", full: full, commit: w.head, github: of("push", "refs/heads/changes"), edit: func(e object) {
			e["before"], e["after"], e["ref"] = before, w.head, "refs/heads/changes"
		}})
		r.is(1, "verdict=fail", "introduced=1")
		r.marks("error new/Dockerfile:3")
		says(t, "log", r.Text(), `compared with master at `+w.base[:7], `refused: "lint-fail-on-severity: critical"`)
	}
}
