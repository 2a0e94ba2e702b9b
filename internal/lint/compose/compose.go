// Package compose holds the checks on Compose projects, one per file.
package compose

import (
	"context"
	"embed"
	"errors"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/compose"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

// Pages are the rules' pages and fixtures.
//
//go:embed *.txtar
var Pages embed.FS

// checks is ordered by name.
var checks = []lint.Check[*project]{
	composeName,
	composeStyle,
	composeUnknownKey,
	composeVersion,
	databaseSuperuser,
	dependsOnCondition,
	healthcheckForm,
	healthcheckStart,
	logsDiscarded,
	pgIsready,
	portExposed,
	secretFileCommitted,
	serviceHardening,
	serviceHostAccess,
	serviceHostNetwork,
	serviceImageDigest,
	serviceImageLatest,
	serviceInit,
	serviceMemoryUnit,
	serviceReference,
	serviceRoot,
	serviceSecretLiteral,
	serviceUnbounded,
	serviceWritableRoot,
	singleNetwork,
}

// Linter judges Compose projects.
func Linter() lint.Linter { return lint.New(source.Compose, parse, checks) }

// project is what the checks look at.
type project struct {
	*compose.Project
	set  *compose.Set
	tree *source.Tree
	// judged are the files that findings are told of with another project.
	judged map[string]bool
	// built are the Dockerfiles of its services, by name of the service.
	built map[string]*dockerfile.File
}

func parse(ctx context.Context, listing *source.Listing, _ lint.Options) (lint.Set[*project], error) {
	read := func(name string) (*source.File, error) {
		if listing.Tree == nil {
			return nil, errors.New("lies in a tree that cannot be read")
		}
		return listing.Tree.File(name)
	}
	projects := compose.NewSet(listing.Files, listing.Projects, read)
	set := lint.Set[*project]{
		Documents: map[*source.File]lint.Document{},
		Unread:    projects.Unread, Notes: projects.Notes, Unjudged: projects.Unjudged, Model: projects,
	}
	owners := map[string]*compose.Project{}
	for _, p := range projects.Projects {
		for _, f := range p.Own {
			owners[f.Source.Path] = p
		}
	}
	for _, p := range projects.Projects { // and what is no project's own is the first one's
		for _, name := range p.Sources() {
			if owners[name] == nil {
				owners[name] = p
			}
		}
	}
	for _, p := range projects.Projects {
		judged := map[string]bool{}
		for name, owner := range owners {
			judged[name] = owner != p
		}
		for _, s := range p.Services {
			for _, f := range s.EnvFiles() { // so that they are documents below
				projects.Env(f.Path)
			}
		}
		set.Linted.Services += len(p.Services)
		set.Units = append(set.Units, lint.Unit[*project]{File: p.Own[0].Source, Doc: &project{p, projects, listing.Tree, judged, map[string]*dockerfile.File{}}})
	}
	for _, f := range projects.Files {
		set.Documents[f.Source] = f
		set.Linted.ComposeFiles++
	}
	for _, f := range projects.EnvFiles {
		if f != nil {
			set.Documents[f.Source] = f
		}
	}
	return set, ctx.Err()
}

// teller reports what a check sees, each place once: what several services share
// by an anchor or extends is one cause, and a file that is a project of its own
// is told of there.
func (pr *project) teller(p *lint.Pass) func(lint.Problem) {
	told := map[finding.Location]bool{}
	return func(problem lint.Problem) {
		if told[problem.At] || pr.judged[problem.At.Path] || problem.At.Line == 0 {
			return
		}
		told[problem.At] = true
		p.Report(problem)
	}
}

// each calls look for every service whose files are all known, so that what is
// absent can be told.
func (pr *project) each(look func(s *compose.Service)) {
	for _, s := range pr.Services {
		if !s.Partial && !s.Get("provider").Exists() && !pr.judged[s.At.Path] {
			look(s)
		}
	}
}

// demanding says that the profile counts what is common in development.
func demanding(p *lint.Pass) bool {
	return p.Profile == lint.ProfileDocument || p.Profile == lint.ProfileStrict
}

// production says that the profile takes what is written for what runs in the end.
func production(p *lint.Pass) bool { return demanding(p) || p.Profile == lint.ProfileCompose }

// whole is the part of a finding that is about the whole project.
func (pr *project) whole(problem lint.Problem) lint.Problem {
	problem.Subject = pr.Path
	return problem
}

// about is the part of a finding that is about one service.
func about(s *compose.Service, path string, at finding.Location, message string) lint.Problem {
	return lint.Problem{At: at, Subject: s.Subject(), Path: path, Message: message}
}

// added sets keys of a service, in the file whose name of it the finding is placed on:
// what the service extends, or is merged from, may be another's too.
func added(s *compose.Service, message string, lines ...string) *finding.Fix {
	for _, f := range s.Project.Files {
		services := f.Root.Get("services")
		if services.Key(s.Name).At() == s.At {
			edits, ok := services.Get(s.Name).Insert(lines...)
			return lint.Mend(finding.Suggested, message, edits, ok)
		}
	}
	return nil
}

// brief makes a problem of a service that runs to its end, a test say, a note.
func brief(s *compose.Service, problem lint.Problem) lint.Problem {
	if s.OneShot() {
		problem.Severity = finding.Low
	}
	return problem
}

// or returns the first place that there is.
func or(places ...finding.Location) finding.Location {
	for _, at := range places {
		if at.Line != 0 {
			return at
		}
	}
	return finding.Location{}
}

// list joins words as people do: "a, b and c".
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// stores are the names, or parts of them, of images that keep data for others.
var stores = []string{
	"postgres", "postgis", "pgvector", "timescale", "mysql", "mariadb", "percona", "mongo", "redis", "valkey", "keydb", "memcached",
	"elasticsearch", "opensearch", "cassandra", "scylla", "couchdb", "couchbase", "influxdb", "clickhouse", "neo4j", "rabbitmq", "kafka",
	"zookeeper", "etcd", "cockroach", "arangodb", "rethinkdb", "qdrant", "milvus", "weaviate", "minio", "solr",
}

// aside are parts of names of images that only work with such a store.
var aside = []string{"exporter", "admin", "express", "ui", "commander", "insight", "backup", "proxy", "init", "setup", "client", "connect", "manager", "dashboard", "bouncer", "operator", "tools", "kafdrop", "rest", "web", "browser", "console", "migrat"}

// store says whether a service is a database, queue or cache by its image.
func store(s *compose.Service) bool {
	name := s.Repository()
	if strings.HasSuffix(strings.ToLower(s.Get("image").Text), "/mssql/server") || strings.Contains(s.Get("image").Text, "mssql/server:") {
		return true
	}
	return slices.ContainsFunc(stores, func(part string) bool { return strings.Contains(name, part) }) &&
		!slices.ContainsFunc(aside, func(part string) bool { return strings.Contains(name, part) }) && !s.Built()
}
