package stack

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/stack/binding"
	"github.com/plimsoll-ci/plimsoll/internal/source/compose"
)

var credentialsPartial = lint.Check[*ship]{
	Rule: finding.Rule{
		ID: "X-14", Name: "credentials-partial", Points: []string{"SEC-3"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "A service that is told where its database is, is told how to log in too",
	},
	Run: func(p *lint.Pass, s *ship) {
		for _, service := range s.services {
			if !service.Built() || service.Partial || len(service.EnvFiles()) > 0 || len(service.Grants("secrets")) > 0 || len(service.Grants("configs")) > 0 || len(service.Mounts()) > 0 {
				continue
			}
			at, database, ok := host(service)
			if !ok || slices.ContainsFunc(s.keys(service), credential.MatchString) {
				continue
			}
			wants := demands(database)
			if len(wants) == 0 {
				continue
			}
			p.Report(lint.Problem{
				At: at.At(), Subject: service.Subject(), Path: "environment[" + at.Name + "]",
				Message: fmt.Sprintf("service %q gets only %q of its database %q, which sets %s and lets nobody else in; give it the user, the password and the database too", service.Name, at.Name+"="+at.Value.Text, database.Name, list(quoted(wants))),
				Related: []finding.Location{noted(database.At, "asks for a login")},
			})
		}
	},
}

var (
	hostKey    = regexp.MustCompile(`(^|_)(HOST|HOSTNAME|SERVER|ADDR|ADDRESS)$`)
	credential = regexp.MustCompile(`(?i)USER|LOGIN|PASS|PWD|SECRET|CRED|TOKEN|DSN|URL|URI|CONN|DATABASE|DB_?NAME|JDBC|CONFIG`)
)

// host finds the one variable that names a database of the project.
func host(s *binding.Service) (compose.Entry, *compose.Service, bool) {
	for _, e := range s.Get("environment").Entries {
		if hostKey.MatchString(strings.ToUpper(e.Name)) && e.Value.Known {
			if other := s.Project.Service(e.Value.Text); other != nil && !other.Partial {
				return e, other, true
			}
		}
	}
	return compose.Entry{}, nil, false
}

// keys are the variables that a service and its image set.
func (s *ship) keys(service *binding.Service) []string {
	var all []string
	for _, e := range service.Get("environment").Entries {
		all = append(all, e.Name)
	}
	for name := range s.of(service.Stage).env {
		all = append(all, name)
	}
	all = append(all, words(service.Get("command"))...)
	return append(all, words(service.Get("entrypoint"))...)
}

// demands are the variables by which a database of a public image asks for a login.
func demands(database *compose.Service) []string {
	var all []string
	for _, e := range database.Get("environment").Entries {
		switch e.Name {
		case "POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_PASSWORD_FILE", "MYSQL_USER", "MYSQL_PASSWORD", "MARIADB_USER", "MARIADB_PASSWORD", "MONGO_INITDB_ROOT_USERNAME", "MONGO_INITDB_ROOT_PASSWORD":
			all = append(all, e.Name)
		}
	}
	return all
}
