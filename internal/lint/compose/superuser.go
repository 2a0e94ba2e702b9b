package compose

import (
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
)

var databaseSuperuser = lint.Check[*project]{
	Rule: finding.Rule{
		ID: "USR-3.o", Name: "database-superuser", Points: []string{"USR-3"}, Severity: finding.Low, Since: "0.1.0",
		Summary: "The role that an application logs in with is no superuser of its database",
	},
	Run: func(p *lint.Pass, pr *project) {
		tell := pr.teller(p)
		for _, s := range pr.Services {
			e := s.Get("environment").Key("POSTGRES_USER")
			if s.Built() || !strings.Contains(s.Repository(), "postg") || !e.Value.IsScalar() || !e.Value.Known || e.Value.Variables {
				continue
			}
			if user := e.Value.Text; user == "postgres" || strings.Contains(user, "admin") || user == "root" || user == "" {
				continue // said to be what it is
			}
			problem := about(s, "environment[POSTGRES_USER]", e.Value.At(), fmt.Sprintf("service %q makes %q a superuser of the database, as POSTGRES_USER always is; create the application's role in a script of /docker-entrypoint-initdb.d", s.Name, e.Value.Text))
			if production(p) {
				problem.Severity = finding.Medium
			}
			tell(problem)
		}
	},
}
