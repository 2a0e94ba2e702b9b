package compose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/compose"
)

var portExposed = lint.Check[*project]{
	Rule: finding.Rule{
		ID: "NET-4.a", Name: "port-exposed", Points: []string{"NET-4"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "Databases and what is only developed listen on this machine alone",
		Also:    []string{"no-unbound-port-interfaces"},
	},
	Run: func(p *lint.Pass, pr *project) {
		tell := pr.teller(p)
		for _, s := range pr.Services {
			what := ""
			switch {
			case store(s):
				what = ", and with it what the service keeps"
			case s.Built() && demanding(p):
			default:
				continue
			}
			for _, port := range s.Ports() {
				if exposed(s, port) {
					problem := about(s, "ports["+port.Target+"]", port.At, fmt.Sprintf("service %q opens port %s to everybody who reaches this machine%s; write \"127.0.0.1:%s:%s\", or leave it to the project's network", s.Name, port.Published, what, port.Published, port.Target))
					problem.Fix = bound(port)
					tell(problem)
				}
			}
		}
	},
}

// bound binds a port that stands in the short form to this machine's own address.
func bound(port compose.Port) *finding.Fix {
	if text := port.Node.Text(); !port.Node.IsScalar() || port.HostIP != "" || !strings.HasPrefix(text, port.Published+":") {
		return nil
	}
	edits, ok := port.Node.Splice(0, 0, "127.0.0.1:")
	return lint.Mend(finding.Suggested, "bind it to 127.0.0.1", edits, ok)
}

// exposed says that a port is bound on all addresses and not plainly meant to be.
func exposed(s *compose.Service, port compose.Port) bool {
	if !port.Known || port.Published == "" || port.Loopback() || s.Get("network_mode").Exists() {
		return false
	}
	if port.HostIP != "" && port.HostIP != "0.0.0.0" && port.HostIP != "::" {
		return false // somebody chose an address
	}
	return !slices.Contains([]string{"80", "443"}, port.Published)
}
