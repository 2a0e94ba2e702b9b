package kubernetes

import (
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes/schema"
)

var schemaMissingField = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "COR-52", Name: "schema-missing-field", Severity: finding.High, Since: "0.1.0",
		Summary: "No object lacks a field without which Kubernetes refuses it",
		Also:    []string{"schema-validation"},
	},
	Run: onViolations(schema.Missing, func(o *kubernetes.Object, _ schema.Violation) (finding.Severity, bool) {
		return finding.High, whole(o) && !o.Mutated()
	}),
}
