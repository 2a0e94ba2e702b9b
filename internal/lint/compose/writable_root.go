package compose

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/compose"
)

var serviceWritableRoot = lint.Check[*project]{
	Rule: finding.Rule{
		ID: "USR-4.m", Name: "service-writable-root", Points: []string{"USR-4"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "Every Compose service that is built here has a read-only root filesystem",
	},
	Run: func(p *lint.Pass, pr *project) {
		tell := pr.gently(p)
		pr.each(func(s *compose.Service) {
			v := s.Get("read_only")
			if !s.Built() || v.True() || v.Exists() && !v.Known || develops(pr, s) {
				return
			}
			tell(brief(s, about(s, "read_only", or(v.At(), s.At), fmt.Sprintf("service %q can write to its root filesystem; set read_only: true, and mount what it writes as a volume or tmpfs", s.Name))))
		})
	},
}

// develops says that the sources are mounted or synchronised into the service, so
// that the container is a workshop and not what ships.
func develops(pr *project, s *compose.Service) bool {
	if s.Get("develop").Exists() {
		return true
	}
	context := pr.Locate(s.Get("build").Get("context"))
	for _, m := range s.Mounts() {
		if m.Type == "bind" && !m.ReadOnly && m.Source != "" && (m.Source[0] == '.' || !m.Known) {
			return true
		}
	}
	return context == ""
}
