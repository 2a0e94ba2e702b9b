package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/registry/registrytest"
	"github.com/plimsoll-ci/plimsoll/internal/report"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// show runs the program on ships.
type show struct {
	*harbour
	plimsoll string
	out      string
}

// programs are what the ships carry, compiled before they are built.
var programs = map[string]string{"bad": "greeter", "good": "lookout"}

// prepare copies a ship's repository and compiles its program into it.
func (s *show) prepare(ctx context.Context, ship string) (string, error) {
	dir := filepath.Join(s.out, "ships", ship)
	if err := os.RemoveAll(dir); err != nil {
		return "", fmt.Errorf("clearing %s: %w", dir, err)
	}
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "ships", ship))); err != nil {
		return "", fmt.Errorf("copying the %s ship: %w", ship, err)
	}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-o", filepath.Join(dir, "bin", programs[ship]), ".")
	build.Dir = filepath.Join(dir, "app")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOEXPERIMENT=", "GOFLAGS=", "GOWORK=off")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("compiling the %s ship's program: %w", ship, err)
	}
	return dir, nil
}

// gate runs plimsoll gate on a ship and returns what it reported.
func (s *show) gate(ctx context.Context, ship string) (verdict.Result, error) {
	dir, err := s.prepare(ctx, ship)
	if err != nil {
		return verdict.Result{}, err
	}
	reports := filepath.Join(s.out, ship)
	if err := os.RemoveAll(reports); err != nil {
		return verdict.Result{}, fmt.Errorf("clearing %s: %w", reports, err)
	}
	code, err := s.run(ctx, dir, "gate",
		"--build-args=REGISTRY="+s.Host,
		"--db-repository="+s.database,
		"--tags="+s.Host+"/ships/"+ship+":1.0.0",
		"--push", "--signing-key="+s.key,
		"--report-dir="+reports, ".")
	if err != nil {
		return verdict.Result{}, err
	}
	file, err := os.Open(filepath.Join(reports, "report.json")) //nolint:gosec // below -out
	if err != nil {
		return verdict.Result{}, fmt.Errorf("the gate ended with exit code %d and left no report: %w", code, err)
	}
	defer file.Close()
	result, err := report.ReadJSON(file)
	if err != nil {
		return verdict.Result{}, fmt.Errorf("reading the report: %w", err)
	}
	if want := map[verdict.Decision]int{verdict.Pass: 0, verdict.Fail: 1, verdict.Indeterminate: 3}[result.Verdict.Decision]; code != want {
		return verdict.Result{}, fmt.Errorf("%w: the verdict is %s and the exit code %d", errPromise, result.Verdict.Decision, code)
	}
	return result, nil
}

// run runs plimsoll as a user would, and shows the line.
func (s *show) run(ctx context.Context, dir string, args ...string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	fmt.Fprintf(os.Stdout, "$ plimsoll %s\n\n", strings.Join(args, " "))
	command := exec.CommandContext(ctx, s.plimsoll, args...)
	command.Dir = dir
	command.Env = append(os.Environ(), "COSIGN_PASSWORD="+password)
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	err := command.Run()
	var ended *exec.ExitError
	if errors.As(err, &ended) && ended.Exited() {
		return ended.ExitCode(), nil
	}
	if err != nil {
		return 0, fmt.Errorf("running plimsoll: %w", err)
	}
	return 0, nil
}

func (s *show) verify(ctx context.Context, digest string) error {
	code, err := s.run(ctx, s.out, "verify", "--verification-key="+s.pub, s.Host+"/ships/good@"+digest)
	if err != nil {
		return err
	}
	if code != 0 {
		return fmt.Errorf("%w: the signature does not verify, exit code %d", errPromise, code)
	}
	return nil
}

// builderMissing says whether this machine cannot build, and why.
func builderMissing(r verdict.Result) (string, bool) {
	for _, reason := range r.Verdict.Reasons {
		if reason.Code == "build-failed" && reason.Decides == verdict.Indeterminate {
			return reason.Message, true
		}
	}
	return "", false
}

// withoutBuilder shows what still works where nothing may be mounted.
func (s *show) withoutBuilder(ctx context.Context, cause string) error {
	say("This machine does not let us build: " + cause)
	say("Sources can be judged all the same.")
	if code, err := s.run(ctx, filepath.Join(s.out, "ships", "bad"), "lint", "."); err != nil || code != 1 {
		return errors.Join(err, fmt.Errorf("%w: lint ended with exit code %d, want 1", errPromise, code))
	}
	say("And so can an image that somebody else built: the Alpine base.")
	code, err := s.run(ctx, s.out, "scan", "--db-repository="+s.database, s.base)
	if err != nil {
		return err
	}
	if code != 1 {
		return fmt.Errorf("%w: scan ended with exit code %d, want 1", errPromise, code)
	}
	say("To see the ships built, signed and refused, run make demo as root or where mounting is allowed.")
	return nil
}

// refused checks that the bad ship failed for the right reasons and left no trace.
func refused(r verdict.Result, writes []registrytest.Entry) error {
	if r.Verdict.Decision != verdict.Fail {
		return fmt.Errorf("%w: the verdict is %s, want fail", errPromise, r.Verdict.Decision)
	}
	if len(writes) > 0 {
		return fmt.Errorf("%w: the registry saw %v", errPromise, writes)
	}
	for _, rule := range []string{"IMG-3.b", "SEC-1.a", "USR-1.a", "PRB-4.a", "RES-1.a", "PRB-1.a", "USR-3.a", "VUL-OS", "VUL-LANG"} {
		if !placed(r, rule) {
			return fmt.Errorf("%w: no finding of %s stands on a line", errPromise, rule)
		}
	}
	return nil
}

func placed(r verdict.Result, rule string) bool {
	for _, f := range r.Findings {
		if f.Rule.ID == rule && f.Location.Path != "" && f.Location.Line > 0 {
			return true
		}
	}
	return false
}

// sailed checks that the good ship passed, was signed, and is what its tag names.
func sailed(r verdict.Result, tagged string) error {
	if r.Verdict.Decision != verdict.Pass || r.Acted == nil || !r.Acted.Done || r.Acted.Signed == "" {
		return fmt.Errorf("%w: the verdict is %s, acted %+v", errPromise, r.Verdict.Decision, r.Acted)
	}
	if len(r.Subjects) != 1 || r.Subjects[0].Digest != tagged {
		return fmt.Errorf("%w: the tag names %q and the verdict is about %+v", errPromise, tagged, r.Subjects)
	}
	for _, e := range r.Evidence {
		if e.Verified {
			return nil
		}
	}
	return fmt.Errorf("%w: no signature was verified", errPromise)
}
