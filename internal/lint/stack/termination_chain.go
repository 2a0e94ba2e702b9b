package stack

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/stack/binding"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var terminationChain = lint.Check[*ship]{
	Rule: finding.Rule{
		ID: "X-17", Name: "termination-chain", Points: []string{"PRB-4"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "A pod that is ended waits until nobody sends it requests any more",
	},
	Run: func(p *lint.Pass, s *ship) {
		for _, c := range s.containers {
			s.tellDrain(p, c)
		}
	},
}

// tellDrain reports a pod that Services send to and that ends at once when a rollout
// replaces it: proxies learn of it only a moment later.
func (s *ship) tellDrain(p *lint.Pass, c *binding.Container) {
	w := c.Workload
	served := len(s.objects.serving(w)) > 0
	grace := w.Pod.Get("terminationGracePeriodSeconds")
	n, err := strconv.Atoi(replicas(w))
	strategy := w.Node.Get("spec").Get("strategy").Get("type").Text()
	if w.Kind != "Deployment" || !served || err != nil || n < 2 || strategy == "Recreate" || c.Role != kubernetes.Main || !grace.IsNull() || len(c.Node.Get("ports").Items()) == 0 {
		return
	}
	if slices.ContainsFunc(w.Containers(), func(other *kubernetes.Container) bool { return other.Node.Get("lifecycle").Get("preStop").Exists() }) || injected(w) {
		return
	}
	for _, other := range w.Containers() { // one finding for the pod
		if other.Role == kubernetes.Main && len(other.Node.Get("ports").Items()) > 0 {
			if other != c.Container {
				return
			}
			break
		}
	}
	p.Report(lint.Problem{
		At: w.Template.Key("spec").At(), Subject: w.Subject(), Path: w.Path() + ".lifecycle", Severity: mediumOnDemand(p),
		Message: fmt.Sprintf("container %q has no preStop and no terminationGracePeriodSeconds of its own: a rollout ends it while Services still send to it, and requests are lost unless the program waits; sleep some seconds in preStop", c.Name),
	})
}
