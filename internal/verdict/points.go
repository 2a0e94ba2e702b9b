package verdict

import (
	"fmt"
	"slices"
	"strings"
)

// Standing is how a point of the checklist stands; never a guess.
type Standing string

// The standings.
const (
	Met           Standing = "met"
	Missed        Standing = "missed"
	Unknown       Standing = "unknown"        // what would decide it is not here
	NotApplicable Standing = "not applicable" // there is nothing that it is about
)

// Point is one of the 28 points of the checklist, and how it stands.
type Point struct {
	ID       string   `json:"id"` // "IMG-1"
	Title    string   `json:"title"`
	Standing Standing `json:"standing"`
	// Rules are the ids of those by which it is missed.
	Rules []string `json:"rules,omitempty"`
	// Why says in a few words why it is unknown.
	Why string `json:"why,omitempty"`
}

// Points are all of them in the order of the checklist; empty where nothing of the
// sources was looked at.
type Points []Point

// Count is how many of them stand so.
func (p Points) Count(s Standing) int {
	n := 0
	for i := range p {
		if p[i].Standing == s {
			n++
		}
	}
	return n
}

// Of lists the ids of those that stand so.
func (p Points) Of(s Standing) []string {
	var ids []string
	for i := range p {
		if p[i].Standing == s {
			ids = append(ids, p[i].ID)
		}
	}
	return ids
}

// Score is "24/28".
func (p Points) Score() string { return fmt.Sprintf("%d/%d", p.Count(Met), len(p)) }

// String names those that are missed and unknown: "24/28 met · 2 missed: IMG-3,
// RES-3 · 1 unknown: SEC-1 · 1 not applicable".
func (p Points) String() string {
	parts := []string{p.Score() + " met"}
	for _, s := range []Standing{Missed, Unknown} {
		if ids := p.Of(s); len(ids) > 0 {
			parts = append(parts, fmt.Sprintf("%d %s: %s", len(ids), s, strings.Join(ids, ", ")))
		}
	}
	if n := p.Count(NotApplicable); n > 0 {
		parts = append(parts, fmt.Sprintf("%d %s", n, NotApplicable))
	}
	return strings.Join(slices.Clip(parts), " · ")
}
