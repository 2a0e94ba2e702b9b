// Package script is the positioned model of what a shell runs, wherever it is
// written: in a Dockerfile, in a step of a workflow, in a recipe of a Makefile, or in
// a file of its own.
package script

import (
	"path"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// Script is what a shell runs, or the one command of the JSON form.
type Script struct {
	// Commands are all simple commands, in the order in which they are written:
	// those of heredocs and of "sh -c '…'" too.
	Commands []*Command
	// Functions are the names of those that the script defines.
	Functions []string
	// Parsed is false when the text could not be read as a shell's; Commands is
	// empty then, and nothing is known.
	Parsed bool
	// Comments are those that begin with source.Marker. One above a command covers
	// it, with all that stands inside of it; one behind a command covers that.
	Comments []source.Comment
}

// Command is a simple command: a name and its arguments.
type Command struct {
	// Name is the last element of the program's path, what precedes it (sudo, env,
	// exec, time and variables) taken off; empty where it is not known.
	Name string
	// Prefix holds the names taken off: "sudo".
	Prefix []string
	// Words are the arguments, the name not included.
	Words []Argument
	// Assigned are the variables set for this command alone, or by it when it is
	// nothing else, as "NAME=value".
	Assigned []Argument
	At       finding.Location
	// To is the command that reads what this one writes, nil for none.
	To *Command
	// Redirects says that the output goes into a file.
	Redirects bool
	// Substituted says that the command stands in $(…), `…` or <(…).
	Substituted bool
	// Remote says that ssh runs the command on another machine.
	Remote bool
}

// Argument is one word of a command.
type Argument struct {
	// Text is without quotes; where a variable or substitution is part of it, that
	// stands as written.
	Text string
	// Known says that Text holds nothing that only the shell knows.
	Known bool
	At    finding.Location
}

// Has says whether one of the words is exactly one of texts.
func (c *Command) Has(texts ...string) bool {
	return slices.ContainsFunc(c.Words, func(w Argument) bool { return slices.Contains(texts, w.Text) })
}

// Flag says whether a word is a bundle of one-letter options with the letter: "-yq".
func (c *Command) Flag(letter byte) bool {
	return slices.ContainsFunc(c.Words, func(w Argument) bool {
		return len(w.Text) > 1 && w.Text[0] == '-' && w.Text[1] != '-' && strings.IndexByte(w.Text, letter) > 0
	})
}

// Sub returns the first word that is no option, with those after it: the
// subcommand of apt-get, npm, pip. ok is false when there is none or it is not known.
func (c *Command) Sub() (sub string, rest []Argument, ok bool) {
	for i, w := range c.Words {
		if !strings.HasPrefix(w.Text, "-") {
			return w.Text, c.Words[i+1:], w.Known
		}
	}
	return "", nil, false
}

// maxDepth bounds scripts inside scripts.
const maxDepth = 4

// Read reads a script whose bytes lie at the offsets from of src.
func Read(src *source.File, text string, from []int) *Script {
	r := &reader{source: src, script: &Script{}}
	r.script.Parsed = r.read(text, from, 0)
	if !r.script.Parsed {
		r.script.Commands = nil
	}
	return r.script
}

// ReadAt reads a script of which only the place as a whole is known.
func ReadAt(src *source.File, text string, at finding.Location) *Script {
	r := &reader{source: src, at: &at, script: &Script{}}
	r.script.Parsed = r.read(text, nil, 0)
	if !r.script.Parsed {
		r.script.Commands = nil
	}
	return r.script
}

// Exec is the one command of a list of words, all of whose places are the whole
// list's: "sh -c '…'" is a script.
func Exec(src *source.File, list []string, at finding.Location) *Script {
	r := &reader{source: src, at: &at, script: &Script{Parsed: true}}
	if len(list) >= 3 && IsShell(list[0]) && strings.HasPrefix(list[1], "-") && strings.HasSuffix(list[1], "c") {
		r.script.Parsed = r.read(list[2], nil, 1)
		return r.script
	}
	var words []Argument
	for _, text := range list {
		words = append(words, Argument{Text: text, Known: true, At: at})
	}
	if len(words) > 0 {
		r.script.Commands = append(r.script.Commands, NewCommand(nil, words, at))
	}
	return r.script
}

// Shell reads a shell script of its own, such as an entrypoint.
func Shell(src *source.File) *Script {
	from := make([]int, len(src.Text))
	for i := range from {
		from[i] = i
	}
	return Read(src, src.Text, from)
}

// IsShell says whether a program is a shell whose language is read here.
func IsShell(program string) bool {
	return slices.Contains([]string{"sh", "bash", "ash", "dash", "ksh", "mksh", "zsh"}, path.Base(program))
}
