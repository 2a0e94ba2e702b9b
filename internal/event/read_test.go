package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

const (
	head   = "ec26c3e57ca3a959ca5aad62de7213c562f8c821"
	base   = "f95f852bd8fca8fcc58a9a2d6c842781e32a215e"
	merged = "6113728f27ae82c7b1a177c8d03f9e96e0adf246"
	older  = "380387fbc80638b734a49e1be1c4dfec1c01b33c"
)

// runner gives the variables that a runner sets for an event of Codertocat/Hello-World.
func runner(name, ref string, more ...string) map[string]string {
	all := map[string]string{
		"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": "event.json", "GITHUB_REF": ref, "GITHUB_SHA": merged,
		"GITHUB_REPOSITORY": "Codertocat/Hello-World", "GITHUB_REPOSITORY_ID": "186853002", "GITHUB_SERVER_URL": "https://github.com",
		"GITHUB_RUN_ID": "123456789", "GITHUB_RUN_ATTEMPT": "2", "GITHUB_JOB": "gate", "GITHUB_ACTOR": "Codertocat",
		"GITHUB_WORKFLOW_REF": "Codertocat/Hello-World/.github/workflows/ci.yml@refs/heads/master",
	}
	for pair := range slices.Chunk(more, 2) {
		all[pair[0]] = pair[1]
	}
	return all
}

func read(t *testing.T, env map[string]string, payload []byte) (Event, error) {
	t.Helper()
	return Read(func(k string) string { return env[k] }, func(string) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(payload)), nil })
}

func fixture(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// edited is a fixture with changes, each "dotted.path" and a JSON value.
func edited(t *testing.T, name string, changes ...string) []byte {
	t.Helper()
	var root map[string]any
	if err := json.Unmarshal(fixture(t, name), &root); err != nil {
		t.Fatal(err)
	}
	for change := range slices.Chunk(changes, 2) {
		at, keys := root, strings.Split(change[0], ".")
		for _, key := range keys[:len(keys)-1] {
			at, _ = at[key].(map[string]any)
		}
		var value any
		if err := json.Unmarshal([]byte(change[1]), &value); err != nil {
			t.Fatal(err)
		}
		at[keys[len(keys)-1]] = value
	}
	data, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func run(name, ref string) *verdict.Run {
	return &verdict.Run{
		Event: name, Ref: ref, Server: "https://github.com", Repository: "Codertocat/Hello-World",
		Workflow: ".github/workflows/ci.yml", Job: "gate", ID: 123456789, Attempt: 2, Commit: merged,
	}
}

func pull(name string, change func(*Event)) Event {
	e := Event{
		Kind: PullRequest, Run: run(name, "refs/pull/2/merge"), Base: base, BaseRef: "master", DefaultBranch: "master",
		HeadRepository: "Codertocat/Hello-World",
	}
	e.Run.Head, e.Run.Pull = head, 2
	if change != nil {
		change(&e)
	}
	return e
}

func TestEvents(t *testing.T) {
	t.Parallel()
	const merge = "refs/pull/2/merge"
	octo := []string{"GITHUB_REPOSITORY", "octo-org/octo-repo", "GITHUB_REPOSITORY_ID", "17273051"}
	for name, test := range map[string]struct {
		env     map[string]string
		payload []byte
		want    Event
	}{
		"opened":      {runner("pull_request", merge), fixture(t, "pull_request.opened.json"), pull("pull_request", nil)},
		"synchronize": {runner("pull_request", merge), fixture(t, "pull_request.synchronize.json"), pull("pull_request", nil)},
		"draft": {
			runner("pull_request", merge), edited(t, "pull_request.opened.json", "pull_request.draft", "true"),
			pull("pull_request", func(e *Event) { e.Run.Draft = true }),
		},
		"a review": {runner("pull_request_review", merge), fixture(t, "pull_request.opened.json"), pull("pull_request_review", nil)},
		"fork": {
			runner("pull_request", merge), fixture(t, "pull_request.fork.json"),
			pull("pull_request", func(e *Event) { e.Fork, e.Run.Untrusted, e.HeadRepository = true, true, "octocat/Hello-World" }),
		},
		"fork that is gone": {
			runner("pull_request", merge), fixture(t, "pull_request.fork_gone.json"),
			pull("pull_request", func(e *Event) { e.Fork, e.Run.Untrusted, e.HeadRepository = true, true, "" }),
		},
		"fork by name, where ids are not told": {
			runner("pull_request", merge), edited(t, "pull_request.fork.json", "pull_request.head.repo.id", "0"),
			pull("pull_request", func(e *Event) { e.Fork, e.Run.Untrusted, e.HeadRepository = true, true, "octocat/Hello-World" }),
		},
		"fork that took the old name of this repository": {
			runner("pull_request", merge), edited(t, "pull_request.opened.json", "pull_request.head.repo.id", "7"),
			pull("pull_request", func(e *Event) { e.Fork, e.Run.Untrusted = true, true }),
		},
		"renamed between two attempts": {
			runner("pull_request", merge, "GITHUB_REPOSITORY", "Codertocat/Salut"), fixture(t, "pull_request.opened.json"),
			pull("pull_request", func(e *Event) { e.Run.Repository = "Codertocat/Salut" }),
		},
		"Dependabot": {
			runner("pull_request", merge, "GITHUB_ACTOR", "dependabot[bot]"), fixture(t, "pull_request.dependabot.json"),
			pull("pull_request", func(e *Event) { e.Dependabot, e.Run.Untrusted = true, true }),
		},
		"Dependabot's, run again by a person": {
			runner("pull_request", merge), fixture(t, "pull_request.dependabot.json"),
			pull("pull_request", func(e *Event) { e.Dependabot, e.Run.Untrusted = true, true }),
		},
		"target: the head is not GITHUB_SHA": {
			runner("pull_request_target", "refs/heads/master"), fixture(t, "pull_request.fork.json"),
			pull("pull_request_target", func(e *Event) {
				e.Kind, e.Run.Ref = PullRequestTarget, "refs/heads/master"
				e.Fork, e.Run.Untrusted, e.HeadRepository = true, true, "octocat/Hello-World"
			}),
		},
		"merge group": {runner("merge_group", "refs/heads/gh-readonly-queue/main/pr-2-"+older, octo...), fixture(t, "merge_group.checks_requested.json"), func() Event {
			e := Event{Kind: MergeGroup, Run: run("merge_group", "refs/heads/gh-readonly-queue/main/pr-2-"+older), Base: older, BaseRef: "main", DefaultBranch: "main", HeadRepository: "octo-org/octo-repo", Private: true}
			e.Run.Repository, e.Run.Head = "octo-org/octo-repo", "2ffea6db159f6b6c47a24e778fb9ef40cf6b1c7d"
			return e
		}()},
		"first push of the default branch": {
			runner("push", "refs/heads/master"), fixture(t, "push.branch.json"),
			Event{Kind: Default, Run: run("push", "refs/heads/master"), BaseRef: "master", DefaultBranch: "master", HeadRepository: "Codertocat/Hello-World"},
		},
		"forced push": {
			runner("push", "refs/heads/master"), edited(t, "push.branch.json", "before", `"`+older+`"`, "forced", "true"),
			Event{Kind: Default, Run: run("push", "refs/heads/master"), Base: older, BaseRef: "master", DefaultBranch: "master", HeadRepository: "Codertocat/Hello-World"},
		},
		"push to another branch": {
			runner("push", "refs/heads/fix/quay"), edited(t, "push.branch.json", "ref", `"refs/heads/fix/quay"`),
			Event{Kind: Branch, Run: run("push", "refs/heads/fix/quay"), BaseRef: "fix/quay", DefaultBranch: "master", HeadRepository: "Codertocat/Hello-World"},
		},
		"push by Dependabot": {runner("push", "refs/heads/dependabot/x", "GITHUB_ACTOR", "dependabot[bot]"), edited(t, "push.branch.json", "ref", `"refs/heads/dependabot/x"`), func() Event {
			e := Event{Kind: Branch, Run: run("push", "refs/heads/dependabot/x"), BaseRef: "dependabot/x", DefaultBranch: "master", HeadRepository: "Codertocat/Hello-World", Dependabot: true}
			e.Run.Untrusted = true
			return e
		}()},
		"default branch not told": {
			runner("push", "refs/heads/master"), []byte(`{"ref":"refs/heads/master"}`),
			Event{Kind: Branch, Run: run("push", "refs/heads/master"), BaseRef: "master", HeadRepository: "Codertocat/Hello-World", Private: true},
		},
		"tag": {
			runner("push", "refs/tags/simple-tag"), fixture(t, "push.tag.json"),
			Event{Kind: Release, Run: run("push", "refs/tags/simple-tag"), DefaultBranch: "master", HeadRepository: "Codertocat/Hello-World"},
		},
		"release": {
			runner("release", "refs/tags/0.0.1"), fixture(t, "release.published.json"),
			Event{Kind: Release, Run: run("release", "refs/tags/0.0.1"), DefaultBranch: "master", HeadRepository: "Codertocat/Hello-World"},
		},
		"schedule": {
			runner("schedule", "refs/heads/master"), fixture(t, "schedule.json"),
			Event{Kind: Schedule, Run: run("schedule", "refs/heads/master"), DefaultBranch: "master", HeadRepository: "Codertocat/Hello-World"},
		},
		"dispatch": {runner("workflow_dispatch", "refs/heads/main", "GITHUB_REPOSITORY", "octo-org/octo-repo", "GITHUB_REPOSITORY_ID", ""), fixture(t, "workflow_dispatch.json"), func() Event {
			e := Event{Kind: Branch, Run: run("workflow_dispatch", "refs/heads/main"), DefaultBranch: "main", HeadRepository: "octo-org/octo-repo"}
			e.Run.Repository = "octo-org/octo-repo"
			return e
		}()},
		"after another run, of anybody": {runner("workflow_run", "refs/heads/main", "GITHUB_REPOSITORY_ID", "283462325"), fixture(t, "workflow_run.completed.json"), func() Event {
			e := Event{Kind: Branch, Run: run("workflow_run", "refs/heads/main"), DefaultBranch: "main", HeadRepository: "octo-org/octo-repo", Fork: true, Private: true}
			e.Run.Untrusted = true
			return e
		}()},
		"a comment on a pull request": {runner("issue_comment", "refs/heads/master"), edited(t, "schedule.json", "issue", `{"number":2,"pull_request":{"url":"x"}}`), func() Event {
			e := Event{Kind: Branch, Run: run("issue_comment", "refs/heads/master"), DefaultBranch: "master", Fork: true}
			e.Run.Untrusted = true
			return e
		}()},
		"an internal repository": {
			runner("schedule", "refs/heads/master"), edited(t, "schedule.json", "repository.visibility", `"internal"`),
			Event{Kind: Schedule, Run: run("schedule", "refs/heads/master"), DefaultBranch: "master", HeadRepository: "Codertocat/Hello-World", Private: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := read(t, test.env, test.payload)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestEveryFixtureIsRead(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		data := fixture(t, filepath.Base(file))
		var p payload
		if err := json.Unmarshal(data, &p); err != nil {
			t.Fatal(file, err)
		}
		name, _, _ := strings.Cut(filepath.Base(file), ".")
		env := runner(name, p.Ref, "GITHUB_REPOSITORY", p.Repository.FullName, "GITHUB_REPOSITORY_ID", strconv.FormatInt(p.Repository.ID, 10))
		e, err := read(t, env, data)
		if err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if e.Kind == None || e.Run == nil || e.DefaultBranch == "" {
			t.Errorf("%s: %+v", file, e)
		}
	}
}

func TestALaptopHasNoEvent(t *testing.T) {
	t.Parallel()
	env := runner("push", "refs/heads/master", "GITHUB_ACTIONS", "")
	e, err := Read(func(k string) string { return env[k] }, func(string) (io.ReadCloser, error) {
		t.Error("opened")
		return nil, os.ErrNotExist
	})
	if err != nil || e.Kind != None || e.Run != nil {
		t.Errorf("%+v %v", e, err)
	}
}

func TestBadEventFiles(t *testing.T) {
	t.Parallel()
	merge := runner("pull_request", "refs/pull/2/merge")
	for name, test := range map[string]struct {
		env     map[string]string
		payload []byte
		want    string
	}{
		"empty":        {merge, nil, `the event file "event.json" is empty; the runner writes it`},
		"truncated":    {merge, fixture(t, "pull_request.opened.json")[:2000], "it was cut short"},
		"no object":    {merge, []byte(`[1]`), "is not an event"},
		"null":         {merge, []byte(`null`), "holds no event"},
		"huge":         {merge, bytes.Repeat([]byte(" "), maxPayload+1), "is larger than 32 MiB"},
		"deep":         {merge, bytes.Repeat([]byte("["), 1<<20), "is not an event"},
		"another kind": {merge, fixture(t, "schedule.json"), "it holds no pull_request"},
		"another pull request": {
			merge, edited(t, "pull_request.opened.json", "pull_request.number", "3"),
			`it is about pull request 3, and GITHUB_REF names "refs/pull/2/merge"`,
		},
		"another repository": {merge, edited(t, "pull_request.opened.json", "repository.id", "5"), "GITHUB_REPOSITORY_ID is 186853002"},
		"another repository, by name": {
			runner("schedule", "refs/heads/master", "GITHUB_REPOSITORY_ID", ""), edited(t, "schedule.json", "repository.full_name", `"evil/twin"`),
			`it is about the repository "evil/twin"`,
		},
		"another branch": {runner("push", "refs/heads/other"), fixture(t, "push.branch.json"), `it is a push to "refs/heads/master", and GITHUB_REF is "refs/heads/other"`},
		"head is an option": {
			merge, edited(t, "pull_request.opened.json", "pull_request.head.sha", `"--upload-pack=x"`),
			`pull_request.head.sha is "--upload-pack=x", which it cannot be`,
		},
		"head of zeros":     {merge, edited(t, "pull_request.opened.json", "pull_request.head.sha", `"`+strings.Repeat("0", 40)+`"`), "pull_request.head.sha is"},
		"base is missing":   {merge, edited(t, "pull_request.opened.json", "pull_request.base.sha", `null`), "pull_request.base.sha is missing"},
		"base ref":          {merge, edited(t, "pull_request.opened.json", "pull_request.base.ref", `"a\n::error::b"`), `pull_request.base.ref is "a\n::error::b"`},
		"negative number":   {merge, edited(t, "pull_request.opened.json", "pull_request.number", "-1"), "-1 is not the number of a pull request"},
		"number is a float": {merge, edited(t, "pull_request.opened.json", "pull_request.number", "1.5"), "is not an event"},
		"head's repository": {merge, edited(t, "pull_request.opened.json", "pull_request.head.repo.full_name", `"a/../b"`), "pull_request.head.repo.full_name"},
		"default branch":    {merge, edited(t, "pull_request.opened.json", "repository.default_branch", `"-x"`), "repository.default_branch"},
		"before":            {runner("push", "refs/heads/master"), edited(t, "push.branch.json", "before", `"main"`), `before is "main"`},
		"merge base":        {runner("merge_group", "refs/heads/x", "GITHUB_REPOSITORY_ID", "17273051"), edited(t, "merge_group.checks_requested.json", "merge_group.base_sha", `"HEAD~1"`), "merge_group.base_sha"},
		"no file named":     {runner("push", "refs/heads/master", "GITHUB_EVENT_PATH", ""), nil, "GITHUB_EVENT_PATH is not set"},
		"variable":          {runner("push", "refs/heads/master", "GITHUB_SHA", "main"), fixture(t, "push.branch.json"), `GITHUB_SHA is "main", which is not a commit`},
		"variable: number":  {runner("push", "refs/heads/master", "GITHUB_RUN_ID", "-3"), fixture(t, "push.branch.json"), `GITHUB_RUN_ID is "-3"`},
		"variable: server":  {runner("push", "refs/heads/master", "GITHUB_SERVER_URL", "https://user:pw@x"), fixture(t, "push.branch.json"), `GITHUB_SERVER_URL is`},
		"variable: name":    {runner("push\n", "refs/heads/master"), fixture(t, "push.branch.json"), `GITHUB_EVENT_NAME is "push\n"`},
		"variable: ref":     {runner("push", "refs/heads/a..b"), fixture(t, "push.branch.json"), `GITHUB_REF is "refs/heads/a..b"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := read(t, test.env, test.payload)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if !e.Fork || !e.Private || e.Base != "" || e.Kind == Default || e.Run == nil || !e.Run.Untrusted || e.Run.Head != "" {
				t.Errorf("claims too much: %+v", e)
			}
		})
	}
}

func TestEventFileThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	open := func(name string) (io.ReadCloser, error) { return os.Open(name) }
	for name, path := range map[string]string{"missing": filepath.Join(t.TempDir(), "none.json"), "directory": t.TempDir()} {
		env := runner("push", "refs/heads/master", "GITHUB_EVENT_PATH", path)
		e, err := Read(func(k string) string { return env[k] }, open)
		if err == nil || !strings.Contains(err.Error(), "the runner writes it") || strings.Count(err.Error(), path) != 1 || !e.Fork {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Read(func(k string) string { return runner("push", "refs/heads/master")[k] }, func(string) (io.ReadCloser, error) { return nil, os.ErrPermission }); !errors.Is(err, os.ErrPermission) {
		t.Error(err)
	}
}

func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		f.Fatal(err)
	}
	names := []string{"pull_request", "pull_request_target", "merge_group", "push", "release", "schedule", "workflow_run", "issue_comment"}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for i := range names {
			f.Add(uint8(i), "refs/heads/master", merged, data)
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, ref, sha string, payload []byte) {
		env := runner(names[int(kind)%len(names)], ref, "GITHUB_SHA", sha)
		e, err := read(t, maps.Clone(env), payload)
		for _, commit := range []string{e.Base, e.Run.Head, e.Run.Commit} {
			if commit != "" && !IsCommit(commit) {
				t.Errorf("commit %q", commit)
			}
		}
		for _, ref := range []string{e.BaseRef, e.DefaultBranch, e.Run.Ref} {
			if ref != "" && !isRef(ref) {
				t.Errorf("ref %q", ref)
			}
		}
		if e.HeadRepository != "" && !IsRepository(e.HeadRepository) {
			t.Errorf("repository %q", e.HeadRepository)
		}
		if err != nil && (!e.Fork || !e.Private) {
			t.Errorf("%v, and trusted: %+v", err, e)
		}
		if !e.Fork && e.HeadRepository == "" || e.Run.Untrusted != (e.Fork || e.Dependabot) {
			t.Errorf("%+v", e)
		}
	})
}
