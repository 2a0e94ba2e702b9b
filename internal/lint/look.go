package lint

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// Models are what the linters made of a tree, each in its own type, by kind. A kind
// of which nothing was found is not among them.
type Models map[source.Kind]any

// Across is a set of checks that see several kinds of sources at once, and the image
// where there is one.
type Across struct {
	Rules []finding.Rule
	// Waiting are the ids of those rules that could not look at all there is, for want
	// of an image: that an excuse excuses nothing of them is not known.
	Waiting []string
	across  func(ctx context.Context, models Models, texts map[string]text, opts Options) ([]*Pass, error)
}

// Elsewhere are rules whose findings come by Beside: until then they wait.
func Elsewhere(rules []finding.Rule) Across {
	a := Across{Rules: rules, across: func(context.Context, Models, map[string]text, Options) ([]*Pass, error) { return nil, nil }}
	for _, r := range rules {
		a.Waiting = append(a.Waiting, r.ID)
	}
	return a
}

// NewAcross ties what joins the models to its checks. Join returns the units that
// the checks look at; their files are for notes only.
func NewAcross[T any](join func(ctx context.Context, models Models, opts Options) ([]Unit[T], error), checks []Check[T]) Across {
	a := Across{}
	for _, c := range checks {
		a.Rules = append(a.Rules, c.Rule)
	}
	a.across = func(ctx context.Context, models Models, texts map[string]text, opts Options) ([]*Pass, error) {
		units, err := join(ctx, models, opts)
		if err != nil {
			return nil, err
		}
		return judge(ctx, units, texts, opts, checks)
	}
	return a
}

// Looked is a tree whose kinds were judged one by one. The checks across them may
// follow when there is an image to look at too.
type Looked struct {
	Models Models

	report    Report
	opts      Options
	excuses   excuses
	waiting   map[string]bool // ids of rules that have not looked at all there is
	documents map[*source.File]Document
	beside    []finding.Finding // see Beside
	excused   []finding.Finding // what became of them
	tree      *source.Tree
}

// Exists says whether the tree holds a file of that path; it has to be open still.
func (l *Looked) Exists(path string) bool { return l.tree != nil && l.tree.Exists(path) }

// Unread records something of the tree that could not be judged.
func (l *Looked) Unread(more ...finding.Unread) {
	l.report.Unread = slices.Concat(l.report.Unread, more)
}

// Same says whether another tree holds the same files of a kind, to the letter.
func (l *Looked) Same(other *Looked, kind source.Kind) bool {
	texts := func(l *Looked) map[string]string {
		all := map[string]string{}
		for path, s := range l.report.Sources {
			if s.Kind == kind {
				all[path] = s.Text
			}
		}
		return all
	}
	return maps.Equal(texts(l), texts(other))
}

// Nothing is a tree in which there was nothing to look at.
func Nothing() *Looked { return &Looked{Models: Models{}, waiting: map[string]bool{}} }

// Look judges a tree with all linters. It fails only when ctx ends or the tree's
// root cannot be listed; what could not be judged is in the report. Checks across
// kinds are named only so that excuses for them are known.
func Look(ctx context.Context, linters []Linter, across []Across, tree *source.Tree, opts Options) (*Looked, error) {
	if opts.Profile == "" {
		opts.Profile = ProfileRecommended
	}
	listings, err := tree.Read(ctx)
	if err != nil {
		return nil, err
	}
	l := &Looked{
		Models: Models{}, opts: opts, excuses: newExcuses(Rules(linters, across...), opts.AsOf),
		tree: tree, documents: map[*source.File]Document{}, waiting: map[string]bool{},
		report: Report{Findings: []finding.Finding{}, Unread: []finding.Unread{}, Sources: map[string]Source{}, Partial: map[source.Kind]string{}},
	}
	for _, a := range across {
		for _, r := range a.Rules {
			l.waiting[r.ID] = true
		}
	}
	for _, id := range Off(opts.Profile) {
		l.waiting[id] = true
	}
	for _, linter := range linters {
		listing := listings[linter.Kind]
		if listing == nil {
			continue
		}
		r, err := linter.lint(ctx, listing, opts)
		if err != nil {
			return nil, fmt.Errorf("judging sources of kind %s: %w", linter.Kind, err)
		}
		if r.model != nil {
			l.Models[linter.Kind] = r.model
		}
		for _, id := range r.waiting {
			l.waiting[id] = true
		}
		maps.Copy(l.documents, r.documents)
		for file := range r.documents {
			l.report.Sources[file.Path] = Source{file, linter.Kind}
		}
		l.add(linter.Kind, listing, r)
	}
	return l, nil
}

func (l *Looked) add(kind source.Kind, listing *source.Listing, r result) {
	report := &l.report
	report.Findings = append(report.Findings, r.findings...)
	report.Unread = slices.Concat(report.Unread, listing.Unread, r.unread)
	report.Notes = slices.Concat(report.Notes, listing.Notes, r.notes)
	report.Linted.Dockerfiles += r.linted.Dockerfiles
	report.Linted.Manifests += r.linted.Manifests
	report.Linted.Objects += r.linted.Objects
	report.Linted.ComposeFiles += r.linted.ComposeFiles
	report.Linted.Services += r.linted.Services
	report.Linted.Workflows += r.linted.Workflows
	report.Linted.Scripts += r.linted.Scripts
	report.Linted.Workloads += r.linted.Workloads
	report.Unjudged += listing.Unjudged + r.unjudged
	report.Unknown = append(report.Unknown, r.unknown...)
	if r.partial != "" {
		report.Partial[kind] = r.partial
	}
}

// Across runs the checks that see several kinds at once.
func (l *Looked) Across(ctx context.Context, across []Across) error {
	texts := textsOf(l.documents)
	for _, a := range across {
		passes, err := a.across(ctx, l.Models, texts, l.opts)
		if err != nil {
			return fmt.Errorf("judging across artefacts: %w", err)
		}
		for _, p := range passes {
			l.report.Findings = append(l.report.Findings, p.findings...)
			l.report.Notes = append(l.report.Notes, p.notes...)
			l.report.Unknown = append(l.report.Unknown, p.unknown...)
		}
		for _, r := range a.Rules {
			l.waiting[r.ID] = slices.Contains(a.Waiting, r.ID) || !Asks(l.opts.Profile, r.ID)
		}
	}
	return nil
}

// Drop leaves out what something else disproves.
func (l *Looked) Drop(disproved func(finding.Finding) bool) {
	l.report.Findings = slices.DeleteFunc(l.report.Findings, disproved)
}

// Beside takes findings from elsewhere that are placed on the files of the tree, so
// that an excuse there covers them. Rules are those that were looked for, whether
// they found anything or not. Excused gives them back after the next Report.
func (l *Looked) Beside(findings []finding.Finding, rules []finding.Rule) {
	l.beside = slices.Clone(findings)
	for _, r := range rules {
		delete(l.waiting, r.ID)
	}
}

// Excused are the findings that Beside took, in their order, excuses applied.
func (l *Looked) Excused() []finding.Finding { return l.excused }

// Known says what became known of the image after the sources were looked at: by which
// references it goes, and the digests of its manifests and of the index that holds them.
func (l *Looked) Known(tags, digests []string) { l.opts.Tags, l.opts.Digests = tags, digests }

// Report is what was seen, excuses applied. It may be asked for again after Across.
func (l *Looked) Report() Report {
	report := l.report
	own, beside := len(report.Findings), len(l.beside)
	all, borrowed := l.excuses.apply(slices.Concat(report.Findings, l.beside), l.documents, l.waiting)
	l.excused = all[own : own+beside : own+beside]
	report.Findings = slices.Concat(all[:own], all[own+beside:])
	finding.Sort(report.Findings)
	report.Findings = l.once(report.Findings)
	report.rendered = l.report.rendered
	report.Unread = slices.Clone(report.Unread)
	slices.SortStableFunc(report.Unread, func(a, b finding.Unread) int {
		if c := strings.Compare(a.Location.Path, b.Location.Path); c != 0 {
			return c
		}
		return a.Location.Line - b.Location.Line
	})
	report.Notes = slices.Concat(report.Notes, borrowed)
	slices.Sort(report.Notes)
	report.Notes = slices.Compact(report.Notes)
	return report
}

// Run judges a tree with all linters and all checks across kinds, without an image.
// It fails as Look does.
func Run(ctx context.Context, linters []Linter, across []Across, tree *source.Tree, opts Options) (Report, error) {
	l, err := Look(ctx, linters, across, tree, opts)
	if err != nil {
		return Report{}, err
	}
	if err := l.Across(ctx, across); err != nil {
		return Report{}, err
	}
	report := l.Report()
	report.Findings = report.Once(report.Findings)
	return report, nil
}
