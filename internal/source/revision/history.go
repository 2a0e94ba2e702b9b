package revision

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// FirstParent returns the exact base of a pull request: the first parent of the
// merge commit that GitHub made and checked out, whose second parent is head. The
// merge commit alone says it, so a clone of depth 1 will do.
//
// It fails when the commit is no such merge: the parents of a commit that somebody
// pushed are chosen by them. It fails with ErrNotHere as FromGit does.
func FirstParent(workDir, merge, head string) (base string, err error) {
	repo, err := open(workDir, merge, head)
	if err != nil {
		return "", err
	}
	defer repo.close()
	err = guarded(func() error {
		c, err := repo.commit(plumbing.NewHash(merge))
		if err != nil {
			return err
		}
		if len(c.ParentHashes) != 2 || c.ParentHashes[1].String() != head {
			return fmt.Errorf("commit %s does not merge %s into another", merge, head)
		}
		base = c.ParentHashes[0].String()
		return nil
	})
	return base, err
}

// MergeBase returns the commit that two lines of work have in common, the newest
// one. It is for comparing, where the head was checked out instead of the merge,
// and never for policy: who writes the head chooses how old it is. It fails with
// ErrNotHere when the history is cut off before it.
func MergeBase(ctx context.Context, workDir, base, head string) (common string, err error) {
	repo, err := open(workDir, base, head)
	if err != nil {
		return "", err
	}
	defer repo.close()
	err = guarded(func() error {
		one, err := repo.commit(plumbing.NewHash(base))
		if err != nil {
			return err
		}
		other, err := repo.commit(plumbing.NewHash(head))
		if err != nil {
			return err
		}
		found, err := one.MergeBase(other)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, plumbing.ErrObjectNotFound), errors.Is(err, object.ErrParentNotFound):
			return fmt.Errorf("following the history: %w", ErrNotHere)
		case err != nil:
			return fmt.Errorf("following the history: %w", err)
		case len(found) == 0:
			return fmt.Errorf("%s and %s have no commit in common", base, head)
		}
		common = found[0].Hash.String()
		return nil
	})
	return common, err
}
