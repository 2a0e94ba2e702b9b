package analyze

import (
	"fmt"
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// skips are the paths a person does not want analyzed, as patterns of
// doublestar ("**/testdata", "usr/share/doc/**").
type skips struct{ dirs, files []string }

func newSkips(dirs, files []string) (skips, error) {
	var s skips
	var err error
	if s.dirs, err = patterns(dirs); err != nil {
		return s, err
	}
	s.files, err = patterns(files)
	return s, err
}

func patterns(list []string) ([]string, error) {
	var out []string
	for _, p := range list {
		p = strings.TrimPrefix(path.Clean("/"+p), "/")
		if !doublestar.ValidatePattern(p) {
			return nil, fmt.Errorf("the path to skip %q is not a pattern; want one like \"usr/share/**\"", p)
		}
		out = append(out, p)
	}
	return out, nil
}

// match says whether a file is to be passed over.
func (s skips) match(file string) bool {
	for _, p := range s.files {
		if doublestar.MatchUnvalidated(p, file) {
			return true
		}
	}
	if len(s.dirs) == 0 {
		return false
	}
	for dir := path.Dir(file); dir != "."; dir = path.Dir(dir) {
		for _, p := range s.dirs {
			if doublestar.MatchUnvalidated(p, dir) {
				return true
			}
		}
	}
	return false
}
