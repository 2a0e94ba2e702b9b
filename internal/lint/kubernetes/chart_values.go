package kubernetes

import (
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// combinations lists the values that a chart is rendered with: its own alone, and
// with each set that was named.
func combinations(tree *source.Tree, dir string, opts lint.Options) [][]string {
	all := [][]string{nil}
	add := func(names []string) {
		if len(names) == 0 {
			return
		}
		values := make([]string, len(names))
		for i, name := range names {
			values[i] = inTree(tree, name)
		}
		all = append(all, values)
	}
	add(opts.HelmValues)
	for _, chart := range opts.Charts {
		if inTree(tree, chart.Dir) == dir {
			add(chart.Values)
		}
	}
	return all
}

// inTree is a path from the settings in the form of the tree; what lies outside stays
// as it is, and cannot be read.
func inTree(tree *source.Tree, name string) string {
	if own, err := tree.Relative(name); err == nil {
		return own
	}
	return name
}
