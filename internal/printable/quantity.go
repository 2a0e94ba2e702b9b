package printable

import (
	"fmt"
	"strconv"
	"time"
)

// Duration rounds d to what a reader can use: whole seconds above a minute,
// tenths above a second, milliseconds below.
func Duration(d time.Duration) string {
	switch {
	case d >= time.Minute:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(100 * time.Millisecond).String()
	default:
		return d.Round(time.Millisecond).String()
	}
}

// Size gives n bytes in the units of registries and docker, which are powers of ten.
func Size(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	default:
		return fmt.Sprintf("%d B", n)
	}
}

// Count says "1 finding" and "2 findings": n of a noun whose plural only adds an s.
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// Age gives the whole days from two on, else the whole hours or minutes of d, as
// people say how old something is: "3 days", "1 hour", "less than a minute".
func Age(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 2*day:
		return Count(int(d/day), "day")
	case d >= time.Hour:
		return Count(int(d/time.Hour), "hour")
	case d >= time.Minute:
		return Count(int(d/time.Minute), "minute")
	default:
		return "less than a minute"
	}
}
