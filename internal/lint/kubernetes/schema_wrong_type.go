package kubernetes

import (
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes/schema"
)

var schemaWrongType = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "COR-51", Name: "schema-wrong-type", Severity: finding.High, Since: "0.1.0",
		Summary: "Every value of an object is of the type that its field has",
		Also:    []string{"schema-validation"},
	},
	Run: onViolations(schema.WrongType, func(_ *kubernetes.Object, v schema.Violation) (finding.Severity, bool) {
		if v.Doubtful {
			return finding.Medium, true
		}
		return finding.High, true
	}),
}
