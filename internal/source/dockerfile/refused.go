package dockerfile

import (
	"errors"
	"regexp"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

func errorLine(err error) int {
	var at *parser.LocationError
	if errors.As(err, &at) && len(at.Locations) > 0 && len(at.Locations[0]) > 0 {
		return at.Locations[0][0].Start.Line
	}
	return 0
}

var (
	linePrefix = regexp.MustCompile(`^dockerfile parse error on line \d+: `)
	quotedText = regexp.MustCompile(`(?s)can't find = in ".*?"\.`)
)

// explain turns a parser's error into a cause. The parser quotes the value of an
// ENV or ARG that it cannot split, which may be a secret.
func explain(err error) string {
	text := linePrefix.ReplaceAllString(err.Error(), "")
	text = quotedText.ReplaceAllString(text, `can't find "=" in a word.`)
	text = strings.TrimRight(strings.Join(strings.Fields(text), " "), ".")
	if !strings.Contains(text, "; ") {
		text += "; mend the instruction"
	}
	return text
}
