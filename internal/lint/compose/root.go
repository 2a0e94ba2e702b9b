package compose

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
)

var serviceRoot = lint.Check[*project]{
	Rule: finding.Rule{
		ID: "USR-2.m", Name: "service-root", Points: []string{"USR-2"}, Severity: finding.High, Since: "0.1.0",
		Summary: "No Compose service is made to run as root",
	},
	Run: func(p *lint.Pass, pr *project) {
		tell := pr.teller(p)
		for _, s := range pr.Services {
			v := s.Get("user")
			if !v.IsScalar() || !v.Known || v.Variables && !v.Fallback || !isRoot(v.Text) {
				continue
			}
			problem := about(s, "user", v.At(), fmt.Sprintf("service %q runs as root by \"user: %s\", whatever its image says; name a user with a number above 0", s.Name, v.Node.Text()))
			if s.OneShot() { // it prepares what others use, and ends
				problem.Severity = finding.Low
			}
			tell(problem)
		}
	},
}

// isRoot reads the user of "user:group" as the runtime does: a number, or a name.
func isRoot(value string) bool {
	user, _, _ := strings.Cut(strings.TrimSpace(value), ":")
	if id, err := strconv.Atoi(user); err == nil {
		return id == 0
	}
	return user == "root"
}
