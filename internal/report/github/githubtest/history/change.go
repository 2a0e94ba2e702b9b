package history

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pmezard/go-difflib/difflib"
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
	a, b := lines(before), lines(after)
	matcher := difflib.NewMatcherWithJunk(a, b, false, nil) // lines that come often count too
	var patch strings.Builder
	show := func(mark string, shown []string) {
		for _, line := range shown {
			patch.WriteString(mark + line)
			if !strings.HasSuffix(line, "\n") {
				patch.WriteString("\n\\ No newline at end of file\n")
			}
		}
	}
	for _, hunk := range matcher.GetGroupedOpCodes(3) {
		first, last := hunk[0], hunk[len(hunk)-1]
		fmt.Fprintf(&patch, "@@ -%s +%s @@\n", span(first.I1, last.I2), span(first.J1, last.J2))
		for _, code := range hunk {
			if code.Tag == 'e' {
				show(" ", a[code.I1:code.I2])
				continue
			}
			show("-", a[code.I1:code.I2])
			show("+", b[code.J1:code.J2])
			c.Deletions += code.I2 - code.I1
			c.Additions += code.J2 - code.J1
		}
	}
	c.Patch = strings.TrimSuffix(patch.String(), "\n")
	if len(c.Patch) > maxPatch {
		c.Patch = ""
	}
}

// lines of a text, each with its end.
func lines(text string) []string { return slices.Collect(strings.Lines(text)) }

// span is how a hunk's head names lines: of none the one before.
func span(from, to int) string {
	switch to - from {
	case 0:
		return fmt.Sprintf("%d,0", from)
	case 1:
		return strconv.Itoa(from + 1)
	}
	return fmt.Sprintf("%d,%d", from+1, to-from)
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
			words := strings.Fields(line)
			left, right = first(words[1]), first(words[2])
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

// first line of a side in a hunk's head, "-12,3".
func first(side string) int {
	number, _, _ := strings.Cut(side[1:], ",")
	n, _ := strconv.Atoi(number) // of our own patch
	return n
}
