package kubernetes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var containerHardening = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "USR-3.a", Name: "container-hardening", Points: []string{"USR-3"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "Every container gains no privileges, drops all capabilities and is filtered by seccomp",
		Also: []string{
			"KSV-0001", "KSV-0003", "KSV-0004", "KSV-0030", "KSV-0104", "KSV-0106", "KSV-0118", "CKV_K8S_20", "CKV_K8S_28", "CKV_K8S_30", "CKV_K8S_31", "CKV_K8S_37",
			"privilege-escalation-container", "drop-net-raw-capability", "privilegeEscalationAllowed", "insecureCapabilities",
			"CKV_K8S_29", "container-seccomp-profile", "linuxHardening", "kubesec/CapDropAny", "kubesec/CapDropAll", "kubesec/SeccompAny", "kubesec/SeccompUnconfined", "kubesec/AllowPrivilegeEscalation",
		},
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		if w.Windows() { // the fields mean nothing there, and the API refuses them
			return
		}
		for _, c := range w.Containers() {
			if on, _ := c.Security("privileged").Bool(); on { // then none of this counts
				continue
			}
			h := hardening{container: c}
			h.escalation()
			h.capabilities()
			h.seccomp()
			if len(h.missing) == 0 {
				continue
			}
			p.Report(lint.Problem{
				At: or(h.at, c.Node.Key("securityContext").At(), c.At()), Subject: w.Subject(), Path: c.Path + ".securityContext",
				Message: fmt.Sprintf("container %q lacks %s; set %s in its securityContext%s", c.Name, list(h.missing), them(len(h.missing)), h.advice),
				Fix:     h.fix(),
			})
		}
	}),
}

func them(n int) string {
	if n == 1 {
		return "it"
	}
	return "them"
}

// hardening collects what a container lacks.
type hardening struct {
	container *kubernetes.Container
	missing   []string
	// at is the first value that says the opposite.
	at     finding.Location
	advice string
}

// fix sets what is missing, where nothing says otherwise. What a program needs is not
// seen here.
func (h *hardening) fix() *finding.Fix {
	blocks := map[string][]string{
		"allowPrivilegeEscalation: false":     {"allowPrivilegeEscalation: false"},
		"capabilities.drop: [ALL]":            {"capabilities:", "  drop: [ALL]"},
		"seccompProfile.type: RuntimeDefault": {"seccompProfile:", "  type: RuntimeDefault"},
	}
	into := h.container.Node.Get("securityContext")
	var lines []string
	for _, what := range h.missing {
		if key, _, _ := strings.Cut(blocks[what][0], ":"); into.Get(key).Exists() {
			return nil
		}
		lines = append(lines, blocks[what]...)
	}
	edits, ok := into.Insert(lines...)
	if !into.Exists() {
		inner := []string{"securityContext:"}
		for _, line := range lines {
			inner = append(inner, "  "+line)
		}
		edits, ok = h.container.Node.Insert(inner...)
	}
	return lint.Mend(finding.Suggested, "set "+list(h.missing), edits, ok)
}

func (h *hardening) lacks(what string, instead kubernetes.Node) {
	h.missing = append(h.missing, what)
	if instead.Exists() {
		h.at = or(h.at, instead.At())
	}
}

func (h *hardening) escalation() {
	c := h.container
	allow := c.Security("allowPrivilegeEscalation")
	on, isBool := allow.Bool()
	switch {
	case isBool && !on, !isBool && allow.Text() != "":
	case isBool:
		h.lacks("allowPrivilegeEscalation: false", allow)
	// The API refuses it beside SYS_ADMIN, which has to go first and is told of elsewhere.
	case slices.ContainsFunc(c.Security("capabilities").Get("add").Items(), func(n kubernetes.Node) bool { return capability(n) == "SYS_ADMIN" }):
	default:
		h.lacks("allowPrivilegeEscalation: false", kubernetes.Node{})
		if key := c.Workload.Pod.Get("securityContext").Key("allowPrivilegeEscalation"); key.Exists() {
			h.at, h.advice = or(h.at, key.At()), ", since the pod's has no such field"
		}
	}
}

func (h *hardening) capabilities() {
	drop := h.container.Security("capabilities").Get("drop")
	if !slices.ContainsFunc(drop.Items(), func(n kubernetes.Node) bool { return capability(n) == "ALL" }) {
		h.lacks("capabilities.drop: [ALL]", kubernetes.Node{})
	}
}

func (h *hardening) seccomp() {
	profile := h.container.Security("seccompProfile").Get("type")
	switch profile.Text() {
	case "":
		h.lacks("seccompProfile.type: RuntimeDefault", kubernetes.Node{})
	case "Unconfined":
		h.lacks("seccompProfile.type: RuntimeDefault", profile)
	}
}

// capability names one as the kernel does, without the prefix that some write.
func capability(n kubernetes.Node) string {
	return strings.TrimPrefix(strings.ToUpper(n.Text()), "CAP_")
}
