package config

import "github.com/agext/levenshtein"

// suggestion names the nearest known word as the end of a sentence, or is empty
// when none is near.
func suggestion(word string, known []string) string {
	best, distance := "", len(word)/3+2
	for _, k := range known {
		if d := levenshtein.Distance(word, k, nil); d < distance {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// Nearest names the nearest of the words that may stand somewhere, as the end of a
// sentence; it is empty when none is near.
func Nearest(word string, known []string) string { return suggestion(word, known) }
