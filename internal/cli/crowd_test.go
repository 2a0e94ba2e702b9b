package cli_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/plimsoll-ci/plimsoll/internal/report/github/githubtest"
)

// Thousands of findings fit into what GitHub takes, the worst first.
func TestThousandsOfFindings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{}, writing)
	change := files{}
	for i := range 800 {
		change[fmt.Sprintf("deploy/%03d.yaml", i)] = strings.ReplaceAll(oldDeployment, "name: web", fmt.Sprintf("name: web-%d", i))
	}
	w.open(files{"Dockerfile": good}, change)
	r := w.run(run{})
	r.is(1, "verdict=fail", "degraded=")
	for _, name := range []string{"introduced", "high"} {
		if n, err := strconv.Atoi(r.Outputs[name]); err != nil || n < 2400 {
			t.Errorf("output %s is %q, want 2400 or more", name, r.Outputs[name])
		}
	}
	if units := len(utf16.Encode([]rune(w.comment().Body))); units > 62_000 {
		t.Errorf("the comment has %d UTF-16 units", units)
	}
	if len(r.Summary) > 1<<20 || len(r.Dropped) > 0 {
		t.Errorf("a summary of %d bytes, %d annotations dropped by the runner", len(r.Summary), len(r.Dropped))
	}
	says(t, "first line", firstLine(w.comment()), `fail: high: .* and \d+ more to mend`)
	// The quiet end of it: all of it mended.
	mended := files{"README": "two\n"}
	for name := range change {
		mended[name] = gone
	}
	w.push(mended)
	w.run(run{}).is(0, "verdict=pass", "introduced=0", "degraded=")
	says(t, "first line", firstLine(w.comment()), `✅ pass`)
}

// What others wrote is left alone, whatever it looks like, and a comment that is
// gone is made again when there is something to say.
func TestOthersComments(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{}, writing)
	w.open(files{"Dockerfile": good}, files{"Dockerfile": oneHigh})
	w.run(run{}).is(1, "degraded=")
	ours := w.comment()
	forged := w.AddComment(project, w.number, githubtest.Mallory, ours.Body)
	w.RemoveComment(project, w.number, ours.ID)
	w.run(run{}).is(1, "degraded=")
	all := w.Comments(project, w.number)
	if len(all) != 2 || all[0].ID != forged || all[0].Body != ours.Body || all[1].Author.Login != "github-actions[bot]" {
		t.Errorf("comments %+v", all)
	}

	w.Update(project, w.number, func(p *githubtest.PullRequest) { p.Locked = true })
	w.RemoveComment(project, w.number, all[1].ID)
	r := w.run(run{})
	if r.Outputs["degraded"] != "" { // a bot with the right to write may write in a locked conversation
		says(t, "log", r.Text(), `not commented: the conversation of this pull request is locked`)
	}
	r.is(1, "verdict=fail")
}

// A draft is told, and called advisory.
func TestDraft(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{}, writing)
	w.open(files{"Dockerfile": good}, files{"Dockerfile": oneHigh})
	r := w.run(run{edit: func(e object) { e["pull_request"].(object)["draft"] = true }})
	r.is(1, "verdict=fail", "degraded=")
	says(t, "first line", firstLine(w.comment()), `advisory`)
}

// The ways to silence the comment, and to demand it.
func TestModes(t *testing.T) {
	t.Parallel()
	for mode, want := range map[string][2]int{"auto": {0, 1}, "always": {1, 1}, "on-failure": {0, 1}, "never": {0, 0}} {
		for i, change := range []files{{"README": "two\n"}, {"Dockerfile": oneHigh}} {
			w := newWorld(t, githubtest.Options{}, writing)
			w.open(files{"Dockerfile": good}, change)
			w.run(run{with: map[string]string{"comment": mode}}).is(i, "degraded=")
			if n := len(w.Comments(project, w.number)); n != want[i] {
				t.Errorf("comment: %s, exit %d: %d comments, want %d", mode, i, n, want[i])
			}
			if mode == "never" && len(w.Writes()) > 0 {
				t.Errorf("comment: never wrote %v", w.Writes())
			}
		}
	}
}
