package kubernetes

import (
	"fmt"
	"path"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

// tellCharts says of the charts, which nothing here renders, what was not judged:
// a note where a search came by, and an unread record where somebody asked for the
// chart, because a pass would then be an answer about what was not looked at.
func tellCharts(set *lint.Set[*kubernetes.Object], listing *source.Listing, templates map[string]int) {
	for _, chart := range listing.Charts {
		left := 0
		for inner, n := range templates {
			if within(inner, chart) { // a chart that it depends on is part of it
				left += n
				delete(templates, inner)
			}
		}
		switch {
		case left > 0:
			set.Unread = append(set.Unread, unrendered(chart, "is a chart, which is not rendered, and "+notJudged(left)+"; "+render("helm template", chart)))
		case !judged(set, chart):
			set.Unread = append(set.Unread, unrendered(chart, "is a chart, which is not rendered; "+render("helm template", chart)))
		}
	}
	for chart, n := range templates {
		set.Notes = append(set.Notes, fmt.Sprintf("chart %s is not rendered; %s", chart, notJudged(n)))
	}
}

// tellKustomizations does so for kustomizations. Their resources are judged as
// they stand, so that one which was named is unread only when none of them was.
func tellKustomizations(set *lint.Set[*kubernetes.Object], left []*source.File, told bool) {
	for _, k := range left {
		set.Unjudged++
		if told { // why it could not be built
			continue
		}
		dir := path.Dir(k.Path)
		if k.Named && !judged(set, dir) {
			set.Unread = append(set.Unread, k.Unread(0, "is not rendered, and nothing in its directory could be judged; "+render("kustomize build", dir)))
			continue
		}
		set.Notes = append(set.Notes, k.Path+" is not rendered; its resources were judged as they stand and its patches were not")
	}
}

func unrendered(dir, cause string) finding.Unread {
	return finding.Unread{Kind: finding.UnreadSource, Location: finding.Location{Path: dir}, Cause: cause}
}

func notJudged(templates int) string {
	if templates == 1 {
		return "1 of its templates was not judged"
	}
	return fmt.Sprintf("%d of its templates were not judged", templates)
}

// render is the way out: what a tool prints is judged like any manifest.
func render(tool, dir string) string {
	return fmt.Sprintf("judge what it renders to instead (%s %s > rendered.yaml)", tool, dir)
}

// judged says whether an object below a directory was.
func judged(set *lint.Set[*kubernetes.Object], dir string) bool {
	for file := range set.Documents {
		if within(file.Path, dir) {
			return true
		}
	}
	return false
}

// within says whether name is dir or lies below it.
func within(name, dir string) bool {
	return dir == "." || name == dir || strings.HasPrefix(name, dir+"/")
}
