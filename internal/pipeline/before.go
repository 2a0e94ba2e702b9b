package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/plimsoll-ci/plimsoll/internal/compare"
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/policy"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// Before is how things stood before the change.
type Before struct {
	// Looked is the tree of the base commit, nil when it could not be read, and Sources
	// what is told of it.
	Looked  *lint.Looked
	Sources *lint.Report
	// Excusing is the tree of the commit whose suppressions count, nil when that is the
	// same one, and Excuses what is told of it. A change may have left long before.
	Excusing *lint.Looked
	Excuses  *lint.Report
	// Image is what was there instead of the image, nil when nothing was found; Name
	// says in a few words what it is.
	Image *Image
	Name  string
	// From is what is known of what the image of before was built from, for when there
	// is no Image.
	From compare.From
	// Commit is what was compared with where that came out late; else empty.
	Commit string
	// Nothing says that nothing was published yet: nobody is blamed for anything.
	Nothing bool
}

// Former finds an image of before the change: by its inventory, already analysed,
// or by its layers. A nil image is none, and the next Former is asked.
type Former func(context.Context, progress.Sink) (img *Image, name string, err error)

// BeforeImage finds, inspects and matches the image of before the change. It is
// optional, and is skipped when no finding in the image would fail the verdict
// anyway: nothing then depends on when it came.
func BeforeImage(p policy.Policy, formers []Former, in Inspection) Stage {
	skip := func(s *State) string {
		if reason := noImage(s); reason != "" {
			return reason
		}
		p.OnlyIntroduced = false
		for _, img := range s.Images {
			if slices.ContainsFunc(img.Findings, p.Blocks) {
				return ""
			}
		}
		return "nothing in the image would fail"
	}
	return Stage{Name: "base image", Skip: skip, Optional: true, Run: func(ctx context.Context, s *State, sink progress.Sink) (string, error) {
		var notes []error
		for _, find := range formers {
			img, name, err := find(ctx, sink)
			if err == nil && img != nil {
				err = former(ctx, s, img, in)
			}
			switch {
			case ctx.Err() != nil:
				return "", context.Cause(ctx)
			case err != nil:
				// The next way may work; what is wrong with this one is told either way.
				sink.Emit(progress.Event{Kind: progress.Notice, Stage: "base image", Text: err.Error()})
				notes = append(notes, err)
			case img != nil:
				s.Before.Image, s.Before.Name = img, name
				return name, nil
			}
		}
		if len(notes) > 0 {
			return "", fmt.Errorf("no image of before the change: %w", notes[len(notes)-1])
		}
		return "there is none", nil
	}}
}

// former looks into an image of before and matches it with the same database.
func former(ctx context.Context, s *State, img *Image, in Inspection) error {
	if img.Analysis.Inventory.Detail == nil {
		if err := in.look(ctx, img); err != nil {
			return err
		}
	} else {
		img.place(img.Analysis.Secrets)
		img.place(img.Analysis.Points)
	}
	if s.Database.Database == nil {
		return nil
	}
	findings, unread, err := s.Database.Match(ctx, img.Analysis.Inventory, img.Image)
	if err != nil {
		return fmt.Errorf("matching the packages of before with the database: %w", err)
	}
	img.place(findings)
	img.Unread = append(img.Unread, unread...)
	return nil
}

// Comparison says how what was seen is told apart from what was there.
type Comparison struct {
	// Told is completed and ends in the Result.
	Told verdict.Compared
	// Excuses lets suppressions count only as they stand at the base commit.
	Excuses bool
}

// mark gives every finding its status.
func (c Comparison) mark(s *State) {
	told := c.Told // every run has its own
	told.Commit = cmp.Or(s.Before.Commit, told.Commit)
	s.Compared = &told
	if s.Before.Nothing {
		told.FirstRun = true
		s.markAll(compare.FirstRun)
		told.Sources = compare.FirstRun(nil).How
		told.Image = told.Sources
		return
	}
	var base []finding.Finding
	if s.Before.Sources != nil {
		base = s.Before.Sources.Findings
	}
	if c.Excuses {
		excusing := base
		if s.Before.Excuses != nil {
			excusing = s.Before.Excuses.Findings
		}
		s.Lint.Findings, s.Refused = compare.Excuses(s.Lint.Findings, excusing)
	}
	if s.Before.Sources != nil {
		r := compare.Sources(s.Lint.Findings, base)
		s.Lint.Findings, told.Sources = r.Findings, "the base commit"
		s.Fixed = append(s.Fixed, r.Fixed...)
	}
	for i := range s.Images {
		img := &s.Images[i]
		var former *compare.ImageBase
		if c.Excuses {
			// An excuse that the change brings counts once it is merged, on what is in the
			// image too.
			var excusing []finding.Finding
			if s.Before.Image != nil {
				excusing = s.Before.Image.Findings
			}
			var refused []string
			img.Findings, refused = compare.Excuses(img.Findings, excusing)
			s.Refused = append(s.Refused, refused...)
		}
		if s.Before.Image != nil {
			former = &compare.ImageBase{Findings: s.Before.Image.Findings, Name: s.Before.Name}
		}
		from := s.Before.From
		if img.Built == nil {
			from = compare.FromNone // somebody else built it, and nothing counts as its FROM image's
		}
		r := compare.Image(img.Findings, former, from, img.brought())
		img.Findings, told.Image = r.Findings, r.How
		s.Fixed = append(s.Fixed, r.Fixed...)
	}
}

// brought are the diffIDs of the layers that came with the FROM image.
func (img *Image) brought() map[string]bool {
	ids := map[string]bool{}
	if img.Built != nil {
		for _, origin := range img.Built.Layers {
			if origin.Base {
				ids[origin.DiffID] = true
			}
		}
	}
	return ids
}

func (s *State) markAll(mark func([]finding.Finding) compare.Result) {
	s.Lint.Findings = mark(s.Lint.Findings).Findings
	for i := range s.Images {
		s.Images[i].Findings = mark(s.Images[i].Findings).Findings
	}
}

// Excused are the findings after what the settings excuse (package ignore), and
// notes on entries of no use. Matched says whether an image was matched.
type Excused func(all []finding.Finding, matched bool) (excused []finding.Finding, notes []string, err error)

// excuse applies what the settings excuse to everything that was found.
func (s *State) excuse(apply Excused) {
	all := slices.Clone(s.Lint.Findings)
	matched := false
	for i := range s.Images {
		all = append(all, s.Images[i].Findings...)
		matched = matched || s.Database.Database != nil
	}
	excused, notes, err := apply(all, matched)
	if err != nil {
		s.Failures = append(s.Failures, policy.Failure{Stage: "ignore", Message: err.Error()})
		return
	}
	s.Lint.Notes = append(s.Lint.Notes, notes...)
	n := copy(s.Lint.Findings, excused)
	for i := range s.Images {
		n += copy(s.Images[i].Findings, excused[n:])
	}
}
