package stack

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
)

var developmentStage = lint.Check[*ship]{
	Rule: finding.Rule{
		ID: "X-12.b", Name: "development-stage", Severity: finding.Medium, Since: "0.1.0",
		Summary: "A service that says it is for development builds a stage with what development needs",
	},
	Run: func(p *lint.Pass, s *ship) {
		for _, service := range s.services {
			build := service.Get("build")
			if service.Stage == nil || service.Partial || build.Get("target").Exists() || len(service.Stage.File.Stages) < 2 || service.Get("command").Exists() || service.Get("develop").Exists() {
				continue
			}
			mode := service.Get("environment").Key("NODE_ENV")
			if mode.Value.Text != "development" || !mode.Value.Known || slices.ContainsFunc(build.Get("args").Entries, func(e entry) bool { return strings.Contains(e.Name, "ENV") }) {
				continue
			}
			at, ok := s.production(service.Stage)
			if !ok {
				continue
			}
			p.Report(lint.Problem{
				At: service.Value.Key("build").At(), Subject: service.Subject(), Path: "build.target",
				Message: fmt.Sprintf("service %q says %q and builds the stage that ships, which has no development dependencies; give development a stage of its own and name it in \"target\"", service.Name, "NODE_ENV=development"),
				Related: []finding.Location{noted(mode.At(), "says development"), noted(at, "leaves development dependencies out")},
			})
		}
	},
}
