package githubtest

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // git's own hash
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
)

// change is what became of a file between two trees.
type change struct {
	path, status         string
	sha                  string // of the blob
	additions, deletions int
	patch                string // empty for what GitHub shows none of
}

// maxPatch is the size of a file's diff above which GitHub shows none.
const maxPatch = 500 << 10

// changes compares two trees. A renamed file is one removed and one added.
func changes(from, to *Commit) []change {
	paths := slices.Sorted(maps.Keys(from.Files))
	for path := range to.Files {
		if _, ok := from.Files[path]; !ok {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	var all []change
	for _, path := range paths {
		before, was := from.Files[path]
		after, is := to.Files[path]
		c := change{path: path, status: "modified", sha: blob(after)}
		switch {
		case was && is && before == after:
			continue
		case !was:
			c.status = "added"
		case !is:
			c.status, c.sha = "removed", blob(before)
		}
		c.compare(before, after)
		all = append(all, c)
	}
	return all
}

func (c *change) compare(before, after string) {
	if strings.ContainsRune(before+after, 0) {
		return // binary
	}
	text := diff.Diff("a", []byte(before), "b", []byte(after))
	if at := bytes.Index(text, []byte("\n@@ ")); at >= 0 {
		c.patch = strings.TrimSuffix(string(text[at+1:]), "\n")
	}
	for line := range strings.SplitSeq(c.patch, "\n") {
		switch {
		case strings.HasPrefix(line, "+"):
			c.additions++
		case strings.HasPrefix(line, "-"):
			c.deletions++
		}
	}
	if len(c.patch) > maxPatch {
		c.patch = ""
	}
}

// blob is git's id of a file.
func blob(content string) string {
	sum := sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(content), content)) //nolint:gosec // as above
	return hex.EncodeToString(sum[:])
}

// place is a line on one side of a diff.
type place struct {
	side string // LEFT or RIGHT
	line int
}

// hunks maps each line that a patch shows to the number of its hunk.
func hunks(patch string) map[place]int {
	shown := map[place]int{}
	hunk, left, right := 0, 0, 0
	for line := range strings.SplitSeq(patch, "\n") {
		switch {
		case strings.HasPrefix(line, "@@ "):
			hunk++
			var ignored int
			if _, err := fmt.Sscanf(line, "@@ -%d,%d +%d", &left, &ignored, &right); err != nil {
				_, _ = fmt.Sscanf(line, "@@ -%d +%d", &left, &right)
			}
		case strings.HasPrefix(line, "-"):
			shown[place{"LEFT", left}] = hunk
			left++
		case strings.HasPrefix(line, "+"):
			shown[place{"RIGHT", right}] = hunk
			right++
		case strings.HasPrefix(line, " "), line == "":
			shown[place{"LEFT", left}], shown[place{"RIGHT", right}] = hunk, hunk
			left, right = left+1, right+1
		}
	}
	return shown
}

// resolve finds a commit by SHA, branch, tag or full ref.
func (r *repository) resolve(ref string) *Commit {
	if ref == "" || ref == "HEAD" {
		ref = r.DefaultBranch
	}
	if c := r.commits[ref]; c != nil {
		return c
	}
	for _, p := range r.pulls {
		if strings.TrimPrefix(ref, "refs/") == fmt.Sprintf("pull/%d/head", p.Number) {
			return r.commits[p.Head.SHA]
		}
	}
	short := strings.TrimPrefix(ref, "refs/")
	if sha, ok := r.branches[strings.TrimPrefix(short, "heads/")]; ok {
		return r.commits[sha]
	}
	return r.commits[r.tags[strings.TrimPrefix(short, "tags/")]]
}

// ancestors lists a commit and all behind it, nearest first.
func (r *repository) ancestors(c *Commit) []*Commit {
	seen := map[string]bool{c.SHA: true}
	all := []*Commit{c}
	for i := 0; i < len(all); i++ {
		for _, parent := range all[i].Parents {
			if !seen[parent] {
				seen[parent] = true
				all = append(all, r.commits[parent])
			}
		}
	}
	return all
}

// mergeBase is the nearest common ancestor; nil when there is none.
func (r *repository) mergeBase(base, head *Commit) *Commit {
	behind := r.ancestors(base)
	for _, c := range r.ancestors(head) {
		if slices.Contains(behind, c) {
			return c
		}
	}
	return nil
}

// changed is what a pull request changes: from the merge base to its head.
func (r *repository) changed(p *pull) []change {
	head, from := r.commits[p.Head.SHA], &Commit{}
	if base := r.mergeBase(r.commits[p.Base.SHA], head); base != nil {
		from = base
	}
	ends := [2]string{from.SHA, head.SHA}
	if _, known := r.changes[ends]; !known {
		r.changes[ends] = changes(from, head)
	}
	return r.changes[ends]
}
