package kubernetes

import (
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes/schema"
)

var schemaUnknownField = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "COR-50", Name: "schema-unknown-field", Severity: finding.High, Since: "0.1.0",
		Summary: "Every field of an object is one that its kind has",
		Also:    []string{"schema-validation"},
	},
	Run: onViolations(schema.Unknown, always),
}
