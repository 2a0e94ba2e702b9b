package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/report"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// show runs the program on ships.
type show struct {
	*harbour
	plimsoll string
	out      string
}

// gate runs plimsoll gate on a ship and returns what it reported.
func (s *show) gate(ctx context.Context, ship string) (verdict.Result, error) {
	reports := filepath.Join(s.out, ship)
	if err := os.RemoveAll(reports); err != nil {
		return verdict.Result{}, fmt.Errorf("clearing %s: %w", reports, err)
	}
	code, err := s.run(ctx, s.ships[ship], "gate",
		"--build-args=REGISTRY="+s.Host,
		"--db-repository="+s.advisories,
		"--tags="+s.Host+"/ships/"+ship+":1.0.0",
		"--push", "--signing-key="+s.key,
		"--report-dir="+reports, ".")
	if err != nil {
		return verdict.Result{}, err
	}
	result, err := readReport(reports)
	if err != nil {
		return verdict.Result{}, fmt.Errorf("the gate ended with exit code %d and left no report: %w", code, err)
	}
	if want := map[verdict.Decision]int{verdict.Pass: 0, verdict.Fail: 1, verdict.Indeterminate: 3}[result.Verdict.Decision]; code != want {
		return verdict.Result{}, fmt.Errorf("%w: the verdict is %s and the exit code %d", errPromise, result.Verdict.Decision, code)
	}
	return result, nil
}

func readReport(dir string) (verdict.Result, error) {
	file, err := os.Open(filepath.Join(dir, "report.json"))
	if err != nil {
		return verdict.Result{}, fmt.Errorf("opening the report: %w", err)
	}
	defer file.Close()
	result, err := report.ReadJSON(file)
	if err != nil {
		return verdict.Result{}, fmt.Errorf("reading the report: %w", err)
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
	// The demo brings its own builder, whatever engine this machine has.
	command.Env = append(os.Environ(), "COSIGN_PASSWORD="+password, "INPUT_DRIVER=embedded")
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
	if code, err := s.run(ctx, s.ships["bad"], "lint", "."); err != nil || code != 1 {
		return errors.Join(err, fmt.Errorf("%w: lint ended with exit code %d, want 1", errPromise, code))
	}
	say("And so can an image that somebody else built: the Alpine base.")
	code, err := s.run(ctx, s.out, "scan", "--db-repository="+s.advisories, s.base)
	if err != nil {
		return err
	}
	if code != 1 {
		return fmt.Errorf("%w: scan ended with exit code %d, want 1", errPromise, code)
	}
	say("To see the ships built, signed and refused, run make demo as root or where mounting is allowed.")
	return nil
}
