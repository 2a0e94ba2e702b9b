package kubernetes

import (
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

// uncover finds the objects that were there to be judged and that nothing was rendered
// to: a chart's .helmignore or a kustomization's patch may leave them out, and they can
// be applied all the same. Their files are judged as they stand.
func (out *rendered) uncover(listing *source.Listing) {
	told, subjects := map[string]bool{}, map[string]bool{}
	for _, g := range out.groups {
		for _, f := range g.files {
			told[f.Source.Path] = true
			for _, o := range f.Objects {
				subjects[o.Kind+"/"+o.Name] = true
			}
		}
	}
	for _, src := range listing.Files {
		if !out.covered[src.Path] || told[src.Path] || strings.Contains(src.Text, "{{") {
			continue
		}
		if o := applicable(src, subjects); o != nil {
			delete(out.covered, src.Path)
			out.notes = append(out.notes, fmt.Sprintf("%s holds %s, which nothing is rendered to here; it was judged as it stands", src.Path, o.Subject()))
		}
	}
}

// applicable returns the first workload of a file that could be applied as it stands and is
// not among those that are judged already.
func applicable(src *source.File, judged map[string]bool) *kubernetes.Object {
	f, _ := kubernetes.Parse(src)
	if f == nil {
		return nil
	}
	for _, o := range f.Objects {
		// What helm test runs is no part of what ships.
		test := strings.HasPrefix(o.Node.Get("metadata").Get("annotations").Get("helm.sh/hook").Text(), "test")
		w, ok := o.Workload()
		if !ok || part(w) || test || judged[o.Kind+"/"+o.Name] {
			continue
		}
		if w.Kind == "Pod" || w.RunsToEnd() || w.Node.Get("spec").Get("selector").Exists() {
			return o
		}
	}
	return nil
}
