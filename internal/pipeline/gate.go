package pipeline

import (
	"slices"

	"github.com/plimsoll-ci/plimsoll/internal/policy"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// Gate is the whole way. A stage that is the zero value is not on it.
type Gate struct {
	// Look: lint, image and database side by side, then what needs the image.
	Lint     Stage
	Image    Stage // Build or Load
	Evidence Stage
	Database Stage
	// Sources of the base commit, beside the others.
	BeforeSources Stage
	Inspect       Stage
	Match         Stage
	BeforeImage   Stage
	// Across sees what no single artefact shows.
	Across Stage
	// Comparison tells what the change introduced; nil compares nothing.
	Comparison *Comparison
	// Excused applies what the settings excuse; nil excuses nothing.
	Excused Excused
	// Act, after a pass, the tag last.
	Push   Stage
	Sign   Stage
	Verify Stage
	Tag    Stage
}

// Way puts the stages in order.
func (g Gate) Way(p policy.Policy) Way {
	return Way{
		Look: [][]Stage{
			chosen(g.Lint, g.Image, g.Evidence, g.Database, g.BeforeSources),
			chosen(g.Inspect),
			chosen(g.Match),
			chosen(g.BeforeImage),
			chosen(g.Across),
		},
		Sort: g.sort,
		Decide: func(s *State) verdict.Verdict {
			seen := s.seen()
			s.Points = p.Points(seen)
			return p.Evaluate(seen)
		},
		Act: chosen(g.Push, g.Sign, g.Verify, g.Tag),
	}
}

// seen is everything that decides.
func (s *State) seen() policy.Seen {
	seen := policy.Seen{Findings: s.Findings(), Unread: s.Unread(), Failures: s.Failures, Unverified: s.Unverified, Linted: s.linted()}
	seen.Partial, seen.Unknown = s.Lint.Partial, map[string]string{}
	for _, u := range s.Lint.Unknown {
		if seen.Unknown[u.Point] == "" {
			seen.Unknown[u.Point] = u.Why
		}
	}
	seen.Inspected = len(s.Images) > 0
	for i := range s.Images {
		seen.Inspected = seen.Inspected && s.Images[i].Contents != nil
	}
	return seen
}

// sort tells old from new, and what is excused from what is not.
func (g Gate) sort(s *State) {
	if g.Comparison != nil {
		g.Comparison.mark(s)
	}
	if g.Excused != nil {
		s.excuse(g.Excused)
	}
	s.Lint.Findings = s.Lint.Once(s.Lint.Findings)
}

func chosen(stages ...Stage) []Stage {
	return slices.DeleteFunc(stages, func(s Stage) bool { return s.Run == nil })
}
