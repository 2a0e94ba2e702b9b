package compose

import (
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/compose"
)

var serviceUnbounded = lint.Check[*project]{
	Rule: finding.Rule{
		ID: "RES-4.a", Name: "service-unbounded", Points: []string{"RES-4"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "Every Compose service has bounds: memory, processors, processes, restarts, logs",
	},
	Run: func(p *lint.Pass, pr *project) {
		tell := pr.gently(p)
		pr.each(func(s *compose.Service) {
			once := s.OneShot()
			var missing []string
			severity := finding.Low
			if s.Limit("memory").IsNull() {
				missing = append(missing, "a memory limit")
				if !once {
					severity = finding.Medium
				}
			}
			if s.Limit("cpus").IsNull() {
				missing = append(missing, "a CPU limit")
			}
			if s.Limit("pids").IsNull() {
				missing = append(missing, "a pids limit")
			}
			if s.Restart() == "" && !once && !pr.Stack() { // a swarm restarts by itself
				missing = append(missing, "a restart policy")
			}
			if !logsBounded(s) {
				missing = append(missing, "rotation of its logs")
			}
			if len(missing) == 0 {
				return
			}
			problem := about(s, "bounds", s.At, fmt.Sprintf("service %q has no %s; set them from what it uses", s.Name, strings.ReplaceAll(strings.ReplaceAll(list(missing), " a ", " "), "a ", "")))
			problem.Severity = severity
			tell(problem)
		})
	},
}

// logsBounded is false of json-file, the engine's default, without max-size. The
// other drivers rotate by themselves or send logs away.
func logsBounded(s *compose.Service) bool {
	logging := s.Get("logging")
	if driver := logging.Get("driver"); driver.Exists() && driver.Text != "json-file" {
		return true
	}
	return logging.Get("options").Get("max-size").Exists()
}
