package kubernetes

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes/schema"
)

var schemaSelector = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "COR-56", Name: "schema-selector", Severity: finding.High, Since: "0.1.0",
		Summary: "The selector of a workload selects the pods of its own template",
		Also:    []string{"mismatching-selector", "deployment-pod-selector-labels-match-template-metadata-labels", "statefulset-pod-selector-labels-match-template-metadata-labels"},
	},
	Run: on(func(p *lint.Pass, o *kubernetes.Object) {
		w, ok := o.Workload()
		if !ok || !whole(o) {
			return
		}
		selector := o.Node.Get("spec").Get("selector")
		tell := func(at kubernetes.Node, path, message string) {
			p.Report(lint.Problem{At: at.At(), Subject: o.Subject(), Path: "spec.selector" + path, Message: message})
		}
		matchLabels, expressions := selector.Get("matchLabels").Entries(), selector.Get("matchExpressions").Items()
		if selector.IsMap() && len(selector.Entries()) == 0 {
			tell(o.Node.Get("spec").Key("selector"), "", "the selector is empty, and Kubernetes refuses it; name the labels of the template")
			return
		}
		labels := w.Template.Get("metadata").Get("labels")
		for _, e := range matchLabels {
			want, got := e.Value, labels.Get(e.Key.Text())
			switch {
			case e.Key.Text() == "<<", schema.Placeholder(want.Text()), schema.Placeholder(got.Text()), schema.Placeholder(e.Key.Text()):
			case !got.Exists():
				tell(e.Key, ".matchLabels", fmt.Sprintf("the selector wants the label %q, which the template does not have, and Kubernetes refuses it; add it to the template", e.Key.Text()))
			case got.Text() != want.Text():
				tell(want, ".matchLabels", fmt.Sprintf("the selector wants %q to be %q, the template has %q, and Kubernetes refuses it; make them the same", e.Key.Text(), want.Text(), got.Text()))
			}
		}
		for _, e := range expressions {
			if key := e.Get("key"); !matches(e, labels.Get(key.Text())) {
				tell(key, ".matchExpressions", fmt.Sprintf("the selector's expression on %q does not match the template's labels, and Kubernetes refuses it; make it match", key.Text()))
			}
		}
	}, "apps", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"),
}

// matches says whether a label fits one expression; one that is not understood is
// said to.
func matches(expression, label kubernetes.Node) bool {
	in := false
	for _, value := range expression.Get("values").Items() {
		in = in || label.Exists() && value.Text() == label.Text() || schema.Placeholder(value.Text())
	}
	if schema.Placeholder(label.Text()) {
		return true
	}
	switch expression.Get("operator").Text() {
	case "In":
		return in
	case "NotIn":
		return !in || schema.Placeholder(label.Text())
	case "Exists":
		return label.Exists()
	case "DoesNotExist":
		return !label.Exists()
	}
	return true
}
