package dockerfile

import (
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var exposeInvalidFormat = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "BLD-ExposeInvalidFormat", Name: "expose-invalid-format", Severity: finding.Medium, Since: "0.1.0",
		Summary: "EXPOSE names ports of the container only",
		Also:    []string{"ExposeInvalidFormat"},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		each(p, f, "ExposeInvalidFormat", func(w warned) (lint.Problem, bool) {
			word, at := exposed(w, func(port string) bool { return strings.Contains(port, ":") })
			return lint.Problem{At: at, Path: "port[" + word + "]", Message: fmt.Sprintf("%q maps a port or address, which EXPOSE ignores today and refuses soon; name the container's port alone", word)}, true
		})
	},
}

// exposed finds the word of an EXPOSE that a warning is about, the whole where
// variables hide it.
func exposed(w warned, is func(port string) bool) (string, finding.Location) {
	port := w.quoted("'")
	for _, word := range w.in.Arguments() {
		if text := strings.Trim(word.Text, `"'`); text == port || port == "" && is(text) {
			return text, word.At
		}
	}
	return port, w.in.At
}
