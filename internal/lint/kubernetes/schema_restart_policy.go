package kubernetes

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes/schema"
)

var schemaRestartPolicy = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "COR-60", Name: "schema-restart-policy", Severity: finding.High, Since: "0.1.0",
		Summary: "Pods have a restart policy that what runs them takes",
		Also:    []string{"restart-policy", "cronjob-restartpolicy"},
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		if w.Kind == "Pod" {
			return
		}
		policy := w.Pod.Get("restartPolicy")
		got, path := policy.Text(), w.Path()+".restartPolicy"
		tell := func(at kubernetes.Node, message string) {
			p.Report(lint.Problem{At: at.At(), Subject: w.Subject(), Path: path, Message: message})
		}
		switch job := w.Kind == "Job" || w.Kind == "CronJob"; {
		case schema.Placeholder(got):
		case job && got == "Always":
			tell(policy, fmt.Sprintf("a %s does not take %q, and Kubernetes refuses it; write \"Never\" or \"OnFailure\"", w.Kind, got))
		case job && got == "" && whole(w.Object):
			tell(w.Template.Key("spec"), fmt.Sprintf("a %s takes no pod without restartPolicy, which then is \"Always\", and Kubernetes refuses it; add \"Never\" or \"OnFailure\"", w.Kind))
		case !job && (got == "Never" || got == "OnFailure"):
			tell(policy, fmt.Sprintf("a %s takes only \"Always\", not %q, and Kubernetes refuses it; remove it, or run it as a Job", w.Kind, got))
		}
	}),
}
