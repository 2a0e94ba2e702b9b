package cli

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"

	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/event"
	"github.com/plimsoll-ci/plimsoll/internal/report"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/revision"
)

// sources says what of the workspace is linted: what was named, and the
// Dockerfile that is built wherever it lies.
func (r *runner) sources() source.Options {
	opts := source.Options{Paths: r.paths, Manifests: r.cfg.Manifests, ComposeFiles: r.cfg.ComposeFiles, SkipDirs: r.cfg.SkipDirs, SkipFiles: r.cfg.SkipFiles}
	if len(opts.Paths) == 0 {
		opts.Paths = []string{r.space.path}
	}
	if r.cfg.File != "" {
		opts.Dockerfiles = []string{r.cfg.File}
	}
	return opts
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
