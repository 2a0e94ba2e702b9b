package pipeline

import (
	"fmt"
	"time"
)

// count says "1 finding" and "2 findings".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// age rounds a duration to what a person would say.
func age(d time.Duration) string {
	switch {
	case d < 2*time.Hour:
		return count(int(d/time.Minute), "minute")
	case d < 72*time.Hour:
		return count(int(d/time.Hour), "hour")
	default:
		return count(int(d/(24*time.Hour)), "day")
	}
}
