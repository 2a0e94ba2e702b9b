package cli

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/event"
	"github.com/plimsoll-ci/plimsoll/internal/report"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/revision"
)

// sources says what of the workspace is linted: what was named, what the base commit's
// settings name beside it, and the Dockerfile that is built wherever it lies.
func (r *runner) sources() source.Options {
	opts := source.Options{Paths: slices.Concat(r.named(), existing(r.space.dir, r.pathsBefore)), Manifests: r.cfg.Manifests, ComposeFiles: r.cfg.ComposeFiles, SkipDirs: r.cfg.SkipDirs, SkipFiles: r.cfg.SkipFiles}
	if r.cfg.File != "" {
		opts.Dockerfiles = []string{r.cfg.File}
	}
	return opts
}

// named are the paths of the workspace that this run was told to look at.
func (r *runner) named() []string {
	if len(r.paths) > 0 {
		return r.paths
	}
	return []string{r.space.path}
}

// pathsIn are the paths to lint that are there below another tree's workspace: what
// only one side of a change has is not missing in the other.
func (r *runner) pathsIn(dir string) []string {
	return existing(dir, slices.Concat(r.named(), r.pathsBefore))
}

// widen makes a change judged in the context that the base commit's settings name,
// beside its own: a change that moves the context leaves nothing out that was judged.
// It returns those settings, nil where nothing differs or nothing is compared.
func (r *runner) widen() (*config.Config, error) {
	base := r.env.former
	if base == nil || base.settings == "" || r.env.event.Kind == event.Default {
		return nil, nil //nolint:nilnil // what the default branch holds has been merged
	}
	was, err := r.cfg.Before(config.Change{Head: base.root, Base: base.settings}, r.env.getenv)
	if err != nil {
		return nil, fmt.Errorf("reading the settings of the base commit: %w", err)
	}
	from, err := filepath.Abs(was.Context)
	if err != nil {
		return nil, fmt.Errorf("finding %s: %w", was.Context, err)
	}
	to, err := filepath.Abs(r.cfg.Context)
	if err != nil {
		return nil, fmt.Errorf("finding %s: %w", r.cfg.Context, err)
	}
	if _, ok := below(base.root, from); from == to || !ok {
		return was, nil
	}
	path, err := r.space.rel(from)
	if err != nil {
		return nil, err
	}
	r.pathsBefore = []string{path}
	return was, nil
}

// open opens the tree that is judged: the workspace, and on pull_request_target,
// where the workspace is the default branch, the head of the pull request as data.
func (r *runner) open(ctx context.Context) (*source.Tree, error) {
	dir := r.space.dir
	if r.env.event.Kind == event.PullRequestTarget {
		head, err := r.env.headTree(ctx)
		if err != nil {
			return nil, err
		}
		dir = head
	}
	tree, err := source.Open(dir, r.sources())
	if err != nil {
		return nil, &config.UsageError{Where: r.cfg.Context, Err: err}
	}
	return tree, nil
}

// headTree unpacks the head of a pull request beside the workspace.
func (env *environment) headTree(ctx context.Context) (string, error) {
	commit := env.event.Run.Head
	dir := filepath.Join(env.scratch, "head")
	if _, err := revision.FromGit(ctx, cmp.Or(env.getenv("INPUT_CONTEXT"), "."), commit, dir, revision.Options{}); err == nil {
		return dir, nil
	}
	if _, err := env.archived(ctx, commit, dir); err != nil {
		return "", fmt.Errorf("reading the head %s of the pull request: %w", report.Short(commit), err)
	}
	return dir, nil
}

// withheld says which secret a build needs and is not given, because the run is a
// fork's or Dependabot's; "" when it has all it asks for. Nothing is wrong with
// such a build, it only cannot be done here.
func (r *runner) withheld() string {
	if r.env.event.Run == nil || !r.env.event.Run.Untrusted {
		return ""
	}
	missing := ""
	for id, value := range r.cfg.Secrets {
		if value == "" && (missing == "" || id < missing) {
			missing = id
		}
	}
	for id, variable := range r.cfg.SecretEnvs {
		if r.env.getenv(variable) == "" && (missing == "" || id < missing) {
			missing = id
		}
	}
	if missing == "" {
		return ""
	}
	return fmt.Sprintf("needs the secret %q, which the run of a fork or of Dependabot is not given; a maintainer's branch builds it", missing)
}
