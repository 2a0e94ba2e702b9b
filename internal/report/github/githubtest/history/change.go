package history

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
)

// Change is what became of a file between two trees.
type Change struct {
	Path, Status         string // added, modified, removed
	Blob                 string // of the blob
	Additions, Deletions int
	Patch                string // empty for what GitHub shows none of
}

// maxPatch is the size of a file's diff above which GitHub shows none.
const maxPatch = 500 << 10

// Changes compares two trees. A renamed file is one removed and one added.
func Changes(from, to *Commit) []Change {
	paths := slices.Sorted(maps.Keys(from.Files))
	for path := range to.Files {
		if _, ok := from.Files[path]; !ok {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	var all []Change
	for _, path := range paths {
		before, was := from.Files[path]
		after, is := to.Files[path]
		c := Change{Path: path, Status: "modified", Blob: Blob(after)}
		switch {
		case was && is && before == after:
			continue
		case !was:
			c.Status = "added"
		case !is:
			c.Status, c.Blob = "removed", Blob(before)
		}
		c.compare(before, after)
		all = append(all, c)
	}
	return all
}

func (c *Change) compare(before, after string) {
	if strings.ContainsRune(before+after, 0) {
		return // binary
	}
	text := diff.Diff("a", []byte(before), "b", []byte(after))
	if at := bytes.Index(text, []byte("\n@@ ")); at >= 0 {
		c.Patch = strings.TrimSuffix(string(text[at+1:]), "\n")
	}
	for line := range strings.SplitSeq(c.Patch, "\n") {
		switch {
		case strings.HasPrefix(line, "+"):
			c.Additions++
		case strings.HasPrefix(line, "-"):
			c.Deletions++
		}
	}
	if len(c.Patch) > maxPatch {
		c.Patch = ""
	}
}

// Place is a line on one side of a diff.
type Place struct {
	Side string // LEFT or RIGHT
	Line int
}

// Hunks maps each line that a patch shows to the number of its hunk.
func Hunks(patch string) map[Place]int {
	shown := map[Place]int{}
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
			shown[Place{"LEFT", left}] = hunk
			left++
		case strings.HasPrefix(line, "+"):
			shown[Place{"RIGHT", right}] = hunk
			right++
		case strings.HasPrefix(line, " "), line == "":
			shown[Place{"LEFT", left}], shown[Place{"RIGHT", right}] = hunk, hunk
			left, right = left+1, right+1
		}
	}
	return shown
}
