package cli_test

import (
	"strings"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/report/github/githubtest"
)

// What an old repository is full of: six findings that fail, and some that do not.
const (
	oldDockerfile = "FROM alpine\nENV API_TOKEN=hunter2hunter2\nCMD top\n"
	oldDeployment = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: nginx:latest
`
)

// A Dockerfile that nothing is wrong with, and one with one thing.
const (
	good    = "FROM scratch\nCOPY app /app\nUSER 10001:10001\nENTRYPOINT [\"/app\"]\n"
	oneHigh = "FROM scratch\nCOPY app /app\nUSER root\nENTRYPOINT [\"/app\"]\n"
)

var old = files{"Dockerfile": oldDockerfile, "deploy/web.yaml": oldDeployment, "README": "one\n"}

func TestNobodyIsBlamedForOldFindings(t *testing.T) {
	t.Parallel()
	for _, full := range []bool{false, true} {
		w := newWorld(t, githubtest.Options{}, writing)
		w.open(old, files{"README": "two\n"})
		r := w.run(run{full: full})
		r.is(0, "verdict=pass", "enforced=true", "introduced=0", "degraded=", "comment-url=", "reason=")
		r.marks()
		w.silent()
		if r.Outputs["high"] == "0" {
			t.Error("old findings are not counted")
		}
		fetched := false
		for _, e := range r.log {
			fetched = fetched || strings.Contains(e.Path, "/tarball/")
		}
		if fetched == full {
			t.Errorf("with history %v: the base commit was fetched from the API: %v", full, fetched)
		}
		says(t, "summary", plain(r.Summary), `pass`, `(?i)first run`, `SEC-1`)
	}
}
