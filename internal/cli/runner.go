package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/all"
	"github.com/plimsoll-ci/plimsoll/internal/pipeline"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
	"github.com/plimsoll-ci/plimsoll/internal/registry"
	"github.com/plimsoll-ci/plimsoll/internal/report"
	"github.com/plimsoll-ci/plimsoll/internal/scan"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// runner turns the settings of one command into stages, runs them and tells.
type runner struct {
	env      *environment
	cfg      *config.Config
	command  string
	operands []string // as typed, for the line that reproduces the verdict
	space    workspace
	paths    []string // what of it is linted, relative to it; none means space.path
	// pathsBefore are further paths to lint, those that only the base commit's settings name.
	pathsBefore []string

	client   *registry.Client
	scratch  string // removed when the command ends
	closers  []io.Closer
	notes    []string
	built    *verdict.Built
	toBuild  *build.Spec   // nil when nothing is built
	analyzer scan.Analyzer // nil when no image is looked into
	keeper   keeper        // what is kept between runs
	degraded []string
	folder   *folder // that reports are written to, once it is open
	ignored  bool    // the report directory is ours, and git shall not see it
}

// newRunner prepares what commands on images need. The caller closes it, which
// run does.
func newRunner(env *environment, cfg *config.Config, command string, operands ...string) (*runner, error) {
	r := &runner{env: env, cfg: cfg, command: command, operands: operands}
	if err := r.connect(); err != nil {
		return nil, err
	}
	if err := r.openCache(); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// connect prepares what it takes to open an image.
func (r *runner) connect() error {
	var err error
	if r.client, err = r.env.registry(r.cfg); err != nil {
		return err
	}
	if r.scratch, err = os.MkdirTemp("", "plimsoll-*"); err != nil {
		return fmt.Errorf("making a temporary directory: %w", err)
	}
	return nil
}

// now is the day the run counts from.
func (r *runner) now() time.Time {
	if !r.cfg.AsOf.IsZero() {
		return r.cfg.AsOf
	}
	return time.Now().UTC()
}

func (r *runner) lint(tree *source.Tree) pipeline.Stage {
	return pipeline.Lint(func(ctx context.Context) (*lint.Looked, error) {
		return lint.Look(ctx, r.env.deps.linters(), r.checks().All(), tree, r.lintOptions())
	})
}

// checks are those that see more than one artefact.
func (r *runner) checks() pipeline.Checks {
	return pipeline.Checks{Across: r.env.book.across, Since: all.Since}
}

func (r *runner) lintOptions() lint.Options {
	opts := lint.Options{
		AsOf: r.now(), Profile: r.cfg.Profile, BuildArgs: r.cfg.BuildArgs, Target: r.cfg.Target,
		Complete: r.cfg.ManifestSet == "complete", KubernetesMin: r.cfg.KubernetesMin, KubernetesMax: r.cfg.KubernetesMax,
		HelmValues: r.cfg.HelmValues,
	}
	for _, c := range r.cfg.Charts {
		opts.Charts = append(opts.Charts, lint.Chart{Dir: c.Chart, Values: c.Values})
	}
	for _, i := range r.cfg.Images {
		opts.Images = append(opts.Images, lint.Image(i))
	}
	if r.built != nil {
		opts.Dockerfile, opts.Built, opts.Tags = r.built.Dockerfile, true, r.cfg.Tags
	}
	return opts
}

// run goes the way, tells what happened and says how the program ends.
func (r *runner) run(ctx context.Context, gate pipeline.Gate) (int, error) {
	started := time.Now().UTC()
	if err := r.prepareReports(); err != nil {
		return ExitUsage, err
	}
	if gate.Lint.Run != nil || gate.Image.Run != nil {
		r.compare(&gate)
	}
	state, err := r.walk(ctx, gate)
	if err != nil {
		return ExitIndeterminate, err
	}
	if state.Database.Database != nil {
		r.closers = append(r.closers, state.Database)
	}

	result := verdict.Result{
		Version: r.env.deps.Version, Command: r.command, Started: started, Duration: time.Since(started).Round(time.Millisecond),
		Enforced: r.enforced(), Notes: r.notes, Run: r.env.event.Run, Degraded: r.degraded, Reproduce: r.reproduce(),
		Policy: verdict.Policy{
			FailOn: r.cfg.FailOn, LintFailOn: r.cfg.LintFailOn, IgnoreUnfixed: r.cfg.IgnoreUnfixed, Profile: r.cfg.Profile,
			OnlyIntroduced: r.policy().OnlyIntroduced, MaxMissed: r.cfg.MaxMissed,
		},
		Refused: r.cfg.Refused,
	}
	state.Fill(&result)
	if state.Misuse != nil {
		return ExitUsage, state.Misuse
	}
	if r.built != nil && len(state.Images) > 0 && state.Images[0].Built != nil {
		r.describe(&result, state.Images[0].Built)
	}
	if ctx.Err() != nil {
		// After a signal local files are written and nothing else.
		r.env.unsaid(&result)
		return ExitSignal, r.writeReports(result)
	}
	if len(result.Subjects) == 0 && result.Linted == nil && gate.Image.Run == nil && gate.Evidence.Run == nil && state.Lint.Unjudged == 0 {
		if err := r.nothing(&result); err != nil {
			return ExitUsage, err
		}
	}
	r.troubles(&result)
	r.env.unsaid(&result)
	err = errors.Join(r.writeReports(result), r.env.print(r.cfg, result))
	kept := len(result.Degraded)
	r.announce(ctx, &result)
	r.leave(ctx, state, &result)
	if len(result.Degraded) > kept {
		err = errors.Join(err, r.writeReports(result)) // what could not be told is part of them
	}
	switch {
	case ctx.Err() != nil:
		return ExitSignal, err // telling was cut short, or what is kept for the next run
	case err != nil:
		return ExitIndeterminate, err
	}
	return exitCode(result, r.env.rules.Strict), nil
}

// enforced says whether the exit code follows the verdict. A promotion and a check of
// signatures are asked for their answer: no event makes them a mere report.
func (r *runner) enforced() bool {
	return r.command == "promote" || r.command == "verify" || !r.cfg.WarnOnly && r.env.rules.Enforced
}

// grace is how long stages may take to stop after a signal; with what is written
// then the program ends within 5 seconds (architecture, "One way through").
const grace = 4 * time.Second

// walk runs the stages and shows their progress. It fails when a stage did not
// stop in time after a signal or the timeout: that stage may still be writing to
// the State.
func (r *runner) walk(ctx context.Context, gate pipeline.Gate) (*pipeline.State, error) {
	bounded, cancel := context.WithTimeoutCause(ctx, r.cfg.Timeout, fmt.Errorf("the timeout of %s is over; set --timeout", r.cfg.Timeout))
	defer cancel()
	shown := r.env.display(r.cfg)
	defer func() { _ = shown.Close() }() // a display that cannot be written changes no verdict
	for _, note := range r.notes {
		shown.Emit(progress.Event{Kind: progress.Notice, Text: note})
	}
	done := make(chan *pipeline.State, 1)
	go func() { done <- gate.Way(r.policy()).Run(bounded, shown, time.Now) }()
	late := make(chan struct{})
	stop := context.AfterFunc(bounded, func() { time.AfterFunc(grace, func() { close(late) }) })
	defer stop()
	select {
	case state := <-done:
		return state, nil
	case <-late:
		return nil, fmt.Errorf("%w, and a stage did not stop in time", context.Cause(bounded))
	}
}

func (r *runner) close() {
	for _, c := range slices.Backward(r.closers) {
		_ = c.Close() // the verdict stands; what could not be removed lies in the temporary directory
	}
	if r.scratch != "" {
		_ = os.RemoveAll(r.scratch)
	}
}

// nothing says that there was nothing to judge, as if-nothing-found wishes.
func (r *runner) nothing(result *verdict.Result) error {
	if len(result.Unread) > 0 {
		return nil
	}
	const what = "nothing to judge: no Dockerfile, no Compose file, no Kubernetes manifest and no image"
	switch r.cfg.IfNothingFound {
	case "error":
		return &config.UsageError{Where: "command line", Err: errors.New(what + "; name one, or set --if-nothing-found=ignore")}
	case "warn":
		result.Notes = append(result.Notes, what+" below "+strings.Join(r.operands, ", "))
	}
	return nil
}

// describe completes how the image came to be, and keeps the sidecars beside the reports.
func (r *runner) describe(result *verdict.Result, by *build.Result) {
	built := *r.built
	built.Door, built.Detail = by.Door, by.Detail
	if by.Provenance != "" {
		built.Provenance = r.keep(result, by.Provenance, "provenance.json")
	}
	if by.Lines != "" {
		built.Lines = r.keep(result, by.Lines, "lines.json")
	}
	result.Built = &built
}

// keep copies a sidecar of the build into report-dir and returns its name there,
// relative to the workspace where it lies inside.
func (r *runner) keep(result *verdict.Result, from, name string) string {
	if r.cfg.ReportDir == "" {
		return ""
	}
	data, err := os.ReadFile(from)
	if err == nil {
		var to *folder
		if to, err = r.reports(); err == nil {
			err = to.write(name, data)
		}
	}
	if err != nil {
		result.Notes = append(result.Notes, fmt.Sprintf("%s could not be kept: %v", name, pathCause(err)))
		return ""
	}
	if rel, err := r.space.rel(filepath.Join(r.cfg.ReportDir, name)); err == nil {
		return rel
	}
	return name
}

// reproduce is the command that gives this verdict on a laptop: the same
// settings, without secrets and without what writes.
func (r *runner) reproduce() string {
	flags := r.cfg.Line(r.command)
	if was := r.env.former; was != nil && was.commit != "" && r.cfg.BaseRef == "" && r.command != "scan" {
		flags = append(flags, "--base-ref="+report.Short(was.commit))
	}
	words := slices.Concat([]string{"plimsoll", r.command}, flags, r.operands)
	for i, w := range words {
		if strings.ContainsFunc(w, func(c rune) bool { return !shellSafe(c) }) {
			words[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}

func shellSafe(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-_=./:,@%+", c)
}

// exitCode is the one place where a verdict becomes a number. Strict holds an
// indeterminate verdict to be a failure even where it is not enforced.
func exitCode(r verdict.Result, strict bool) int {
	switch {
	case r.Verdict.Decision == verdict.Pass && r.Acted != nil && !r.Acted.Done,
		r.Verdict.Decision == verdict.Indeterminate && strict:
		return ExitIndeterminate
	case r.Verdict.Decision == verdict.Pass, !r.Enforced:
		return ExitPass
	case r.Verdict.Decision == verdict.Indeterminate:
		return ExitIndeterminate
	default:
		return ExitFail
	}
}

func has(list []string, word string) bool { return slices.Contains(list, word) }
