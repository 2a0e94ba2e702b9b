package cli_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/report/actions/runnertest"
	"github.com/plimsoll-ci/plimsoll/internal/report/github/githubtest"
)

// A change may hold what the action's reports are called, as links to files of the
// runner.
func TestReportsOfAHostileChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{}, writing)
	w.open(files{"Dockerfile": good}, files{"README": "two\n"})

	o := w.options(run{})
	event := filepath.Join(t.TempDir(), "event.json")
	check(t, os.WriteFile(event, []byte("{}"), 0o600))
	dir := filepath.Join(o.Workspace, "plimsoll-report")
	check(t, os.Mkdir(dir, 0o755))
	for _, name := range []string{"report.json", "report.json.part", "summary.md", "report.txt.part", ".gitignore", ".gitignore.part"} {
		check(t, os.Symlink(event, filepath.Join(dir, name)))
	}
	w.start(o).is(0, "verdict=pass", "degraded=", "report=plimsoll-report/report.json")
	if data, err := os.ReadFile(event); err != nil || string(data) != "{}" {
		t.Errorf("a link was written through: %q, %v", data, err)
	}
	for _, name := range []string{"report.json", "summary.md", "report.txt", ".gitignore"} {
		if info, err := os.Lstat(filepath.Join(dir, name)); err != nil || !info.Mode().IsRegular() {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}

	o = w.options(run{})
	outside := t.TempDir()
	check(t, os.Symlink(outside, filepath.Join(o.Workspace, "plimsoll-report")))
	r := w.start(o)
	r.is(2)
	says(t, "log", r.Text(), `^plimsoll: report-dir: .*plimsoll-report is a symbolic link`)
	if entries, err := os.ReadDir(outside); err != nil || len(entries) > 0 {
		t.Errorf("a link was written through: %v, %v", entries, err)
	}
	w.silent()
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A job that is cancelled while GitHub does not answer ends in time, and says so.
func TestSignalWhileTelling(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{}, writing)
	w.open(files{"Dockerfile": good}, files{"Dockerfile": oneHigh})
	o := w.options(run{full: true})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	sent := make(chan time.Time, 1)
	asked := make(chan struct{})
	once := sync.OnceFunc(func() { close(asked) })
	w.Reset(func(int, *http.Request) githubtest.Fate {
		once()
		return githubtest.Fate{Hang: true}
	})
	go func() {
		<-asked
		sent <- time.Now()
		cancel()
	}()
	result, err := runnertest.Run(ctx, t.TempDir(), o)
	ended := time.Now()
	check(t, err)
	if len(sent) == 0 {
		t.Fatalf("GitHub was not asked:\n%s", result.Text())
	}
	took := ended.Sub(<-sent)
	if result.ExitCode != 130 || took > 5*time.Second {
		t.Errorf("exit %d %s after the signal:\n%s", result.ExitCode, took, result.Text())
	}
	says(t, "log", result.Text(), `stopped by a signal`)
	if _, err := os.Stat(filepath.Join(o.Workspace, "plimsoll-report", "report.json")); err != nil {
		t.Error(err)
	}
	if _, ok := result.Outputs["verdict"]; !ok {
		t.Errorf("outputs %q", result.Outputs)
	}
}
