// Package kubernetes holds the checks on Kubernetes manifests, one per file.
package kubernetes

import (
	"context"
	"embed"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

// Pages are the rules' pages and fixtures.
//
//go:embed *.txtar
var Pages embed.FS

// checks is ordered by name.
var checks = []lint.Check[*kubernetes.Object]{
	barePod,
	configMapSecret,
	containerHardening,
	ephemeralStorage,
	gracePeriod,
	hostAccess,
	imageDigest,
	imageLatest,
	imagePullSecret,
	logVolume,
	manifestSecret,
	namespaceMissing,
	portUnnamed,
	probeBudget,
	probeCommand,
	probeHost,
	probePort,
	probeTiming,
	probesMissing,
	quantities,
	readOnlyRoot,
	resourceRatio,
	resourcesMissing,
	revisionHistory,
	rolloutOutage,
	runsAsRoot,
	secretCommitted,
	serviceAccountToken,
	singleReplica,
	startupProbe,
	terminationMessage,
	variableOrder,
	versionLabel,
	workloadLabels,
}

// Linter judges Kubernetes manifests.
func Linter() lint.Linter { return lint.New(source.Kubernetes, parse, checks) }

func parse(ctx context.Context, listing *source.Listing, opts lint.Options) (lint.Set[*kubernetes.Object], error) {
	set := lint.Set[*kubernetes.Object]{Documents: map[*source.File]lint.Document{}}
	custom := kubernetes.ReadKustomizations(listing.Kustomizations)
	var sources []*source.File
	templates := map[string]int{} // per chart, without those that were named
	for _, src := range listing.Files {
		_, patch := custom.Patches[src.Path]
		switch {
		case src.Template() && src.Named:
			set.Unjudged++
			set.Unread = append(set.Unread, src.Unread(0, "is a template of the chart "+src.Chart+", which is not rendered; "+render("helm template", src.Chart)))
		case src.Template():
			set.Unjudged++
			templates[src.Chart]++
		case patch && !src.Named: // named in the note on its kustomization
			set.Unjudged++
		default:
			sources = append(sources, src)
		}
	}
	files := make([]*kubernetes.File, len(sources))
	unread := make([][]finding.Unread, len(sources))
	err := lint.Each(ctx, len(sources), func(i int) { files[i], unread[i] = kubernetes.Parse(sources[i]) })
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
	}
	tellCharts(&set, listing, templates)
	tellKustomizations(&set, listing)
	all := kubernetes.NewSet(parsed, custom)
	all.Complete = opts.Complete
	set.Model = all
	for _, o := range all.Objects() {
		set.Units = append(set.Units, lint.Unit[*kubernetes.Object]{File: o.File.Source, Doc: o})
	}
	return set, err
}

// onWorkloads runs a check on the objects that run pods.
func onWorkloads(run func(p *lint.Pass, w *kubernetes.Workload)) func(*lint.Pass, *kubernetes.Object) {
	return func(p *lint.Pass, o *kubernetes.Object) {
		if w, ok := o.Workload(); ok {
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
