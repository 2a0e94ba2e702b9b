package compose

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/compose"
)

var singleNetwork = lint.Check[*project]{
	Rule: finding.Rule{
		ID: "NET-4.c", Name: "single-network", Points: []string{"NET-4"}, Severity: finding.Low, Since: "0.1.0",
		Summary: "A database of a Compose project is reached only by the services that use it",
	},
	Run: func(p *lint.Pass, pr *project) {
		if pr.Open || len(pr.Services) < 2 {
			return
		}
		var data *compose.Service
		for _, s := range pr.Services {
			if s.Get("networks").Exists() || s.Get("network_mode").Exists() {
				return
			}
			if data == nil && store(s) {
				data = s
			}
		}
		if data == nil || pr.judged[pr.Path] {
			return
		}
		at := pr.Own[0].Root.Key("services").At()
		problem := pr.whole(lint.Problem{At: at, Path: "networks", Message: fmt.Sprintf("all services share one network, so that each of them reaches %q; give it a network with those that use it", data.Name)})
		problem.Related = []finding.Location{data.At}
		pr.teller(p)(problem)
	},
}
