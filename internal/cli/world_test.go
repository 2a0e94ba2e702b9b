package cli_test

import (
	"encoding/json"
	"html"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/report"
	"github.com/plimsoll-ci/plimsoll/internal/report/actions/runnertest"
	"github.com/plimsoll-ci/plimsoll/internal/report/github/githubtest"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// The repository of the event files.
const (
	project   = "Codertocat/Hello-World"
	projectID = "186853002"
	trunk     = "master"
	fork      = "octocat/Hello-World"
	secret    = "ghs_aSecretThatNobodyMaySee0123456789"
)

var (
	writing = permissions{githubtest.Contents: githubtest.Read, githubtest.PullRequests: githubtest.Write}
	reading = permissions{githubtest.Contents: githubtest.Read, githubtest.PullRequests: githubtest.Read}
)

type (
	permissions = map[githubtest.Permission]githubtest.Access
	files       = map[string]string // gone removes one
	object      = map[string]any
)

const gone = "\x00"

// world is a GitHub, a repository on disk whose commits it holds, and one pull
// request in it.
type world struct {
	*githubtest.Server
	t                 *testing.T
	dir               string
	number            int
	base, head, merge string
	last              atomic.Int64 // id of a run
}

func newWorld(t *testing.T, o githubtest.Options, may permissions) *world {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not there; apt-get install git, and run it again")
	}
	w := &world{Server: githubtest.Start(t, o), t: t, dir: t.TempDir()}
	w.last.Store(1000)
	w.AddRepository(githubtest.Repository{Name: project, DefaultBranch: trunk})
	w.AddToken(githubtest.GitHubToken(secret, project, may))
	w.git(w.dir, "init", "-q", "-b", trunk)
	w.git(w.dir, "config", "uploadpack.allowAnySHA1InWant", "true")
	return w
}

// git runs git with nobody's settings.
func (w *world) git(dir string, args ...string) string {
	w.t.Helper()
	command := exec.CommandContext(w.t.Context(), "git", args...)
	command.Dir = dir
	command.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org",
		"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org", "GIT_AUTHOR_DATE=2026-01-02T03:04:05Z", "GIT_COMMITTER_DATE=2026-01-02T03:04:05Z",
	}
	out, err := command.CombinedOutput()
	if err != nil {
		w.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit changes files on top of a commit, "" for none, and moves a branch there.
func (w *world) commit(branch, parent string, change files) string {
	w.t.Helper()
	if parent != "" {
		w.git(w.dir, "checkout", "-q", "--force", "--detach", parent)
	}
	for name, text := range change {
		path := filepath.Join(w.dir, filepath.FromSlash(name))
		if text == gone {
			if err := os.Remove(path); err != nil {
				w.t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			w.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			w.t.Fatal(err)
		}
	}
	w.git(w.dir, "add", "-A")
	w.git(w.dir, "commit", "-q", "--allow-empty", "--no-verify", "-m", branch+strconv.FormatInt(w.last.Add(1), 10))
	sha := w.git(w.dir, "rev-parse", "HEAD")
	w.git(w.dir, "update-ref", "refs/heads/"+branch, sha)
	return sha
}

// open makes the base and a pull request on it.
func (w *world) open(base, change files) {
	w.t.Helper()
	w.base = w.commit(trunk, "", base)
	w.head = w.commit("changes", w.base, change)
	w.merged()
	w.number = w.Open(githubtest.PullRequest{Head: githubtest.End{Repository: project, Branch: "changes"}, Base: githubtest.End{Repository: project, Branch: trunk}})
}

// push adds a commit to the pull request.
func (w *world) push(change files) {
	w.t.Helper()
	w.head = w.commit("changes", w.head, change)
	w.merged()
	w.Update(project, w.number, func(p *githubtest.PullRequest) { p.Head.SHA = w.head })
}

// merged makes the commit that GitHub checks out, and tells GitHub of it all.
func (w *world) merged() {
	w.t.Helper()
	w.git(w.dir, "checkout", "-q", "--force", "--detach", w.git(w.dir, "rev-parse", "refs/heads/"+trunk))
	w.git(w.dir, "merge", "-q", "--no-ff", "--no-edit", w.head)
	w.merge = w.git(w.dir, "rev-parse", "HEAD")
	w.git(w.dir, "update-ref", "refs/pull/1/merge", w.merge)
	w.Import(project, w.dir)
}

// checkout is what actions/checkout leaves.
func (w *world) checkout(commit string, full bool) string {
	w.t.Helper()
	dir := filepath.Join(w.t.TempDir(), "Hello-World", "Hello-World")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		w.t.Fatal(err)
	}
	w.git(dir, "init", "-q")
	w.git(dir, "remote", "add", "origin", "file://"+w.dir)
	if full {
		w.git(dir, "fetch", "-q", "origin", "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*", commit)
	} else {
		w.git(dir, "fetch", "-q", "--depth=1", "--no-tags", "origin", commit)
	}
	w.git(dir, "checkout", "-q", "--force", "--detach", commit)
	return dir
}

// run is one run of the action. The zero value is that of pull_request with
// actions/checkout as it is without inputs.
type run struct {
	event  string       // a file of internal/event/testdata; pull_request.synchronize
	edit   func(object) // changes the event
	raw    []byte       // the event file, instead
	with   map[string]string
	github map[string]string
	env    map[string]string
	commit string // that is checked out
	full   bool   // with all history
	debug  bool
	gate   bool // the whole program, with a builder whose builds fail; what builds sets scanners: secret, as there is no database
	quiet  bool // do not reset the log of GitHub: others run beside
}

// told is what came of a run.
type told struct {
	*runnertest.Result
	t      *testing.T
	report *verdict.Result // nil when there is none
	log    []githubtest.Entry
	took   time.Duration
}

func (w *world) payload(r run) []byte {
	w.t.Helper()
	if r.raw != nil {
		return r.raw
	}
	name := r.event
	if name == "" {
		name = "pull_request.synchronize"
	}
	data, err := os.ReadFile(filepath.Join("..", "event", "testdata", name+".json"))
	if err != nil {
		w.t.Fatal(err)
	}
	var e object
	if err := json.Unmarshal(data, &e); err != nil {
		w.t.Fatal(err)
	}
	if pull, ok := e["pull_request"].(object); ok {
		e["number"], pull["number"] = w.number, w.number
		pull["head"].(object)["sha"], pull["base"].(object)["sha"] = w.head, w.base
	}
	if r.edit != nil {
		r.edit(e)
	}
	if data, err = json.Marshal(e); err != nil {
		w.t.Fatal(err)
	}
	return data
}

func (w *world) run(r run) *told {
	w.t.Helper()
	return w.start(w.options(r))
}

// options prepares a run, and its workspace.
func (w *world) options(r run) runnertest.Options {
	w.t.Helper()
	if r.commit == "" {
		r.commit = w.merge
	}
	program, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	id := w.last.Add(1)
	o := runnertest.Options{
		Action: filepath.Join("..", "..", "action.yml"), With: map[string]string{"command": "lint"},
		Env: map[string]string{asAction: "lite"}, Event: w.payload(r), Workspace: w.checkout(r.commit, r.full), Debug: r.debug,
		Start: runnertest.Process{Program: program},
		GitHub: map[string]string{
			"event_name": "pull_request", "repository": project, "repository_id": projectID, "repository_owner": "Codertocat", "actor": "Codertocat",
			"sha": r.commit, "ref": "refs/pull/1/merge", "ref_name": "1/merge", "base_ref": trunk, "head_ref": "changes",
			"api_url": w.URL, "graphql_url": w.GraphQLURL, "token": secret, "run_id": strconv.FormatInt(id, 10),
			"workflow_ref": project + "/.github/workflows/ci.yml@refs/pull/1/merge",
		},
	}
	if r.gate {
		o.Env[asAction] = "full"
		o.With = map[string]string{}
	}
	maps.Copy(o.With, r.with)
	maps.Copy(o.GitHub, r.github)
	maps.Copy(o.Env, r.env)
	if !r.quiet {
		w.Reset(nil)
	}
	return o
}

func (w *world) start(o runnertest.Options) *told {
	w.t.Helper()
	started := time.Now()
	result, err := runnertest.Run(w.t.Context(), w.t.TempDir(), o)
	if err != nil {
		w.t.Fatal(err)
	}
	r := &told{Result: result, t: w.t, log: w.Log(), took: time.Since(started)}
	if data, err := os.Open(filepath.Join(o.Workspace, "plimsoll-report", "report.json")); err == nil {
		defer data.Close()
		found, err := report.ReadJSON(data)
		if err != nil {
			w.t.Errorf("reading the report: %v", err)
		}
		r.report = &found
	}
	r.clean()
	if n := w.Requests(); n > 25 {
		w.t.Errorf("%d requests; 25 are the most", n)
	}
	return r
}

// clean fails when a token is told, a foreign command is obeyed, or a file of the
// step is broken.
func (r *told) clean() {
	r.t.Helper()
	for _, text := range []string{string(r.Stdout), string(r.Stderr), r.Summary} {
		for _, line := range runnertest.Lines([]byte(text)) {
			if strings.Contains(line, secret) && !strings.HasPrefix(line, "::add-mask::") {
				r.t.Errorf("a token is told: %q", line)
			}
		}
	}
	for _, c := range r.Commands {
		if !slices.Contains([]string{"group", "endgroup", "add-mask", "error", "warning", "notice", "debug"}, c.Name) {
			r.t.Errorf("the runner obeyed %q", c)
		}
	}
	if len(r.Failed) > 0 || len(r.Env) > 0 || len(r.Paths) > 0 || len(r.State) > 0 {
		r.t.Errorf("failed %q, env %q, paths %q, state %q", r.Failed, r.Env, r.Paths, r.State)
	}
	if r.t.Failed() {
		r.t.Log(r.Text())
	}
}

// is asserts how a run ended: the exit code and outputs in the order "name=value".
func (r *told) is(code int, outputs ...string) {
	r.t.Helper()
	if r.ExitCode != code {
		r.t.Errorf("exit %d, want %d", r.ExitCode, code)
	}
	for _, o := range outputs {
		name, want, _ := strings.Cut(o, "=")
		if got, ok := r.Outputs[name]; !ok || got != want {
			r.t.Errorf("output %s is %q (there: %v), want %q", name, got, ok, want)
		}
	}
	if r.t.Failed() {
		r.t.Log(r.Text())
	}
}

// marks asserts the annotations kept: "level file:line".
func (r *told) marks(want ...string) {
	r.t.Helper()
	if got := r.marked(); !slices.Equal(got, want) {
		r.t.Errorf("annotations %q, want %q", got, want)
	}
}

// marksAmong asserts some of them.
func (r *told) marksAmong(want ...string) {
	r.t.Helper()
	got := r.marked()
	for _, mark := range want {
		if !slices.Contains(got, mark) {
			r.t.Errorf("annotations %q, want %q among them", got, mark)
		}
	}
}

func (r *told) marked() []string {
	var got []string
	for _, a := range r.Annotations {
		at := a.Level
		if a.File != "" {
			at += " " + a.File + ":" + a.Properties["line"]
		}
		got = append(got, at)
	}
	return got
}

// plain is Markdown of ours as a person reads it.
func plain(markdown string) string {
	return strings.ReplaceAll(html.UnescapeString(markdown), "\u200b", "")
}

// says asserts that a text matches expressions, and those that begin with "!" not.
func says(t *testing.T, what, text string, expressions ...string) {
	t.Helper()
	for _, e := range expressions {
		not := strings.HasPrefix(e, "!")
		if regexp.MustCompile("(?m)"+strings.TrimPrefix(e, "!")).MatchString(text) == not {
			t.Errorf("%s against %q:\n%s", what, e, text)
		}
	}
}

// comment is the pull request's only one.
func (w *world) comment() githubtest.Comment {
	w.t.Helper()
	all := w.Comments(project, w.number)
	if len(all) != 1 {
		w.t.Fatalf("%d comments, want 1: %+v", len(all), all)
	}
	return all[0]
}

func (w *world) silent() {
	w.t.Helper()
	if all := w.Comments(project, w.number); len(all) > 0 {
		w.t.Errorf("commented: %+v", all)
	}
	if writes := w.Writes(); len(writes) > 0 {
		w.t.Errorf("written: %v", writes)
	}
}

// firstLine is what stands below the marker.
func firstLine(c githubtest.Comment) string {
	_, rest, _ := strings.Cut(c.Body, "\n")
	first, _, _ := strings.Cut(rest, "\n")
	return plain(first)
}

// built says whether something was built in a run's workspace.
func (r *told) built() bool {
	found, _ := filepath.Glob(filepath.Join(r.Workspace, "*.built"))
	return len(found) > 0
}
