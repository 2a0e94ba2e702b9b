package script

import (
	"fmt"
	"strings"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

func place(at finding.Location) string {
	return fmt.Sprintf("%d:%d-%d:%d", at.Line, at.Column, at.EndLine, at.EndColumn)
}

// TestDeepScript is a script of brackets only, as deep as one may be.
func TestDeepScript(t *testing.T) {
	for _, open := range []string{"(", "$(", "{ ", "if ", "\"$(", "! ", "a | "} {
		if _, err := parseShell(strings.Repeat(open, MaxSize/len(open))); err == nil {
			t.Errorf("%q that nobody closes is read", open)
		}
	}
	if _, err := parseShell(strings.Repeat(" ", MaxSize+1)); err == nil {
		t.Error("a script has no limit")
	}
}

func TestShell(t *testing.T) {
	src, err := source.NewFile("entrypoint.sh", []byte("#!/bin/sh\nset -e\nexec gosu app /srv \"$@\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	script := Shell(src)
	if len(script.Commands) != 2 || script.Commands[1].Name != "srv" || len(script.Commands[1].Prefix) != 2 || place(script.Commands[1].At) != "3:1-3:24" {
		t.Errorf("commands: %+v", script.Commands[1])
	}
}
