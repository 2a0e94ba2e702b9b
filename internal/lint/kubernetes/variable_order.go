package kubernetes

import (
	"fmt"
	"regexp"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var variableOrder = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "COR-61", Name: "variable-order", Severity: finding.Medium, Since: "0.1.0",
		Summary: "A variable that another one refers to is set before it",
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		for _, c := range w.Containers() {
			if len(c.Node.Get("envFrom").Items()) > 0 { // it may be set there, which comes first
				continue
			}
			items := c.Node.Get("env").Items()
			first := make(map[string]int, len(items))
			for i, item := range items {
				if name := item.Get("name").Text(); name != "" {
					if _, twice := first[name]; !twice {
						first[name] = i
					}
				}
			}
			for i, item := range items {
				value := item.Get("value")
				for _, m := range reference.FindAllStringSubmatchIndex(value.Text(), 64) {
					text := value.Text()
					later, set := first[text[m[2]:m[3]]]
					if !set || later <= i || m[0] > 0 && text[m[0]-1] == '$' { // "$$(" is no reference
						continue
					}
					p.Report(lint.Problem{
						At: value.Part(m[0], m[1]), Subject: w.Subject(), Path: c.Path + ".env[" + item.Get("name").Text() + "]",
						Message: fmt.Sprintf("container %q: %q stays as it is in %q, since the variable is set further down; move it above", c.Name, text[m[0]:m[1]], item.Get("name").Text()),
					})
				}
			}
		}
	}),
}

var reference = regexp.MustCompile(`\$\(([-._a-zA-Z][-._a-zA-Z0-9]*)\)`)
