package policy

import (
	"path"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// artefact is what a point is decided on.
type artefact int

const (
	onDockerfile artefact = iota
	onCompose
	onPods     // Kubernetes objects that run pods, and what is about those
	onWorkflow // workflows, scripts and Makefiles
	onImage
)

// point is one of the checklist, with what decides it.
type point struct {
	id, title string
	// on are the sources of which one has to be there for it to be about anything.
	on []artefact
	// image says that the sources alone cannot meet it: the image has to be looked at.
	image bool
}

// checklist is the contract's. What each point is decided on is in the research,
// column "from".
var checklist = []point{
	{"IMG-1", "the final image holds no toolchain, package cache, VCS data or dev dependency; building happens in another stage", []artefact{onDockerfile}, true},
	{"IMG-2", "dependency manifests are installed before sources, the context is filtered, and what a later build step needs is there", []artefact{onDockerfile}, false},
	{"IMG-3", "every external base is pinned by tag and digest, from an allowed registry, and not past end of life", []artefact{onDockerfile, onCompose}, false},
	{"IMG-4", "what ships is what was scanned and signed; no build command switches off TLS or signature checks", []artefact{onDockerfile, onPods}, true},
	{"USR-1", "the image's user is numeric, not 0, and resolves", []artefact{onDockerfile}, true},
	{"USR-2", "every container effectively runs as non-root", []artefact{onPods, onCompose}, false},
	{"USR-3", "privileges are Pod-Security \"restricted\"", []artefact{onPods, onCompose}, false},
	{"USR-4", "the root filesystem is read-only and every path the program must write is a mount", []artefact{onPods, onCompose}, false},
	{"PRB-1", "long-running containers have readiness and liveness; slow starters have startup", []artefact{onPods}, false},
	{"PRB-2", "every probe's and health check's target exists: port, named port, path, binary", []artefact{onPods, onCompose, onDockerfile}, false},
	{"PRB-3", "probe arithmetic is safe", []artefact{onPods, onCompose, onDockerfile}, false},
	{"PRB-4", "it is healthy outside Kubernetes too, and it shuts down", []artefact{onDockerfile, onCompose, onPods}, false},
	{"RES-1", "requests for CPU and memory, a limit for memory", []artefact{onPods}, false},
	{"RES-2", "quantities are sane", []artefact{onPods, onCompose}, false},
	{"RES-3", "availability is bounded: replicas, HPA, disruption budget and spread that can work together", []artefact{onPods}, false},
	{"RES-4", "the local stack is bounded: memory, pids, restart, logs", []artefact{onCompose}, false},
	{"SEC-1", "no secret in the image, its history, arguments or any layer", []artefact{onDockerfile}, true},
	{"SEC-2", "no secret literal in compose or manifests", []artefact{onCompose, onPods}, false},
	{"SEC-3", "every reference resolves and exposes the least", []artefact{onPods, onCompose}, false},
	{"SEC-4", "no credential that is not used: service-account token, registry access", []artefact{onPods}, false},
	{"NET-1", "each pod is covered by policies for ingress and egress", []artefact{onPods}, false},
	{"NET-2", "policies mean something", []artefact{onPods}, false},
	{"NET-3", "services and routes resolve, and expose only what is meant", []artefact{onPods}, false},
	{"NET-4", "the local stack is not exposed", []artefact{onCompose}, false},
	{"OBS-1", "metrics can be found", []artefact{onPods}, false},
	{"OBS-2", "logs leave the container and cannot fill the disk", []artefact{onPods, onCompose}, false},
	{"OBS-3", "everything says what it is", []artefact{onDockerfile, onPods}, false},
	{"OBS-4", "state changes only declaratively and can be traced and rolled back", []artefact{onPods, onWorkflow}, false},
}

// Points says how each point of the checklist stands: missed where one of its rules
// has a finding of medium or above that nobody excused, unknown where what would
// decide it was not looked at, not applicable where there is nothing that it is
// about, else met. It is nil where no sources were looked at. Under the profile
// kubernetes nothing is about Compose.
func (p Policy) Points(seen Seen) verdict.Points {
	if seen.Linted == nil {
		return nil
	}
	there := map[artefact]bool{
		onDockerfile: seen.Linted.Dockerfiles > 0, onCompose: seen.Linted.Services > 0,
		onPods: seen.Linted.Workloads > 0, onWorkflow: seen.Linted.Workflows > 0, onImage: seen.Inspected,
	}
	if p.Profile == Kubernetes {
		there[onCompose] = false
	}
	unread := map[artefact]string{}
	for _, u := range seen.Unread {
		switch u.Kind {
		case finding.UnreadSource:
			unread[sourceOf(u.Location.Path)] = u.Location.Path + " could not be read"
		case finding.UnreadLayer, finding.UnreadOS:
			there[onImage] = false
		case finding.UnreadLanguage, finding.UnreadFile, finding.UnreadDatabase:
		}
	}
	for kind, why := range seen.Partial {
		a := map[source.Kind]artefact{source.Dockerfile: onDockerfile, source.Compose: onCompose, source.Kubernetes: onPods, source.Workflow: onWorkflow}[kind]
		if unread[a] == "" {
			unread[a] = why
		}
	}
	missed := map[string][]string{}
	for _, f := range seen.Findings {
		if f.Suppressed != nil || f.Status == finding.Fixed || f.Severity < finding.Medium {
			continue
		}
		for _, id := range f.Rule.Points {
			if !slices.Contains(missed[id], f.Rule.ID) {
				missed[id] = append(missed[id], f.Rule.ID)
			}
		}
	}
	points := make(verdict.Points, len(checklist))
	for i, point := range checklist {
		points[i] = point.stand(there, unread, missed[point.id])
		if why := seen.Unknown[point.id]; why != "" && points[i].Standing == verdict.Met {
			points[i].Standing, points[i].Why = verdict.Unknown, why
		}
	}
	return points
}

func (p point) stand(there map[artefact]bool, unread map[artefact]string, missedBy []string) verdict.Point {
	stands := verdict.Point{ID: p.id, Title: p.title, Standing: verdict.Met}
	about, why := p.image && there[onImage], ""
	for _, a := range p.on {
		about = about || there[a] || unread[a] != ""
		if unread[a] != "" {
			why = unread[a]
		}
	}
	if p.image && !there[onImage] && why == "" {
		why = "the image was not looked at"
	}
	switch {
	case len(missedBy) > 0:
		slices.Sort(missedBy)
		stands.Standing, stands.Rules = verdict.Missed, missedBy
	case !about:
		stands.Standing = verdict.NotApplicable
	case why != "":
		stands.Standing, stands.Why = verdict.Unknown, why
	}
	return stands
}

// sourceOf says what a source that could not be read would have been, by its name.
func sourceOf(name string) artefact {
	base := strings.ToLower(path.Base(name))
	switch {
	case strings.Contains(base, "dockerfile"), strings.Contains(base, "containerfile"):
		return onDockerfile
	case strings.Contains(base, "compose"):
		return onCompose
	case strings.Contains(name, ".github/"):
		return onWorkflow
	}
	return onPods
}
