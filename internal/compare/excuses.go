package compare

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/printable"
)

// Excuses takes from the head's findings every suppression that did not count at
// the base commit (interface.md, "Who may loosen": a change cannot excuse itself),
// and names each in a sentence. A suppression counts when the base has the same
// finding suppressed, or had one of the same rule, subject and semantic path
// suppressed for the same reason that is gone now: the excused line was edited.
// One excuse of the base holds for one finding of the head, and never for another
// secret than its own.
//
// base nil, because the base commit could not be read, refuses them all.
func Excuses(head, base []finding.Finding) (judged []finding.Finding, refused []string) {
	judged = slices.Clone(head)
	partners, taken := pair(head, base, path, suppressed)

	gone := map[[4]string]int{}
	for i := range base {
		if base[i].Suppressed != nil && !taken[i] && !isSecret(&base[i]) {
			gone[excused(&base[i])]++
		}
	}
	for _, i := range sorted(head) {
		f := &judged[i]
		if f.Suppressed == nil || partners[i] >= 0 && base[partners[i]].Suppressed != nil {
			continue
		}
		if key := excused(f); partners[i] < 0 && gone[key] > 0 {
			gone[key]--
			continue
		}
		refused = append(refused, refusal(f))
		place := f.Suppressed.Location
		place.Note = "this suppression is not at the base commit; it counts once it is merged"
		f.Related = append(slices.Clone(f.Related), place)
		f.Suppressed = nil
	}
	slices.Sort(refused)
	return judged, slices.Compact(refused)
}

// excused is what an excuse is for, whatever the offending text says.
func excused(f *finding.Finding) [4]string {
	return [4]string{f.Rule.ID, f.Subject, f.Path, f.Suppressed.Reason}
}

func isSecret(f *finding.Finding) bool { return strings.HasPrefix(f.Rule.ID, "SEC-") }

func refusal(f *finding.Finding) string {
	at := f.Suppressed.Location
	place := at.Path
	if at.Line > 0 {
		place = fmt.Sprintf("%s:%d", at.Path, at.Line)
	}
	return fmt.Sprintf("the suppression of %s in %s (\"%s\") is not at the base commit; it counts once it is merged",
		f.Rule.ID, printable.Text(place), printable.Text(printable.Fold(f.Suppressed.Reason, maxReason)))
}

// maxReason is how much of a reason a sentence holds, in bytes.
const maxReason = 80

// sorted lists the indices of findings in an order that does not depend on theirs.
func sorted(findings []finding.Finding) []int {
	indices := make([]int, len(findings))
	for i := range indices {
		indices[i] = i
	}
	slices.SortStableFunc(indices, func(a, b int) int { return order(&findings[a], &findings[b]) })
	return indices
}
