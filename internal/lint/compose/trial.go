package compose

import (
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// gently is teller for what is a matter of running for long or among others: in a
// project for tests it is low, unless the profile takes what is written for what
// runs in the end.
func (pr *project) gently(p *lint.Pass) func(lint.Problem) {
	tell := pr.teller(p)
	return func(problem lint.Problem) {
		if problem.Severity != finding.High && source.ForTests(problem.At.Path) && !production(p) {
			problem.Severity = finding.Low
		}
		tell(problem)
	}
}
