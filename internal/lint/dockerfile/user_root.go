package dockerfile

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var userRoot = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "USR-1.a", Name: "user-root", Points: []string{"USR-1"}, Severity: finding.High, Since: "0.1.0",
		Summary: "The image's user is not root",
		Also:    []string{"DL3002", "DS-0002", "CKV_DOCKER_3", "CKV_DOCKER_8", "CIS-DI-0001", "tally/stateful-root-runtime", "tally/user-created-but-never-used"},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		final := f.Final()
		if final.Windows() {
			return
		}
		in, stage := lastUser(final)
		var problem lint.Problem
		if in == nil {
			root := stage.Base
			if !root.Known || nonRootBase(root.Value) {
				return
			}
			command, entrypoint := started(final)
			if root.Value == "scratch" && command.in == nil && entrypoint.in == nil {
				p.Note("the final stage is made from scratch and starts nothing: taken as an export of files, its user was not judged")
				return
			}
			if entrypoint.in == nil && startsAsRoot(root.Value) {
				p.Note(fmt.Sprintf("the final stage starts as root by the entrypoint of %s, which gives that up: whether the program runs as root is not known", quote(root.Text)))
				return
			}
			problem = lint.Problem{
				At: final.From.At, Path: "user", Severity: unknownBase(root.Value),
				Message: fmt.Sprintf("the final stage sets no USER and %s; add USER with a number above 0, such as 10001:10001", why(root)),
			}
		} else {
			text := strings.Join(in.Args, " ")
			value, known := f.Expand(stage, in, text)
			if !known || !isRoot(value) {
				return
			}
			problem = lint.Problem{
				At: in.ArgumentsAt(), Path: "user",
				Message: fmt.Sprintf("the final stage runs as root by %q; name a user with a number above 0, such as 10001:10001", "USER "+text),
			}
			if value != text {
				problem.Message = fmt.Sprintf("the final stage runs as root by %q, which is %q; name a user with a number above 0, such as 10001:10001", "USER "+text, value)
			}
		}
		problem.Subject = f.Subject(final)
		if source.ForTests(f.Source.Path) && p.Dockerfile != f.Source.Path && p.Profile != lint.ProfileDocument && p.Profile != lint.ProfileStrict {
			problem.Severity = finding.Low
		}
		if tool := drops(final); tool != "" {
			p.Note(fmt.Sprintf("the final stage starts as root and mentions %q, which may drop that: whether the program runs as root is not known", tool))
			return
		}
		p.Report(problem)
	},
}

// lastUser returns the USER in force, and its stage; without one, nil and the
// stage that the chain begins with.
func lastUser(final *dockerfile.Stage) (*dockerfile.Instruction, *dockerfile.Stage) {
	chain := final.Chain()
	for _, s := range chain {
		for _, in := range slices.Backward(s.Instructions) {
			if in.Name == "USER" {
				return in, s
			}
		}
	}
	return nil, chain[len(chain)-1]
}

// isRoot reads the user of "user:group" as the runtime does: a number, or a name.
func isRoot(value string) bool {
	user, _, _ := strings.Cut(strings.TrimSpace(value), ":")
	if id, err := strconv.Atoi(user); err == nil {
		return id == 0
	}
	return user == "root" || user == ""
}

func why(base dockerfile.Reference) string {
	if base.Value == "scratch" {
		return "\"scratch\" has none, so that it runs as root"
	}
	return "its base " + quote(base.Text) + " is not known to set another than root"
}

// nonRoot matches the names of images whose published config has a user other
// than root: distroless and others by their tag, Chainguard's and Bitnami's
// by default, .NET's chiseled ones (user app), the unprivileged nginx, Jupyter's
// (jovyan), Prometheus', Grafana's and Elastic's own.
var nonRoot = regexp.MustCompile(`(?i)(^|[:/_-])(nonroot|rootless|unprivileged)($|[:/@._-])` +
	`|^cgr\.dev/chainguard/|^(docker\.io/)?bitnami(legacy|secure)?/|^mcr\.microsoft\.com/dotnet/.*-chiseled` +
	`|^quay\.io/(jupyter|prometheus)/|^(docker\.io/)?(jupyter|prom)/|^(docker\.io/)?grafana/(grafana|grafana-oss|grafana-enterprise|k6|loki|tempo)($|[:@])` +
	`|^docker\.elastic\.co/(elasticsearch|kibana|logstash|beats)/` +
	`|^(docker\.io/)?(library/)?(elasticsearch|kibana|logstash|memcached|haproxy|solr|sonarqube|kong|open-liberty)($|[:@])|^(docker\.io/)?jenkins/jenkins($|[:@])`)

// starters are images whose own entrypoint starts as root and gives that up before
// it starts the program.
var starters = regexp.MustCompile(`^(docker\.io/)?(library/)?(postgres|redis|valkey|mysql|mariadb|mongo|cassandra|rabbitmq|couchdb|influxdb|neo4j|ghost)($|[:@])` +
	`|^(docker\.io/)?(pgvector/pgvector|postgis/postgis|timescale/timescaledb|valkey/valkey)($|[:@])`)

func startsAsRoot(base string) bool { return starters.MatchString(base) }

// official matches images that are known to run as root unless they are told
// otherwise: Docker's own, distroless, .NET's, the distributions'.
var official = regexp.MustCompile(`^(docker\.io/|public\.ecr\.aws/docker/)?(library/)?[^/]+$` +
	`|^gcr\.io/distroless/|^mcr\.microsoft\.com/(dotnet|openjdk|azurelinux|cbl-mariner)/|^public\.ecr\.aws/amazonlinux/|^registry\.k8s\.io/`)

// unknownBase is how bad it is that an image runs as its base says: whether that is
// root is not known of images of other makers.
func unknownBase(base string) finding.Severity {
	if official.MatchString(base) {
		return finding.High
	}
	return finding.Medium
}

func nonRootBase(value string) bool {
	image, ok := source.ParseImage(value)
	if ok && strings.HasPrefix(image.Name, "cgr.dev/chainguard/") {
		// Their build images run as root: the tag says "-dev" or the name "-base".
		return !strings.HasSuffix(image.Name, "-base")
	}
	return ok && nonRoot.MatchString(value)
}

var dropper = regexp.MustCompile(`\b(gosu|su-exec|setpriv|s6-setuidgid|s6-overlay|setuidgid|runuser)\b`)

// drops returns the first word in a stage that names a program which gives up
// root when the container starts.
func drops(final *dockerfile.Stage) string {
	for _, s := range final.Chain() {
		for _, in := range s.Instructions {
			for _, w := range in.Words {
				if tool := dropper.FindString(w.Text); tool != "" {
					return tool
				}
			}
			for _, doc := range in.Heredocs {
				if tool := dropper.FindString(doc.Content); tool != "" {
					return tool
				}
			}
		}
	}
	return ""
}
