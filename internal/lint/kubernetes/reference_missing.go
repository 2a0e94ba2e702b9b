package kubernetes

import (
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var referenceMissing = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "X-06", Name: "reference-missing", Points: []string{"SEC-3"}, Severity: finding.High, Since: "0.1.0",
		Summary: "What an object needs by name is there, with the key that it needs",
		Also:    []string{"env-value-from", "non-existent-service-account", "statefulset-has-servicename"},
	},
	Run: func(p *lint.Pass, o *kubernetes.Object) {
		type target struct{ kind, name, key string }
		seen := map[target]bool{}
		for _, r := range o.References() {
			if r.Optional || seen[target{r.Kind, r.Name, r.Key}] || seen[target{r.Kind, r.Name, ""}] {
				continue
			}
			found := o.Set.Resolve(o, r)
			if len(found) > 0 {
				seen[target{r.Kind, r.Name, r.Key}] = true
				if lacksKey(o, r, found) {
					p.Report(lint.Problem{
						At: r.KeyAt.At(), Subject: o.Subject(), Path: r.Path + "." + r.Kind + "." + r.Name + "." + r.Key,
						Message: fmt.Sprintf("%s has no key %q, and the pods do not start without it; name one of its keys, or add this one", called(found[0]), r.Key),
						Related: []finding.Location{related(found[0], "this is the %s", r.Kind)},
					})
				}
				continue
			}
			seen[target{r.Kind, r.Name, ""}] = true
			switch {
			case o.Set.Given(r):
			case p.Complete:
				p.Report(missing(o, r))
			default:
				p.Unknown(fmt.Sprintf("%s names %s %q, which is not here", o.Subject(), r.Kind, r.Name))
			}
		}
	},
}

// lacksKey says that none of the objects that a reference may mean has its key.
func lacksKey(o *kubernetes.Object, r kubernetes.Reference, found []*kubernetes.Object) bool {
	if r.Key == "" || kubernetes.Placeholder(r.Key) {
		return false
	}
	here := false
	for _, f := range found {
		keys := f.Keys()
		// What is empty, or a token, is filled in by something else.
		if _, ok := keys[r.Key]; ok || len(keys) == 0 || strings.HasPrefix(f.Node.Get("type").Text(), "kubernetes.io/service-account-token") {
			return false
		}
		here = here || o.Set.Together(o, f)
	}
	return here && !o.Set.MayMake(r.Name)
}

func missing(o *kubernetes.Object, r kubernetes.Reference) lint.Problem {
	problem := lint.Problem{At: r.At.At(), Subject: o.Subject(), Path: r.Path + "." + r.Kind + "." + r.Name}
	what := "and the pods do not start without it; add it, or mark the reference as optional"
	switch {
	case r.Kind == "Secret" && strings.HasSuffix(r.Path, "imagePullSecrets"):
		problem.Severity = finding.Medium // the kubelet warns, and pulls without
		what = "so that images are pulled without it; add it, or drop the name"
	case o.Kind == "Ingress":
		problem.Severity = finding.Medium
		what = "so that the controller's own certificate is shown; add it, or have cert-manager make it"
	case r.Kind == "ServiceAccount", r.Kind == "PriorityClass":
		what = "and the pods are refused without it; add it"
	case r.Kind == "Service":
		problem.Severity = finding.Medium
		what = "so that the pods have no names of their own; add a headless Service"
	case r.Kind == "Role":
		what = "so that the binding gives no rights; add it, or name another"
	case r.Kind == "PersistentVolumeClaim":
		what = "and the pods wait for it; add it"
	}
	problem.Message = fmt.Sprintf("%s %q is nowhere in the manifests, %s", r.Kind, r.Name, what)
	return problem
}
