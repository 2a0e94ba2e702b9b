package action

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/report/actions/runnertest"
)

// step is one run of the action and what must hold of every one.
type step struct {
	*runnertest.Result
	t    testing.TB
	took time.Duration
}

// limit is far above what any step takes.
const limit = 3 * time.Minute

// run runs the action, with the test's database, in the full image beside a real
// engine, where o says nothing else.
func (d *dock) run(t testing.TB, workspace map[string]string, o runnertest.Options) step {
	t.Helper()
	return d.runIn(t.Context(), t, workspace, o)
}

// runIn is run as a job that ends with ctx.
func (d *dock) runIn(ctx context.Context, t testing.TB, workspace map[string]string, o runnertest.Options) step {
	t.Helper()
	late, stop := context.WithTimeout(ctx, limit)
	defer stop()
	base := t.TempDir()
	o.Action = filepath.Join(root, "action.yml")
	if o.Workspace == "" {
		o.Workspace = filepath.Join(base, "_work", "octo-repo", "octo-repo")
	}
	write(t, o.Workspace, d, workspace)
	with := map[string]string{"db-repository": d.host + "/trivy-db:2", "comment": "never"}
	maps.Copy(with, o.With)
	maps.DeleteFunc(with, func(_, value string) bool { return value == "-" })
	o.With = with
	if o.Start == nil {
		o.Start = runnertest.Docker{Image: d.full, Socket: runnertest.RealSocket}
	}
	began := time.Now()
	result, err := runnertest.Run(late, base, o)
	check(t, err)
	s := step{Result: result, t: t, took: time.Since(began).Round(10 * time.Millisecond)}
	if late.Err() != nil && ctx.Err() == nil {
		t.Fatalf("the step did not end in %s\n%s", limit, s.Text())
	}
	return s
}

// write writes a repository; HOST in a file is the registry as containers see it.
func write(t testing.TB, dir string, d *dock, files map[string]string) {
	t.Helper()
	for path, content := range files {
		path = filepath.Join(dir, filepath.FromSlash(path))
		check(t, os.MkdirAll(filepath.Dir(path), 0o755))
		check(t, os.WriteFile(path, []byte(strings.ReplaceAll(content, "HOST", d.host)), 0o644))
	}
}

// exits checks the exit code.
func (s step) exits(code int) {
	s.t.Helper()
	if s.ExitCode != code {
		s.t.Fatalf("exit code %d, want %d\n%s", s.ExitCode, code, s.Text())
	}
}

// says checks that the log holds all words.
func (s step) says(words ...string) {
	s.t.Helper()
	for _, word := range words {
		if !strings.Contains(s.Text(), word) {
			s.t.Errorf("the log does not say %q\n%s", word, s.Text())
		}
	}
}

// outputs checks some outputs.
func (s step) outputs(want map[string]string) {
	s.t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got := s.Outputs[name]; got != want[name] {
			s.t.Errorf("the output %s is %q, want %q", name, got, want[name])
		}
	}
}
