package pipeline

import (
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// Fill writes what the State holds into a Result.
func (s *State) Fill(r *verdict.Result) {
	r.Verdict = s.Verdict
	r.Findings = s.Findings()
	r.Unread = s.Unread()
	r.Stages = s.Stages
	r.Evidence = s.Evidence
	r.Acted = s.Acted
	r.Compared = s.Compared
	r.Refused = append(r.Refused, s.Refused...)
	r.Notes = append(r.Notes, s.Lint.Notes...)
	r.Linted, r.Points = s.linted(), s.Points
	if s.Database.Database != nil {
		info := s.Database.Info()
		r.Database = &info
	}
	if s.Checked != nil {
		r.Subjects = append(r.Subjects, *s.Checked)
	}
	for _, img := range s.Images {
		r.Subjects = append(r.Subjects, img.subject(s.Acted != nil && s.Acted.Pushed != ""))
		if img.Built != nil {
			r.Notes = append(r.Notes, img.Built.Notes...)
		}
		r.Notes = append(r.Notes, img.Analysis.Notes...)
	}
}

// linted is what of the sources was judged, nil when nothing was.
func (s *State) linted() *verdict.Linted {
	linted := s.Lint.Linted
	// A script alone ships nothing: a path that holds one was the wrong one.
	if linted.Scripts = 0; linted == (verdict.Linted{}) {
		return nil
	}
	linted = s.Lint.Linted
	return &linted
}

func (img *Image) subject(pushed bool) verdict.Subject {
	s := verdict.Subject{
		Digest: img.Digest.String(), ImageID: img.ID.String(), Kind: "manifest",
		Platform: img.Platform, Reference: img.Reference,
		Uninspected: img.Analysis.Inventory.Detail == nil,
		OS:          img.Analysis.Inventory.OS, Packages: img.Analysis.Inventory.Packages,
	}
	// The manifest of a docker archive is ours: until it is pushed nobody else knows
	// its digest, and the image is its id.
	if img.Synthesised && !pushed {
		s.Digest, s.Kind = img.ID.String(), "image-id"
	}
	if manifest, err := img.Manifest(); err == nil {
		s.Layers = len(manifest.Layers)
		for _, l := range manifest.Layers {
			s.Size += l.Size
		}
	}
	return s
}
