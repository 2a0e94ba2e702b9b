// Package runnertest is GitHub's runner as a container action meets it, for tests:
// its parsers, its limits, the variables and directories it prepares, and the line by
// which it starts the container. Everything restates what actions/runner v2.336.0
// does (commit 258d6c857db3519913f7deb6004b60172f8043ae; paths below are of that
// tree), is checked against the inputs and results of its own tests, and says where
// it leaves something out.
package runnertest

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
)

// Command is a line that the runner obeys.
type Command struct {
	Name       string
	Properties map[string]string // keys in lower case: the runner's ignore case
	Data       string
}

// Parse reads a line in either form, v2 ("::name key=value::data") before v1
// ("##[name key=value]data"), as TryProcessCommand in
// src/Runner.Worker/ActionCommandManager.cs does. registered says which names, in
// lower case, are commands.
//
// The runner finds "::" and "##[" by the rules of a culture, which pass over
// characters that are not seen. Without .NET that cannot be run here, so a line is a
// command when it is one byte by byte, or read with those passed over.
func Parse(line string, registered func(name string) bool) (Command, bool) {
	units := utf16.Encode([]rune(line))
	for _, skip := range []func(uint16) bool{nil, ignorable} {
		if c, ok := parseV2(units, registered, skip); ok {
			return c, true
		}
		if c, ok := parseV1(units, registered, skip); ok {
			return c, true
		}
	}
	return Command{}, false
}

// ignorable reports what a culture's comparison may pass over. It takes in more than
// ICU's tables do.
func ignorable(u uint16) bool {
	r := rune(u)
	return unicode.In(r, unicode.Cf, unicode.Cc, unicode.M, unicode.Other_Default_Ignorable_Code_Point, unicode.Cs, unicode.Co)
}

// index finds pattern, which is ASCII, at from or later.
func index(s []uint16, pattern string, from int, skip func(uint16) bool) int {
	for at := from; at < len(s); at++ {
		if prefixAt(s, at, pattern, skip) {
			return at
		}
	}
	return -1
}

func prefixAt(s []uint16, at int, pattern string, skip func(uint16) bool) bool {
	matched := 0
	for ; at < len(s) && matched < len(pattern); at++ {
		switch {
		case s[at] == uint16(pattern[matched]):
			matched++
		case skip == nil || !skip(s[at]):
			return false
		}
	}
	return matched == len(pattern)
}

func text(s []uint16) string { return string(utf16.Decode(s)) }

// parseV2 is TryParseV2 of src/Runner.Common/ActionCommand.cs.
func parseV2(s []uint16, registered func(string) bool, skip func(uint16) bool) (Command, bool) {
	for len(s) > 0 && unicode.IsSpace(rune(s[0])) {
		s = s[1:]
	}
	if !prefixAt(s, 0, "::", skip) {
		return Command{}, false
	}
	end := index(s, "::", 2, skip)
	if end < 0 {
		return Command{}, false
	}
	name, properties, has := strings.Cut(text(s[2:end]), " ")
	if !registered(strings.ToLower(name)) {
		return Command{}, false
	}
	c := Command{Name: name, Properties: map[string]string{}}
	if has && name != "" {
		c.properties(strings.TrimSpace(properties), ",", unescapeProperty)
	}
	c.Data = unescapeData(text(s[min(end+2, len(s)):]))
	return c, true
}

// parseV1 is TryParse of src/Runner.Common/ActionCommand.cs.
func parseV1(s []uint16, registered func(string) bool, skip func(uint16) bool) (Command, bool) {
	start := index(s, "##[", 0, skip)
	if start < 0 {
		return Command{}, false
	}
	end := index(s, "]", start, nil)
	if end < start+3 {
		return Command{}, false // the runner throws and catches
	}
	name, properties, has := strings.Cut(text(s[start+3:end]), " ")
	if !registered(strings.ToLower(name)) {
		return Command{}, false
	}
	c := Command{Name: name, Properties: map[string]string{}}
	if has && name != "" {
		c.properties(properties, ";", unescape)
	}
	c.Data = unescape(text(s[end+1:]))
	return c, true
}

// properties reads "key=value" pairs. Leading "=" are dropped with the empty parts
// that they make, and a pair without a value is none.
func (c *Command) properties(s, separator string, unescape func(string) string) {
	for part := range strings.SplitSeq(s, separator) {
		if part == "" {
			continue
		}
		key, value, ok := strings.Cut(strings.TrimLeft(part, "="), "=")
		if value = strings.TrimLeft(value, "="); ok && key != "" && value != "" {
			c.Properties[strings.ToLower(key)] = unescape(value)
		}
	}
}

// The runner unescapes in this order, "%25" last.
var (
	breaks   = [][2]string{{"%0D", "\r"}, {"%0A", "\n"}}
	percent  = [2]string{"%25", "%"}
	v1       = slices.Concat([][2]string{{"%3B", ";"}}, breaks, [][2]string{{"%5D", "]"}, percent})
	data     = slices.Concat(breaks, [][2]string{percent})
	property = slices.Concat(breaks, [][2]string{{"%3A", ":"}, {"%2C", ","}, percent})
)

func unescape(s string) string         { return replace(s, v1) }
func unescapeData(s string) string     { return replace(s, data) }
func unescapeProperty(s string) string { return replace(s, property) }

func replace(s string, pairs [][2]string) string {
	for _, p := range pairs {
		s = strings.ReplaceAll(s, p[0], p[1])
	}
	return s
}
