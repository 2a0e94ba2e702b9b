package action

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/report/actions/runnertest"
	"github.com/plimsoll-ci/plimsoll/internal/report/github/githubtest"
)

const (
	repositoryName = "Codertocat/Hello-World"
	token          = "ghs_theTokenOfThisJob0123456789"
)

// history is a repository with a base, a change and their merge checked out, as
// actions/checkout leaves it with fetch-depth: 2.
type history struct {
	dir               string
	base, head, merge string
}

func (h *history) git(t *testing.T, args ...string) string {
	t.Helper()
	command := exec.Command("git", append([]string{"-c", "user.name=o", "-c", "user.email=o@example.com", "-C", h.dir}, args...)...)
	command.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit commits files on the branch that is checked out.
func (h *history) commit(t *testing.T, d *dock, files map[string]string) string {
	t.Helper()
	write(t, h.dir, d, files)
	h.git(t, "add", "--all")
	h.git(t, "commit", "--quiet", "--message=change")
	return h.git(t, "rev-parse", "HEAD")
}

// change makes the history of a pull request: what base holds, and files over it.
func change(t *testing.T, d *dock, base, files map[string]string) *history {
	t.Helper()
	h := &history{dir: t.TempDir()}
	h.git(t, "init", "--quiet", "--initial-branch=master")
	h.base = h.commit(t, d, base)
	h.git(t, "checkout", "--quiet", "-b", "changes")
	h.head = h.commit(t, d, files)
	h.checkout(t)
	return h
}

// checkout checks the merge out.
func (h *history) checkout(t *testing.T) {
	t.Helper()
	h.git(t, "checkout", "--quiet", "--detach", "master")
	h.git(t, "merge", "--quiet", "--no-ff", "--message=merge", "changes")
	h.merge = h.git(t, "rev-parse", "HEAD")
}

// options are what a runner knows of the pull request.
func (h *history) options(t *testing.T, github *githubtest.Server, number int) runnertest.Options {
	t.Helper()
	end := func(payload map[string]any, name string) map[string]any {
		return payload["pull_request"].(map[string]any)[name].(map[string]any) //nolint:forcetypeassert // GitHub's own file
	}
	return runnertest.Options{
		Event: event(t, "pull_request.opened", func(p map[string]any) {
			end(p, "base")["sha"], end(p, "head")["sha"] = h.base, h.head
			p["number"], p["pull_request"].(map[string]any)["number"] = number, number //nolint:forcetypeassert // the same
		}),
		GitHub: repository(map[string]string{
			"event_name": "pull_request", "ref": "refs/pull/" + strconv.Itoa(number) + "/merge", "ref_name": strconv.Itoa(number) + "/merge", "sha": h.merge,
			"base_ref": "master", "head_ref": "changes", "token": token, "api_url": github.URL, "graphql_url": github.GraphQLURL,
		}),
		With:      map[string]string{"comment": "-", "db-repository": "-"},
		Workspace: h.dir,
	}
}

// gitHub runs a GitHub that containers reach, and opens the pull request there.
func (d *dock) gitHub(t *testing.T, h *history) (*githubtest.Server, int) {
	t.Helper()
	server := githubtest.Start(t, githubtest.Options{Address: d.bridge + ":0"})
	server.AddRepository(githubtest.Repository{Name: repositoryName, DefaultBranch: "master"})
	server.AddToken(githubtest.GitHubToken(token, repositoryName, map[githubtest.Permission]githubtest.Access{
		githubtest.Contents: githubtest.Read, githubtest.PullRequests: githubtest.Write,
	}))
	server.Import(repositoryName, h.dir)
	number := server.Open(githubtest.PullRequest{
		Head: githubtest.End{Repository: repositoryName, Branch: "changes"}, Base: githubtest.End{Repository: repositoryName, Branch: "master"},
	})
	return server, number
}

// A change is judged with the settings of its base, which an input cannot loosen.
const (
	careful  = "FROM HOST/alpine:3.11\nUSER 1000\n"
	settings = "db-repository: HOST/trivy-db:2\n"
)

// A pull request that brings something gets one comment, which the next run keeps
// up to date: what was there before blocks nobody.
func TestPullRequest(t *testing.T) {
	t.Parallel()
	d := needDock(t)
	h := change(t, d, map[string]string{"Dockerfile": careful, ".plimsoll.yaml": settings}, map[string]string{"Dockerfile": "FROM HOST/alpine:3.11\nENV API_TOKEN=9f86d081884c7d659a2feaa0c55ad015\nUSER 1000\n"})
	server, number := d.gitHub(t, h)
	owned := runnertest.Docker{Image: d.full, Socket: runnertest.RealSocket, Owner: 1001}
	o := h.options(t, server, number)
	o.Start = owned
	s := d.run(t, nil, o)
	comments := server.Comments(repositoryName, number)
	if len(comments) != 1 {
		t.Fatalf("there are %d comments\n%s", len(comments), s.Text())
	}
	s.exits(1)
	s.says("comment created")
	s.outputs(map[string]string{"verdict": "fail", "degraded": ""})
	if s.Outputs["comment-url"] == "" || !strings.Contains(comments[0].Body, "API") {
		t.Errorf("comment %s: %s", s.Outputs["comment-url"], comments[0].Body)
	}
	if n := server.Requests(); n > 25 {
		t.Errorf("%d requests", n)
	}

	// The next push mends it. The runner owns the files, and git goes by that.
	check(t, exec.Command("chown", "-R", "0:0", h.dir).Run())
	h.git(t, "checkout", "--quiet", "changes")
	h.head = h.commit(t, d, map[string]string{"Dockerfile": careful + "LABEL mended=yes\n"})
	h.checkout(t)
	server.Import(repositoryName, h.dir)
	server.Update(repositoryName, number, func(p *githubtest.PullRequest) { p.Head.SHA = h.head })
	o = h.options(t, server, number)
	o.GitHub["run_id"], o.Start = "1658821499", owned
	mended := d.run(t, nil, o)
	mended.exits(0)
	mended.says("comment updated")
	after := server.Comments(repositoryName, number)
	if len(after) != 1 || after[0].ID != comments[0].ID || after[0].Body == comments[0].Body {
		t.Errorf("there are %d comments after the second run: %v", len(after), after)
	}
	mended.outputs(map[string]string{"verdict": "pass", "comment-url": s.Outputs["comment-url"]})
}
