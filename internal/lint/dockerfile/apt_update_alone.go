package dockerfile

import (
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var aptUpdateAlone = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "COR-42", Name: "apt-update-alone", Severity: finding.Medium, Since: "0.1.0",
		Summary: "apt-get update stands in the RUN that installs",
		Also:    []string{"CIS-DI-0007", "DS-0017", "CKV_DOCKER_5"},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		for l := range layers(f.Stages) {
			if l.in.Exec {
				continue
			}
			var update *dockerfile.Command
			for _, c := range l.commands() {
				if sub, _, _ := c.Sub(); c.Name == "apt-get" || c.Name == "apt" {
					update = nil // whatever else it does, it has fresh lists
					if sub == "update" {
						update = c
					}
				}
			}
			if update == nil || !installsLater(l) {
				continue
			}
			p.Report(lint.Problem{
				At: update.At, Subject: f.Subject(l.stage), Path: "run[update]",
				Message: "the lists of this layer stay as old as its cache, and packages that moved on cannot be fetched then; join it with the RUN that installs by &&",
			})
		}
	},
}

// installsLater says that a later RUN of the stage installs with apt and fetches
// no lists of its own.
func installsLater(l layer) bool {
	for other := range layers([]*dockerfile.Stage{l.stage}) {
		if other.in.At.Line <= l.in.At.Line {
			continue
		}
		for _, c := range other.commands() {
			sub, _, _ := c.Sub()
			if c.Name != "apt-get" && c.Name != "apt" {
				continue
			}
			if sub == "update" {
				return false
			}
			if sub == "install" {
				return true
			}
		}
	}
	return false
}
