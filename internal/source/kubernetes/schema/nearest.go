package schema

import "strings"

// nearest returns the name that is written most like a wrong one, empty when none
// is near: another case, one or two letters off, or one the plural of the other.
func nearest(name string, known []string) string {
	if len(name) > 64 {
		return ""
	}
	wrong := strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(name))
	best, distance := "", 1+min(2, len(wrong)/3)
	for _, k := range known {
		if d := edits(wrong, strings.ToLower(k), distance); d < distance {
			best, distance = k, d
		}
	}
	return best
}

func (d *definition) nearest(name string, in mask) string {
	var known []string
	for _, f := range d.fields {
		if f.in&in != 0 {
			known = append(known, f.name)
		}
	}
	return nearest(name, known)
}

// edits is the Levenshtein distance, or limit where it is not smaller.
func edits(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		previous := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := previous
			if a[i] != b[j] {
				cost++
			}
			previous = row[j+1]
			row[j+1] = min(cost, row[j]+1, previous+1)
		}
	}
	return min(row[len(b)], limit)
}
