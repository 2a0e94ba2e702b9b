package kubernetes

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var probeBudget = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "PRB-3.a", Name: "probe-budget", Points: []string{"PRB-3"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "A liveness probe that asks what the readiness probe asks gives up later",
		Also:    []string{"pod-probes-identical"},
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		each(w, func(c *kubernetes.Container) {
			live, ready := c.Node.Get("livenessProbe"), c.Node.Get("readinessProbe")
			what := target(c, live)
			if what == "" || what != target(c, ready) {
				return
			}
			patience, ok := budget(live)
			waits, known := budget(ready)
			if !ok || !known || patience > waits {
				return
			}
			p.Report(lint.Problem{
				At: c.Node.Key("livenessProbe").At(), Subject: w.Subject(), Path: c.Path + ".livenessProbe",
				Message: fmt.Sprintf("container %q: its livenessProbe asks what its readinessProbe asks and gives up after %d s, which is no later than that (%d s), so that a busy program is restarted instead of left alone; raise the failureThreshold of the livenessProbe", c.Name, patience, waits),
			})
		}, kubernetes.Main, kubernetes.Sidecar)
	}),
}

// target says in one line what a probe asks, named ports resolved; "" when it asks
// nothing that can be told.
func target(c *kubernetes.Container, probe kubernetes.Node) string {
	port := func(n kubernetes.Node) string {
		for _, declared := range c.Node.Get("ports").Items() {
			if declared.Get("name").Text() == n.Text() {
				return declared.Get("containerPort").Text()
			}
		}
		return n.Text()
	}
	if n := probe.Get("httpGet"); n.IsMap() {
		scheme := strings.ToUpper(n.Get("scheme").Text())
		if scheme == "" {
			scheme = "HTTP"
		}
		return scheme + " " + n.Get("host").Text() + ":" + port(n.Get("port")) + "/" + strings.TrimPrefix(n.Get("path").Text(), "/")
	}
	if n := probe.Get("tcpSocket"); n.IsMap() {
		return "tcp " + n.Get("host").Text() + ":" + port(n.Get("port"))
	}
	if n := probe.Get("grpc"); n.IsMap() {
		return "grpc " + n.Get("port").Text() + " " + n.Get("service").Text()
	}
	var words []string
	for _, word := range probe.Get("exec").Get("command").Items() {
		words = append(words, strconv.Quote(word.Text()))
	}
	return strings.Join(words, " ")
}

// budget is for how many seconds a probe may fail; it is false where the numbers
// cannot be read.
func budget(probe kubernetes.Node) (int, bool) {
	period, ok := seconds(probe.Get("periodSeconds"), 10)
	failures, known := seconds(probe.Get("failureThreshold"), 3)
	return period * failures, ok && known
}

// seconds reads a small whole number; absent and 0 are the default.
func seconds(n kubernetes.Node, fallback int) (int, bool) {
	if n.IsNull() || n.Text() == "0" {
		return fallback, true
	}
	value, err := strconv.Atoi(n.Text())
	return value, err == nil && value > 0 && value < 1_000_000
}
