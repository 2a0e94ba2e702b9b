package pipeline

import (
	"slices"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/image"
	"github.com/plimsoll-ci/plimsoll/internal/image/contents"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/policy"
	"github.com/plimsoll-ci/plimsoll/internal/scan"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// State is what the stages found, one field per kind of result. Stages that run
// side by side write different fields.
type State struct {
	// Looked is the tree that was linted, and Lint what is told of it: after the
	// checks across artefacts all there is.
	Looked   *lint.Looked
	Lint     lint.Report
	Images   []Image
	Database Database
	Verdict  verdict.Verdict
	Points   verdict.Points
	Evidence []verdict.Evidence
	// Checked is what the evidence is about when no image was opened; Unverified
	// says why it does not hold.
	Checked    *verdict.Subject
	Unverified string
	// Before is what the comparison is with, Compared what came of it; Fixed are the
	// findings of before that are gone, Refused the excuses that do not count yet.
	Before   Before
	Compared *verdict.Compared
	Fixed    []finding.Finding
	Refused  []string
	// Misuse is a setting that a stage found it cannot follow.
	Misuse   error
	Acted    *verdict.Acted
	Failures []policy.Failure
	Stages   []verdict.Stage
}

// Image is one image on its way.
type Image struct {
	image.Image
	Built    *build.Result // nil when somebody else built it
	Analysis scan.Analysis
	// Contents is what a container would find in it, nil when it was not walked.
	Contents *contents.Image
	// Findings are vulnerabilities and secrets, placed.
	Findings []finding.Finding
	Unread   []finding.Unread
}

// Database is the vulnerability database and what is wrong with it.
type Database struct {
	scan.Database
	Unread []finding.Unread
}

// Findings of every stage, sorted.
func (s *State) Findings() []finding.Finding {
	all := slices.Concat(s.Lint.Findings, s.Fixed)
	for _, img := range s.Images {
		all = append(all, img.Findings...)
	}
	finding.Sort(all)
	return all
}

// Unread of every stage.
func (s *State) Unread() []finding.Unread {
	all := slices.Concat(s.Lint.Unread, s.Database.Unread)
	for _, img := range s.Images {
		all = append(all, img.Unread...)
	}
	return all
}

// Acting is the record of acts, made when the first one is due.
func (s *State) Acting() *verdict.Acted {
	if s.Acted == nil {
		s.Acted = &verdict.Acted{Done: true}
	}
	return s.Acted
}
