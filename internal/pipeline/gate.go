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
	Inspect  Stage
	Match    Stage
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
			chosen(g.Lint, g.Image, g.Evidence, g.Database),
			chosen(g.Inspect),
			chosen(g.Match),
		},
		Decide: func(s *State) verdict.Verdict {
			return p.Evaluate(policy.Seen{Findings: s.Findings(), Unread: s.Unread(), Failures: s.Failures, Unverified: s.Unverified})
		},
		Act: chosen(g.Push, g.Sign, g.Verify, g.Tag),
	}
}

func chosen(stages ...Stage) []Stage {
	return slices.DeleteFunc(stages, func(s Stage) bool { return s.Run == nil })
}
