package cli_test

import (
	"maps"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/report/github/githubtest"
)

func TestCommentFollowsThePullRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{}, writing)
	w.open(files{"Dockerfile": good, "deploy/web.yaml": oldDeployment}, files{"Dockerfile": oneHigh})
	r := w.run(run{})
	r.is(1, "verdict=fail", "introduced=1", "degraded=")
	r.marks("error Dockerfile:3")
	first := w.comment()
	says(t, "first line", firstLine(first), `^### ❌ fail: high: .*.*<code>Dockerfile:3</code>`)
	if want := "https://github.com/" + project + "/blob/" + w.head + "/Dockerfile#L3"; !strings.Contains(first.Body, want) {
		t.Errorf("no link %s in\n%s", want, first.Body)
	}
	if r.Outputs["comment-url"] == "" || !strings.HasPrefix(r.Outputs["reason"], "Dockerfile:3: ") {
		t.Errorf("outputs %q", r.Outputs)
	}
	says(t, "summary", r.Summary, `fail`, `Dockerfile`)

	// A second push mends it: the same comment says so.
	w.push(files{"Dockerfile": good})
	r = w.run(run{})
	r.is(0, "verdict=pass", "introduced=0", "degraded=")
	r.marks()
	second := w.comment()
	if second.ID != first.ID || !strings.Contains(second.Body, w.head) || strings.Contains(second.Body, "❌") {
		t.Errorf("the comment %d was not brought up to date:\n%s", first.ID, second.Body)
	}
	says(t, "first line", firstLine(second), `^### ✅ pass`)

	// A second attempt of that run has nothing to add.
	again := map[string]string{"run_id": strconv.FormatInt(w.last.Load(), 10), "run_attempt": "2"}
	r = w.run(run{github: again})
	r.is(0, "verdict=pass", "comment-url="+r.Outputs["comment-url"])
	if writes := w.Writes(); r.ExitCode != 0 || len(writes) > 0 {
		t.Errorf("exit %d, written: %v; the comment was\n%s\nand is\n%s", r.ExitCode, writes, second.Body, w.comment().Body)
	}
	if len(w.Comments(project, w.number)) != 1 {
		t.Error("there is a second comment")
	}
}

func TestMovedFindingsAreOld(t *testing.T) {
	t.Parallel()
	indented := regexp.MustCompile(`(?m)^spec:\n(?s:.*)`).ReplaceAllStringFunc(oldDeployment, func(s string) string {
		first, rest, _ := strings.Cut(s, "\n")
		return first + "\n" + regexp.MustCompile(`(?m)^  `).ReplaceAllString(rest, "      ")
	})
	for name, change := range map[string]files{
		"lines":    {"Dockerfile": "# a remark\n\n" + oldDockerfile, "deploy/web.yaml": "# a remark\n" + oldDeployment},
		"indented": {"deploy/web.yaml": indented},
		"renamed":  {"deploy/web.yaml": gone, "k8s/app/web.yaml": oldDeployment},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, githubtest.Options{}, writing)
			w.open(old, change)
			r := w.run(run{})
			r.is(0, "verdict=pass", "introduced=0")
			r.marks()
			w.silent()
		})
	}
	t.Run("copied", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, githubtest.Options{}, writing)
		w.open(old, files{"deploy/web2.yaml": oldDeployment})
		r := w.run(run{})
		r.is(1, "verdict=fail")
		for _, a := range r.Annotations {
			if a.File != "deploy/web2.yaml" {
				t.Errorf("annotated: %+v", a)
			}
		}
	})
}

// The base branch went on since the pull request was opened: the event tells an
// old base, the merge commit knows the one that counts.
func TestBaseMovedOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{}, writing)
	w.open(files{"Dockerfile": good}, files{"README": "two\n"})
	stale := w.base
	w.base = w.commit(trunk, w.base, files{"deploy/web.yaml": oldDeployment})
	w.merged()
	w.base = stale
	for _, full := range []bool{false, true} {
		r := w.run(run{full: full})
		r.is(0, "verdict=pass", "introduced=0")
		w.silent()
	}
}

func TestLooseningIsRefused(t *testing.T) {
	t.Parallel()
	const settings = "policy:\n  pull_request: { lint-fail-on-severity: high }\n"
	for name, c := range map[string]struct {
		base, head files
		with       map[string]string
		code       int
		comment    []string // expressions
	}{
		"severity":      {files{".plimsoll.yaml": settings}, files{".plimsoll.yaml": "lint-fail-on-severity: critical\n"}, nil, 1, []string{`Refused:.*lint-fail-on-severity.*critical`}},
		"section":       {files{".plimsoll.yaml": settings}, files{".plimsoll.yaml": "policy:\n  pull_request: { lint-fail-on-severity: critical }\n"}, nil, 1, []string{`Refused:.*lint-fail-on-severity.*critical`}},
		"removed":       {files{".plimsoll.yaml": "lint-fail-on-severity: medium\n"}, files{".plimsoll.yaml": gone, "Dockerfile": "FROM scratch\nCOPY app /app\nUSER 1:1\nCMD top\n"}, nil, 1, []string{`Refused:.*removing.*lint-fail-on-severity`}},
		"skip files":    {files{".plimsoll.yaml": settings}, files{".plimsoll.yaml": settings + "skip-files: [Dockerfile]\n"}, nil, 1, []string{`Refused:.*skip-files`}},
		"ignore":        {files{".plimsoll.yaml": settings}, files{".plimsoll.yaml": settings + "ignore:\n- rule: USR-1.a\n  reason: it is fine\n"}, nil, 1, []string{`Refused:.*USR-1`}},
		"rule off":      {files{".plimsoll.yaml": settings}, files{".plimsoll.yaml": settings + "rules: { USR-1: { severity: off } }\n"}, nil, 1, []string{`Refused:.*switch off`}},
		"rule excepted": {files{".plimsoll.yaml": settings}, files{".plimsoll.yaml": settings + "rules: { USR-1.a: { except: [Dockerfile] } }\n"}, nil, 1, []string{`Refused:.*the exception`}},
		"base's rules":  {files{".plimsoll.yaml": "rules: { USR-1.a: { severity: low } }\n"}, files{}, nil, 0, []string{`pass`, `!Refused`}},
		"kubernetes":    {files{".plimsoll.yaml": settings}, files{".plimsoll.yaml": settings + "profile: kubernetes\n"}, nil, 1, []string{`Refused:.*profile: kubernetes`}},
		"inline":        {files{".plimsoll.yaml": settings}, files{"Dockerfile": "FROM scratch\nCOPY app /app\n# plimsoll:ignore USR-1.a -- it is fine\nUSER root\nENTRYPOINT [\"/app\"]\n"}, nil, 1, []string{`Refused:.*suppression of USR-1`}},
		"enforce":       {files{".plimsoll.yaml": settings}, files{".plimsoll.yaml": settings + "enforce: false\n"}, nil, 1, []string{`Refused:.*warn-only|Refused:.*enforce`}},
		"only input":    {files{".plimsoll.yaml": "enforce: true\n"}, files{}, map[string]string{"warn-only": "true"}, 1, []string{`Refused:.*warn-only.*input`}},
		"severity in":   {files{".plimsoll.yaml": settings}, files{}, map[string]string{"lint-fail-on-severity": "critical"}, 1, []string{`Refused:.*lint-fail-on-severity.*critical.*input`}},
		"first run":     {files{}, files{}, map[string]string{"warn-only": "true", "lint-fail-on-severity": "critical"}, 1, []string{`Refused:.*warn-only`, `Refused:.*lint-fail`, `(?i)first run`}},
		"left open":     {files{".plimsoll.yaml": settings}, files{}, map[string]string{"warn-only": "true"}, 0, []string{`not enforced`, `!Refused`}},
		"base is laxer": {files{".plimsoll.yaml": "policy:\n  pull_request: { lint-fail-on-severity: critical }\n"}, files{}, nil, 0, []string{`!Refused`, `pass`}},
		"other section": {files{".plimsoll.yaml": "policy:\n  release: { lint-fail-on-severity: critical }\n"}, files{}, nil, 1, []string{`!Refused`}},
		"tightened":     {files{".plimsoll.yaml": "policy:\n  pull_request: { lint-fail-on-severity: critical }\n"}, files{".plimsoll.yaml": "lint-fail-on-severity: high\n"}, nil, 1, []string{`!Refused`}},
		"all at once":   {files{".plimsoll.yaml": "policy:\n  pull_request: { only-introduced: false }\n", "deploy/web.yaml": oldDeployment}, files{"Dockerfile": good}, nil, 1, []string{`!Refused`, `deploy`}},
		"base's ignore": {files{".plimsoll.yaml": "ignore:\n- rule: USR-1.a\n  reason: it is fine\n"}, files{}, nil, 0, []string{`pass`, `!Refused`}},
		"nearer file":   {files{"Dockerfile": gone, "app/Dockerfile": good}, files{"Dockerfile": gone, "app/Dockerfile": oneHigh, "app/.plimsoll.yaml": "lint-fail-on-severity: critical\n"}, map[string]string{"context": "app"}, 1, []string{`Refused:.*lint-fail-on-severity`}},
		"other file":    {files{".plimsoll.yaml": settings}, files{"lax.yaml": "lint-fail-on-severity: critical\n"}, map[string]string{"config-file": "lax.yaml"}, 1, []string{`Refused:.*lint-fail-on-severity.*lax.yaml`}},
		"skip dirs":     {files{"Dockerfile": gone, "app/Dockerfile": good}, files{"Dockerfile": gone, "app/Dockerfile": oneHigh, ".plimsoll.yaml": "skip-dirs: [app]\n"}, nil, 1, []string{`Refused:.*skip-dirs`}},
		"manifests":     {files{"deploy/web.yaml": "a: 1\n"}, files{"Dockerfile": good, "deploy/web.yaml": oldDeployment, ".plimsoll.yaml": "manifests: [k8s/*.yaml]\n"}, nil, 1, []string{`Refused:.*manifests`}},
		"profile":       {files{".plimsoll.yaml": "profile: strict\n"}, files{".plimsoll.yaml": "profile: recommended\n"}, nil, 1, []string{`Refused:.*profile`}},
		"both":          {files{".plimsoll.yaml": settings}, files{".plimsoll.yaml": "enforce: false\nlint-fail-on-severity: critical\n", "Dockerfile": "FROM scratch\nCOPY app /app\n# plimsoll:ignore USR-1.a -- it is fine\nUSER root\nENTRYPOINT [\"/app\"]\n"}, nil, 1, []string{`Refused:.*lint-fail-on`, `Refused:.*warn-only`, `Refused:.*suppression of USR-1`}},
		"mended later":  {files{".plimsoll.yaml": "lint-fail-on-severity: [\n"}, files{".plimsoll.yaml": settings}, nil, 1, []string{`Refused:.*cannot be read`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, githubtest.Options{}, writing)
			base, head := files{"Dockerfile": good}, files{"Dockerfile": oneHigh}
			maps.Copy(base, c.base)
			maps.Copy(head, c.head)
			maps.DeleteFunc(base, func(_, text string) bool { return text == gone })
			maps.DeleteFunc(head, func(name, text string) bool { return text == gone && base[name] == "" })
			w.open(base, head)
			with := map[string]string{"comment": "always"}
			maps.Copy(with, c.with)
			r := w.run(run{with: with})
			r.is(c.code, "degraded=")
			says(t, "comment", plain(w.comment().Body), c.comment...)
			for _, e := range c.comment {
				if strings.HasPrefix(e, "Refused") && !strings.Contains(r.Summary, "Refused") {
					t.Error("the summary does not say what was refused")
				}
			}
		})
	}
}
