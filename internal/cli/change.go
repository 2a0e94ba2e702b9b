package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/event"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/pipeline"
	"github.com/plimsoll-ci/plimsoll/internal/policy"
	"github.com/plimsoll-ci/plimsoll/internal/printable"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
	"github.com/plimsoll-ci/plimsoll/internal/registry"
	"github.com/plimsoll-ci/plimsoll/internal/report"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// load reads the settings as the event lets them count (interface.md, "Who may
// loosen"): where a change is judged, with the settings of the commit it is
// compared with.
func (env *environment) load(ctx context.Context, command string, args []string) (*config.Config, []string, error) {
	section := config.OnPullRequest
	switch {
	case env.runner == nil || env.event.Kind == event.Schedule:
		section = ""
	case command == "promote":
		section = config.OnPromote
	case env.event.Kind == event.Default:
		section = config.OnPush
	case env.event.Kind == event.Release:
		section = config.OnRelease
	}
	var err error
	if env.former, err = env.lookBack(ctx, env.scratch); err != nil {
		return nil, nil, err
	}
	if env.former == nil || env.event.Kind == event.Default {
		// What the default branch holds has been merged, and a branch without a base is
		// somebody's who may write to the repository.
		cfg, operands, err := config.LoadOn(section, command, args, env.getenv)
		if err != nil || cfg.BaseRef == "" || env.event.Kind != event.None {
			return cfg, operands, err
		}
		if env.former, err = env.since(ctx, cfg.BaseRef, append(operands, cfg.Context)[0]); err != nil {
			return nil, nil, err
		}
		section = config.OnPullRequest
	}
	return config.LoadChange(section, command, args, env.getenv, config.Change{Head: env.former.root, Base: env.former.settings})
}

// policy is what decides: the settings, within what the event allows.
func (r *runner) policy() policy.Policy {
	return policy.Policy{
		FailOn: r.cfg.FailOn, LintFailOn: r.cfg.LintFailOn,
		IgnoreUnfixed: r.cfg.IgnoreUnfixed, Profile: policy.Profile(r.cfg.Profile), MaxMissed: r.cfg.MaxMissed,
		OnlyIntroduced: r.env.compares() && r.env.rules.OnlyIntroduced && r.cfg.OnlyIntroduced && !r.againstItself(),
	}
}

// againstItself says that the commit to compare with is the one that is judged, as
// on a workflow_dispatch of the default branch, and that it would be pushed: then
// nothing was introduced by anybody, and everything counts.
func (r *runner) againstItself() bool {
	was, run := r.env.former, r.env.event.Run
	return r.env.event.Kind == event.Branch && r.cfg.Push == "true" && was != nil && run != nil && was.commit == run.Commit
}

// compare adds the stages that look at what was there before.
func (r *runner) compare(gate *pipeline.Gate) {
	gate.Excused = r.excused
	if !r.env.compares() {
		return
	}
	r.notes = append(r.notes, r.cfg.Changed...)
	gate.Comparison = &pipeline.Comparison{
		Told:    verdict.Compared{Branch: r.env.event.BaseRef, FirstRun: r.cfg.FirstRun},
		Excuses: r.env.event.Kind != event.Default,
	}
	formers := []pipeline.Former{r.inventoryBefore, r.published, r.publishedBefore}
	if was := r.env.former; was != nil {
		gate.Comparison.Told.Commit, gate.Comparison.Told.Branch = was.commit, was.branch
		if len(was.notes) > 0 {
			r.notes = append(r.notes, fmt.Sprintf("%s of the base commit cannot be had as they are in it, such as: %s", printable.Count(len(was.notes), "entry"), was.notes[0]))
		}
		if was.dir == "" && gate.Comparison.Excuses {
			gate.BeforeSources = r.unread(was)
			return
		}
		if was.dir != "" && r.toBuild != nil {
			formers = append(formers, r.buildBefore(*r.toBuild))
		}
	}
	if gate.Lint.Run != nil {
		gate.BeforeSources = r.before()
	}
	if gate.Inspect.Run != nil && r.analyzer != nil {
		gate.BeforeImage = pipeline.BeforeImage(r.policy(), formers, r.inspection())
	}
}

// before looks at what was there before an image is known.
func (r *runner) before() pipeline.Stage {
	return pipeline.Stage{Name: "base", Optional: true, Run: func(ctx context.Context, s *pipeline.State, sink progress.Sink) (string, error) {
		if r.env.event.Kind == event.Default && r.client != nil {
			nothing, err := r.nothingPublished(ctx)
			if err != nil {
				return "", err
			}
			if nothing {
				s.Before.Nothing = true
				return "nothing was published yet: nobody is blamed for what there is", nil
			}
		}
		if err := r.sincePublished(ctx); err != nil {
			return "", err
		}
		s.Before.From = r.fromBefore(ctx)
		was := r.env.former
		switch {
		case was == nil && r.env.event.Kind == event.Default && r.client == nil:
			s.Before.Nothing = true
			return "the default branch is new: nobody is blamed for what there is", nil
		case was == nil:
			return "there is no base commit to compare sources with", nil
		case was.dir == "":
			return "", was.unread()
		}
		seen, err := r.lintBefore(ctx, was.dir)
		if err != nil {
			return "", err
		}
		told := seen.Report()
		if was.settings != was.dir {
			excuses, err := r.lintBefore(ctx, was.settings)
			if err != nil {
				return "", err
			}
			s.Before.Excusing = excuses
		}
		s.Before.Looked, s.Before.Sources, s.Before.Commit = seen, &told, was.commit
		return fmt.Sprintf("%s, %s", report.Short(r.env.former.commit), printable.Count(len(told.Findings), "finding")), nil
	}}
}

// unread fails: the settings that a change is judged by stand in its base commit,
// and what holds without them may be laxer.
func (r *runner) unread(was *former) pipeline.Stage {
	return pipeline.Stage{Name: "base", Run: func(context.Context, *pipeline.State, progress.Sink) (string, error) {
		return "", was.unread()
	}}
}

// lintBefore looks at the sources of the base commit under the settings of the
// head: else a demand that became stricter would call old findings new.
func (r *runner) lintBefore(ctx context.Context, tree string) (*lint.Looked, error) {
	dir, err := r.env.former.inside(tree, r.space.dir)
	if err != nil {
		return nil, err
	}
	opts := r.sources()
	if r.cfg.File != "" {
		if rel, err := r.space.rel(r.cfg.File); err == nil {
			opts.Dockerfiles = []string{rel}
		}
	}
	if opts.Paths = r.pathsIn(dir); len(opts.Paths) == 0 {
		return lint.Nothing(), nil // what was not there had no findings
	}
	opts.Dockerfiles = existing(dir, opts.Dockerfiles)
	opened, err := source.Open(dir, opts)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	demands, err := r.lintOptionsBefore(ctx)
	if err != nil {
		return nil, err
	}
	return lint.Look(ctx, r.env.deps.linters(), r.checks().All(), opened, demands)
}

// existing keeps the files that are there: one that the change added is not
// missing in its base.
func existing(dir string, files []string) []string {
	var out []string
	for _, name := range files {
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name))); err == nil {
			out = append(out, name)
		}
	}
	return out
}

// published is what the image replaces on the default branch.
func (r *runner) published(ctx context.Context, _ progress.Sink) (*pipeline.Image, string, error) {
	if r.env.event.Kind != event.Default {
		return nil, "", nil
	}
	ref, found, err := r.lastPublished(ctx)
	if err != nil || !found {
		return nil, "", err
	}
	img, err := r.client.Pull(ctx, ref, r.cfg.Platform)
	if err != nil {
		return nil, "", fmt.Errorf("looking into what was published as %s: %w", ref.Name(), err)
	}
	return &pipeline.Image{Image: img}, ref.Name(), nil
}

// lastPublished is the digest that the first of the tags that are there names now.
// A tag that holds the commit is looked for with the commit before it, too.
func (r *runner) lastPublished(ctx context.Context) (name.Reference, bool, error) {
	for _, text := range r.cfg.Tags {
		for _, tag := range r.earlier(text) {
			ref, err := r.client.Reference(tag)
			if err != nil {
				continue // acts says so
			}
			digest, err := r.client.Resolve(ctx, ref)
			if registry.IsNotFound(err) {
				continue
			}
			if err != nil {
				return nil, false, fmt.Errorf("looking for what was published as %s: %w", tag, err)
			}
			return digest, true, nil
		}
	}
	return nil, false, nil
}

// earlier is a tag, and where it holds the commit the one that the commit before
// was published under.
func (r *runner) earlier(tag string) []string {
	run, before := r.env.event.Run, r.env.event.Base
	out := []string{tag}
	if run == nil || run.Commit == "" || before == "" {
		return out
	}
	for _, n := range []int{len(run.Commit), 12, 8, 7} { // as people shorten commits
		if n <= len(before) && strings.Contains(tag, run.Commit[:n]) {
			return append(out, strings.Replace(tag, run.Commit[:n], before[:n], 1))
		}
	}
	return out
}

// nothingPublished says that the repositories that the image goes to hold nothing.
// Where it goes nowhere nobody knows, and the commit before is compared with.
func (r *runner) nothingPublished(ctx context.Context) (bool, error) {
	targets, err := pipeline.Targets(r.cfg.Tags)
	if err != nil || len(targets) == 0 || r.cfg.ImageRef != "" {
		return false, err
	}
	for _, target := range targets {
		if empty, err := r.client.Empty(ctx, target.Repository); err != nil || !empty {
			return false, err
		}
	}
	return true, nil
}

// renamed shows the progress of one stage as another's.
type renamed struct {
	progress.Sink
	stage string
}

// Emit implements progress.Sink.
func (r renamed) Emit(e progress.Event) {
	e.Stage = r.stage
	if e.Kind == progress.Begin || e.Kind == progress.End {
		return
	}
	r.Sink.Emit(e)
}
