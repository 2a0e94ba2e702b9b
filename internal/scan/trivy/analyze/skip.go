package analyze

import (
	"fmt"
	"path"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// skips are the paths a person does not want analyzed, and what they kept from
// being looked at: nobody should take a skipped image for a clean one.
type skips struct {
	dirs, files source.Globs
	// inDirs and byFile count the files of all layers that each of them hid.
	inDirs, byFile int
}

func newSkips(dirs, files []string) (skips, error) {
	inDirs, err := source.NewGlobs(dirs...)
	if err != nil {
		return skips{}, fmt.Errorf("reading skip-dirs: %w", err)
	}
	byFile, err := source.NewGlobs(files...)
	if err != nil {
		return skips{}, fmt.Errorf("reading skip-files: %w", err)
	}
	return skips{dirs: inDirs, files: byFile}, nil
}

// skip says whether a file is to be passed over, and counts it then.
func (s *skips) skip(file string) bool {
	switch {
	case ofSystem(file):
		return false
	case s.dirs.MatchAbove(file):
		s.inDirs++
	case s.files.Match(file):
		s.byFile++
	default:
		return false
	}
	return true
}

// ofSystem says whether a file tells what the distribution is or which packages of
// it are installed. No setting hides these: an image without them looks like one
// that has nothing to match.
func ofSystem(file string) bool {
	if dir, name := path.Split(file); dir == dpkgInfoDir {
		return hasSuffix(name, ".list", ".md5sums") // beside them lie scripts, which people may skip
	}
	return kindOf(file) == finding.UnreadOS
}

// notes tells of what was passed over.
func (s *skips) notes() []string {
	var settings []string
	if s.inDirs > 0 {
		settings = append(settings, "skip-dirs")
	}
	if s.byFile > 0 {
		settings = append(settings, "skip-files")
	}
	switch n := s.inDirs + s.byFile; n {
	case 0:
		return nil
	case 1:
		return []string{"1 file in the image was not looked at: " + settings[0]}
	default:
		return []string{fmt.Sprintf("%d files in the image were not looked at: %s", n, strings.Join(settings, ", "))}
	}
}
