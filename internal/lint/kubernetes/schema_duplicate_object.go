package kubernetes

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes/schema"
)

var schemaDuplicateObject = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "COR-58", Name: "schema-duplicate-object", Severity: finding.High, Since: "0.1.0",
		Summary: "No object stands twice in what is applied together",
	},
	Run: func(p *lint.Pass, o *kubernetes.Object) {
		if o.Set == nil || o.Node.Get("metadata").Get("name").Text() == "" || schema.Placeholder(o.Name) || schema.Placeholder(o.Namespace) {
			return
		}
		first := o.Set.Earliest(o)
		if first == o {
			return
		}
		where := ""
		if first.File != o.File {
			where = " of " + first.File.Source.Path
		}
		// They are one, and told as one whichever comes first: a namespace means nothing to
		// what has none.
		subject := min(o.Subject(), first.Subject())
		at := o.Node.Get("metadata").Get("name")
		p.Report(lint.Problem{
			At: at.At(), Related: []finding.Location{first.Node.Get("metadata").Get("name").At()}, Subject: subject, Path: "metadata.name",
			Message: fmt.Sprintf("%s %q is applied over the one on line %d%s; rename or remove one", o.Kind, o.Name, first.Node.Get("kind").At().Line, where),
		})
	},
}
