package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/printable"
)

// Before returns the settings as the files of another commit of the same repository
// have them, under the inputs and flags of this run: that commit is built with what
// it says itself. Files that cannot be read count as none, and a build argument without
// a value is left out where this run does not have the variable. Paths are those of the
// head; what they name lies below change.Base.
func (c *Config) Before(change Change, getenv Getenv) (*Config, error) {
	g := c.given
	base, _, err := g.readable(change, getenv)
	if err != nil {
		return nil, err
	}
	g.files = valued(g.readAt(base), getenv)
	was, err := g.load(getenv)
	if err == nil && len(g.operands) == 1 {
		was.Context = g.operands[0]
	}
	return was, err
}

// valued leaves out the build arguments without a value whose variable is not there.
func valued(levels [][]assignment, getenv Getenv) [][]assignment {
	out := slices.Clone(levels)
	for i, level := range levels {
		out[i] = slices.Clone(level)
		for k, a := range level {
			if a.setting.Name != buildArgs {
				continue
			}
			for _, name := range bareNames(a.text) {
				if getenv(name) == "" {
					kept := without(out[i][k].text, name)
					out[i][k].text, out[i][k].origin.texts = kept, []string{kept}
				}
			}
		}
	}
	return out
}

// readAt are the files that hold at the base commit: the one that config-file names,
// as no other is read then, or those that are found.
func (g given) readAt(base atBase) [][]assignment {
	if g.named != "" {
		return [][]assignment{base.named}
	}
	return base.levels
}

// guard gives the effective settings a guarded one: from inputs and flags, else from
// the base commit.
func (j *judge) guard(s Setting) error {
	atBase := last(j.head.readAt(j.base), s.Name)
	if now := last([][]assignment{j.head.inputs, j.head.flags}, s.Name); len(now) > 0 {
		return j.take(s, now)
	}
	inHead := last(j.head.files, s.Name)
	if textOf(inHead) != textOf(atBase) {
		j.refuseGuarded(s, inHead, atBase)
	}
	return j.take(s, atBase)
}

// refuseGuarded names a value that does not count in the change that brings it.
func (j *judge) refuseGuarded(s Setting, asked, atBase []assignment) {
	what := fmt.Sprintf("removing %q", s.Name)
	if len(asked) > 0 {
		what = fmt.Sprintf("%q in %s", s.Name+": "+textOf(asked), asked[0].origin.what)
	}
	now := "the default"
	if len(atBase) > 0 {
		now = fmt.Sprintf("%q of the base commit", textOf(atBase))
	}
	j.effective.Refused = append(j.effective.Refused, printable.Text(fmt.Sprintf("%s does not count yet and %s holds; it counts once it is merged", what, now)))
}

// show names an own setting in which the head differs from the base commit.
func (j *judge) show(s Setting) {
	if len(last([][]assignment{j.head.inputs, j.head.flags}, s.Name)) > 0 {
		return // it holds for both
	}
	if !j.differs(s.Name) {
		return
	}
	atBase, inHead := last(j.head.readAt(j.base), s.Name), last(j.head.files, s.Name)
	what := fmt.Sprintf("the change removes %q", s.Name)
	if len(textsIn(inHead)) > 0 {
		what = fmt.Sprintf("the change builds with %q in %s", s.Name+": "+textOf(inHead), inHead[0].origin.what)
	}
	was := "the base commit does not set it"
	if len(textsIn(atBase)) > 0 {
		was = fmt.Sprintf("the base commit has %q", textOf(atBase))
	}
	j.effective.Changed = append(j.effective.Changed, printable.Text(what+"; "+was))
}

// differs says whether the head's files set something else than the base's do.
func (j *judge) differs(name string) bool {
	return !slices.Equal(textsIn(last(j.head.readAt(j.base), name)), textsIn(last(j.head.files, name)))
}

// textsIn are the texts that are not blank.
func textsIn(level []assignment) []string {
	var texts []string
	for _, a := range level {
		if text := strings.TrimSpace(a.text); text != "" {
			texts = append(texts, text)
		}
	}
	return texts
}

const buildArgs = "build-args"

// bare takes from the head's files the build arguments without a value that the base
// commit does not have: each takes a variable of the job, its tokens among them, into
// a build that the change writes.
func (j *judge) bare() [][]assignment {
	trusted := map[string]bool{}
	for _, a := range last(j.head.readAt(j.base), buildArgs) {
		for _, name := range bareNames(a.text) {
			trusted[name] = true
		}
	}
	files := slices.Clone(j.head.files)
	for i, level := range files {
		files[i] = slices.Clone(level)
		for k, a := range level {
			if a.setting.Name != buildArgs {
				continue
			}
			for _, name := range bareNames(a.text) {
				if !trusted[name] {
					kept := without(files[i][k].text, name)
					files[i][k].text, files[i][k].origin.texts = kept, []string{kept}
					j.bares = append(j.bares, printable.Text(fmt.Sprintf("%q in %s takes a variable of the job and does not count yet; it counts once it is merged",
						buildArgs+": "+printable.Fold(name, maxText), a.origin.what)))
				}
			}
		}
	}
	return files
}

// bareNames are the lines of build-args that are a name alone.
func bareNames(text string) []string {
	var names []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.Contains(line, "=") {
			names = append(names, line)
		}
	}
	return names
}

// without leaves out the lines that are a name alone.
func without(text, name string) string {
	var kept strings.Builder
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != name {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// staysInside fails where the files of the change name something to build from that
// lies outside of the repository: the run's own files, such as /proc/self/environ, are
// not the change's to ship. What inputs and flags name may lie anywhere, unless a link
// in the repository leads there.
func (j *judge) staysInside(root string) error {
	c := j.effective
	check := func(setting, path string) error {
		// What stands at the base commit was merged.
		mayLeave := len(last([][]assignment{j.head.inputs, j.head.flags}, setting)) > 0 || !j.differs(setting) || setting == "secret-files"
		cause := outside(root, path, mayLeave)
		if cause == nil {
			return nil
		}
		where := setting
		if o, given := c.set[setting]; given {
			where = o.what
		}
		return &UsageError{where, fmt.Errorf("%s: %q %w; a change builds from the repository alone", setting, path, cause)}
	}
	context := c.Context
	if operands := j.head.operands; len(operands) == 1 {
		context = operands[0]
	}
	if err := check("context", context); err != nil {
		return err
	}
	for _, file := range filesIn(c, context) {
		if err := check("file", file); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.BuildContexts)) {
		if dir, local := LocalContext(c.BuildContexts[name]); local {
			if err := check("build-contexts", dir); err != nil {
				return err
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(c.SecretFiles)) {
		if err := check("secret-files", c.SecretFiles[id]); err != nil {
			return err
		}
	}
	return nil
}

// filesIn are the files that a build of a context begins with. A Dockerfile that is
// found further below is checked by who finds it, with Within.
func filesIn(c *Config, context string) []string {
	if c.given.command == "lint" || c.given.command == "scan" {
		return nil
	}
	dockerfiles := []string{c.File}
	if c.File == "" {
		dockerfiles = []string{filepath.Join(context, "Dockerfile"), filepath.Join(context, "Containerfile")}
	}
	files := []string{filepath.Join(context, ".dockerignore")}
	for _, dockerfile := range dockerfiles {
		files = append(files, dockerfile, dockerfile+ignoreSuffix)
	}
	return files
}

// ignoreSuffix makes of a Dockerfile's name that of the ignore file which BuildKit
// prefers to the context's .dockerignore
// (https://docs.docker.com/build/concepts/context/#filename-and-location).
const ignoreSuffix = ".dockerignore"

// Within fails where a Dockerfile that was found in a change, or the ignore file
// beside it, is a link that leads out of the repository, whose root is given. The
// error is a *UsageError.
func Within(root, dockerfile string) error {
	for _, file := range []string{dockerfile, dockerfile + ignoreSuffix} {
		if cause := outside(root, file, true); cause != nil {
			return &UsageError{"file", fmt.Errorf("%q %w; a change builds from the repository alone", file, cause)}
		}
	}
	return nil
}

// LocalContext is the directory on this machine that a value of build-contexts names,
// if it does.
func LocalContext(value string) (dir string, local bool) {
	if layout, ok := strings.CutPrefix(value, "oci-layout://"); ok {
		layout, _, _ = strings.Cut(layout, "@")
		if _, err := os.Lstat(layout); err != nil {
			if tag := strings.LastIndex(layout, ":"); tag >= 0 {
				layout = layout[:tag]
			}
		}
		return layout, true
	}
	return value, !strings.Contains(value, "://") && !strings.HasPrefix(value, "git@")
}

// outside says how a path leaves a directory, nil when it stays in it. One that says
// so itself may, where mayLeave is set; one that a link leads out may not.
func outside(root, path string, mayLeave bool) error {
	if path == "" {
		return nil
	}
	if _, ok := inside(root, path); !ok {
		if mayLeave {
			return nil
		}
		return errors.New("lies outside of the repository")
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("cannot be found: %w", err)
	}
	top, err := filepath.EvalSymlinks(root)
	if err != nil {
		return fmt.Errorf("cannot be found: %w", err)
	}
	target, err := filepath.EvalSymlinks(abs)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // who opens it says so
	}
	if err != nil {
		return fmt.Errorf("cannot be followed: %w", err)
	}
	if _, ok := inside(top, target); !ok {
		return errors.New("is a link that leads out of the repository")
	}
	return nil
}
