package kubernetes

import (
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

// demanding says that the profile asks for what many do without.
func demanding(p *lint.Pass) bool {
	return p.Profile == lint.ProfileDocument || p.Profile == lint.ProfileStrict
}

// lower is how bad what a pod lacks is: little in a manifest that only tests apply.
func lower(p *lint.Pass, at finding.Location, severity finding.Severity) finding.Severity {
	if source.BelowTests(at.Path) && !demanding(p) {
		return finding.Low
	}
	return severity
}

// maxNamed is how many things of one kind a message names: nobody writes more, and
// what is longer was written to break readers.
const maxNamed = 8

// or returns the place of the first value that there is.
func or(at finding.Location, others ...finding.Location) finding.Location {
	for _, other := range others {
		if at.Line == 0 {
			at = other
		}
	}
	return at
}

// podAt is where a finding about something that the pods lack is placed.
func podAt(w *kubernetes.Workload) finding.Location {
	return or(w.Template.Key("spec").At(), w.Pod.At())
}

// each calls look for the containers of these roles.
func each(w *kubernetes.Workload, look func(c *kubernetes.Container), roles ...kubernetes.Role) {
	for _, c := range w.Containers() {
		for _, role := range roles {
			if c.Role == role {
				look(c)
			}
		}
	}
}
