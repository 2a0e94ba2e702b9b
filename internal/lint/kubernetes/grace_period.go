package kubernetes

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var gracePeriod = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "PRB-4.k", Name: "grace-period", Points: []string{"PRB-4"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "A pod has time to shut down after its preStop hooks",
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		field := w.Pod.Get("terminationGracePeriodSeconds")
		grace, ok := seconds(field, 30)
		switch {
		case field.Text() == "0" && !w.RunsToEnd():
			problem := lint.Problem{
				At: field.At(), Subject: w.Subject(), Path: w.Path() + ".terminationGracePeriodSeconds", Severity: finding.Low,
				Message: "the pod is killed at once by \"terminationGracePeriodSeconds: 0\", whatever it is doing; give it the time that it needs",
			}
			if w.Kind == "StatefulSet" {
				problem.Severity = finding.Medium
				problem.Message = "the pod is killed at once by \"terminationGracePeriodSeconds: 0\", and the next one of its name may start beside it; give it the time that it needs"
			}
			p.Report(problem)
			return
		case !ok:
			return
		}
		each(w, func(c *kubernetes.Container) {
			hook := c.Node.Get("lifecycle").Get("preStop")
			if sleeps := sleep(hook); sleeps >= grace {
				p.Report(lint.Problem{
					At: c.Node.Get("lifecycle").Key("preStop").At(), Subject: w.Subject(), Path: c.Path + ".lifecycle.preStop",
					Message: fmt.Sprintf("container %q: its preStop hook sleeps %d s, and after %d s the pod is killed, so that the program has no time to shut down; raise terminationGracePeriodSeconds", c.Name, sleeps, grace),
				})
			}
		}, kubernetes.Main, kubernetes.Sidecar)
	}),
}

var sleepCommand = regexp.MustCompile(`(?:^|[\s;&|/"])sleep\s+(\d{1,6})([smh]?)(?:$|[\s;&|"])`)

// sleep is how many seconds a hook sleeps at least, 0 when it does not say.
func sleep(hook kubernetes.Node) int {
	if n := hook.Get("sleep").Get("seconds"); !n.IsNull() {
		if s, ok := seconds(n, 1); ok {
			return s
		}
	}
	var words []string
	for _, word := range hook.Get("exec").Get("command").Items() {
		words = append(words, word.Text())
	}
	m := sleepCommand.FindStringSubmatch(strings.Join(words, " "))
	if m == nil {
		return 0
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return 0
	}
	return n * map[string]int{"": 1, "s": 1, "m": 60, "h": 3600}[m[2]]
}
