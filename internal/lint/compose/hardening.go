package compose

import (
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/compose"
)

var serviceHardening = lint.Check[*project]{
	Rule: finding.Rule{
		ID: "USR-3.n", Name: "service-hardening", Points: []string{"USR-3"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "Every Compose service that is built here drops all capabilities and gains no privileges",
	},
	Run: func(p *lint.Pass, pr *project) {
		tell := pr.gently(p)
		pr.each(func(s *compose.Service) {
			// What images of others need is not known here, and privileged takes both away.
			if !s.Built() || s.Get("privileged").True() {
				return
			}
			var missing []string
			if !s.Get("cap_drop").Has("ALL") {
				missing = append(missing, "cap_drop: [ALL]")
			}
			if !noNewPrivileges(s) {
				missing = append(missing, "security_opt: [no-new-privileges:true]")
			}
			if len(missing) > 0 {
				problem := about(s, "hardening", s.At, fmt.Sprintf("service %q does not set %s; set them, and cap_add what it needs", s.Name, list(missing)))
				if !s.Get("cap_drop").Exists() && !s.Get("security_opt").Exists() {
					problem.Fix = added(s, "set "+list(missing), missing...)
				}
				tell(brief(s, problem))
			}
		})
	},
}

func noNewPrivileges(s *compose.Service) bool {
	for _, v := range s.Get("security_opt").Items {
		option := strings.Replace(v.Text, "=", ":", 1)
		if !v.Known || option == "no-new-privileges" || option == "no-new-privileges:true" {
			return true
		}
	}
	return false
}
