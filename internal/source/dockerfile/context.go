package dockerfile

import (
	"path"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// Which directory a Dockerfile is built from is known to the command line alone.
// It is the Dockerfile's own or one above it in nearly every repository, so that
// what is asked for is looked up in all of them, the nearest first: a file that
// none of them holds is not in the context either.

// contexts lists the directories that the build may start from.
func (f *File) contexts() []string {
	var dirs []string
	for dir := path.Dir(f.Source.Path); ; dir = path.Dir(dir) {
		dirs = append(dirs, dir)
		if dir == "." || dir == "/" {
			return dirs
		}
	}
}

// Beside says that the files around the Dockerfile can be looked at.
func (f *File) Beside() bool { return f.build.Tree != nil }

// Lookup reads a file of the build context, nil when there is none.
func (f *File) Lookup(name string) *source.File {
	if f.build.Tree == nil {
		return nil
	}
	for _, dir := range f.contexts() {
		if found, err := f.build.Tree.File(path.Join(dir, name)); err == nil {
			return found
		}
	}
	return nil
}

// Ignore reads the .dockerignore in force, nil when there is none. context is the
// directory that its patterns start from, "" when that is not known.
func (f *File) Ignore() (file *source.File, context string) {
	if f.build.Tree == nil {
		return nil, ""
	}
	if found, err := f.build.Tree.File(f.Source.Path + ".dockerignore"); err == nil {
		return found, ""
	}
	for _, dir := range f.contexts() {
		if found, err := f.build.Tree.File(path.Join(dir, ".dockerignore")); err == nil {
			return found, dir
		}
	}
	return nil, ""
}

// Patterns are the lines of a .dockerignore that say something, as Docker reads them.
func Patterns(ignore *source.File) []string {
	var patterns []string
	for line := range strings.Lines(ignore.Text) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "#") {
			patterns = append(patterns, line)
		}
	}
	return patterns
}

// Ignored says that the .gitignore of a directory names a file, so that people
// have one which the repository does not show.
func (f *File) Ignored(dir, name string) bool {
	if f.build.Tree == nil || dir == "" {
		return false
	}
	ignored, err := f.build.Tree.File(path.Join(dir, ".gitignore"))
	if err != nil {
		return false
	}
	for line := range strings.Lines(ignored.Text) {
		if strings.TrimPrefix(strings.TrimSpace(line), "/") == name {
			return true
		}
	}
	return false
}
