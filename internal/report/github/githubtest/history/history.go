// Package history is what git would know: commits with their trees, what changed
// between two of them, and an archive of one.
package history

import (
	"crypto/sha1" //nolint:gosec // git's own hash, of nothing secret
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
)

// Commit is a tree with parents.
type Commit struct {
	// SHA is 40 hex digits; empty is computed from the rest.
	SHA     string
	Parents []string
	Message string
	// Files is the whole tree, path to content; Links are symbolic ones, path to target.
	Files map[string]string
	Links map[string]string
	// Archive is served for the tree instead of a true one, for tests of what reads archives.
	Archive []byte
}

// Hash is an id of a commit made of all that it says. It is not git's.
func (c *Commit) Hash() string {
	h := sha1.New() //nolint:gosec // as above
	fmt.Fprintf(h, "%q %q\n", c.Parents, c.Message)
	for _, tree := range []map[string]string{c.Files, c.Links} {
		for _, path := range slices.Sorted(maps.Keys(tree)) {
			fmt.Fprintf(h, "%q %q\n", path, tree[path])
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// TreeID stands for the id of a commit's tree: the same for the same files, but not git's.
func (c *Commit) TreeID() string { return (&Commit{Files: c.Files, Links: c.Links}).Hash() }

// Blob is git's id of a file.
func Blob(content string) string {
	sum := sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(content), content)) //nolint:gosec // as above
	return hex.EncodeToString(sum[:])
}

// Network is commits by SHA, with all their parents.
type Network map[string]*Commit

// Ancestors lists a commit and all behind it, nearest first.
func (n Network) Ancestors(c *Commit) []*Commit {
	seen := map[string]bool{c.SHA: true}
	all := []*Commit{c}
	for i := 0; i < len(all); i++ {
		for _, parent := range all[i].Parents {
			if !seen[parent] {
				seen[parent] = true
				all = append(all, n[parent])
			}
		}
	}
	return all
}

// MergeBase is the nearest common ancestor; nil when there is none.
func (n Network) MergeBase(base, head *Commit) *Commit {
	behind := n.Ancestors(base)
	for _, c := range n.Ancestors(head) {
		if slices.Contains(behind, c) {
			return c
		}
	}
	return nil
}

// Without lists what is behind a commit and not behind another, nearest first.
func (n Network) Without(c, other *Commit) []*Commit {
	known := n.Ancestors(other)
	return slices.DeleteFunc(n.Ancestors(c), func(c *Commit) bool { return slices.Contains(known, c) })
}
