package compose

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/compose"
)

var serviceHostAccess = lint.Check[*project]{
	Rule: finding.Rule{
		ID: "USR-3.m", Name: "service-host-access", Points: []string{"USR-3"}, Severity: finding.High, Since: "0.1.0",
		Summary: "No Compose service has a door to the machine that it runs on",
	},
	Run: func(p *lint.Pass, pr *project) {
		tell := pr.teller(p)
		for _, s := range pr.Services {
			for _, problem := range slices.Concat(namespaces(s), capabilities(s), mounts(s)) {
				tell(problem)
			}
		}
	},
}

func namespaces(s *compose.Service) []lint.Problem {
	var problems []lint.Problem
	if v := s.Get("privileged"); v.True() {
		problems = append(problems, about(s, "privileged", v.At(), fmt.Sprintf("service %q is privileged, which is root on the machine; drop \"privileged: true\" and add only the device or capability that it needs", s.Name)))
	}
	for _, key := range []string{"pid", "ipc", "userns_mode"} {
		if v := s.Get(key); v.Has("host") {
			problem := about(s, key, v.At(), fmt.Sprintf("service %q shares the machine's %s namespace by \"%s: host\"; drop it", s.Name, strings.TrimSuffix(key, "ns_mode"), key))
			if key == "ipc" { // browsers are run so for want of a larger shm_size
				problem.Severity = finding.Medium
			}
			problems = append(problems, problem)
		}
	}
	return problems
}

// strong are the capabilities that come next to root on the machine; ALL holds them.
var strong = []string{"ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_RAWIO", "DAC_READ_SEARCH", "BPF"}

func capabilities(s *compose.Service) []lint.Problem {
	var problems []lint.Problem
	for _, v := range s.Get("cap_add").Items {
		name := strings.TrimPrefix(strings.ToUpper(v.Text), "CAP_")
		if v.Known && slices.Contains(strong, name) {
			problems = append(problems, about(s, "cap_add["+name+"]", v.At(), fmt.Sprintf("service %q adds the capability %q, which is next to root on the machine; add only what it needs", s.Name, v.Text)))
		}
	}
	for _, v := range s.Get("security_opt").Items {
		option := strings.Replace(v.Text, "=", ":", 1)
		if v.Known && (option == "seccomp:unconfined" || option == "apparmor:unconfined" || option == "label:disable") {
			problem := about(s, "security_opt["+option+"]", v.At(), fmt.Sprintf("service %q switches a guard of the kernel off by %q; drop it, or give a profile with what it needs", s.Name, v.Text))
			problem.Severity = finding.Medium
			problems = append(problems, problem)
		}
	}
	return problems
}

var sockets = []string{"docker.sock", "containerd.sock", "crio.sock", "podman.sock"}

func mounts(s *compose.Service) []lint.Problem {
	var problems []lint.Problem
	for _, m := range s.Mounts() {
		if m.Source == "" {
			continue
		}
		source := path.Clean(m.Source)
		switch {
		case slices.Contains(sockets, path.Base(source)) && path.IsAbs(source):
			if strings.Contains(s.Get("image").Text, "socket-proxy") { // it stands between the socket and the others
				continue
			}
			problems = append(problems, about(s, "volumes["+m.Target+"]", m.At, fmt.Sprintf("service %q gets %q, and who talks to the engine is root on the machine, read-only or not; put a proxy in front that lets through what it needs", s.Name, m.Source)))
		case !m.ReadOnly && m.Known && slices.Contains([]string{"/", "/etc", "/proc", "/sys", "/root", "/boot", "/dev", "/var/lib/docker", "/var/run", "/run", "/usr"}, source):
			problem := about(s, "volumes["+m.Target+"]", m.At, fmt.Sprintf("service %q can write to %q of the machine; mount only what it needs, read-only", s.Name, m.Source))
			problem.Severity = finding.Medium
			problems = append(problems, problem)
		}
	}
	if v := s.Get("use_api_socket"); v.True() {
		problems = append(problems, about(s, "use_api_socket", v.At(), fmt.Sprintf("service %q gets the engine's socket, and who talks to the engine is root on the machine; drop \"use_api_socket\"", s.Name)))
	}
	return problems
}
