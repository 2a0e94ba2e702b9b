package kubernetes

import (
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// excusing begin the keys of annotations by which other tools are told to be silent
// about an object: those of kube-linter, kube-score, Polaris and Checkov. The last two
// names of Checkov's are those of the firms it belongs to.
var excusing = []string{
	"ignore-check.kube-linter.io/", "kube-linter.io/ignore-all", "kube-score/ignore", "polaris.fairwinds.com/",
	"checkov.io/skip", "bridgecrew.io/skip", "cortex.io/skip",
}

// annotations collects those that may excuse something. They are read where the tools
// read them, on the object, and on the pods that it runs, where kube-score and Checkov
// do.
func (f *File) annotations() []source.Comment {
	if !slices.ContainsFunc(excusing, func(key string) bool { return strings.Contains(f.Source.Text, key) }) {
		return nil
	}
	var all []source.Comment
	for _, o := range f.Objects {
		all = append(all, o.excuses(o.Node, excusing)...)
		if w, ok := o.Workload(); ok && w.Kind != "Pod" {
			all = append(all, o.excuses(w.Template, []string{"kube-score/ignore", "checkov.io/skip", "bridgecrew.io/skip", "cortex.io/skip"})...)
		}
	}
	return all
}

func (o *Object) excuses(of Node, keys []string) []source.Comment {
	var all []source.Comment
	for _, e := range of.Get("metadata").Get("annotations").Entries() {
		key := e.Key.Text()
		if slices.ContainsFunc(keys, func(prefix string) bool { return strings.HasPrefix(key, prefix) }) {
			all = append(all, source.Comment{Text: key + ": " + e.Value.Text(), At: e.Key.At(), Subject: o.Subject()})
		}
	}
	return all
}
