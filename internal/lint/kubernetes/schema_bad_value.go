package kubernetes

import (
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes/schema"
)

var schemaBadValue = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "COR-53", Name: "schema-bad-value", Severity: finding.High, Since: "0.1.0",
		Summary: "Every value of an object is one that its field takes",
		Also:    []string{"schema-validation"},
	},
	Run: onViolations(schema.BadValue, func(o *kubernetes.Object, v schema.Violation) (finding.Severity, bool) {
		if _, ok := o.Workload(); ok && (strings.Contains(v.Path, "resources.") || strings.HasSuffix(v.Path, ".sizeLimit")) {
			return finding.Unknown, false // quantities (RES-2.a) says it
		}
		return finding.High, true
	}),
}
