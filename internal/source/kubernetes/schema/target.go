package schema

import (
	"strconv"
	"strings"
)

// Target is the minors that manifests are meant for, between two that are known.
type Target struct {
	in mask
	// Declared says that somebody named the oldest: what it does not know is wrong
	// then, and not only young.
	Declared bool
}

// Any is all minors that are known, named by nobody.
func Any() Target { return Target{in: 1<<len(builtin().minors) - 1} }

// Between reads versions such as "1.33"; an empty one is the oldest or youngest
// that is known, as is one beyond them.
func Between(oldest, youngest string) Target {
	t := Target{Declared: oldest != ""}
	low, high := minor(oldest, 0), minor(youngest, 1<<16)
	for i, m := range builtin().minors {
		if m >= low && m <= high {
			t.in |= 1 << i
		}
	}
	if t.in == 0 { // all older or all younger than what is known
		minors := builtin().minors
		t.in = 1
		if low > minors[0] {
			t.in = 1 << (len(minors) - 1)
		}
	}
	return t
}

func minor(version string, otherwise int) int {
	_, after, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(after); err == nil {
		return n
	}
	return otherwise
}

// Oldest and Youngest are the bounds ("1.31"); Oldest of the zero Target is the
// oldest that is known.
func (t Target) Oldest() string { return version(builtin().first(t.orAll())) }

// Youngest is the upper bound.
func (t Target) Youngest() string { return version(builtin().last(t.orAll())) }

func (t Target) orAll() mask {
	if t.in == 0 {
		return Any().in
	}
	return t.in
}

func version(minor int) string { return "1." + strconv.Itoa(minor) }
