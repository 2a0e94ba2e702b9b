package kubernetes

import (
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var probeHost = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "PRB-2.b", Name: "probe-host", Points: []string{"PRB-2"}, Severity: finding.High, Since: "0.1.0",
		Summary: "Every probe asks the pod, not the node that the kubelet runs on",
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		if isTrue(w.Pod.Get("hostNetwork")) { // there the node's loopback is the pod's
			return
		}
		for _, c := range w.Containers() {
			for _, h := range c.Handlers() {
				for _, way := range []string{"httpGet", "tcpSocket"} {
					host := h.Node.Get(way).Get("host")
					if name := host.Text(); name != "localhost" && name != "::1" && !strings.HasPrefix(name, "127.") {
						continue
					}
					p.Report(lint.Problem{
						At: host.At(), Subject: w.Subject(), Path: c.Path + "." + h.Name + ".host",
						Message: fmt.Sprintf("container %q: its %s asks %q, which for the kubelet is the node; drop host, and the pod's own address is asked", c.Name, h.Name, host.Text()),
					})
				}
			}
		}
	}),
}
