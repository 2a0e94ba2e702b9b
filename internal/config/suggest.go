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
