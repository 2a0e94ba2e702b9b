package config

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/printable"
)

// Change says where the two sides of a change lie.
type Change struct {
	// Head is the directory of the work tree that corresponds to Base: the root of the repository.
	Head string
	// Base is a directory with the tree of the base commit, "" when it cannot be had:
	// the defaults then hold, as on a first run.
	Base string
}

// LoadChange reads the settings for a change that may not excuse itself
// (interface.md, "Who may loosen"). What lets findings pass counts as it stands in
// the settings files of the base commit. Inputs and flags tighten what these set and
// may set what they leave open; the head's files only tighten. Without a file at the
// base commit the defaults count as set: Config.FirstRun. What spends the job's
// trust comes from inputs, flags and the files of the base commit alone. Each value
// of the head's that does not count is named in Config.Refused. What is built, and
// how, comes from the head's files; Config.Changed names what differs from the
// base's.
//
// A config-file is read from the base commit too, and counts as an input: which file
// that is, the workflow of the head says. Files of the base that cannot be read
// count as none, with a sentence in Refused, so that a change can mend them.
//
// Errors are those of Load; bad values in the head's files are among them, and what
// is built from outside of the repository.
func LoadChange(section, command string, args []string, getenv Getenv, change Change) (*Config, []string, error) {
	head, err := spoken(section, command, args, getenv)
	if err != nil {
		return nil, nil, err
	}
	if cause := outside(change.Head, head.named, true); cause != nil {
		// Messages quote what a file holds, so it is not even opened.
		return nil, nil, &UsageError{"config-file", fmt.Errorf("%q %w; name a file of the repository", head.named, cause)}
	}
	if head.files, err = readFiles(section, command, head.named, head.start); err != nil {
		return nil, nil, err
	}
	base, unread, err := head.readable(change, getenv)
	if err != nil {
		return nil, nil, err
	}
	j := judge{getenv: getenv, base: base, head: head, firstRun: !base.any}
	j.head.files = j.bare()
	if j.effective, err = j.head.load(getenv); err != nil {
		return nil, nil, err
	}
	c := j.effective
	c.FirstRun, c.Refused = j.firstRun, nil
	if unread != nil {
		c.Refused = append(c.Refused, printable.Text("the settings of the base commit cannot be read and the defaults hold: "+unread.Error()))
	}
	c.Refused = append(c.Refused, j.bares...)

	for _, s := range append(Settings(), onlyIntroduced()) {
		if !s.Takes(command) {
			continue
		}
		switch classOf(&s) {
		case directed, unsorted:
			err = j.settle(s)
		case guarded:
			err = j.guard(s)
		case own:
			j.show(s)
		case pieced:
			err = j.settlePieces(s)
		case said:
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if err := j.settleIgnores(); err != nil {
		return nil, nil, err
	}
	if err := j.staysInside(change.Head); err != nil {
		return nil, nil, err
	}
	if err := c.trustKey(change); err != nil {
		return nil, nil, err
	}
	return c, head.operands, nil
}

// trustKey takes a verification-key that lies in the repository from the base commit,
// whoever named it: the file of that name in the head is the change's to replace.
func (c *Config) trustKey(change Change) error {
	key := c.VerificationKey
	if key == "" || change.Base == "" || strings.Contains(key, "://") {
		return nil
	}
	rel, ok := inside(change.Head, key)
	if !ok {
		// The workspace may be known by another name.
		top, err := filepath.EvalSymlinks(change.Head)
		if err != nil {
			return fmt.Errorf("finding the repository: %w", err)
		}
		target, err := filepath.EvalSymlinks(key)
		if err != nil {
			return nil // who opens it says so
		}
		if rel, ok = inside(top, target); !ok {
			return nil
		}
	}
	root, err := os.OpenRoot(change.Base)
	if err != nil {
		return fmt.Errorf("opening the tree of the base commit: %w", err)
	}
	defer func() { _ = root.Close() }() // it was read only
	info, err := root.Stat(rel)
	// Whether this event promotes at all is said first; who opens the key then says that it is not there.
	if missing := err != nil || !info.Mode().IsRegular(); missing && c.given.command != "promote" {
		return &UsageError{c.set["verification-key"].what, fmt.Errorf(
			"verification-key: %q is no file at the base commit, and a change does not bring the key it is checked with; merge the key first, or name one outside of the repository", key)}
	}
	c.VerificationKey = filepath.Join(change.Base, rel)
	return nil
}

// judge settles one setting after another.
type judge struct {
	getenv    Getenv
	base      atBase
	head      given
	firstRun  bool
	effective *Config
	bares     []string // sentences on build arguments without a value
}

// settle gives the effective settings one that has a direction.
func (j *judge) settle(s Setting) error {
	direction := directionOf(&s)
	atBase := last(j.base.levels, s.Name)
	byInput := last([][]assignment{j.base.named, j.head.inputs, j.head.flags}, s.Name)
	inHead := last(j.head.files, s.Name)
	was := last(j.head.readAt(j.base), s.Name)

	now, byBase := atBase, true
	enforced := len(atBase) > 0 || j.firstRun
	from, err := j.alone(now)
	if err != nil {
		return err
	}
	if len(byInput) > 0 {
		to, err := j.alone(byInput)
		if err != nil {
			return err
		}
		if enforced && !direction(from, to) {
			j.refuse(s, byInput[0].origin.what, byInput, atBase, true)
		} else {
			now, from, byBase = byInput, to, false
		}
	}

	before, err := j.alone(was)
	if err != nil {
		return err
	}
	to, err := j.alone(inHead)
	if err != nil {
		return err
	}
	switch {
	case !direction(before, to):
		place := "the change"
		if len(inHead) > 0 {
			place = inHead[0].origin.what
		}
		j.refuse(s, place, inHead, was, false)
		if s.Name == "manifests" {
			// The base's may have moved, and naming what is gone leaves the verdict open: all are judged.
			now = nil
		}
	case direction(from, to) && (len(inHead) > 0 || byBase):
		// Removing what was looser than the default tightens, too.
		now = inHead
	}
	return j.take(s, now)
}

// alone is a Config in which only this was given.
func (j *judge) alone(level []assignment) (*Config, error) {
	c, err := defaults(j.getenv)
	if err != nil {
		return nil, err
	}
	return c, c.apply(level, j.getenv)
}

// take puts what was settled into the effective settings.
func (j *judge) take(s Setting, level []assignment) error {
	v := s.bind(j.effective, j.getenv)
	v.reset()
	delete(j.effective.set, s.Name)
	if len(level) > 0 {
		return j.effective.apply(level, j.getenv)
	}
	if s.Default == "" {
		return nil
	}
	if err := v.set(s.Default); err != nil {
		return &UsageError{"default of " + s.Name, err}
	}
	return nil
}

// refuse names a loosening.
func (j *judge) refuse(s Setting, place string, asked, atBase []assignment, input bool) {
	now := fmt.Sprintf("the default %q", s.Default)
	if s.Default == "" {
		now = "the default"
	}
	if len(atBase) > 0 {
		now = fmt.Sprintf("%q of the base commit", textOf(atBase))
	}
	what := fmt.Sprintf("%q in %s", s.Name+": "+textOf(asked), place)
	if len(asked) == 0 {
		what = fmt.Sprintf("removing %q", s.Name)
	}
	then := "it counts once it is merged"
	switch {
	case input && j.firstRun:
		then = "the defaults hold until there is a " + FileName + " at the base commit"
	case input:
		then = "change it in " + FileName
	}
	j.effective.Refused = append(j.effective.Refused, printable.Text(fmt.Sprintf("%s would loosen %s; %s", what, now, then)))
}

// maxText is how much of a value a sentence holds, in bytes.
const maxText = 80

func textOf(level []assignment) string {
	var texts []string
	for _, a := range level {
		texts = append(texts, a.text)
	}
	return printable.Fold(strings.Join(texts, ","), maxText)
}

// atBase is what the settings files of the base commit say.
type atBase struct {
	levels [][]assignment // those that are discovered, the nearest last
	named  []assignment   // the one that config-file names
	any    bool           // there is a file
}

// readable is what the settings files of the base commit say; nothing, and why,
// where that cannot be read.
func (g given) readable(change Change, getenv Getenv) (base atBase, unread, err error) {
	base, err = g.at(change)
	if err == nil {
		// Values that cannot be read count as none, too. A variable that this run does not
		// have, such as a secret in a fork's, is no fault of the file's.
		_, err = given{files: append(slices.Clone(base.levels), base.named)}.load(func(name string) string { return cmp.Or(getenv(name), "unset") })
	}
	if usage, ok := errors.AsType[*UsageError](err); ok {
		return atBase{}, usage, nil
	}
	return base, nil, err
}

// at reads the settings files of the base commit that correspond to those of the
// head.
func (g given) at(change Change) (atBase, error) {
	if change.Base == "" {
		return atBase{}, nil
	}
	root, err := os.OpenRoot(change.Base)
	if err != nil {
		return atBase{}, fmt.Errorf("opening the tree of the base commit: %w", err)
	}
	defer func() { _ = root.Close() }() // it was read only
	start, err := filepath.Abs(g.start)
	if err != nil {
		return atBase{}, fmt.Errorf("finding %s: %w", g.start, err)
	}
	var base atBase
	var levels [][]assignment
	for _, dir := range upTo(change.Head, start) {
		level, found, err := readAtBase(root, change.Head, filepath.Join(dir, FileName))
		if err != nil {
			return atBase{}, err
		}
		if found {
			levels, base.any = append(levels, level), true
		}
	}
	base.levels = holding(levels, g.section, g.command)
	if g.named == "" {
		return base, nil
	}
	rel, ok := inside(change.Head, g.named)
	if !ok {
		return base, nil
	}
	level, found, err := readAtBase(root, change.Head, rel)
	if err != nil {
		return atBase{}, err
	}
	if found {
		base.named, base.any = holding([][]assignment{level}, g.section, g.command)[0], true
	}
	return base, nil
}

// upTo lists the directories from the root down to start, relative to the root.
// Outside of it there is only the root.
func upTo(root, start string) []string {
	dirs := []string{"."}
	rel, ok := inside(root, start)
	if !ok || rel == "." {
		return dirs
	}
	at := "."
	for part := range strings.SplitSeq(rel, string(filepath.Separator)) {
		at = filepath.Join(at, part)
		dirs = append(dirs, at)
	}
	return dirs
}

// inside names a path relative to a directory that holds it.
func inside(root, path string) (string, bool) {
	from, err := filepath.Abs(root)
	if err != nil {
		return "", false
	}
	to, err := filepath.Abs(path)
	if err != nil {
		return "", false
	}
	rel, err := filepath.Rel(from, to)
	return rel, err == nil && filepath.IsLocal(rel)
}

// readAtBase reads a file of the base commit as if it stood in the head, where
// its paths belong.
func readAtBase(root *os.Root, head, rel string) (level []assignment, found bool, err error) {
	if info, err := root.Lstat(rel); err != nil || !info.Mode().IsRegular() {
		return nil, false, nil
	}
	f, err := root.Open(rel)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("opening %s of the base commit: %w", rel, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, false, fmt.Errorf("reading %s of the base commit: %w", rel, err)
	}
	abs, err := filepath.Abs(head)
	if err != nil {
		return nil, false, fmt.Errorf("finding %s: %w", head, err)
	}
	shown := relative(filepath.Join(abs, rel))
	if len(data) > maxFile {
		return nil, false, &UsageError{shown, errors.New("more than 1 MiB of settings")}
	}
	level, err = parseFile(shown, data)
	return slices.Clip(level), err == nil, err
}
