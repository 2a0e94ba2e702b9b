package dockerfile

import (
	"math"
	"strconv"
	"strings"
)

// What the checks are given at most. BuildKit fills in variables without a limit: forty
// lines that double one come to a terabyte.
const (
	mostText         = 128 << 10 // bytes
	mostInstructions = 1000
	mostValue        = 64 << 10 // bytes of one variable
	mostFilledIn     = 8 << 20  // bytes of all instructions, variables filled in
	mostPorts        = 1 << 18
)

// swells says whether a file may come to more than that, values that the base image
// sets left aside.
func (f *File) swells() bool {
	if len(f.Source.Text) > mostText {
		return true
	}
	count := len(f.Globals)
	for _, s := range f.Stages {
		count += 1 + len(s.Instructions)
	}
	if count > mostInstructions {
		return true
	}
	g := growth{values: map[string]int{"PATH": 128}}
	for name, value := range f.build.Args {
		g.set(name, len(value))
	}
	for _, in := range f.Globals {
		g.follow(f, in)
	}
	for _, s := range f.Stages {
		g.filled += g.length(s.Base.Text)
		for _, in := range s.Instructions {
			times := 1
			if in.Trigger != nil {
				in, times = in.Trigger, len(f.Stages)
			}
			for range times {
				if g.follow(f, in); g.tooMuch(count) {
					return true
				}
			}
		}
	}
	return g.tooMuch(count)
}

// growth is an upper bound of what following a file comes to.
type growth struct {
	values        map[string]int // the longest of each name, in bytes
	all           int            // of values
	longest       int
	filled, ports int
}

func (g *growth) tooMuch(instructions int) bool {
	return g.longest > mostValue || g.filled > mostFilledIn || g.ports > mostPorts ||
		g.all*instructions > 8*mostFilledIn // each step may repeat all arguments
}

func (g *growth) set(name string, length int) {
	if before := g.values[name]; length > before {
		g.values[name] = length
		g.all += length - before
		g.longest = max(g.longest, length)
	}
}

// length bounds a text with its variables filled in.
func (g *growth) length(text string) int {
	n := len(text)
	for _, m := range use.FindAllStringSubmatch(text, -1) {
		if m[2] == "" {
			n += g.values[m[1]]
		} else {
			n += g.values[m[1]] * len(text) // each byte may be replaced
		}
		if n > mostFilledIn {
			break
		}
	}
	return n
}

func (g *growth) follow(f *File, in *Instruction) {
	switch in.Name {
	case "RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK", "SHELL":
		return // a shell's to fill in
	case "ENV", "ARG":
		for _, v := range in.variables(nil) {
			n := g.length(v.Value)
			g.filled += n
			g.set(v.Name, n)
		}
		return
	case "EXPOSE":
		for _, w := range in.Words {
			g.ports += ports(w.Text, g.length(w.Text))
		}
	}
	g.filled += g.length(f.Source.Slice(in.At))
}

// ports bounds how many ports a word means that has length bytes.
func ports(text string, length int) int {
	const all = 1 << 16
	if !strings.Contains(text, "$") {
		first, last, ok := strings.Cut(text[strings.LastIndex(text, ":")+1:], "-")
		last, _, _ = strings.Cut(last, "/")
		low, err := strconv.Atoi(first)
		high, err2 := strconv.Atoi(last)
		if !ok || err != nil || err2 != nil {
			return 1
		}
		return max(1, min(high-low+1, all))
	}
	switch unknown := length - len(text); {
	case unknown < 3:
		return 1
	case unknown < 7: // "1-9" to "1-9999"
		return int(math.Pow10(unknown - 2))
	default:
		return (1 + unknown/8) * all
	}
}
