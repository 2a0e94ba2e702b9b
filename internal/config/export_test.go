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

// What pages say of the file, from the code that reads it.
var (
	Sections        = sections
	SectionSettings = sectionSettings
)

// Neutral says whether a setting comes from a change as it stands there.
func Neutral(name string) bool { return slices.Contains(neutral, name) }

// Tightens says whether a change may set s to one text where the base commit has
// another; "" is what is not set.
func Tightens(s Setting, from, to string) (bool, error) {
	var sides [2]*Config
	for i, text := range []string{from, to} {
		sides[i] = &Config{}
		v := s.bind(sides[i], func(string) string { return "" })
		if text == "" {
			continue
		}
		if err := v.set(text); err != nil {
			return false, err
		}
	}
	return directionOf(&s)(sides[0], sides[1]), nil
}
