package kubernetes

import (
	"fmt"
	"strconv"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var runsAsRoot = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "USR-2.a", Name: "runs-as-root", Points: []string{"USR-2"}, Severity: finding.High, Since: "0.1.0",
		Summary: "Every container effectively runs as a user that is not root",
		Also:    []string{"KSV-0012", "KSV-0105", "KSV-0116", "CKV_K8S_23", "run-as-non-root", "runAsRootAllowed", "kubesec/RunAsNonRoot"},
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		if w.Windows() {
			return
		}
		r := rooted{pass: p, workload: w, told: map[finding.Location]bool{}}
		if own, isBool := w.Pod.Get("hostUsers").Bool(); isBool && !own { // root is nobody on the node
			r.severity = finding.Low
		}
		var open []*kubernetes.Container
		for _, c := range w.Containers() {
			if !r.judge(c) {
				open = append(open, c)
			}
		}
		if len(open) == len(w.Containers()) {
			r.everybody(open)
			return
		}
		for _, c := range open {
			r.report(c.Path, or(c.Node.Key("securityContext").At(), c.At()),
				fmt.Sprintf("container %q runs as whatever user its image names, root if none; set runAsNonRoot: true", c.Name))
		}
	}),
}

// rooted reports the containers of a workload that run as root, each place once:
// what the pod says concerns them all.
type rooted struct {
	pass     *lint.Pass
	workload *kubernetes.Workload
	severity finding.Severity
	told     map[finding.Location]bool
}

// judge reports a container that says that it is root. It is false for one about
// which nothing is said.
func (r *rooted) judge(c *kubernetes.Container) bool {
	user, enforced := c.Security("runAsUser"), c.Security("runAsNonRoot")
	must, isBool := enforced.Bool()
	id, err := strconv.ParseInt(user.Text(), 10, 64)
	r.group(c)
	switch {
	case !user.IsNull() && err == nil && id == 0 && must:
		r.report(c.Path, user.At(), fmt.Sprintf("container %q runs as user \"0\", which runAsNonRoot refuses, so that it never starts; name the number of a user above 0", c.Name))
	case !user.IsNull() && err == nil && id == 0:
		r.report(c.Path, user.At(), fmt.Sprintf("container %q runs as root by \"runAsUser: 0\"; name the number of a user above 0 and set runAsNonRoot: true", c.Name))
	case !user.IsNull(): // a number, or what something fills in
	case isBool && !must:
		r.report(c.Path, enforced.At(), fmt.Sprintf("container %q may run as root by \"runAsNonRoot: false\"; set it to true", c.Name))
	default:
		return isBool || !enforced.IsNull()
	}
	return true
}

func (r *rooted) group(c *kubernetes.Container) {
	if group := c.Security("runAsGroup"); group.Text() == "0" && !r.told[group.At()] {
		r.told[group.At()] = true
		r.pass.Report(lint.Problem{
			At: group.At(), Subject: r.workload.Subject(), Path: c.Path + ".securityContext.runAsGroup", Severity: finding.Low,
			Message: fmt.Sprintf("container %q runs with the group of root by \"runAsGroup: 0\"; name the number of a group above 0", c.Name),
		})
	}
}

// everybody reports once that nothing is said about any container.
func (r *rooted) everybody(open []*kubernetes.Container) {
	if len(open) == 0 {
		return
	}
	var names []string
	for _, c := range open[:min(len(open), maxNamed)] {
		names = append(names, strconv.Quote(c.Name))
	}
	if more := len(open) - maxNamed; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	verb := "runs as whatever user its image names"
	if len(names) > 1 {
		verb = "run as whatever users their images name"
	}
	r.report(r.workload.Path(), or(r.workload.Pod.Key("securityContext").At(), podAt(r.workload)),
		fmt.Sprintf("nothing sets runAsNonRoot, and %s %s, root if none; set runAsNonRoot: true in the pod's securityContext", list(names), verb))
}

func (r *rooted) report(path string, at finding.Location, message string) {
	if r.told[at] {
		return
	}
	r.told[at] = true
	r.pass.Report(lint.Problem{At: at, Subject: r.workload.Subject(), Path: path + ".securityContext.runAsNonRoot", Severity: lower(r.pass, at, r.severity), Message: message})
}
