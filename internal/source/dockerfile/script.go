package dockerfile

import (
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/script"
)

// Script is what a shell runs, as package script reads it.
type Script = script.Script

// Command is one command of a Script.
type Command = script.Command

// Argument is one word of a Command.
type Argument = script.Argument

// script reads the commands of an instruction.
func (f *File) script(in *Instruction) {
	switch v := in.Value.(type) {
	case *instructions.RunCommand, *instructions.CmdCommand, *instructions.EntrypointCommand:
		if in.Exec {
			in.Script = f.exec(in, in.Args)
			return
		}
		if words := in.Arguments(); len(words) > 0 {
			in.Script = f.shell(in, words[0])
		}
	case *instructions.HealthCheckCommand:
		words := in.Arguments()
		if v.Health == nil || len(v.Health.Test) < 2 || len(words) < 2 {
			return
		}
		if v.Health.Test[0] == "CMD" {
			in.Exec = true
			in.Script = f.exec(in, v.Health.Test[1:])
			return
		}
		in.Script = f.shell(in, words[1])
	}
}

// exec is the one command of a JSON form, all of whose places are the whole list's.
func (f *File) exec(in *Instruction, list []string) *Script {
	return script.Exec(f.Source, list, in.ArgumentsAt())
}

// shell reads what follows the name and flags of an instruction, with heredocs.
func (f *File) shell(in *Instruction, first Word) *Script {
	start := slices.Index(in.from, first.from[0])
	if start < 0 {
		return nil
	}
	text, from := in.text[start:], slices.Clip(in.from[start:])
	if len(in.Heredocs) > 0 {
		end := f.Source.LineStart(in.At.EndLine)
		if line, ok := f.Source.Line(in.At.EndLine); ok {
			end += len(line)
		}
		line, _ := f.Source.Position(from[len(from)-1])
		body := f.Source.LineStart(line + 1)
		if body > end {
			return &Script{}
		}
		var b strings.Builder
		b.WriteString(text + "\n")
		from = append(from, body-1)
		for i := body; i < end; i++ {
			if strings.HasPrefix(f.Source.Text[i:], "\r\n") { // the shell is given line feeds
				continue
			}
			b.WriteByte(f.Source.Text[i])
			from = append(from, i)
		}
		text = b.String()
	}
	return script.Read(f.Source, text, from)
}

// Shell reads a shell script of its own, such as an entrypoint.
func Shell(src *source.File) *Script { return script.Shell(src) }
