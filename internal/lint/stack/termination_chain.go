package stack

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/stack/binding"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var terminationChain = lint.Check[*ship]{
	Rule: finding.Rule{
		ID: "X-17", Name: "termination-chain", Points: []string{"PRB-4"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "A pod that is ended stops getting requests first, and then has time to answer those that it got",
	},
	Run: func(p *lint.Pass, s *ship) {
		for _, c := range s.containers {
			if sleep, n, ok := preStopSleep(c); ok {
				tellGrace(p, c, sleep, n)
				continue
			}
			s.tellDrain(p, c)
		}
	},
}

// tellGrace reports a preStop that sleeps for as long as the pod has to end.
func tellGrace(p *lint.Pass, c *binding.Container, sleep int, at kubernetes.Node) {
	grace, written := 30, c.Workload.Pod.Get("terminationGracePeriodSeconds") // Kubernetes' default
	if written.Exists() {
		n, err := strconv.Atoi(written.Text())
		if err != nil {
			return
		}
		grace = n
	}
	if sleep < grace {
		return
	}
	p.Report(about(c, "lifecycle.preStop", at.At(), fmt.Sprintf(
		"container %q sleeps for %d seconds before it is told to end, and is killed after %d: its program has no time to end; set terminationGracePeriodSeconds to the sleep and what the program needs", c.Name, sleep, grace)))
}

// preStopSleep is how long a preStop does nothing but wait.
func preStopSleep(c *binding.Container) (seconds int, at kubernetes.Node, ok bool) {
	hook := c.Node.Get("lifecycle").Get("preStop")
	if n := hook.Get("sleep").Get("seconds"); n.Exists() {
		seconds, err := strconv.Atoi(n.Text())
		return seconds, n, err == nil
	}
	items := hook.Get("exec").Get("command").Items()
	words := strings.Fields(strings.Join(texts(items), " "))
	if len(words) > 2 && (words[1] == "-c" || words[1] == "-ec") {
		words = words[2:]
	}
	if len(words) != 2 || words[0] != "sleep" && !strings.HasSuffix(words[0], "/sleep") {
		return 0, kubernetes.Node{}, false
	}
	seconds, err := strconv.Atoi(strings.TrimSuffix(words[1], "s"))
	return seconds, items[len(items)-1], err == nil
}

// tellDrain reports a pod that Services send to and that ends at once when a rollout
// replaces it: proxies learn of it only a moment later.
func (s *ship) tellDrain(p *lint.Pass, c *binding.Container) {
	w := c.Workload
	served := w.Set.Served(w)
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
		Message: fmt.Sprintf("container %q has no preStop and no terminationGracePeriodSeconds of its own: a rollout ends it while Services still send to it, and requests are lost; sleep some seconds in preStop", c.Name),
	})
}
