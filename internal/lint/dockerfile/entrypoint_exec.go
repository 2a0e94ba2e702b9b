package dockerfile

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var entrypointExec = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "PRB-4.f", Name: "entrypoint-exec", Points: []string{"PRB-4"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "An entrypoint script hands over to the program with exec",
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		command, entrypoint := started(f.Final())
		first := entrypoint
		if first.in == nil {
			first = command
		}
		if first.in == nil || !first.in.Exec || f.Final().Windows() {
			return
		}
		name := scriptName(first.in.Args)
		if name == "" {
			return
		}
		src := copiedScript(f, name)
		if src == nil || !shebang.MatchString(src.Text) {
			return
		}
		script := dockerfile.Shell(src)
		if !script.Parsed || len(script.Commands) == 0 {
			return
		}
		for _, c := range script.Commands {
			if slices.Contains(c.Prefix, "exec") || slices.Contains([]string{"exec", "trap", "wait", "source", "."}, c.Name) {
				return // it hands over, or sees to signals itself
			}
		}
		p.Report(lint.Problem{
			At: first.in.At, Subject: f.Subject(first.stage), Path: strings.ToLower(first.in.Name) + "[" + name + "]",
			Message: fmt.Sprintf("the script %q never hands over with exec, so that the shell keeps SIGTERM to itself; start the program with \"exec\" in its last line", src.Path),
			Related: []finding.Location{script.Commands[len(script.Commands)-1].At},
		})
	},
}

var shebang = regexp.MustCompile(`^#!\s*(/usr)?/bin/(env\s+)?(ba|da|a)?sh\b`)

// scriptName is the script that a list starts, by itself or by a shell.
func scriptName(args []string) string {
	if len(args) == 0 {
		return ""
	}
	name := args[0]
	if slices.Contains([]string{"sh", "bash", "dash", "ash"}, path.Base(name)) {
		if len(args) < 2 || strings.HasPrefix(args[1], "-") {
			return ""
		}
		name = args[1]
	}
	if strings.HasSuffix(name, ".sh") || strings.Contains(path.Base(name), "entrypoint") {
		return path.Base(name)
	}
	return ""
}

// copiedScript finds in the build context the one file of that name which the
// stages that ship copy.
func copiedScript(f *dockerfile.File, name string) *source.File {
	for _, s := range f.Final().Chain() {
		for _, in := range s.Instructions {
			if _, _, other := in.Flag("from"); other || in.Name != "COPY" && in.Name != "ADD" {
				continue
			}
			sources, _ := in.Paths()
			for _, w := range sources {
				if path.Base(w.Text) == name {
					return f.Lookup(w.Text)
				}
			}
		}
	}
	return nil
}
