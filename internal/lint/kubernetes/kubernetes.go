// Package kubernetes holds the checks on Kubernetes manifests, one per file.
package kubernetes

import (
	"context"
	"embed"
	"maps"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes/schema"
)

// Pages are the rules' pages and fixtures.
//
//go:embed *.txtar
var Pages embed.FS

// checks is ordered by name.
var checks = []lint.Check[*kubernetes.Object]{
	apiDeprecated,
	apiNewer,
	apiRemoved,
	autoscaler,
	barePod,
	configMapSecret,
	configMapUnused,
	containerHardening,
	defaultAccountBound,
	disruptionBudget,
	envOverlap,
	ephemeralStorage,
	gracePeriod,
	hostAccess,
	imageDigest,
	imageLatest,
	imagePullSecret,
	ingressTLS,
	logVolume,
	manifestSecret,
	metrics,
	namesDiffer,
	namespaceMissing,
	noDisruptionBudget,
	noNetworkPolicy,
	policyDependency,
	policyDNS,
	policySelector,
	policyServicePort,
	portUnnamed,
	probeBudget,
	probeCommand,
	probeHost,
	probePort,
	probeTiming,
	probesMissing,
	quantities,
	readOnlyRoot,
	referenceMissing,
	resourceRatio,
	resourcesMissing,
	revisionHistory,
	rolloutOutage,
	routeBackend,
	runsAsRoot,
	schemaBadValue,
	schemaDuplicateItem,
	schemaDuplicateObject,
	schemaMissingField,
	schemaName,
	schemaOneOf,
	schemaPort,
	schemaRestartPolicy,
	schemaSelector,
	schemaUnknownField,
	schemaVolumeMount,
	schemaWrongType,
	secretCommitted,
	secretEnvFrom,
	serviceAccountToken,
	serviceExposed,
	serviceLinks,
	serviceSelector,
	serviceTargetPort,
	singleReplica,
	startupProbe,
	terminationMessage,
	untraced,
	variableOrder,
	versionLabel,
	workloadLabels,
}

// Linter judges Kubernetes manifests, and charts and kustomizations as far as there
// are renderers for them.
func Linter(renderers kubernetes.Renderers) lint.Linter {
	return lint.New(source.Kubernetes, reader{renderers}.parse, checks)
}

// reader reads all manifests of a tree.
type reader struct{ kubernetes.Renderers }

func (r reader) parse(ctx context.Context, listing *source.Listing, opts lint.Options) (lint.Set[*kubernetes.Object], error) {
	set := lint.Set[*kubernetes.Object]{Documents: map[*source.File]lint.Document{}}
	made, err := r.render(ctx, listing, opts)
	if err != nil {
		return set, err
	}
	set.Unread, set.Notes = made.unread, made.notes
	custom := kubernetes.ReadKustomizations(made.left)
	var sources []*source.File
	templates := map[string]int{} // per chart, without those that were named
	for _, src := range listing.Files {
		_, patch := custom.Patches[src.Path]
		switch {
		case made.covered[src.Path]:
		case src.Template() && src.Named:
			set.Unjudged++
			set.Unread = append(set.Unread, src.Unread(0, "is a template of the chart "+src.Chart+", which is not rendered; "+render("helm template", src.Chart)))
		case src.Template():
			set.Unjudged++
			templates[src.Chart]++
		case patch && !src.Named && (r.Kustomizations == nil || applicable(src, nil) == nil): // named in the note on its kustomization
			set.Unjudged++
		default:
			sources = append(sources, src)
		}
	}
	files := make([]*kubernetes.File, len(sources))
	unread := make([][]finding.Unread, len(sources))
	err = lint.Each(ctx, len(sources), func(i int) { files[i], unread[i] = kubernetes.Parse(sources[i]) })
	var parsed []*kubernetes.File
	for i, f := range files {
		set.Unread = append(set.Unread, unread[i]...)
		if f == nil || len(f.Objects) == 0 {
			if len(unread[i]) == 0 && sources[i].Named {
				set.Unjudged++
			}
			continue
		}
		parsed = append(parsed, f)
		set.Documents[f.Source] = f
		set.Linted.Manifests++
		set.Linted.Objects += len(f.Objects)
		set.Linted.Workloads += workloads(f)
	}
	if r.Charts == nil {
		tellCharts(&set, listing, templates)
	}
	tellKustomizations(&set, made.left, r.Kustomizations != nil)
	set.Partial = made.partial
	for _, k := range made.left {
		set.Partial = k.Path + " is not rendered"
	}
	if len(templates) > 0 {
		set.Partial = "chart " + slices.Min(slices.Collect(maps.Keys(templates))) + " is not rendered"
	}
	made.documents(listing, set.Documents)
	r.join(&set, parsed, custom, made.groups, opts)
	return set, err
}

// join makes one set of what is applied together: of the manifests that stand in the
// tree, and of each rendering. The model for checks across kinds is all of them.
func (r reader) join(set *lint.Set[*kubernetes.Object], parsed []*kubernetes.File, custom kubernetes.Kustomizations, groups []group, opts lint.Options) {
	everything := parsed
	for _, g := range groups {
		if !g.again {
			everything = slices.Concat(everything, g.files)
		}
	}
	all := kubernetes.NewSet(everything, custom)
	all.Complete = opts.Complete
	set.Model = all
	sets := []*kubernetes.Set{all}
	if len(groups) > 0 { // an object's own set is the one that it was put into last
		sets = []*kubernetes.Set{kubernetes.NewSet(parsed, custom)}
		paths := map[string]bool{}
		for _, g := range groups {
			sets = append(sets, kubernetes.NewSet(g.files, kubernetes.Kustomizations{}))
			for _, f := range g.files {
				if !g.again {
					paths[f.Source.Path] = true
					set.Linted.Objects += len(f.Objects)
					set.Linted.Workloads += workloads(f)
				}
			}
		}
		set.Linted.Manifests += len(paths)
	}
	target := schema.Target{}
	if opts.KubernetesMin != "" || opts.KubernetesMax != "" {
		target = schema.Between(opts.KubernetesMin, opts.KubernetesMax)
	}
	for i, s := range sets {
		s.Rendered = i > 0
		s.Complete, s.Target, s.Definitions = opts.Complete, target, all
		for _, o := range s.Objects() {
			set.Units = append(set.Units, lint.Unit[*kubernetes.Object]{File: o.File.Source, Doc: o})
		}
	}
	tellForeign(set, all)
	tellParts(set, all)
}

// onWorkloads runs a check on the objects that run pods, as far as they are whole.
func onWorkloads(run func(p *lint.Pass, w *kubernetes.Workload)) func(*lint.Pass, *kubernetes.Object) {
	return func(p *lint.Pass, o *kubernetes.Object) {
		if w, ok := o.Workload(); ok && !leftover(o) && !part(w) {
			run(p, w)
		}
	}
}

// onParts runs a check on patches, too: one that asks for nothing, and tells what stands
// there.
func onParts(run func(p *lint.Pass, w *kubernetes.Workload)) func(*lint.Pass, *kubernetes.Object) {
	return func(p *lint.Pass, o *kubernetes.Object) {
		if w, ok := o.Workload(); ok && !leftover(o) {
			run(p, w)
		}
	}
}

// on runs a check on the objects of some kinds of one API group; the core group is "".
func on(run func(p *lint.Pass, o *kubernetes.Object), group string, kinds ...string) func(*lint.Pass, *kubernetes.Object) {
	return func(p *lint.Pass, o *kubernetes.Object) {
		if slices.Contains(kinds, o.Kind) && o.Group() == group {
			run(p, o)
		}
	}
}

// list joins words as people do: "a, b and c".
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}
