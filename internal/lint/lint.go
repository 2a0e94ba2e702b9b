// Package lint is the engine that runs checks over positioned models of sources:
// it stamps findings, applies suppressions, and keeps what could not be parsed.
package lint

import (
	"context"
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// Options are the settings of a run.
type Options struct {
	// AsOf is the day that excuses are measured against; their last day counts. The
	// zero time lets none expire.
	AsOf time.Time
	// Profile is ProfileRecommended when empty.
	Profile string
	// BuildArgs and Target are those of the build of Dockerfile. Other Dockerfiles
	// are judged with their own defaults.
	Dockerfile string
	BuildArgs  map[string]string
	Target     string
	// Complete says that the manifests are all that is applied: what they refer to
	// and is not there is missing, where otherwise nobody can know.
	Complete bool
	// KubernetesMin and KubernetesMax bound the versions that the manifests are for
	// ("1.33"); empty are the oldest and newest that are known.
	KubernetesMin, KubernetesMax string
	// Charts are rendered with further values beside their own, once for each entry.
	Charts []Chart
	// HelmValues are files of values that every chart is rendered with once more.
	HelmValues []string
	// Images say what belongs to one image; what they do not say is worked out.
	Images []Image
	// Tags are the references that the image of this run is known by, Digests those of
	// its manifests and of the index that holds them. Built says that it is what
	// Dockerfile and Target make.
	Tags, Digests []string
	Built         bool
}

// Image says what is one image: where it is built, what it is called, and what runs
// it. Every part may be empty.
type Image struct {
	Name string
	// File is the path of the Dockerfile, or Context the directory that holds it under
	// the name "Dockerfile"; Target is the stage, empty for the last.
	Context, File, Target string
	// Tags are the references by which others name it; their tags and digests do not count.
	Tags []string
	// Compose is a service, "app" or "deploy/compose.yaml#app".
	Compose string
	// Kubernetes is a container, "Deployment/app-deployment/app", with the namespace
	// behind the kind where the manifest names it: "Deployment/shop/web/app". The
	// container may be left out where the workload has only one.
	Kubernetes string
}

// Chart is a chart and files of its values, the last of which wins; all relative to
// the tree.
type Chart struct {
	Dir    string
	Values []string
}

// Report is what a run saw. All lists are in a fixed order.
type Report struct {
	Findings []finding.Finding
	Unread   []finding.Unread
	Linted   verdict.Linted
	// Sources are the files that were judged, by path: what fixes are for.
	Sources map[string]Source
	// Notes are what a reader should know: what was not judged and why that is no failure.
	Notes []string
	// Unjudged counts the files that were there and that nothing was judged of:
	// templates of Dockerfiles and of charts, kustomizations and their patches, links
	// that lead nowhere, named files without an object. Notes or Unread name them. With
	// nothing in Linted it tells a tree that could not be judged from an empty one.
	Unjudged int

	rendered map[string]bool // the files that were judged as what they are rendered to
	// Unknown are the points that could not be decided everywhere; Partial says of kinds
	// of sources why they are not known in full.
	Unknown []Unknown
	Partial map[source.Kind]string
}

// Source is a file and the kind that it was judged as.
type Source struct {
	*source.File
	Kind source.Kind
}

// Unknown is a point of the checklist that could not be decided somewhere, and why.
type Unknown struct{ Point, Why string }

// Check is one rule and the code that decides it. Run looks at one T and reports
// to the pass; it keeps no state.
type Check[T any] struct {
	finding.Rule
	Run func(p *Pass, doc T)
}

// Document is a parsed file of any kind.
type Document interface {
	// Comments are those that begin with source.Marker.
	Comments() []source.Comment
	// Masked are the places of values that no report may show.
	Masked() []finding.Location
}

// Set is what one kind of source came to.
type Set[T any] struct {
	// Units are what the checks look at, each with the file it stands in.
	Units []Unit[T]
	// Documents are what was parsed, by file.
	Documents map[*source.File]Document
	Unread    []finding.Unread
	Notes     []string
	Linted    verdict.Linted
	// Unjudged counts the files that were there and that nothing was judged of.
	Unjudged int
	// Waiting are the ids of rules that could not look at all there is, for want of an
	// adapter, say: that an excuse excuses nothing of them is not known.
	Waiting []string
	// Partial says why the kind is not known in full, in a few words; empty when it is.
	// Points that are decided on it and not missed are then unknown.
	Partial string
	// Model is what checks across kinds look at: all of the kind's own model.
	Model any
}

// Unit is one thing that checks look at.
type Unit[T any] struct {
	File *source.File
	Doc  T
}

// Linter runs the checks of one kind of source.
type Linter struct {
	Kind  source.Kind
	Rules []finding.Rule
	lint  func(ctx context.Context, listing *source.Listing, opts Options) (result, error)
}

// result is what a linter found in one listing, before suppression.
type result struct {
	findings  []finding.Finding
	documents map[*source.File]Document
	unread    []finding.Unread
	notes     []string
	linted    verdict.Linted
	unjudged  int
	waiting   []string
	partial   string
	unknown   []Unknown
	model     any
}

// New ties a kind's parser to its checks.
func New[T any](kind source.Kind, parse func(context.Context, *source.Listing, Options) (Set[T], error), checks []Check[T]) Linter {
	l := Linter{Kind: kind}
	for _, c := range checks {
		l.Rules = append(l.Rules, c.Rule)
	}
	l.lint = func(ctx context.Context, listing *source.Listing, opts Options) (result, error) {
		set, err := parse(ctx, listing, opts)
		if err != nil {
			return result{}, err
		}
		passes, err := judge(ctx, set.Units, textsOf(set.Documents), opts, checks)
		if err != nil {
			return result{}, err
		}
		r := result{documents: set.Documents, unread: set.Unread, notes: set.Notes, linted: set.Linted, unjudged: set.Unjudged, waiting: set.Waiting, partial: set.Partial, model: set.Model}
		for _, p := range passes {
			r.findings = append(r.findings, p.findings...)
			r.notes = append(r.notes, p.notes...)
			r.unknown = append(r.unknown, p.unknown...)
		}
		return r, nil
	}
	return l
}

func textsOf(documents map[*source.File]Document) map[string]text {
	texts := make(map[string]text, len(documents))
	for file, document := range documents {
		t := text{file: file, masked: inOrder(document.Masked())}
		if rendered, ok := document.(interface {
			From(at finding.Location) []finding.Location
		}); ok {
			t.from = rendered.From
		}
		texts[file.Path] = t
	}
	return texts
}

// judge runs the checks over the units, several at a time.
func judge[T any](ctx context.Context, units []Unit[T], texts map[string]text, opts Options, checks []Check[T]) ([]*Pass, error) {
	passes := make([]*Pass, len(units))
	checks = asked(checks, opts.Profile)
	err := Each(ctx, len(units), func(i int) {
		p := &Pass{Options: opts, file: units[i].File, texts: texts}
		for _, c := range checks {
			p.rule = c.Rule
			c.Run(p, units[i].Doc)
		}
		passes[i] = p
	})
	return passes, err
}

// Each calls do for 0 to n-1, several at a time. It fails only when ctx ends.
func Each(ctx context.Context, n int, do func(i int)) error {
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range n {
		group.Go(func() error {
			if ctx.Err() == nil {
				do(i)
			}
			return nil
		})
	}
	_ = group.Wait() // nothing in it fails
	return ctx.Err()
}

// Rules lists the rules of all linters, of checks across kinds and of suppressions,
// ordered by id.
func Rules(linters []Linter, across ...Across) []finding.Rule {
	byID := map[string]finding.Rule{}
	for _, l := range linters {
		for _, r := range l.Rules {
			byID[r.ID] = r
		}
	}
	for _, a := range across {
		for _, r := range a.Rules {
			byID[r.ID] = r
		}
	}
	for _, r := range suppressionRules {
		byID[r.ID] = r
	}
	rules := slices.Collect(maps.Values(byID))
	slices.SortFunc(rules, func(a, b finding.Rule) int { return strings.Compare(a.ID, b.ID) })
	return rules
}
