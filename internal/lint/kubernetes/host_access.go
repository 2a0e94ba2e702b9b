package kubernetes

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var hostAccess = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "USR-3.b", Name: "host-access", Points: []string{"USR-3"}, Severity: finding.High, Since: "0.1.0",
		Summary: "No pod has a door to the node that it runs on",
		Also: []string{
			"KSV-0002", "KSV-0005", "KSV-0006", "KSV-0008", "KSV-0009", "KSV-0010", "KSV-0017", "KSV-0022", "KSV-0023", "KSV-0024", "KSV-0025", "KSV-0026", "KSV-0027",
			"KSV-0119", "KSV-0120", "KSV-0121", "CKV_K8S_16", "CKV_K8S_17", "CKV_K8S_18", "CKV_K8S_19", "CKV_K8S_25", "CKV_K8S_26", "CKV_K8S_27", "CKV_K8S_39",
			"docker-sock", "host-ipc", "host-network", "host-pid", "privileged-container", "sensitive-host-mounts", "unsafe-sysctls", "unsafe-proc-mount",
			"hostIPCSet", "hostNetworkSet", "hostPIDSet", "hostPortSet", "runAsPrivileged", "dangerousCapabilities", "container-security-context-privileged",
			"KSV-0103", "KSV-0106", "writable-host-mount", "hostPathSet", "hostProcess", "procMount", "kubesec/HostNetwork", "kubesec/HostPID", "kubesec/HostIPC", "kubesec/Privileged", "kubesec/CapSysAdmin", "kubesec/DockerSock", "kubesec/ProcMount", "kubesec/ApparmorUnconfined",
		},
	},
	Run: onParts(func(p *lint.Pass, w *kubernetes.Workload) {
		d := doors{p, w, map[finding.Location]bool{}}
		d.namespaces()
		d.volumes()
		d.sysctls()
		for _, c := range w.Containers() {
			d.privileges(c)
			d.guards(c)
			d.ports(c)
		}
	}),
}

// doors reports the doors of a workload to its node.
type doors struct {
	pass     *lint.Pass
	workload *kubernetes.Workload
	told     map[finding.Location]bool // what the pod says for all its containers is one cause
}

func (d doors) report(path string, at finding.Location, severity finding.Severity, format string, args ...any) {
	if d.told[at] {
		return
	}
	d.told[at] = true
	d.pass.Report(lint.Problem{At: at, Subject: d.workload.Subject(), Path: path, Severity: lower(d.pass, at, severity), Message: fmt.Sprintf(format, args...)})
}

func (d doors) namespaces() {
	for _, ns := range []struct{ field, means string }{
		{"hostPID", "sees and can end every process of the node"},
		{"hostIPC", "shares the node's memory segments and queues"},
		{"hostNetwork", "has the node's network, past every network policy,"},
	} {
		if n := d.workload.Pod.Get(ns.field); isTrue(n) {
			d.report(d.workload.Path()+"."+ns.field, n.At(), finding.High, "the pod %s by \"%s: true\"; drop it", ns.means, ns.field)
		}
	}
}

func isTrue(n kubernetes.Node) bool {
	on, _ := n.Bool()
	return on
}

// sockets are those of container engines: who talks to one is root on the node.
var sockets = []string{"docker.sock", "containerd.sock", "crio.sock", "podman.sock"}

// sensitive are the directories whose writer is root on the node.
var sensitive = []string{
	"/", "/etc", "/root", "/boot", "/dev", "/proc", "/sys", "/usr", "/run", "/var/run", "/var/lib", "/var/lib/kubelet", "/var/lib/docker", "/var/lib/containerd",
	"/etc/kubernetes", "/etc/kubernetes/manifests", "/etc/cron.d", "/var/run/docker", "/run/containerd",
}

func (d doors) volumes() {
	w := d.workload
	for _, v := range w.Volumes() {
		node, name := v.Node.Get("hostPath").Get("path"), v.Name
		if node.Text() == "" {
			continue
		}
		host, where := path.Clean(node.Text()), w.Path()+".volumes["+name+"]"
		writable := slices.ContainsFunc(v.Mounts, func(m kubernetes.Mount) bool { return !m.ReadOnly })
		switch {
		case slices.Contains(sockets, path.Base(host)):
			d.report(where, node.At(), finding.High, "volume %q brings in %q, and who talks to the engine is root on the node, read-only or not; drop it", name, node.Text())
		case writable && slices.Contains(sensitive, host):
			d.report(where, node.At(), finding.High, "volume %q lets the pod write to %q of the node, which is next to root there; mount only what it needs, read-only", name, node.Text())
		default:
			advice := "keep the data in a volume of the cluster"
			if writable && w.Kind == "DaemonSet" {
				advice = "mount it read-only, or keep the data in a volume of the cluster"
			}
			d.report(where, node.At(), finding.Medium, "volume %q ties the pod to %q of its node; %s", name, node.Text(), advice)
		}
	}
}

// safeSysctls are those that a node allows without being asked.
// https://kubernetes.io/docs/concepts/security/pod-security-standards/
var safeSysctls = []string{
	"kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start", "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range",
	"net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
	"net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem",
}

func (d doors) sysctls() {
	for _, s := range d.workload.Pod.Get("securityContext").Get("sysctls").Items() {
		name := s.Get("name")
		if key := strings.ReplaceAll(name.Text(), "/", "."); key != "" && !slices.Contains(safeSysctls, key) {
			d.report(d.workload.Path()+".securityContext.sysctls["+key+"]", name.At(), finding.Medium,
				"sysctl %q is not one of those that stay inside the pod, and a node refuses it unless told otherwise; drop it", name.Text())
		}
	}
}

// strong are the capabilities that come next to root on the node; ALL holds them.
var strong = []string{"ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_RAWIO", "SYS_PTRACE", "DAC_READ_SEARCH", "BPF", "SYS_BOOT"}

// usual are those that a container has unless it drops them; to drop all and add
// some of them back is a considered choice.
var usual = []string{"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"}

func (d doors) privileges(c *kubernetes.Container) {
	where := c.Path + ".securityContext"
	if n := c.Security("privileged"); isTrue(n) {
		d.report(where+".privileged", n.At(), finding.High, "container %q is privileged, which is root on the node; drop \"privileged: true\" and add only the capability or device that it needs", c.Name)
		return // it has all capabilities
	}
	if n := c.Security("windowsOptions").Get("hostProcess"); isTrue(n) {
		d.report(where+".windowsOptions.hostProcess", n.At(), finding.High, "container %q is a process of the node by \"hostProcess: true\"; drop it", c.Name)
	}
	for _, n := range c.Security("capabilities").Get("add").Items() {
		name := capability(n)
		at := where + ".capabilities.add[" + name + "]"
		switch {
		case name == "" || name == "NET_BIND_SERVICE":
		case slices.Contains(strong, name):
			d.report(at, n.At(), finding.High, "container %q adds the capability %q, which is next to root on the node; drop it", c.Name, n.Text())
		case slices.Contains(usual, name):
			d.report(at, n.At(), finding.Low, "container %q adds the capability %q, which Pod Security \"restricted\" refuses; start it as the user and with the files that it needs", c.Name, n.Text())
		default:
			d.report(at, n.At(), finding.Medium, "container %q adds the capability %q; drop it, or say why it is needed", c.Name, n.Text())
		}
	}
}

func (d doors) guards(c *kubernetes.Container) {
	where := c.Path + ".securityContext"
	if n := c.Security("procMount"); n.Text() == "Unmasked" {
		d.report(where+".procMount", n.At(), finding.Medium, "container %q sees all of /proc by \"procMount: Unmasked\"; drop it", c.Name)
	}
	if n := c.Security("appArmorProfile").Get("type"); n.Text() == "Unconfined" {
		d.report(where+".appArmorProfile", n.At(), finding.Medium, "container %q switches AppArmor off by %q; use \"RuntimeDefault\"", c.Name, n.Text())
	}
	if n := c.Security("seLinuxOptions").Get("type"); n.Text() == "spc_t" {
		d.report(where+".seLinuxOptions", n.At(), finding.Medium, "container %q switches SELinux off by the type %q; use \"container_t\"", c.Name, n.Text())
	}
}

func (d doors) ports(c *kubernetes.Container) {
	if isTrue(d.workload.Pod.Get("hostNetwork")) { // then every port is the node's
		return
	}
	for _, port := range c.Node.Get("ports").Items() {
		n := port.Get("hostPort")
		if n.Text() == "" || n.Text() == "0" {
			continue
		}
		d.report(c.Path+".ports["+n.Text()+"].hostPort", n.At(), finding.Medium,
			"container %q takes port %q of its node, past Services and network policies, and one node holds one such pod; drop hostPort", c.Name, n.Text())
	}
}
