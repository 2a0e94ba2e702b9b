package revision

import (
	"fmt"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
)

// Resolve returns the id of the commit that a person's name for it means: a branch,
// a tag, "origin/main", "HEAD~2", a shortened id. It fails when the repository knows
// none.
func Resolve(workDir, name string) (string, error) {
	repo, err := open(workDir)
	if err != nil {
		return "", err
	}
	defer repo.close()
	var id *plumbing.Hash
	err = guarded(func() error {
		opened, err := git.Open(repo.Storage, nil)
		if err != nil {
			return fmt.Errorf("opening the repository: %w", err)
		}
		id, err = opened.ResolveRevision(plumbing.Revision(name))
		return err
	})
	if err != nil {
		return "", fmt.Errorf("finding the commit %q: %w", name, err)
	}
	return id.String(), nil
}
