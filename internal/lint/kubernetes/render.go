package kubernetes

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes/schema"
)

// rendered is what came of the charts and kustomizations of a tree.
type rendered struct {
	groups []group
	unread []finding.Unread
	notes  []string
	// covered are the files that are judged as what they are rendered to.
	covered map[string]bool
	// left are the kustomizations that were not built.
	left      []*source.File
	masked    map[string][]finding.Location // by path
	templates map[string]bool               // the files that are no YAML
	partial   string                        // why not all is known, see lint.Set
}

// group is the manifests of one rendering, which are applied together.
type group struct {
	files []*kubernetes.File
	again bool // another rendering of the same chart came before
}

// job is one rendering to do.
type job struct {
	root  kubernetes.Root
	named bool
	only  map[string]bool // templates that alone were asked for; nil is all
}

// render renders what there is to render, as far as the program can.
func (r reader) render(ctx context.Context, listing *source.Listing, opts lint.Options) (*rendered, error) {
	out := &rendered{covered: map[string]bool{}, masked: map[string][]finding.Location{}, templates: map[string]bool{}, left: listing.Kustomizations}
	if r.Charts != nil {
		if err := r.charts(ctx, listing, opts, out); err != nil {
			return nil, err
		}
	}
	if r.Kustomizations != nil {
		if err := r.kustomizations(ctx, listing, out); err != nil {
			return nil, err
		}
	}
	out.uncover(listing)
	return out, nil
}

// charts renders each chart with its own values, and once more with each others
// that were named.
func (r reader) charts(ctx context.Context, listing *source.Listing, opts lint.Options, out *rendered) error {
	version := schema.Between(opts.KubernetesMin, opts.KubernetesMax).Youngest()
	var jobs []job
	for _, chart := range chartRoots(listing, opts) {
		for _, values := range combinations(listing.Tree, chart.root.Dir, opts) {
			chart.root.Values, chart.root.Version = values, version
			jobs = append(jobs, chart)
		}
	}
	renderings := make([]*kubernetes.Rendering, len(jobs))
	errs := make([]error, len(jobs))
	if err := lint.Each(ctx, len(jobs), func(i int) { renderings[i], errs[i] = r.Charts.Render(ctx, listing.Tree, jobs[i].root) }); err != nil {
		return fmt.Errorf("rendering charts: %w", err)
	}
	for i := 0; i < len(jobs); {
		if errs[i] != nil {
			return errs[i]
		}
		next := i + 1
		for next < len(jobs) && jobs[next].root.Dir == jobs[i].root.Dir {
			next++
		}
		out.chart(jobs[i:next], renderings[i:next])
		i = next
	}
	for _, src := range listing.Files {
		if src.Chart != "" {
			out.covered[src.Path] = true
		}
	}
	return nil
}

// chartRoots lists the charts that are rendered: those that are no part of another,
// and whatever somebody asked for.
func chartRoots(listing *source.Listing, opts lint.Options) []job {
	jobs := map[string]*job{}
	take := func(dir string, named bool) *job {
		if jobs[dir] == nil {
			jobs[dir] = &job{root: kubernetes.Root{Dir: dir}}
		}
		jobs[dir].named = jobs[dir].named || named
		return jobs[dir]
	}
	for _, dir := range listing.Discovered {
		take(dir, false)
	}
	for _, dir := range listing.Charts {
		take(dir, true)
	}
	for _, chart := range opts.Charts {
		take(inTree(listing.Tree, chart.Dir), true)
	}
	for _, src := range listing.Files {
		switch j, known := jobs[src.Chart]; {
		case src.Chart == "" || known && j.only == nil:
		case src.Named:
			if j = take(src.Chart, true); j.only == nil {
				j.only = map[string]bool{}
			}
			j.only[src.Path] = true
		case !known:
			take(src.Chart, false)
		}
	}
	var roots []job
	for dir, j := range jobs {
		part := false
		for above := range jobs {
			part = part || above != dir && strings.HasPrefix(dir, path.Join(above, "charts")+"/")
		}
		if !part || slices.Contains(listing.Charts, dir) || j.only != nil {
			roots = append(roots, *j)
		}
	}
	slices.SortFunc(roots, func(a, b job) int { return strings.Compare(a.root.Dir, b.root.Dir) })
	return roots
}

// chart takes what one chart came to with each of its values. With its own alone it
// need not render when it does with others: that is what they are for.
func (out *rendered) chart(jobs []job, renderings []*kubernetes.Rendering) {
	chart := jobs[0]
	works := slices.ContainsFunc(renderings[1:], func(r *kubernetes.Rendering) bool { return len(r.Unread)+len(r.Asks) == 0 })
	empty, first := renderings[0].Empty, true
	for i, r := range renderings {
		empty = slices.DeleteFunc(slices.Clone(empty), func(name string) bool { return !slices.Contains(r.Empty, name) })
		if i == 0 && works && len(r.Unread)+len(r.Asks) > 0 {
			out.notes = append(out.notes, "chart "+chart.root.Dir+" does not render with its own values alone, and was judged with those that were named")
			continue
		}
		out.take(chart, r, !first)
		first = false
		out.unread = append(out.unread, r.Unread...)
		for _, u := range r.Asks {
			if chart.named || i > 0 {
				out.unread = append(out.unread, u)
				continue
			}
			// A chart that is made to be given values is whole without them, and a
			// repository that holds one is none to blame.
			out.partial = "chart " + chart.root.Dir + " was not judged in full"
			out.notes = append(out.notes, fmt.Sprintf("chart %s was not judged in full: %s:%d: %s", chart.root.Dir, u.Location.Path, u.Location.Line, u.Cause))
		}
		if r.Missing != "" && i == 0 {
			out.missing(chart, "Chart.yaml", "chart "+chart.root.Dir, r.Missing)
		}
		for _, name := range r.Used {
			out.templates[name] = path.Base(name) != "Chart.yaml" && path.Base(name) != "values.yaml"
		}
	}
	if len(empty) > 0 {
		names := make([]string, len(empty))
		for i, name := range empty {
			names[i] = strings.TrimPrefix(strings.TrimPrefix(name, chart.root.Dir+"/"), "templates/")
		}
		slices.Sort(names)
		if len(names) > maxListed {
			names = append(names[:maxListed:maxListed], fmt.Sprintf("%d more", len(names)-maxListed))
		}
		out.notes = append(out.notes, fmt.Sprintf("chart %s: not judged, because the values given render them to nothing: %s", chart.root.Dir, list(names)))
	}
}

// maxListed is how many names a note lists.
const maxListed = 10

// missing tells what a root needs and the tree does not hold.
func (out *rendered) missing(j job, file, what, missing string) {
	if j.named {
		out.unread = append(out.unread, unrendered(path.Join(j.root.Dir, file), missing))
		return
	}
	out.notes = append(out.notes, what+" "+missing)
	out.partial = what + " was not judged in full"
}

// take parses what a root was rendered to.
func (out *rendered) take(j job, r *kubernetes.Rendering, again bool) {
	out.notes = append(out.notes, r.Notes...)
	g := group{again: again}
	for _, m := range r.Manifests {
		if j.only != nil && !j.only[m.Path] {
			continue
		}
		f, unread := kubernetes.ParseManifest(m)
		out.unread = append(out.unread, unread...)
		if f == nil {
			continue
		}
		for _, at := range f.Masked() {
			out.masked[at.Path] = append(out.masked[at.Path], at)
		}
		out.covered[m.Path] = true
		if len(f.Objects) > 0 {
			g.files = append(g.files, f)
		}
	}
	for _, name := range r.Used {
		out.covered[name] = true
	}
	if len(g.files) > 0 {
		out.groups = append(out.groups, g)
	}
}

// kustomizations builds those that no other builds on. Where one cannot be built,
// what it builds on is tried by itself.
func (r reader) kustomizations(ctx context.Context, listing *source.Listing, out *rendered) error {
	bases, components, below := map[string][]string{}, map[string]bool{}, map[string]bool{}
	for _, k := range listing.Kustomizations {
		names, component := kubernetes.Bases(k)
		dir := path.Dir(k.Path)
		bases[dir], components[dir] = names, component
		for _, name := range names {
			below[name] = below[name] || name != dir
		}
	}
	out.left = nil
	var pending []*source.File
	for _, k := range listing.Kustomizations {
		if dir := path.Dir(k.Path); !components[dir] && (k.Named || !below[dir]) {
			pending = append(pending, k)
		}
	}
	built, tried := map[string]bool{}, map[string]bool{}
	for len(pending) > 0 {
		k := pending[0]
		pending = pending[1:]
		dir := path.Dir(k.Path)
		if tried[dir] {
			continue
		}
		tried[dir] = true
		rendering, err := r.Kustomizations.Render(ctx, listing.Tree, kubernetes.Root{Dir: dir})
		if err != nil {
			return fmt.Errorf("building kustomizations: %w", err)
		}
		j := job{root: kubernetes.Root{Dir: dir}, named: k.Named}
		if len(rendering.Unread) == 0 {
			out.take(j, rendering, false)
			built[dir] = true
			reach(dir, bases, built)
			if rendering.Missing != "" {
				out.missing(j, path.Base(k.Path), k.Path, rendering.Missing)
			}
			continue
		}
		for _, u := range rendering.Unread {
			if k.Named {
				out.unread = append(out.unread, u)
			} else {
				out.notes = append(out.notes, fmt.Sprintf("%s %s; its resources were judged as they stand", u.Location.Path, u.Cause))
			}
		}
		for _, other := range listing.Kustomizations {
			if d := path.Dir(other.Path); slices.Contains(bases[dir], d) && !components[d] {
				pending = append(pending, other)
			}
		}
	}
	for _, k := range listing.Kustomizations {
		if !built[path.Dir(k.Path)] {
			out.left = append(out.left, k)
		}
	}
	return nil
}

// reach marks all kustomizations that one is built from.
func reach(dir string, bases map[string][]string, built map[string]bool) {
	for _, base := range bases[dir] {
		if _, is := bases[base]; is && !built[base] {
			built[base] = true
			reach(base, bases, built)
		}
	}
}

// documents loads the files that rendered manifests come from, for the text of
// findings and for the excuses in them.
func (out *rendered) documents(listing *source.Listing, documents map[*source.File]lint.Document) {
	loaded := map[string]*source.File{}
	for _, f := range slices.Concat(listing.Files, listing.Kustomizations) {
		loaded[f.Path] = f
	}
	known := map[string][]kubernetes.Values{}
	there := map[string]bool{}
	for f := range documents {
		there[f.Path] = true
	}
	names := map[string]bool{}
	for name := range out.covered {
		names[name] = true
	}
	for _, k := range listing.Kustomizations {
		names[k.Path] = true
	}
	for name := range names {
		if there[name] {
			continue
		}
		src := loaded[name]
		if src == nil {
			var err error
			if src, err = listing.Tree.File(name); err != nil {
				continue // an archive, say, in which nothing is placed
			}
		}
		if !out.templates[name] {
			if f, _ := kubernetes.Parse(src); f != nil {
				documents[src] = kubernetes.NewSource(f, out.masked[name])
				continue
			}
		}
		documents[src] = kubernetes.NewTemplate(src, out.masked[name], valuesOf(listing.Tree, name, known)...)
	}
}

// valuesOf lists those that a template sees, the outermost chart's first: they win.
func valuesOf(tree *source.Tree, template string, known map[string][]kubernetes.Values) []kubernetes.Values {
	chart, _, ok := strings.Cut("/"+template, "/templates/")
	if !ok {
		return nil
	}
	if all, ok := known[chart]; ok {
		return all
	}
	var all []kubernetes.Values
	var keys []string
	for dir := chart; ; {
		if src, err := tree.File(strings.TrimPrefix(dir+"/values.yaml", "/")); err == nil {
			if v, ok := kubernetes.NewValues(src, keys...); ok {
				all = append(all, v)
			}
		}
		above, name := path.Split(dir)
		if path.Base(above) != "charts" {
			break
		}
		keys = append([]string{name}, keys...)
		dir = strings.TrimSuffix(path.Dir(path.Clean(above)), "/")
	}
	slices.Reverse(all)
	known[chart] = all
	return all
}
