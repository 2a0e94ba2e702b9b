package main

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/plimsoll-ci/plimsoll/internal/registry/registrytest"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// world is a machine for one test: a harbour, and directories that are all that
// the program may write to.
type world struct {
	*harbour
	t       *testing.T
	dir     string
	tmp     string // TMPDIR
	reports string
	nobody  bool     // runs as an ordinary user also where the test is root
	env     []string // beside what every run has
}

// newWorld has a registry that holds the base and the database.
func newWorld(t *testing.T, o registrytest.Options) *world {
	t.Helper()
	h, err := stocked.open(t.Context(), o)
	check(t, err)
	return at(t, h)
}

// newBareWorld has an empty registry.
func newBareWorld(t *testing.T, o registrytest.Options) *world {
	t.Helper()
	return at(t, &harbour{Server: registrytest.Start(o), stores: stocked})
}

func at(t *testing.T, h *harbour) *world {
	t.Helper()
	t.Cleanup(h.Close)
	check(t, declareSources())
	dir, err := os.MkdirTemp(scratch, "world-") //nolint:usetesting // another user cannot enter what lies below t.TempDir
	check(t, err)
	t.Cleanup(func() { check(t, os.RemoveAll(dir)) })
	check(t, os.Chmod(dir, 0o755))
	w := &world{harbour: h, t: t, dir: dir, tmp: filepath.Join(dir, "tmp"), reports: filepath.Join(dir, "reports")}
	for _, d := range []string{"tmp", "home", "cache"} {
		check(t, os.Mkdir(filepath.Join(dir, d), 0o755))
	}
	return w
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ship is a fresh copy of a ship's repository.
func (w *world) ship(name string) string {
	w.t.Helper()
	dir := filepath.Join(w.dir, name)
	check(w.t, os.CopyFS(dir, os.DirFS(w.ships[name])))
	return dir
}

// source writes a repository: paths and contents, in turns.
func (w *world) source(name string, files ...string) string {
	w.t.Helper()
	dir := filepath.Join(w.dir, name)
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(dir, filepath.FromSlash(files[i]))
		check(w.t, os.MkdirAll(filepath.Dir(path), 0o755))
		check(w.t, os.WriteFile(path, []byte(files[i+1]), 0o644))
	}
	return dir
}

// command prepares a run of the program.
func (w *world) command(dir string, args ...string) *exec.Cmd {
	words := append([]string{plimsoll}, args...)
	if w.nobody && os.Geteuid() == 0 {
		words = append([]string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}, words...)
	}
	command := exec.Command(words[0], words[1:]...)
	command.Dir = dir
	// Nothing of the environment of the tests goes in: a CI's own variables are settings.
	command.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "TMPDIR=" + w.tmp, "HOME=" + filepath.Join(w.dir, "home"),
		"XDG_CACHE_HOME=" + filepath.Join(w.dir, "cache"), "COSIGN_PASSWORD=" + password,
		"INPUT_DRIVER=embedded", // whatever engine this machine has
	}, w.env...)
	return command
}

// outcome is how a run ended.
type outcome struct {
	t              *testing.T
	code           int
	stdout, stderr string
	verdict.Result      // of report.json
	told           bool // there is a report.json
	took           time.Duration
}

// run runs the program to its end and checks what holds for every run: nothing
// is left behind, and no secret is told.
func (w *world) run(dir string, args ...string) outcome {
	w.t.Helper()
	return w.start(dir, args...).wait()
}

// gate runs plimsoll gate with the harbour's database, unless args name another.
func (w *world) gate(dir string, args ...string) outcome {
	w.t.Helper()
	return w.startGate(dir, args...).wait()
}

func (w *world) startGate(dir string, args ...string) *running {
	w.t.Helper()
	check(w.t, os.RemoveAll(w.reports))
	all := []string{"gate", "--build-args=REGISTRY=" + w.Host, "--report-dir=" + w.reports}
	named := func(a string) bool {
		return strings.HasPrefix(a, "--db-repository=") || strings.HasPrefix(a, "--db-path=")
	}
	if w.advisories != "" && !slices.ContainsFunc(args, named) {
		all = append(all, "--db-repository="+w.advisories)
	}
	return w.start(dir, append(append(all, args...), ".")...)
}

// toHarbour are the settings that push, sign and tag.
func (w *world) toHarbour() []string {
	return []string{"--push", "--tags=" + w.Host + "/ships/good:1.0.0", "--signing-key=" + w.key}
}

// running is a program that runs.
type running struct {
	*exec.Cmd
	world          *world
	stdout, stderr *recorder
	began          time.Time
	together       bool // with another run, whose temporary files are there
}

func (w *world) start(dir string, args ...string) *running {
	w.t.Helper()
	r := &running{Cmd: w.command(dir, args...), world: w, stdout: &recorder{}, stderr: &recorder{}, began: time.Now()}
	r.Stdout, r.Stderr = r.stdout, r.stderr
	check(w.t, r.Start())
	w.t.Cleanup(func() { _ = r.Process.Kill() })
	return r
}

// limit is far above what any run takes.
const limit = 2 * time.Minute

func (r *running) wait() outcome {
	t := r.world.t
	t.Helper()
	alarm := time.AfterFunc(limit, func() { _ = r.Process.Kill() })
	defer alarm.Stop()
	err := r.Wait()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	o := outcome{t: t, code: r.ProcessState.ExitCode(), stdout: r.stdout.String(), stderr: r.stderr.String(), took: time.Since(r.began)}
	if result, err := readReport(r.world.reports); err == nil {
		o.Result, o.told = result, true
	} else if !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	r.world.tellsNoSecrets(o)
	if o.code >= 0 && !r.together { // not killed
		r.world.leavesNothing(o)
	}
	return o
}

// leavesNothing checks that temporary files and mounts are gone.
func (w *world) leavesNothing(o outcome) {
	w.t.Helper()
	entries, err := os.ReadDir(w.tmp)
	check(w.t, err)
	for _, e := range entries {
		w.t.Errorf("left behind in TMPDIR: %s\n%s", e.Name(), o.stderr)
	}
	if mounts, err := os.ReadFile("/proc/self/mountinfo"); err == nil {
		for line := range strings.Lines(string(mounts)) {
			if strings.Contains(line, w.dir) {
				w.t.Errorf("left mounted: %s", line)
			}
		}
	}
}

// forget removes what a killed run left behind.
func (w *world) forget() {
	w.t.Helper()
	check(w.t, os.RemoveAll(w.tmp))
	check(w.t, os.Mkdir(w.tmp, 0o755))
}

// secrets are what no output and no report may hold: the password, the key's body,
// the token of the bad ship, what tests put into layers and give to builds.
func (w *world) secrets() []string {
	key, err := os.ReadFile(w.key)
	check(w.t, err)
	secrets := []string{password, "9f86d081884c7d659a2feaa0c55ad015", layerSecret, buildSecret}
	for line := range strings.Lines(string(key)) {
		if line = strings.TrimSpace(line); len(line) > 20 && !strings.HasPrefix(line, "-----") {
			secrets = append(secrets, line)
		}
	}
	return secrets
}

func (w *world) tellsNoSecrets(o outcome) {
	w.t.Helper()
	told := map[string]string{"standard output": o.stdout, "standard error": o.stderr}
	files, _ := filepath.Glob(filepath.Join(w.reports, "[rs]*")) // provenance.json quotes the Dockerfile
	for _, file := range files {
		data, err := os.ReadFile(file)
		check(w.t, err)
		told[filepath.Base(file)] = string(data)
	}
	for where, text := range told {
		for _, secret := range w.secrets() {
			if strings.Contains(text, secret) {
				w.t.Errorf("%s holds the secret %.4s…", where, secret)
			}
		}
	}
}

// exits checks the exit code.
func (o outcome) exits(code int) {
	o.t.Helper()
	if o.code != code {
		o.t.Fatalf("exit code %d, want %d\nstdout:\n%s\nstderr:\n%s", o.code, code, o.stdout, o.stderr)
	}
}

// decides checks that there is a report with this decision.
func (o outcome) decides(d verdict.Decision) {
	o.t.Helper()
	if !o.told {
		o.t.Fatalf("there is no report\nstdout:\n%s\nstderr:\n%s", o.stdout, o.stderr)
	}
	if o.Verdict.Decision != d {
		o.t.Fatalf("the verdict is %s, want %s: %+v", o.Verdict.Decision, d, o.Verdict.Reasons)
	}
}

// reason finds a reason of the verdict whose message holds all words.
func (o outcome) reason(words ...string) verdict.Reason {
	o.t.Helper()
	for _, r := range o.Verdict.Reasons {
		if holdsAll(r.Message, words) {
			return r
		}
	}
	o.t.Fatalf("no reason speaks of %q: %+v", words, o.Verdict.Reasons)
	return verdict.Reason{}
}

// last checks that the last lines of the output, which are the verdict, its
// causes and the command, hold all words.
func (o outcome) last(words ...string) {
	o.t.Helper()
	lines := strings.Split(strings.TrimSpace(o.stdout), "\n")
	for i, line := range slices.Backward(lines) {
		if line == "" {
			lines = lines[i+1:]
			break
		}
	}
	end := strings.Join(lines, "\n")
	if !holdsAll(end, words) {
		o.t.Errorf("the last lines do not hold %q:\n%s", words, end)
	}
	if len(lines) > 6 || !strings.HasPrefix(lines[len(lines)-1], "reproduce: plimsoll ") {
		o.t.Errorf("the last lines are not a verdict with at most three causes and a command:\n%s", end)
	}
}

// oneError checks that the program said one thing on standard error, and nothing else.
func (o outcome) oneError(words ...string) {
	o.t.Helper()
	text, ok := strings.CutPrefix(o.stderr, "plimsoll: ")
	if !ok || strings.Count(o.stderr, "\n") != 1 || o.stdout != "" {
		o.t.Errorf("want one line on standard error\nstdout:\n%s\nstderr:\n%s", o.stdout, o.stderr)
	}
	if !holdsAll(text, words) {
		o.t.Errorf("the error does not speak of %q: %s", words, text)
	}
}

func holdsAll(text string, words []string) bool {
	for _, word := range words {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// recorder keeps what is written to it, and may be read at any time.
type recorder struct {
	mu  sync.Mutex
	all bytes.Buffer
}

var _ io.Writer = (*recorder)(nil)

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all.Write(p)
}

func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all.String()
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if so() {
			return
		}
	}
	t.Fatalf("%s did not happen in %s", what, limit)
}

// signatures counts what refers to a digest.
func (w *world) signatures(repository, digest string) int {
	w.t.Helper()
	ref, err := name.NewDigest(w.Host + "/" + repository + "@" + digest)
	check(w.t, err)
	index, err := remote.Referrers(ref)
	check(w.t, err)
	list, err := index.IndexManifest()
	check(w.t, err)
	return len(list.Manifests)
}
