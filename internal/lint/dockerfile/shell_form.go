package dockerfile

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var shellForm = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "PRB-4.a", Name: "shell-form", Points: []string{"PRB-4"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "CMD and ENTRYPOINT are lists, so that signals reach the program",
		Also:    []string{"DL3025", "JSONArgsRecommended", "tally/invalid-json-form"},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		stage := f.Final()
		if stage.Windows() {
			return
		}
		command, entrypoint := started(stage)
		both := command.in != nil && entrypoint.in != nil
		if entrypoint.in != nil && !entrypoint.in.Exec {
			command.in = nil // a shell-form ENTRYPOINT ignores CMD
		}
		for _, last := range []placed{entrypoint, command} {
			if last.in == nil || last.in.Exec || last.shell || replaces(last.in) {
				continue
			}
			p.Report(lint.Problem{
				At: last.in.At, Subject: f.Subject(last.stage), Path: strings.ToLower(last.in.Name),
				Message: fmt.Sprintf("%s runs under a shell that keeps SIGTERM to itself; %s", last.in.Name, mend(last.in)),
				Fix:     listed(f, last, both),
			})
		}
	},
}

// placed is an instruction and the stage it stands in.
type placed struct {
	in    *dockerfile.Instruction
	stage *dockerfile.Stage
	shell bool // a SHELL instruction chose what runs it
}

// started returns the CMD and ENTRYPOINT in force in a stage. As in BuildKit, an
// ENTRYPOINT drops the CMD that an earlier stage set.
func started(final *dockerfile.Stage) (command, entrypoint placed) {
	chain := final.Chain()
	shell := false
	for _, c := range slices.Backward(chain) {
		own := false // a CMD of this stage stands whatever comes after it
		for _, in := range c.Instructions {
			switch in.Name {
			case "SHELL":
				shell = true
			case "CMD":
				command, own = placed{in, c, shell}, true
			case "ENTRYPOINT":
				entrypoint = placed{in, c, shell}
				if !own {
					command = placed{}
				}
			}
		}
	}
	return command, entrypoint
}

// replaces says that the shell is replaced by the program: "CMD exec node app.js".
func replaces(in *dockerfile.Instruction) bool {
	words := in.Arguments()
	return len(words) == 0 || words[0].Text == "exec"
}

// mend says how to write the command as a list. Only a plain command has one;
// what a shell would do to any other is not ours to guess.
func mend(in *dockerfile.Instruction) string {
	text := strings.Join(in.Args, " ")
	if strings.HasPrefix(text, "[") {
		return "it looks like a list but is no JSON: use double quotes, and no comma at the end"
	}
	if !plain(text) {
		return "begin it with exec, or move the shell's work into a script"
	}
	return fmt.Sprintf("write it as %s %s", in.Name, list(text))
}

// list writes the words of a plain command as JSON.
func list(text string) string {
	var words []string
	for word := range strings.FieldsSeq(text) {
		words = append(words, `"`+word+`"`)
	}
	return "[" + strings.Join(words, ", ") + "]"
}

// bare are bases without an ENTRYPOINT, or with one that starts what it is given: the
// list goes where the shell's words went.
var bare = []string{
	"alpine", "debian", "ubuntu", "busybox", "fedora", "rockylinux", "almalinux", "amazonlinux", "centos", "node", "python", "golang",
	"ruby", "rust", "openjdk", "eclipse-temurin", "amazoncorretto", "php",
}

// builtins are what only a shell can start.
var builtins = []string{".", ":", "alias", "bg", "cd", "eval", "exec", "exit", "export", "fg", "hash", "read", "return", "set", "shift", "source", "trap", "type", "ulimit", "umask", "unset", "wait"}

// listed writes a plain command as a list. Beside each other CMD and ENTRYPOINT mean
// something else in each form, and so may a CMD with the ENTRYPOINT of a base.
func listed(f *dockerfile.File, started placed, both bool) *finding.Fix {
	text := strings.Join(started.in.Args, " ")
	words := strings.Fields(text)
	at := started.in.ArgumentsAt()
	if at.Line != at.EndLine { // comments may stand between
		return nil
	}
	if both || !plain(text) || len(words) == 0 || slices.Contains(builtins, words[0]) || len(started.in.Heredocs) > 0 {
		return nil
	}
	class := finding.Safe
	if name, _ := repository(started.stage.Root().Base); started.in.Name == "CMD" && !slices.Contains(bare, name) {
		class = finding.Verified
	}
	edit, ok := f.Source.Edit(at, list(text))
	return lint.Mend(class, "write it as a list", []finding.Edit{edit}, ok)
}

// plain says that a shell would do no more than split a text at its spaces.
func plain(text string) bool {
	return !strings.ContainsAny(text, "|&;<>()$`\\\"'*?[]#~=%!{}^\r\n") &&
		!strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7F || r >= 0x80 && unicode.IsSpace(r) })
}
