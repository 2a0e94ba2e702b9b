package kubernetes

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var probePort = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "PRB-2.a", Name: "probe-port", Points: []string{"PRB-2"}, Severity: finding.High, Since: "0.1.0",
		Summary: "Every probe and hook asks a port that its container has",
		Also:    []string{"liveness-port", "readiness-port", "startup-port"},
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		declared := map[string]bool{} // by any container of the pod
		for _, port := range w.Ports() {
			declared[port.Node.Get("containerPort").Text()] = true
		}
		for _, c := range w.Containers() {
			for _, h := range c.Handlers() {
				for _, way := range []string{"httpGet", "tcpSocket"} {
					port := h.Node.Get(way).Get("port")
					message, severity := misses(c, port.Text(), declared)
					if message == "" {
						continue
					}
					p.Report(lint.Problem{
						At: port.At(), Subject: w.Subject(), Path: c.Path + "." + h.Name, Severity: severity,
						Message: fmt.Sprintf("container %q: its %s asks port %q, %s", c.Name, h.Name, port.Text(), message),
					})
				}
			}
		}
	}),
}

// misses says why a port is not there; "" when it is, or may be: what containers
// declare is only information, so that a number alone proves nothing.
func misses(c *kubernetes.Container, port string, declared map[string]bool) (string, finding.Severity) {
	if port == "" || strings.ContainsAny(port, "${<") { // filled in later
		return "", finding.Unknown
	}
	var names []string
	numbers := map[string]bool{}
	for _, n := range c.Node.Get("ports").Items() {
		if name := n.Get("name").Text(); name != "" {
			names = append(names, strconv.Quote(name))
		}
		numbers[n.Get("containerPort").Text()] = true
	}
	if _, err := strconv.Atoi(port); err != nil {
		switch {
		case slices.Contains(names, strconv.Quote(port)):
			return "", finding.Unknown
		case len(names) == 0:
			return "and none of its ports has a name, so that the probe never succeeds; name the port", finding.High
		}
		return fmt.Sprintf("and its ports are named %s, so that it never succeeds; use one of them, or name the port", list(names)), finding.High
	}
	// PORT says where the program listens, and the declared port agrees.
	for _, env := range c.Node.Get("env").Items() {
		listens := env.Get("value").Text()
		if env.Get("name").Text() == "PORT" && listens != port && numbers[listens] && !declared[port] && !spells(c, port) {
			return fmt.Sprintf("and by PORT it listens on %q, as its ports say; ask that one", listens), finding.Medium
		}
	}
	return "", finding.Unknown
}

// spells says whether a number stands in what a container runs and is given.
func spells(c *kubernetes.Container, port string) bool {
	words := c.Command()
	for _, env := range c.Node.Get("env").Items() {
		words = append(words, env.Get("value"))
	}
	return len(c.Node.Get("envFrom").Items()) > 0 ||
		slices.ContainsFunc(words, func(n kubernetes.Node) bool { return strings.Contains(n.Text(), port) })
}
