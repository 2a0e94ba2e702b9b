package kubernetes

import (
	"fmt"
	"slices"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var privilegeEscalation = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "USR-3.a", Name: "privilege-escalation", Points: []string{"USR-3"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "No container lets its processes gain more privileges than they started with",
		Also:    []string{"KSV-0001", "CKV_K8S_20", "privilege-escalation-container", "privilegeEscalationAllowed"},
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		if w.Windows() { // the field means nothing there, and the API refuses it
			return
		}
		for _, c := range w.Containers() {
			if problem, ok := escalates(c); ok {
				problem.Subject = w.Subject()
				p.Report(problem)
			}
		}
	}),
}

func escalates(c *kubernetes.Container) (lint.Problem, bool) {
	// The API refuses allowPrivilegeEscalation: false beside these two, so that
	// they are what has to go.
	privileged := c.Security("privileged")
	if on, _ := privileged.Bool(); on {
		return lint.Problem{
			At: privileged.At(), Path: c.Path + ".securityContext.privileged", Severity: finding.High,
			Message: fmt.Sprintf("container %q is privileged, which is root on the node; drop \"privileged: true\" and set allowPrivilegeEscalation: false", c.Name),
		}, true
	}
	added := c.Security("capabilities").Get("add").Items()
	if i := slices.IndexFunc(added, func(n kubernetes.Node) bool { return n.Text() == "SYS_ADMIN" || n.Text() == "CAP_SYS_ADMIN" }); i >= 0 {
		return lint.Problem{
			At: added[i].At(), Path: c.Path + ".securityContext.capabilities", Severity: finding.High,
			Message: fmt.Sprintf("container %q adds the capability %q, which is next to root on the node; drop it and set allowPrivilegeEscalation: false", c.Name, added[i].Text()),
		}, true
	}
	allow := c.Security("allowPrivilegeEscalation")
	on, isBool := allow.Bool()
	problem := lint.Problem{At: c.At(), Path: c.Path + ".securityContext.allowPrivilegeEscalation"}
	switch {
	case isBool && !on:
		return lint.Problem{}, false
	case isBool:
		problem.At = allow.At()
		problem.Message = fmt.Sprintf("container %q sets allowPrivilegeEscalation to \"true\"; set it to false", c.Name)
	case !c.Workload.Pod.Get("securityContext").Get("allowPrivilegeEscalation").IsNull():
		problem.At = c.Workload.Pod.Get("securityContext").Key("allowPrivilegeEscalation").At()
		problem.Message = fmt.Sprintf("container %q does not set allowPrivilegeEscalation, and the pod's securityContext has no such field; move it into the container's", c.Name)
	default:
		if key := c.Node.Key("securityContext"); key.Exists() {
			problem.At = key.At()
		}
		problem.Message = fmt.Sprintf("container %q does not set allowPrivilegeEscalation, which then is true; set it to false in its securityContext", c.Name)
	}
	return problem, true
}
