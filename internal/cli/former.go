package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/event"
	"github.com/plimsoll-ci/plimsoll/internal/report"
	"github.com/plimsoll-ci/plimsoll/internal/source/revision"
)

// former is the tree of the commit that a change is compared with.
type former struct {
	commit string
	branch string // the name people know it by; may be empty
	root   string // the work tree that the commit belongs to, absolute
	dir    string // where the commit's tree lies, "" when it could not be read
	why    string // why not
	notes  []string
}

// compares says whether a run compares with a commit, and which one it is by the
// event's word.
func (env *environment) compares() bool {
	switch env.event.Kind {
	case event.PullRequest, event.PullRequestTarget, event.MergeGroup, event.Default, event.Branch:
		return true
	case event.None, event.Release, event.Schedule:
		return false
	}
	return false
}

// lookBack finds the base commit of the event and unpacks its tree below scratch:
// from git where it has the commit, else from GitHub's archive of it. It returns
// nil where the event names none. What cannot be read is said in former.why.
func (env *environment) lookBack(ctx context.Context, scratch string) (*former, error) {
	if !env.compares() || env.event.Base == "" {
		return nil, nil //nolint:nilnil // nothing is compared
	}
	root, err := revision.Root(".")
	if errors.Is(err, revision.ErrNotHere) {
		root, err = filepath.Abs(".")
	}
	if err != nil {
		return nil, fmt.Errorf("finding the repository: %w", err)
	}
	f := &former{commit: env.event.Base, branch: env.event.BaseRef, root: root}
	if env.event.Kind == event.PullRequest {
		// The event's base is as old as the event; the merge commit knows better.
		if exact, err := revision.FirstParent(root, env.event.Run.Commit, env.event.Run.Head); err == nil {
			f.commit = exact
		}
	}
	dir := filepath.Join(scratch, "base")
	tree, err := revision.FromGit(ctx, root, f.commit, dir, revision.Options{})
	if err != nil && ctx.Err() == nil {
		tree, err = env.archived(ctx, f.commit, dir)
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		f.why = err.Error()
		return f, nil
	}
	f.dir, f.notes = dir, tree.Left
	return f, nil
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

// inside is where a directory of the work tree lies in the base's tree.
func (f *former) inside(dir string) (string, error) {
	rel, ok := below(f.root, dir)
	if !ok {
		return "", fmt.Errorf("%s lies outside the repository", dir)
	}
	return filepath.Join(f.dir, filepath.FromSlash(rel)), nil
}
