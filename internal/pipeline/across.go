package pipeline

import (
	"context"

	"github.com/plimsoll-ci/plimsoll/internal/image/contents"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	points "github.com/plimsoll-ci/plimsoll/internal/lint/image"
	"github.com/plimsoll-ci/plimsoll/internal/printable"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// Checks are those that see more than one artefact.
type Checks struct {
	// Across sees the kinds of sources together, and the images.
	Across func(...*contents.Image) []lint.Across
	// Since sees what a change did to what was there.
	Since func(before lint.Models) lint.Across
}

// All are the checks without anything to look at, by which their rules are known.
func (c Checks) All() []lint.Across { return append(c.Across(), c.Since(nil)) }

// Across judges what no single artefact shows, once everything was looked at.
func Across(checks Checks) Stage {
	skip := func(s *State) string {
		if s.Looked == nil {
			return "there are no sources"
		}
		return ""
	}
	return Stage{Name: "across", Skip: skip, Run: func(ctx context.Context, s *State, _ progress.Sink) (string, error) {
		single := len(s.Lint.Findings)
		all := checks.Across(s.contents()...)
		for _, tree := range []struct {
			looked *lint.Looked
			report **lint.Report
		}{{s.Before.Looked, &s.Before.Sources}, {s.Before.Excusing, &s.Before.Excuses}} {
			if tree.looked == nil {
				continue
			}
			if err := tree.looked.Across(ctx, checks.Across(s.contentsBefore()...)); err != nil {
				return "", err
			}
			report := tree.looked.Report()
			*tree.report = &report
		}
		if base := s.Before.Looked; base != nil {
			all = append(all, checks.Since(base.Models))
		}
		if err := s.Looked.Across(ctx, all); err != nil {
			return "", err
		}
		s.Lint = s.Looked.Report()
		s.unsay()
		return printable.Count(max(0, len(s.Lint.Findings)-single), "finding"), nil
	}}
}

// unsay leaves out what the Dockerfile was told already.
func (s *State) unsay() {
	for i := range s.Images {
		if img := &s.Images[i]; img.Built != nil && len(img.Built.Layers) > 0 {
			img.Findings = points.Unsaid(img.Findings, s.Lint.Findings, img.Built.Layers[0].Location.Path)
		}
	}
	if img := s.Before.Image; img != nil && s.Before.Sources != nil && img.Built != nil && len(img.Built.Layers) > 0 {
		img.Findings = points.Unsaid(img.Findings, s.Before.Sources.Findings, img.Built.Layers[0].Location.Path)
	}
}

// contents are those of the images that were walked.
func (s *State) contents() []*contents.Image {
	var all []*contents.Image
	for i := range s.Images {
		if s.Images[i].Contents != nil {
			all = append(all, s.Images[i].Contents)
		}
	}
	return all
}

// contentsBefore is what was in the image before the change. Where that is not known,
// because only its inventory was kept, and the change touches no Dockerfile, it is
// taken to be what is in it now: what the image brings is then nothing that the change
// brought. Else nothing is, and what the image brings counts as introduced.
func (s *State) contentsBefore() []*contents.Image {
	if s.Before.Image != nil && s.Before.Image.Contents != nil {
		return []*contents.Image{s.Before.Image.Contents}
	}
	if s.Before.Looked != nil && s.Looked.Same(s.Before.Looked, source.Dockerfile) {
		return s.contents()
	}
	return nil
}
