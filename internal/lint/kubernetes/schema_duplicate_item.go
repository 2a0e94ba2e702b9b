package kubernetes

import (
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes/schema"
)

var schemaDuplicateItem = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "COR-54", Name: "schema-duplicate-item", Severity: finding.Medium, Since: "0.1.0",
		Summary: "No list holds two items of the same name",
		Also:    []string{"duplicate-env-var", "environment-variable-key-duplication"},
	},
	Run: onViolations(schema.Twice, func(_ *kubernetes.Object, v schema.Violation) (finding.Severity, bool) {
		switch {
		case v.Field == "ports" && strings.Contains(v.Path, "ontainers["):
			return finding.Low, true // of information only
		case slices.Contains(refusedTwice, v.Field):
			return finding.High, true
		}
		return finding.Medium, true
	}),
}

// refusedTwice are lists whose items the API server itself wants different. Of
// others the last one wins, and server-side apply refuses them.
var refusedTwice = []string{"containers", "initContainers", "ports", "topologySpreadConstraints", "volumeMounts", "volumes"}
