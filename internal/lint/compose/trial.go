package compose

import (
	"regexp"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
)

// trials matches the files of projects that tests start and throw away, and of
// development containers. A directory "test" may be an environment, and is none.
var trials = regexp.MustCompile(`(?i)(^|/)(tests|e2e|testdata|\.devcontainer)/|[._-](tests?|e2e)\.[^/]*$`)

// gently is teller for what is a matter of running for long or among others: in a
// project for tests it is low, unless the profile takes what is written for what
// runs in the end.
func (pr *project) gently(p *lint.Pass) func(lint.Problem) {
	tell := pr.teller(p)
	return func(problem lint.Problem) {
		if problem.Severity != finding.High && trials.MatchString(problem.At.Path) && !production(p) {
			problem.Severity = finding.Low
		}
		tell(problem)
	}
}
