package lint

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/printable"
)

// parts are the ids that mean a part only of what one rule here sees, with words that
// a finding of that part has in its path or message. A finding is excused when all of
// its parts are.
var parts = map[string][]string{
	// What package managers leave behind, and do not ask.
	"DL3009": {"cache[apt]"}, "DL3019": {"cache[apk]"}, "DL3032": {"cache[yum]"}, "DL3036": {"cache[zypper]"}, "DL3040": {"cache[dnf]"}, "DL3042": {"cache[pip]"},
	"DS-0015": {"cache[yum]"}, "DS-0019": {"cache[dnf]"}, "DS-0020": {"cache[zypper]"}, "DS-0025": {"cache[apk]"}, "DS-0027": {"cache[microdnf]"},
	"DL3014": {"run[apt"}, "DS-0021": {"run[apt"}, "DL3030": {"run[yum"}, "DL3034": {"run[zypper"}, "DL3038": {"run[dnf"},
	// What containers reserve.
	"KSV-0011": {"limits.cpu"}, "KSV-0015": {"requests.cpu"}, "KSV-0016": {"requests.memory"}, "KSV-0018": {"limits.memory"},
	"CKV_K8S_10": {"requests.cpu"}, "CKV_K8S_11": {"limits.cpu"}, "CKV_K8S_12": {"requests.memory"}, "CKV_K8S_13": {"limits.memory"},
	"unset-cpu-requirements": {"requests.cpu", "limits.cpu"}, "unset-memory-requirements": {"requests.memory", "limits.memory"},
	"cpuRequestsMissing": {"requests.cpu"}, "cpuLimitsMissing": {"limits.cpu"}, "memoryRequestsMissing": {"requests.memory"}, "memoryLimitsMissing": {"limits.memory"},
	// What containers may do.
	"KSV-0001": {"allowPrivilegeEscalation"}, "CKV_K8S_20": {"allowPrivilegeEscalation"}, "privilege-escalation-container": {"allowPrivilegeEscalation"}, "privilegeEscalationAllowed": {"allowPrivilegeEscalation"},
	"KSV-0003": {"capabilities"}, "KSV-0004": {"capabilities"}, "KSV-0106": {"capabilities"}, "CKV_K8S_28": {"capabilities"}, "CKV_K8S_37": {"capabilities"},
	"drop-net-raw-capability": {"capabilities"}, "insecureCapabilities": {"capabilities"},
	"KSV-0030": {"seccomp"}, "KSV-0104": {"seccomp"}, "CKV_K8S_31": {"seccomp"}, "container-seccomp-profile": {"seccomp"},
	"linuxHardening": {"capabilities", "seccomp"},
	// Which door leads to the node.
	"host-pid": {"hostPID"}, "hostPIDSet": {"hostPID"}, "CKV_K8S_17": {"hostPID"},
	"host-ipc": {"hostIPC"}, "hostIPCSet": {"hostIPC"}, "CKV_K8S_18": {"hostIPC"},
	"host-network": {"hostNetwork"}, "hostNetworkSet": {"hostNetwork"}, "CKV_K8S_19": {"hostNetwork"},
	"privileged-container": {"Context.privileged"}, "runAsPrivileged": {"Context.privileged"}, "CKV_K8S_16": {"Context.privileged"},
	"container-security-context-privileged": {"Context.privileged"}, "hostProcess": {"hostProcess"},
	"docker-sock": {"brings in"}, "CKV_K8S_27": {"brings in"},
	"sensitive-host-mounts": {"lets the pod write to", "ties the pod to"}, "writable-host-mount": {"lets the pod write to", "ties the pod to"},
	"hostPathSet":    {"lets the pod write to", "ties the pod to", "brings in"},
	"unsafe-sysctls": {".sysctls["}, "unsafe-proc-mount": {"procMount"}, "procMount": {"procMount"},
	"dangerousCapabilities": {"capabilities.add[", "capabilities.add[SYS_ADMIN]"}, "CKV_K8S_25": {"capabilities.add["}, "CKV_K8S_39": {"capabilities.add[SYS_ADMIN]"},
	"hostPortSet": {"hostPort"}, "CKV_K8S_26": {"hostPort"},
	// Whether they are well.
	"no-readiness-probe": {"readinessProbe"}, "CKV_K8S_9": {"readinessProbe"}, "readinessProbeMissing": {"readinessProbe"},
	"no-liveness-probe": {"livenessProbe"}, "CKV_K8S_8": {"livenessProbe"}, "livenessProbeMissing": {"livenessProbe"},
}

// borrowed applies the excuses of other tools to the findings of one file, and says
// how many of them give no reason.
func borrowed(findings []*finding.Finding, excuses []foreign) (notes []string) {
	silent := map[string]int{} // by tool
	path := ""
	for _, f := range findings {
		x, ids := excusedBy(f, excuses)
		if x == nil || f.Suppressed != nil {
			continue
		}
		reason := fmt.Sprintf("for %s (%s)", x.tool, strings.Join(ids, ", "))
		if said := strings.TrimSpace(x.reason); said != "" {
			reason += ": " + said
		} else {
			reason += ", without a reason"
			silent[x.tool]++
			path = f.Location.Path
		}
		f.Suppressed = &finding.Suppressed{Reason: reason, Location: x.at}
	}
	for _, tool := range slices.Sorted(maps.Keys(silent)) {
		notes = append(notes, fmt.Sprintf("%s: %s suppressed for %s without a reason", path, count(silent[tool]), tool))
	}
	return notes
}

func count(n int) string {
	if n == 1 {
		return "1 finding is"
	}
	return printable.Count(n, "finding") + " are"
}

// excusedBy returns the first excuse of a finding and the ids by which it is excused,
// nil where some part of it is not.
func excusedBy(f *finding.Finding, excuses []foreign) (by *foreign, ids []string) {
	text := f.Path + " " + f.Message
	open := map[string]bool{} // the parts that nobody excused yet
	for _, id := range f.Rule.Also {
		for _, part := range parts[id] {
			if strings.Contains(text, part) {
				open[part] = true
			}
		}
	}
	whole := len(open) == 0
	for i := range excuses {
		x := &excuses[i]
		if !x.covers(f) {
			continue
		}
		for _, id := range x.named(f.Rule) {
			of := parts[id]
			fits := len(of) == 0
			whole = whole || fits
			for _, part := range of {
				if strings.Contains(text, part) {
					fits = true
					delete(open, part)
				}
			}
			if fits {
				ids = append(ids, id)
				if by == nil {
					by = x
				}
			}
		}
	}
	if by == nil || !whole && len(open) > 0 {
		return nil, nil
	}
	return by, ids
}
