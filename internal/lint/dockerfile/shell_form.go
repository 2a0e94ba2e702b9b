package dockerfile

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var shellForm = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "PRB-4.a", Name: "shell-form", Points: []string{"PRB-4"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "CMD and ENTRYPOINT are lists, so that signals reach the program",
		Also:    []string{"DL3025", "JSONArgsRecommended"},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		stage := f.Final()
		if stage.Windows() {
			return
		}
		command, entrypoint := started(stage)
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
	if strings.ContainsAny(text, "|&;<>()$`\\\"'*?[]#~=%!{}\n") {
		return "begin it with exec, or move the shell's work into a script"
	}
	list, err := json.Marshal(strings.Fields(text))
	if err != nil {
		return "write it as a JSON list"
	}
	return fmt.Sprintf("write it as %s %s", in.Name, strings.ReplaceAll(string(list), `","`, `", "`))
}
