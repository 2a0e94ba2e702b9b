package stack

import (
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

// quantity reads an amount of Kubernetes: "128Mi", "0.5", "500m".
func quantity(text string) (n float64, ok bool) {
	q, ok := kubernetes.ParseQuantity(text)
	one, _ := kubernetes.ParseQuantity("1")
	if !ok {
		return 0, false
	}
	return q.Ratio(one), true
}

// bytes reads an amount of memory as Compose does: its units are binary, with or
// without an "i" (go-units' RAMInBytes), so that 256M is 256Mi.
func bytes(text string) (n float64, ok bool) {
	text = strings.ToLower(strings.TrimSpace(text))
	number := strings.TrimRight(text, "bkmgtpi ")
	n, err := strconv.ParseFloat(number, 64)
	unit := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSpace(text[len(number):]), "b"), "i")
	i := strings.Index("kmgtp", unit)
	if err != nil || n < 0 || len(unit) > 1 || i < 0 {
		return 0, false
	}
	if unit != "" {
		for range i + 1 {
			n *= 1024
		}
	}
	return n, true
}
