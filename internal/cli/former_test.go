package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/plimsoll-ci/plimsoll/internal/cache"
	"github.com/plimsoll-ci/plimsoll/internal/cache/gha/ghatest"
	"github.com/plimsoll-ci/plimsoll/internal/event"
)

// A push that failed was not published: the next one is compared with what was,
// not with the push that failed.
func TestSinceWhatWasPublished(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("needs git; apt-get install git")
	}
	dir := t.TempDir()
	t.Chdir(dir)
	git := func(args ...string) string {
		command := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"}, args...)...)
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	commit := func(text string) string {
		if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		git("add", ".")
		git("commit", "--quiet", "--message", "x")
		return git("rev-parse", "HEAD")
	}
	git("init", "--quiet")
	published, failed, now := commit("FROM scratch\n"), commit("FROM a:latest\n"), commit("FROM a:latest\n\n")

	service := ghatest.Start()
	defer service.Close()
	env := service.Env(service.Token(ghatest.Scope{Scope: "refs/heads/main", Permission: 3}))
	e := pushed(now)
	e.Base = failed
	e.DefaultBranch, e.BaseRef = "main", "main"
	r, _, err := job(t, e, env, "--tags=ghcr.io/acme/app:main")
	if err != nil {
		t.Fatal(err)
	}
	r.env.scratch = t.TempDir()
	r.env.former = &former{commit: failed, root: dir, dir: t.TempDir()}
	if err := r.sincePublished(t.Context()); err != nil || r.env.former.commit != failed {
		t.Fatalf("nothing was kept: compared with %s, %v; want the commit before", r.env.former.commit, err)
	}
	r.keeper.cache.KeepPublished(t.Context(), cache.Published{
		Image: "ghcr.io/acme/app", Digest: v1.Hash{Algorithm: "sha256", Hex: hexDigest}, Commit: published, At: time.Now(),
	})
	if err := r.sincePublished(t.Context()); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(r.env.former.dir, "Dockerfile"))
	if err != nil || r.env.former.commit != published || string(content) != "FROM scratch\n" {
		t.Errorf("compared with %s (%q, %v), want %s", r.env.former.commit, content, err, published)
	}
}

// What nobody merged is built with a cache of its own, and a run that is compared
// with its own commit lets nothing pass for old when it pushes.
func TestChangesAreKeptApart(t *testing.T) {
	t.Parallel()
	for kind, apart := range map[event.Kind]bool{
		event.None: false, event.Default: false, event.Release: false, event.Schedule: false,
		event.PullRequest: true, event.MergeGroup: true, event.Branch: true, event.PullRequestTarget: true,
	} {
		env := &environment{event: event.Event{Kind: kind}}
		if env.change() != apart {
			t.Errorf("%q: a change is %v", kind, !apart)
		}
	}
	e := pushed(baseCommit)
	e.Kind = event.Branch
	r, _, err := job(t, e, nil, "--push", "--tags=ghcr.io/acme/app:1", "--cache=none")
	if err != nil {
		t.Fatal(err)
	}
	r.env.rules.OnlyIntroduced, r.cfg.OnlyIntroduced = true, true
	r.env.former = &former{commit: strings.Repeat("a", 40)}
	if !r.policy().OnlyIntroduced {
		t.Error("old problems of a branch fail it")
	}
	r.env.former.commit = baseCommit
	if r.policy().OnlyIntroduced {
		t.Error("a commit that is compared with itself is pushed, whatever is in it")
	}
}
