//go:build unix

package actions_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/progress"
	"github.com/plimsoll-ci/plimsoll/internal/report/actions"
	"github.com/plimsoll-ci/plimsoll/internal/report/actions/runnertest"
)

// TestMain makes this program an action too: a redirected descriptor is a matter of
// the whole process.
func TestMain(m *testing.M) {
	if name := os.Getenv("PLAY"); name != "" {
		log, err := actions.Redirect(os.Getenv)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(99)
		}
		code := plays[name](actions.New(os.Getenv, log))
		if err := log.Close(); err != nil {
			os.Exit(98)
		}
		fmt.Println("::add-mask::too late")
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// plays are what the action does, and its exit code.
var plays = map[string]func(*actions.Runner) int{
	"order":      order,
	"hostile":    playHostile,
	"flood":      flood,
	"grandchild": grandchild,
	"panic": func(*actions.Runner) int {
		go func() { panic(errors.New("bad name: x\n::add-mask::pass")) }()
		select {}
	},
	"outputs": func(r *actions.Runner) int {
		r.Mask(os.Getenv("INPUT_SECRET-VALUE"))
		fmt.Println("secret:", os.Getenv("INPUT_SECRET-VALUE"), "home:", os.Getenv("HOME"), "token:", os.Getenv("INPUT_TOKEN"))
		made := filepath.Join(os.Getenv("GITHUB_WORKSPACE"), "made")
		err := errors.Join(
			r.Outputs(actions.Output{Name: "verdict", Value: "fail"}),
			r.Summary([]byte("# red\n")),
			os.MkdirAll(filepath.Join(made, "deep"), 0o755), os.WriteFile(filepath.Join(made, "deep", "file"), nil, 0o644),
		)
		for _, name := range []string{made, filepath.Join(made, "deep"), filepath.Join(made, "deep", "file")} {
			if f, openErr := os.Open(name); openErr == nil {
				r.Own(f)
				err = errors.Join(err, f.Close())
			}
		}
		if err != nil {
			fmt.Println(err)
		}
		r.Annotate([]actions.Annotation{{Level: "error", Path: "Dockerfile", Line: 1, Message: "no"}})
		return 1
	},
}

func shell(script string) {
	command := exec.CommandContext(context.Background(), "sh", "-c", script)
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	if err := command.Run(); err != nil {
		fmt.Println("shell:", err)
	}
}

func order(r *actions.Runner) int {
	text := r.Log().Text()
	for i := range 50 {
		fmt.Println("out", i)
		fmt.Fprintln(os.Stderr, "err", i)
		r.Group(fmt.Sprint("group ", i))
		fmt.Fprintln(text, "text", i)
		shell(fmt.Sprintf("echo child %d", i))
		r.EndGroup()
	}
	fmt.Print("no end")
	return 0
}

func playHostile(r *actions.Runner) int {
	for in := range hostile {
		for _, end := range breaks {
			fmt.Print("x", end, in, end)
			_, _ = os.Stderr.WriteString(in + end)
			fmt.Fprint(r.Log().Text(), in, end)
		}
		// Split between two writes, and two processes.
		fmt.Print("\n" + in[:len(in)/2])
		time.Sleep(time.Millisecond)
		fmt.Print(in[len(in)/2:] + "\n")
	}
	shell(`echo '::add-mask::pass'; printf '##[add-mask]pass' >&2; printf '\r::stop-commands::x\r' >&2`)
	fmt.Print(strings.Repeat("z", 1<<20), "::add-mask::pass##[add-mask]pass\n")
	r.Group("##[group]::add-mask::pass\n::add-mask::pass")
	r.EndGroup()
	return 3
}

func flood(r *actions.Runner) int {
	var writers sync.WaitGroup
	for g := range 8 {
		writers.Go(func() {
			f := os.Stdout
			if g%2 == 1 {
				f = os.Stderr
			}
			for i := range 5000 {
				fmt.Fprintf(f, "line %d %d %s\n", g, i, strings.Repeat("x", 100))
				if i%500 == 0 {
					r.Debug(fmt.Sprint(g, i))
				}
			}
		})
	}
	writers.Wait()
	return 0
}

func grandchild(*actions.Runner) int {
	shell("echo started; sleep 20 & exit 0")
	return 0
}

const fixture = `
name: fixture
description: a test program
inputs:
  secret-value:
    description: a secret
    default: hunter2hunter2
  token:
    description: the job's
    default: ${{ github.token }}
runs:
  using: docker
  image: docker://plimsoll-runnertest:fixture
  entrypoint: /action
`

// play runs this program as an action.
func play(t *testing.T, name string, start runnertest.Starter, with map[string]string) *runnertest.Result {
	t.Helper()
	dir := t.TempDir()
	action := filepath.Join(dir, "action.yml")
	if err := os.WriteFile(action, []byte(fixture), 0o644); err != nil {
		t.Fatal(err)
	}
	if start == nil {
		start = runnertest.Process{Program: os.Args[0]}
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	r, err := runnertest.Run(ctx, filepath.Join(dir, "root"), runnertest.Options{
		Action: action, With: with, Env: map[string]string{"PLAY": name, "GOCOVERDIR": dir}, Start: start,
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Stderr) > 0 {
		t.Errorf("raw on standard error: %.300q", r.Stderr)
	}
	return r
}

func TestCommandsStandWhereTheyBelong(t *testing.T) {
	t.Parallel()
	r := play(t, "order", nil, nil)
	var want []string
	for i := range 50 {
		want = append(want, fmt.Sprint("out ", i), fmt.Sprint("err ", i), fmt.Sprintf("##[group]group %d", i), fmt.Sprint("text ", i), fmt.Sprint("child ", i), "##[endgroup]")
	}
	if diff := cmp.Diff(append(want, "no end"), r.Log); diff != "" || !r.Success() {
		t.Error(diff, r.ExitCode)
	}
}

func TestNothingHostileIsObeyed(t *testing.T) {
	t.Parallel()
	r := play(t, "hostile", nil, nil)
	onlyOurs(t, r)
	if r.ExitCode != 3 || !strings.Contains(r.Text(), "std::vector<a::b>") {
		t.Errorf("exit %d", r.ExitCode)
	}
}

func onlyOurs(t *testing.T, r *runnertest.Result) {
	t.Helper()
	var names []string
	for _, c := range r.Commands {
		names = append(names, c.Name)
	}
	if diff := cmp.Diff([]string{"group", "endgroup"}, names); diff != "" || len(r.Failed) > 0 || len(r.Masks) != 1 {
		t.Errorf("the runner obeyed %q (%q, %d masks)", names, r.Failed, len(r.Masks))
	}
}

func TestNothingIsLostInAFlood(t *testing.T) {
	t.Parallel()
	r := play(t, "flood", nil, nil)
	next := make([]int, 8)
	for _, line := range r.Log {
		var g, i int
		if _, err := fmt.Sscanf(line, "line %d %d ", &g, &i); err != nil || i != next[g] {
			t.Fatalf("%q after %v", line, next)
		}
		next[g]++
	}
	if len(r.Log) != 40_000 || len(r.Debug) != 80 {
		t.Errorf("%d lines, %d commands", len(r.Log), len(r.Debug))
	}
}

func TestAProcessLeftBehindHoldsNothingUp(t *testing.T) {
	t.Parallel()
	began := time.Now()
	r := play(t, "grandchild", nil, nil)
	if took := time.Since(began); took > 10*time.Second || !slices.Contains(r.Log, "started") {
		t.Errorf("took %s: %q", took, r.Log)
	}
}

func TestACrashReachesTheSummaryAndNotTheLog(t *testing.T) {
	t.Parallel()
	r := play(t, "panic", nil, nil)
	if r.ExitCode != 2 || len(r.Commands) != 0 || len(r.Masks) != 1 {
		t.Errorf("exit %d, %v, %q", r.ExitCode, r.Commands, r.Masks)
	}
	if !strings.Contains(r.Summary, "panic: bad name: x") || !strings.Contains(r.Summary, "goroutine ") {
		t.Errorf("summary: %q", r.Summary)
	}
}

func TestAStep(t *testing.T) {
	t.Parallel()
	checkStep(t, play(t, "outputs", nil, map[string]string{"unknown": "x"}))
}

func checkStep(t *testing.T, r *runnertest.Result) {
	t.Helper()
	if r.ExitCode != 1 || r.Outputs["verdict"] != "fail" || r.Summary != "# red\n" {
		t.Errorf("exit %d, %v, %q", r.ExitCode, r.Outputs, r.Summary)
	}
	if len(r.Annotations) != 2 || r.Annotations[0].Level != "warning" || r.Annotations[1].File != "Dockerfile" {
		t.Errorf("%+v", r.Annotations)
	}
	if !strings.Contains(r.Text(), "secret: *** home: ") || !strings.Contains(r.Text(), "token: ***") || strings.Contains(r.Text(), "hunter2") {
		t.Error(r.Text())
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	p := actions.NewProgress(d.Runner)
	for _, e := range []progress.Event{
		{Kind: progress.Notice, Text: "note"},
		{Kind: progress.Begin, Stage: "lint"},
		{Kind: progress.Begin, Stage: "build"},
		{Kind: progress.Begin, Stage: "database"},
		{Kind: progress.Step, Stage: "build", Text: "[1/2] RUN curl"},
		{Kind: progress.Log, Stage: "build", Text: "::add-mask::pass"},
		{Kind: progress.Step, Stage: "lint", Text: "rules"},
		{Kind: progress.End, Stage: "database", Text: "fresh", Elapsed: time.Second},
		{Kind: progress.Notice, Stage: "build", Text: "slow"},
		{Kind: progress.Step, Stage: "lint", Text: "more rules"},
		{Kind: progress.End, Stage: "lint", Text: "no findings", Elapsed: time.Second},
		{Kind: progress.Log, Stage: "build", Text: "E: ##[add-mask]pass"},
		{Kind: progress.End, Stage: "build", Text: "failed: exit code 100", Elapsed: 2 * time.Second, Failed: true},
		{Kind: progress.Begin, Stage: "scan"},
		{Kind: progress.Step, Stage: "scan", Text: "layer 1"},
		{Kind: progress.Begin, Stage: "sign"},
		{Kind: progress.Step, Stage: "sign", Text: "key"},
	} {
		p.Emit(e)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	s := d.step()
	want := strings.Split(strings.TrimSpace(`
note
##[group]lint
rules
##[endgroup]
database done in 1s: fresh
build    slow
##[group]lint (continued)
more rules
##[endgroup]
lint     done in 1s: no findings
##[group]build
[1/2] RUN curl
│ ::add-mask::pass
│ E: ##\[add-mask]pass
##[endgroup]
build    │ ::add-mask::pass
build    │ E: ##\[add-mask]pass
build    failed after 2s: exit code 100
##[group]scan
layer 1
##[endgroup]
scan     did not end
##[group]sign
key
##[endgroup]
sign     did not end`), "\n")
	if diff := cmp.Diff(want, s.Log); diff != "" {
		t.Error(diff)
	}
	if len(s.Masks) > 0 {
		t.Error(s.Masks)
	}
}

func TestWhatIsHeldIsBounded(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	p := actions.NewProgress(d.Runner)
	p.Emit(progress.Event{Kind: progress.Step, Stage: "first", Text: "a"})
	for i := range 5000 {
		p.Emit(progress.Event{Kind: progress.Log, Stage: "second", Text: fmt.Sprint(i, strings.Repeat("x", 100))})
	}
	if d.out.Len() < 200_000 {
		t.Errorf("%d bytes told, all the rest is held", d.out.Len())
	}
	_ = p.Close()
	if got := strings.Count(d.out.String(), "\n│ "); got != 5000 {
		t.Errorf("%d lines", got)
	}
}
