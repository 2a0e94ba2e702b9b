package cli_test

import (
	"io"
	"log"
	"maps"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/plimsoll-ci/plimsoll/internal/report/github/githubtest"
)

// unsigned is an image in a registry that nobody signed.
func unsigned(t *testing.T) (host, image string) {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	host = strings.TrimPrefix(server.URL, "http://")
	ref, err := name.ParseReference(host + "/app:1")
	check(t, err)
	img, err := random.Image(16, 1)
	check(t, err)
	check(t, remote.Write(ref, img))
	return host, ref.String()
}

// Who may promote, and that neither a promotion nor a check of signatures is ever a
// mere report.
func TestPromotionByEvent(t *testing.T) {
	t.Parallel()
	host, image := unsigned(t)
	w := newWorld(t, githubtest.Options{}, writing)
	w.open(files{"Dockerfile": good, "cosign.pub": "a key\n"}, files{"README": "two\n"})
	to := func(e object) { e["before"], e["after"], e["ref"] = w.base, w.head, "refs/heads/"+trunk }
	schedule := run{event: "schedule", commit: w.head, github: of("schedule", "refs/heads/"+trunk)}
	for name, c := range map[string]struct {
		run     run
		command string
		code    int
		say     string
	}{
		"pull request":        {run{}, "promote", 2, `promote: a pull request promotes nothing; promote from a push`},
		"fork":                {run{event: "pull_request.fork"}, "promote", 2, `a pull request promotes nothing`},
		"pull_request_target": {run{github: map[string]string{"event_name": "pull_request_target", "ref": "refs/heads/" + trunk, "ref_name": trunk}}, "promote", 2, `a pull request promotes nothing`},
		"schedule":            {schedule, "promote", 2, `promote: a scheduled run only reports`},
		"schedule, verify":    {schedule, "verify", 1, ``},
		"default branch":      {run{event: "push.branch", commit: w.head, github: of("push", "refs/heads/"+trunk), edit: to}, "promote", 1, ``},
		"pull request verify": {run{}, "verify", 1, ``},
	} {
		t.Run(name, func(t *testing.T) {
			r := c.run
			r.gate = true
			r.with = map[string]string{"command": c.command, "verification-key": "cosign.pub", "comment": "never"}
			if c.command == "promote" {
				maps.Copy(r.with, map[string]string{"source": image, "destination": host + "/live:production"})
			} else {
				r.with["image-ref"] = image
			}
			result := w.run(r)
			result.is(c.code)
			says(t, "log", result.Text(), c.say, `!nothing was published`, `!^base`, `!packages not looked at`)
			if c.code == 1 {
				result.is(1, "verdict=fail", "enforced=true")
			}
		})
	}
}
