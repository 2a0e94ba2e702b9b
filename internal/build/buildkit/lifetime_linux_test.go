package buildkit

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
)

// childSpec names the variable that makes this program build what it holds.
const childSpec = "PLIMSOLL_TEST_BUILD"

// TestMain is the test's own program, or the child of a test that kills it.
func TestMain(m *testing.M) {
	if raw := os.Getenv(childSpec); raw != "" {
		os.Exit(child(raw))
	}
	if dir := os.Getenv(childServe); dir != "" {
		os.Exit(serveChild(dir))
	}
	if socket := os.Getenv(childDial); socket != "" {
		os.Exit(dialChild(socket))
	}
	os.Exit(m.Run())
}

func child(raw string) int {
	var spec build.Spec
	if err := json.Unmarshal([]byte(raw), &spec); err != nil {
		return 2
	}
	if _, err := (&Embedded{}).Build(context.Background(), spec, printer{}); err != nil {
		fmt.Println("error:", err)
		return 1
	}
	return 0
}

type printer struct{}

func (printer) Emit(e progress.Event) { fmt.Println(e.Text) }

// startChild builds in another process and returns when it has printed text.
func startChild(t *testing.T, spec build.Spec, text string) *exec.Cmd {
	t.Helper()
	raw, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), childSpec+"="+string(raw))
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	command.Stderr = os.Stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	seen := make(chan bool, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if lines.Text() == text {
				seen <- true
			}
		}
		seen <- false
	}()
	if !<-seen {
		t.Fatalf("the child never printed %q", text)
	}
	return command
}

// sleeper is a Dockerfile that caches one step and then sleeps in a process that
// can be told from others.
func sleeper(t *testing.T, host, mark string) string {
	t.Helper()
	return tree(t, `
-- Dockerfile --
FROM `+host+`/alpine:3.11
RUN echo cached > /cached
RUN --mount=type=cache,target=/cache echo begun; exec sleep `+mark+`
`)
}

// sleeping says whether the container's process is alive.
func sleeping(t *testing.T, mark string) bool {
	t.Helper()
	processes, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, p := range processes {
		if raw, err := os.ReadFile(p); err == nil && string(raw) == "sleep\x00"+mark+"\x00" {
			return true
		}
	}
	return false
}

func TestKilledBuildLeavesAUsableCache(t *testing.T) {
	needRuntime(t)
	const mark = "98731"
	spec := specFor(t, sleeper(t, serveImages(t), mark))
	victim := startChild(t, spec, "begun")
	for began := time.Now(); !sleeping(t, mark); time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > 10*time.Second {
			t.Fatal("the container does not run")
		}
	}
	if err := victim.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = victim.Wait()

	// The same cache, with a last step that ends.
	text := strings.ReplaceAll(readFile(t, filepath.Join(spec.Context, "Dockerfile")), "exec sleep "+mark, "true")
	if err := os.WriteFile(filepath.Join(spec.Context, "Dockerfile"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	sink := &heard{}
	if _, err := (&Embedded{}).Build(withTimeout(t, time.Minute), spec, sink); err != nil {
		t.Fatal(err)
	}
	if sleeping(t, mark) {
		t.Error("the killed build's container still runs")
	}
	if steps := sink.text(progress.Step); !strings.Contains(steps, "RUN echo cached > /cached CACHED") {
		t.Errorf("the cache was lost:\n%s", steps)
	}
	if notices := sink.text(progress.Notice); notices != "" {
		t.Errorf("notices: %s", notices)
	}
	nothingMounted(t, spec.CacheDir)
}

func TestCancelledBuildStops(t *testing.T) {
	needRuntime(t)
	const mark = "98732"
	spec := specFor(t, sleeper(t, serveImages(t), mark))
	for _, when := range []string{"load metadata", "RUN echo cached", "begun"} {
		ctx, cancel := context.WithCancelCause(t.Context())
		var once sync.Once
		var cancelled time.Time
		sink := &heard{on: func(e progress.Event) {
			if strings.Contains(e.Text, when) && (when != "begun" || e.Kind == progress.Log) {
				once.Do(func() { cancelled = time.Now(); cancel(errSignal) })
			}
		}}
		_, err := (&Embedded{}).Build(ctx, spec, sink)
		if took := time.Since(cancelled); took > 4*time.Second {
			t.Errorf("after %q it took %s to stop", when, took)
		} else {
			t.Logf("after %q it took %s to stop: %v", when, took.Round(time.Millisecond), err)
		}
		if !errors.Is(err, errSignal) {
			t.Errorf("after %q: %v, want the cause of the cancellation", when, err)
		}
		if sleeping(t, mark) {
			t.Errorf("after %q the container still runs", when)
		}
		if _, err := os.Stat(spec.Output + ".partial"); err == nil {
			t.Errorf("after %q a partial output is left", when)
		}
		nothingMounted(t, spec.CacheDir)
	}
}

var errSignal = errors.New("a signal came")

func TestTwoBuildsOnOneCache(t *testing.T) {
	needRuntime(t)
	const mark = "98733"
	host := serveImages(t)
	spec := specFor(t, sleeper(t, host, mark))
	first := startChild(t, spec, "begun")
	t.Cleanup(func() { _ = first.Process.Kill(); _ = first.Wait() })

	second := specFor(t, tree(t, "-- Dockerfile --\nFROM "+host+"/alpine:3.11\nRUN echo cached > /cached\n"))
	second.CacheDir = spec.CacheDir
	sink := &heard{}
	result, err := (&Embedded{Patience: 300 * time.Millisecond}).Build(withTimeout(t, time.Minute), second, sink)
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Notes) != 1 {
		t.Errorf("notes %q do not say that the cache was not used", result.Notes)
	}
	notices := sink.text(progress.Notice)
	if want := fmt.Sprintf("another build (process %d) uses the cache", first.Process.Pid); !strings.Contains(notices, want) || !strings.Contains(notices, "private") {
		t.Errorf("notices: %s", notices)
	}
	if left, _ := filepath.Glob(filepath.Join(spec.CacheDir, "buildkit", "private-*")); len(left) != 0 {
		t.Errorf("left %v", left)
	}
	if !sleeping(t, mark) {
		t.Error("the second build ended the first one's container")
	}

	// A third one waits and gets the cache.
	third := specFor(t, second.Context)
	third.CacheDir = spec.CacheDir
	time.AfterFunc(500*time.Millisecond, func() { _ = first.Process.Signal(syscall.SIGKILL) })
	sink = &heard{}
	if _, err := (&Embedded{}).Build(withTimeout(t, time.Minute), third, sink); err != nil {
		t.Fatal(err)
	}
	if steps := sink.text(progress.Step); !strings.Contains(steps, "CACHED") {
		t.Errorf("the cache was not used:\n%s", steps)
	}
	if sleeping(t, mark) {
		t.Error("the killed build's container still runs")
	}
}

func TestConcurrentBuildsInOneProcess(t *testing.T) {
	needMounts(t)
	dir := tree(t, "-- Dockerfile --\nFROM scratch\nCOPY . /\n-- file --\nx\n")
	cache := t.TempDir()
	var group sync.WaitGroup
	for range 3 {
		spec := specFor(t, dir)
		spec.CacheDir = cache
		group.Go(func() {
			if _, err := (&Embedded{Patience: time.Millisecond}).Build(t.Context(), spec, nil); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	nothingMounted(t, cache)
}

func TestNothingStaysBehind(t *testing.T) {
	needMounts(t)
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	spec := specFor(t, tree(t, "-- Dockerfile --\nFROM scratch\nCOPY . /\n-- file --\nx\n"))
	spec.CacheDir = ""
	mustBuild(t, &Embedded{}, spec)
	for range 2 {
		spec.Output = filepath.Join(t.TempDir(), "layout")
		mustBuild(t, &Embedded{}, spec)
	}
	var left []string
	for range 20 {
		if left = goroutines(); len(left) == 0 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	for _, stack := range left {
		t.Errorf("a goroutine stays:\n%s", stack)
	}
	files, err := os.ReadDir(temporary)
	if err != nil || len(files) != 0 {
		t.Errorf("left in the temporary directory: %v %v", files, err)
	}
}

// goroutines returns the stacks of those that a build started. Left out are timers
// of BuildKit that nobody can end: they sleep, and hold nothing.
func goroutines() []string {
	buf := make([]byte, 8<<20)
	var out []string
	for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		switch {
		case strings.Contains(stack, "testing.(*T).Run"), strings.Contains(stack, "testing.tRunner"),
			strings.Contains(stack, "httptest."), strings.Contains(stack, "exec.(*Cmd)"), strings.Contains(stack, "signal."):
		case strings.Contains(stack, "[sleep") && strings.Contains(stack, "moby/buildkit"):
		default:
			out = append(out, stack)
		}
	}
	return out
}

func TestDamagedCacheIsReplaced(t *testing.T) {
	needMounts(t)
	spec := specFor(t, tree(t, "-- Dockerfile --\nFROM scratch\nCOPY . /\n-- file --\nx\n"))
	mustBuild(t, &Embedded{}, spec)
	databases, err := filepath.Glob(filepath.Join(spec.CacheDir, "buildkit", "root", "*", "*.db"))
	if err != nil || len(databases) == 0 {
		t.Fatalf("no databases: %v", err)
	}
	for _, db := range databases {
		if err := os.WriteFile(db, []byte(strings.Repeat("damaged ", 4096)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	spec.Output = filepath.Join(t.TempDir(), "layout")
	sink := &heard{}
	if _, err := (&Embedded{}).Build(withTimeout(t, time.Minute), spec, sink); err != nil {
		t.Fatal(err)
	}
	if notices := sink.text(progress.Notice); !strings.Contains(notices, "damaged") {
		t.Errorf("notices: %q", notices)
	}
}

// TestMachineErrorsKeepTheCache makes a database that cannot be opened for another
// reason than what it holds: a cache is not lost for it.
func TestMachineErrorsKeepTheCache(t *testing.T) {
	needMounts(t)
	spec := specFor(t, tree(t, "-- Dockerfile --\nFROM scratch\nCOPY . /\n-- file --\nx\n"))
	mustBuild(t, &Embedded{}, spec)
	databases, err := filepath.Glob(filepath.Join(spec.CacheDir, "buildkit", "root", "*", "metadata_v2.db"))
	if err != nil || len(databases) != 1 {
		t.Fatalf("databases %v, %v", databases, err)
	}
	kept := filepath.Join(spec.CacheDir, "buildkit", "root", "kept")
	for _, err := range []error{
		os.Rename(databases[0], databases[0]+".aside"), os.Mkdir(databases[0], 0o700), os.WriteFile(kept, nil, 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	spec.Output = filepath.Join(t.TempDir(), "layout")
	sink := &heard{}
	if _, err := (&Embedded{}).Build(withTimeout(t, time.Minute), spec, sink); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(kept); err != nil || strings.Contains(sink.text(progress.Notice), "damaged") {
		t.Errorf("the cache was cleared (%v): %q", err, sink.text(progress.Notice))
	}
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
