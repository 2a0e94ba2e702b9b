package kubernetes

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var serviceLinks = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "X-16", Name: "service-links", Points: []string{"SEC-3"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "No variable that a container uses is one that Kubernetes makes of a Service's name",
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		if on, isBool := w.Pod.Get("enableServiceLinks").Bool(); isBool && !on {
			return
		}
		for _, c := range w.Containers() {
			linked(p, w, c)
		}
	}),
}

// usedPort finds variables of the form that links have and programs use for
// numbers: "$(DB_PORT)", "$DB_PORT", "${DB_PORT}".
var usedPort = regexp.MustCompile(`\$[({]?([A-Z][A-Z0-9_]*_PORT)\b`)

// linked reports a port that a container's command uses and that is no number
// there: Kubernetes sets DB_PORT to tcp://10.0.0.1:5432 in every pod of the
// namespace of a Service "db" (kubernetes/kompose#1390).
func linked(p *lint.Pass, w *kubernetes.Workload, c *kubernetes.Container) {
	var environment kubernetes.Environment
	read := false
	for _, n := range append(c.Command(), values(c)...) {
		for _, m := range usedPort.FindAllStringSubmatch(n.Text(), -1) {
			services := w.Set.Find(w.Namespace, "", "Service", linkName(m[1]))
			services = slices.DeleteFunc(services, func(o *kubernetes.Object) bool {
				return !w.Set.Together(o, w.Object) || o.Node.Get("spec").Get("clusterIP").Text() == "None"
			})
			if len(services) == 0 {
				continue
			}
			if !read {
				environment, read = w.Set.EnvironmentOf(c), true
			}
			set := slices.ContainsFunc(environment.Variables, func(v kubernetes.Variable) bool { return v.Name == m[1] })
			if set || len(environment.Open) > 0 || strings.Contains(n.Text(), m[1]+"#") || strings.Contains(n.Text(), m[1]+":-") {
				continue // its own, or taken apart
			}
			p.Report(lint.Problem{
				At: n.At(), Subject: w.Subject(), Path: c.Path + ".env[" + m[1] + "]",
				Related: []finding.Location{related(services[0], "is what the variable is made of")},
				Message: fmt.Sprintf("container %q uses %q, which nobody sets but Kubernetes, and that to tcp://… for %s; set it, and enableServiceLinks: false", c.Name, m[1], called(services[0])),
			})
			return
		}
	}
}

func values(c *kubernetes.Container) []kubernetes.Node {
	var all []kubernetes.Node
	for _, env := range c.Node.Get("env").Items() {
		if value := env.Get("value"); value.Exists() {
			all = append(all, value)
		}
	}
	return all
}

// linkName is the Service whose links have this name.
func linkName(variable string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimSuffix(variable, "_PORT")), "_", "-")
}
