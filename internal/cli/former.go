package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/event"
	"github.com/plimsoll-ci/plimsoll/internal/pipeline"
	"github.com/plimsoll-ci/plimsoll/internal/report"
	"github.com/plimsoll-ci/plimsoll/internal/source/revision"
)

// former is what a change is compared with: the tree that it left and, where the
// settings may have changed since, the one that it goes to.
type former struct {
	commit string // that the change left
	branch string // the name people know it by; may be empty
	root   string // the work tree that the commits belong to, absolute
	dir    string // where the tree of commit lies, "" when it could not be read
	// settings is where the tree lies whose settings and excuses count; mostly dir.
	settings string
	why      string // why they could not be read
	notes    []string
}

// compares says whether a run compares with a commit, and which one it is by the
// event's word.
func (env *environment) compares() bool {
	switch env.event.Kind {
	case event.PullRequest, event.PullRequestTarget, event.MergeGroup, event.Default, event.Branch:
		return true
	case event.None:
		return env.former != nil // a laptop that was told what to compare with
	case event.Release, event.Schedule:
		return false
	}
	return false
}

// change says that what is judged has not been merged.
func (env *environment) change() bool { return env.compares() && env.event.Kind != event.Default }

// lookBack finds what the event's commit is compared with and unpacks it below
// scratch: from git where it has the commits, else from GitHub's archives of them. It
// returns nil where there is nothing. What cannot be read is said in former.why.
func (env *environment) lookBack(ctx context.Context, scratch string) (*former, error) {
	if !env.compares() {
		return nil, nil //nolint:nilnil // nothing is compared
	}
	// A checkout may lie below the workspace (actions/checkout, path).
	root, err := revision.Root(cmp.Or(env.getenv("INPUT_CONTEXT"), "."))
	if errors.Is(err, revision.ErrNotHere) {
		root, err = filepath.Abs(".")
	}
	if err != nil {
		return nil, fmt.Errorf("finding the repository: %w", err)
	}
	f := &former{branch: env.event.BaseRef, root: root}
	tip, since, err := env.parted(ctx, f)
	if err == nil && since == "" {
		return nil, nil //nolint:nilnil // the branch is new
	}
	f.commit = since
	if err == nil {
		f.dir = filepath.Join(scratch, "base")
		f.notes, err = env.fetched(ctx, root, since, f.dir)
	}
	if f.settings = f.dir; err == nil && tip != since {
		f.settings = filepath.Join(scratch, "settings")
		_, err = env.fetched(ctx, root, tip, f.settings)
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		f.dir, f.settings, f.why = "", "", err.Error()
	}
	return f, nil
}

// since unpacks the commit at which the work tree left another, by the name that a
// person has for that one. The settings of the other count, as on a pull request to it.
func (env *environment) since(ctx context.Context, name, workDir string) (*former, error) {
	usage := func(err error) error { return &config.UsageError{Where: "flag --base-ref", Err: err} }
	root, err := revision.Root(workDir)
	if err != nil {
		return nil, usage(err)
	}
	tip, err := revision.Resolve(root, name)
	if err != nil {
		return nil, usage(fmt.Errorf("%w; name a commit, branch or tag that this clone has, perhaps after git fetch", err))
	}
	head, err := revision.Resolve(root, "HEAD")
	if err != nil {
		return nil, usage(err)
	}
	left, err := revision.MergeBase(ctx, root, tip, head)
	if err != nil {
		return nil, usage(err)
	}
	f := &former{commit: left, branch: name, root: root, dir: filepath.Join(env.scratch, "base")}
	if f.notes, err = env.fetched(ctx, root, left, f.dir); err != nil {
		return nil, usage(err)
	}
	if f.settings = f.dir; tip != left {
		f.settings = filepath.Join(env.scratch, "settings")
		if _, err = env.fetched(ctx, root, tip, f.settings); err != nil {
			return nil, usage(err)
		}
	}
	return f, nil
}

// parted finds the commit whose settings count and the one that the change left. They
// are the same where the two were merged, as on pull_request. A branch that is not the
// default one is compared as if it were a pull request: what was pushed to it before
// was not judged by anybody.
func (env *environment) parted(ctx context.Context, f *former) (tip, since string, err error) {
	run, base := env.event.Run, env.event.Base
	switch env.event.Kind {
	case event.PullRequest:
		// The event's base is as old as the event; the merge commit knows better.
		if exact, err := revision.FirstParent(f.root, run.Commit, run.Head); err == nil {
			return exact, exact, nil
		}
	case event.PullRequestTarget:
	case event.Branch:
		if f.branch = env.event.DefaultBranch; f.branch == "" {
			return "", "", nil // GitHub always tells it; another runner's branch is compared with nothing, and everything counts
		}
		client, err := env.github(env.getenv("INPUT_GITHUB-TOKEN"))
		if err != nil {
			return "", "", err
		}
		return client.Common(ctx, run.Repository, f.branch, run.Commit)
	case event.None, event.MergeGroup, event.Default, event.Release, event.Schedule:
		return base, base, nil
	}
	if common, err := revision.MergeBase(ctx, f.root, base, run.Head); err == nil {
		return base, common, nil
	}
	if client, err := env.github(env.getenv("INPUT_GITHUB-TOKEN")); err == nil {
		if _, common, err := client.Common(ctx, run.Repository, base, run.Head); err == nil {
			return base, common, nil
		}
	}
	return base, base, nil // what the base mended since counts as the change's: too strict, never too lax
}

// fetched unpacks a commit from git, else from GitHub.
func (env *environment) fetched(ctx context.Context, root, commit, dir string) (notes []string, err error) {
	tree, err := revision.FromGit(ctx, root, commit, dir, revision.Options{})
	if err != nil && ctx.Err() == nil {
		tree, err = env.archived(ctx, commit, dir)
	}
	return tree.Left, err
}

// archiveTime bounds the fetching of a commit from GitHub, whose archive may trickle:
// the settings, and with them the timeout, are read from what it holds.
const archiveTime = 5 * time.Minute

// archived asks GitHub for the tree.
func (env *environment) archived(ctx context.Context, commit, dir string) (revision.Tree, error) {
	ctx, stop := context.WithTimeoutCause(ctx, archiveTime, fmt.Errorf("GitHub took longer than %s to send commit %s", archiveTime, report.Short(commit)))
	defer stop()
	if env.event.Run == nil || env.event.Run.Repository == "" {
		return revision.Tree{}, errors.New("git does not have it, and there is no repository to ask GitHub for it")
	}
	client, err := env.github(env.getenv("INPUT_GITHUB-TOKEN"))
	if err != nil {
		return revision.Tree{}, err
	}
	archive, err := client.Tarball(ctx, env.event.Run.Repository, commit)
	if err != nil {
		return revision.Tree{}, err
	}
	defer archive.Close()
	return revision.FromTar(ctx, archive, commit, dir, revision.Options{})
}

// unread says what could not be, and what to do.
func (f *former) unread() error {
	what := "the base commit " + report.Short(f.commit)
	if f.commit == "" {
		what = "the commit at which this branch left " + f.branch
	}
	return fmt.Errorf("%s, whose settings count, cannot be read: %s; check out with fetch-depth: 2 or give the token contents: read", what, f.why)
}

// inside is where a directory of the work tree lies in one of the trees.
func (f *former) inside(tree, dir string) (string, error) {
	rel, ok := below(f.root, dir)
	if !ok {
		return "", fmt.Errorf("%s lies outside the repository", dir)
	}
	return filepath.Join(tree, filepath.FromSlash(rel)), nil
}

// sincePublished moves what the default branch is compared with from the commit
// before to the one that was published last, where that was kept: a push that
// failed was not published, and the next one must not make its findings old.
func (r *runner) sincePublished(ctx context.Context) error {
	if r.env.event.Kind != event.Default || r.client == nil {
		return nil
	}
	commit, err := r.publishedCommit(ctx)
	if err != nil || commit == "" || r.env.former != nil && r.env.former.commit == commit {
		return err
	}
	root, err := filepath.Abs(".")
	if err != nil {
		return fmt.Errorf("finding the repository: %w", err)
	}
	since := &former{commit: commit, branch: r.env.event.BaseRef, root: root, dir: filepath.Join(r.env.scratch, "published")}
	if r.env.former != nil {
		since.root = r.env.former.root
	}
	since.settings = since.dir
	if since.notes, err = r.env.fetched(ctx, since.root, commit, since.dir); err != nil {
		return fmt.Errorf("reading commit %s, which was published last: %w", report.Short(commit), err)
	}
	r.env.former = since
	return nil
}

// publishedCommit is the commit that was published last, "" where nobody kept it.
func (r *runner) publishedCommit(ctx context.Context) (string, error) {
	targets, err := pipeline.Targets(r.cfg.Tags)
	if err != nil {
		return "", err
	}
	for _, target := range targets {
		last, err := r.keeper.cache.Published(ctx, target.Repository.Name())
		if err != nil {
			return "", err
		}
		if last != nil && event.IsCommit(last.Commit) {
			return last.Commit, nil
		}
	}
	return "", nil
}
