package compose

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
)

var serviceMemoryUnit = lint.Check[*project]{
	Rule: finding.Rule{
		ID: "RES-2.m", Name: "service-memory-unit", Points: []string{"RES-2"}, Severity: finding.High, Since: "0.1.0",
		Summary: "Every memory limit of a Compose service is one that the engine takes",
	},
	Run: func(p *lint.Pass, pr *project) {
		tell := pr.teller(p)
		for _, s := range pr.Services {
			v := s.Limit("memory")
			if !v.IsScalar() || !v.Known {
				continue
			}
			bytes, ok := memory(v.Text)
			reserved, known := memory(s.Get("deploy").Get("resources").Get("reservations").Get("memory").Text)
			switch {
			case ok && bytes > 0 && bytes < minMemory:
				tell(about(s, "memory", v.At(), fmt.Sprintf("service %q: the memory limit %q is %.0f bytes, and the engine takes no less than 6M; add the unit", s.Name, v.Text, bytes)))
			case ok && known && bytes > 0 && reserved > bytes:
				tell(about(s, "memory", v.At(), fmt.Sprintf("service %q: the memory limit %q is below the reservation, which the engine refuses; raise it", s.Name, v.Text)))
			}
		}
	},
}

// minMemory is the least that the engine takes: 6 MiB, "Minimum memory limit
// allowed is 6MB" in its daemon_unix.go.
const minMemory = 6 << 20

// memory reads an amount as go-units' RAMInBytes does: its units are binary.
func memory(text string) (bytes float64, ok bool) {
	text = strings.ToLower(strings.TrimSpace(text))
	number := strings.TrimRight(text, "bkmgtpi ")
	n, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0, false
	}
	unit := strings.TrimSpace(text[len(number):])
	unit = strings.TrimSuffix(strings.TrimSuffix(unit, "b"), "i")
	i := strings.Index("kmgtp", unit)
	if unit == "" {
		return n, true
	}
	if i < 0 || len(unit) != 1 {
		return 0, false
	}
	for range i + 1 {
		n *= 1024
	}
	return n, true
}
