package main

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/registry/registrytest"
	"github.com/plimsoll-ci/plimsoll/internal/report/actions/runnertest"
)

// gone removes a file.
const gone = "\x00"

// repository is where a change is made and merged, as actions/checkout leaves it.
type repository struct {
	world             *world
	dir               string
	base, head, merge string
}

func (r *repository) git(args ...string) string {
	t := r.world.t
	t.Helper()
	command := exec.Command("git", append([]string{"-c", "user.name=o", "-c", "user.email=o@example.com", "-C", r.dir}, args...)...)
	command.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit writes files, in which HOST is the registry.
func (r *repository) commit(change files) string {
	t := r.world.t
	t.Helper()
	for name, text := range change {
		path := filepath.Join(r.dir, filepath.FromSlash(name))
		if text == gone {
			check(t, os.Remove(path))
			continue
		}
		check(t, os.MkdirAll(filepath.Dir(path), 0o755))
		check(t, os.WriteFile(path, []byte(strings.ReplaceAll(text, "HOST", r.world.Host)), 0o644))
	}
	r.git("add", "--all", "--force")
	r.git("commit", "--quiet", "--allow-empty", "--message=change")
	return r.git("rev-parse", "HEAD")
}

// pullRequest runs the action on a change as a runner does, without its container.
func (w *world) pullRequest(base, change files, with map[string]string) outcome {
	t := w.t
	t.Helper()
	r := &repository{world: w, dir: filepath.Join(w.dir, "Hello-World")}
	check(t, os.MkdirAll(r.dir, 0o755))
	r.git("init", "--quiet", "--initial-branch=master")
	settings := base[".plimsoll.yaml"] + "db-repository: HOST/trivy-db:2\n"
	base[".plimsoll.yaml"] = settings
	if text := change[".plimsoll.yaml"]; text != "" {
		change[".plimsoll.yaml"] = settings + text
	}
	r.base = r.commit(base)
	r.git("checkout", "--quiet", "-b", "changes")
	r.head = r.commit(change)
	r.git("checkout", "--quiet", "--detach", "master")
	r.git("merge", "--quiet", "--no-ff", "--message=merge", "changes")
	r.merge = r.git("rev-parse", "HEAD")

	inputs := map[string]string{"comment": "never", "driver": "embedded", "report-dir": w.reports, "cache": "none"}
	maps.Copy(inputs, with)
	result, err := runnertest.Run(t.Context(), filepath.Join(w.dir, "runner"), runnertest.Options{
		Action: filepath.Join(root, "action.yml"), With: inputs, Event: r.event(), Workspace: r.dir,
		Env: map[string]string{"TMPDIR": w.tmp, "HOME": filepath.Join(w.dir, "home"), "XDG_CACHE_HOME": filepath.Join(w.dir, "cache")},
		GitHub: map[string]string{
			"event_name": "pull_request", "ref": "refs/pull/2/merge", "ref_name": "2/merge", "sha": r.merge, "base_ref": "master", "head_ref": "changes",
			"repository": "Codertocat/Hello-World", "repository_id": "186853002", "repository_owner": "Codertocat", "api_url": "http://127.0.0.1:1",
		},
		Start: runnertest.Process{Program: plimsoll, Path: os.Getenv("PATH")},
	})
	check(t, err)
	o := outcome{t: t, code: result.ExitCode, stdout: result.Text()}
	if told, err := readReport(w.reports); err == nil {
		o.Result, o.told = told, true
	}
	w.tellsNoSecrets(o)
	w.leavesNothing(o)
	return o
}

// event is the file that GitHub sends.
func (r *repository) event() []byte {
	t := r.world.t
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, "internal", "event", "testdata", "pull_request.opened.json"))
	check(t, err)
	var payload map[string]any
	check(t, json.Unmarshal(raw, &payload))
	for name, commit := range map[string]string{"base": r.base, "head": r.head} {
		payload["pull_request"].(map[string]any)[name].(map[string]any)["sha"] = commit //nolint:forcetypeassert // GitHub's own file
	}
	raw, err = json.Marshal(payload)
	check(t, err)
	return raw
}

// brings says whether a finding of a rule stands in the report as what the change
// brought, or as what nobody could compare.
func (o outcome) brings(rule string) bool {
	for _, f := range o.Findings {
		if f.Rule.ID == rule && (f.Status == finding.Introduced || f.Status == finding.NotCompared) {
			return true
		}
	}
	return false
}

// A change is judged by what it builds, against what its base commit built by its own
// settings: no setting, name or broken base of its own makes new things old.
func TestAChangeCannotExcuseItself(t *testing.T) {
	t.Parallel()
	needsBuilder(t)
	const (
		small  = "FROM scratch\nCOPY flag /flag\nUSER 1000\n"
		old    = "FROM HOST/alpine:3.11\nUSER 1000\n" // vulnerable
		copies = "FROM scratch\nARG SRC=app\nCOPY ${SRC} /srv\nUSER 1000\n"
	)
	secret := "GITHUB_TOKEN=" + layerSecret + "\n"
	for name, test := range map[string]struct {
		base, change files
		with         map[string]string
		code         int
		brings       string // a rule
		says         []string
	}{
		"build-args": {
			files{"Dockerfile": copies, "app/flag": "blue", "fixtures/.env": secret},
			files{".plimsoll.yaml": "build-args: [SRC=fixtures]\n"},
			nil, 1, "SEC-1.b",
			[]string{`the change builds with "build-args: SRC=fixtures" in .plimsoll.yaml:2`},
		},
		"context": {
			files{"Dockerfile": small, "flag": "blue", "evil/flag": secret},
			files{".plimsoll.yaml": "context: evil\nfile: Dockerfile\n"},
			nil, 1, "SEC-1.b",
			[]string{`the change builds with "context: evil"`},
		},
		"renamed": {
			files{"Dockerfile": small, "flag": "blue"},
			files{"Dockerfile": gone, "Containerfile": old},
			nil, 1, "VUL-OS",
			[]string{"the image of base commit"},
		},
		"renamed, as the input says": {
			files{"a.Dockerfile": small, "flag": "blue"},
			files{"a.Dockerfile": gone, "b.Dockerfile": old},
			map[string]string{"file": "b.Dockerfile"},
			1, "VUL-OS",
			[]string{"the image of base commit"},
		},
		"a target that the base lacks": {
			files{"Dockerfile": small, "flag": "blue"},
			files{"Dockerfile": "FROM HOST/alpine:3.11 AS late\nUSER 1000\n", ".plimsoll.yaml": "target: late\n"},
			nil, 1, "VUL-OS",
			[]string{`the change builds with "target: late"`},
		},
		"the base was broken": {
			files{"Dockerfile": "FROM scratch\nCOPY missing /x\nUSER 1000\n"},
			files{"Dockerfile": old},
			nil, 1, "VUL-OS",
			[]string{"the FROM image is not that of the base commit"},
		},
		"the base was broken and had the same FROM": {
			files{"Dockerfile": "FROM HOST/alpine:3.11\nCOPY missing /x\nUSER 1000\n"},
			files{"Dockerfile": old},
			nil, 0, "",
			[]string{"the FROM image, which is that of the base commit"},
		},
		"the first Dockerfile": {
			files{"README": "x"}, files{"Dockerfile": old}, nil, 0, "", []string{"there was no image before"},
		},
		"another image instead": {
			files{"Dockerfile": small, "flag": "blue"},
			files{"Dockerfile": old, ".plimsoll.yaml": "input: hull.tar\n", "hull.tar": "x"},
			nil, 1, "VUL-OS",
			[]string{`"input: hull.tar" in .plimsoll.yaml:2 does not count yet and the default holds; it counts once it is merged`},
		},
		"a reference instead": {
			files{"Dockerfile": small, "flag": "blue"},
			files{"Dockerfile": old, ".plimsoll.yaml": "image-ref: HOST/hull:1\n"},
			nil, 1, "VUL-OS",
			[]string{`does not count yet`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{})
			o := w.pullRequest(test.base, test.change, test.with)
			o.exits(test.code)
			if test.brings != "" && !o.brings(test.brings) {
				t.Errorf("it brings no %s\n%s", test.brings, o.stdout)
			}
			report, err := os.ReadFile(filepath.Join(w.reports, "report.txt"))
			check(t, err)
			if text := o.stdout + string(report); !holdsAll(text, test.says) {
				t.Errorf("want %q\n%s", test.says, text)
			}
		})
	}
}
