package config

import "slices"

// Sorted says whether a setting is neutral or has a direction of its own.
func Sorted(name string) bool {
	if slices.Contains(neutral, name) {
		return true
	}
	c := &Config{}
	return directionOf(&Setting{Name: name})(c, c) // what nobody sorted may not even stay
}
