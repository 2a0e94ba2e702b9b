package kubernetes

import (
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

// setting is the edit that gives a key of a mapping a plain value, in place of another or
// beside the keys that are there.
func setting(n kubernetes.Node, key, value string) ([]finding.Edit, bool) {
	is := n.Get(key)
	switch {
	case !is.Exists():
		return n.Insert(key + ": " + value)
	case is.IsNull():
		return nil, false
	}
	return is.Splice(0, len(is.Text()), value)
}
