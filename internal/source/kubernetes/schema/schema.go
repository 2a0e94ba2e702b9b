// Package schema knows what Kubernetes' built-in kinds look like in the last
// seven minors, when an API went and what came instead, and reads the schemas of
// custom resource definitions. It judges positioned YAML as the API server would:
// strictly, and by what it refuses rather than by what its OpenAPI says.
//
// The built-in schemas are made by .ci/schemas from what Kubernetes publishes (see
// NOTICE and schemas.sum) and are unpacked when the first object is looked at;
// each structure is read when something refers to it.
package schema

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"math/bits"
	"strconv"
	"strings"
	"sync"
)

//go:embed schemas.txt.gz
var packed []byte

// mask says in which minors something is: bit i stands for the i-th.
type mask uint16

// catalogue is the built-in schemas. Its text is described in .ci/schemas.
type catalogue struct {
	minors      []int
	kinds       map[kindName]served
	gone        map[kindName]gone
	blocks      map[string]block // of structures that may not be read yet
	definitions sync.Map         // name → *definition
}

type kindName struct{ apiVersion, kind string }

type served struct {
	in         mask
	definition string
	namespaced bool
}

type gone struct {
	removed     int
	replacement string // "apps/v1 Deployment", empty without one
}

type block struct {
	in   mask
	text string
}

// builtin unpacks the catalogue when something is first looked up.
var builtin = sync.OnceValue(func() *catalogue {
	c, err := decode(packed)
	if err != nil { // the test of the embedded file's sum keeps this from happening
		panic(err)
	}
	return c
})

// maxText is more than the schemas will ever take.
const maxText = 4 << 20

func unpack(packed []byte) (string, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return "", fmt.Errorf("unpacking the Kubernetes schemas: %w", err)
	}
	var text strings.Builder
	text.Grow(8 * len(packed))
	if _, err := io.Copy(&text, io.LimitReader(r, maxText)); err != nil {
		return "", fmt.Errorf("unpacking the Kubernetes schemas: %w", err)
	}
	return text.String(), nil
}

func decode(packed []byte) (*catalogue, error) {
	text, err := unpack(packed)
	if err != nil {
		return nil, err
	}
	c := &catalogue{kinds: map[kindName]served{}, gone: map[kindName]gone{}, blocks: map[string]block{}}
	all := mask(0)
	for text != "" && err == nil {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		words := strings.Split(line, " ")
		switch {
		case words[0] == "minors":
			for _, w := range words[1:] {
				minor, _ := strconv.Atoi(w)
				c.minors = append(c.minors, minor)
			}
			all = 1<<len(c.minors) - 1
		case words[0] == "K" && len(words) >= 5:
			s := served{in: all, definition: words[3], namespaced: words[4] == "n"}
			if len(words) > 5 {
				s.in, err = readMask(words[5][1:])
			}
			c.kinds[kindName{words[1], words[2]}] = s
		case words[0] == "G" && len(words) >= 4:
			g := gone{replacement: strings.Join(words[4:], " ")}
			g.removed, err = strconv.Atoi(words[3])
			c.gone[kindName{words[1], words[2]}] = g
		case words[0] == "D" && len(words) >= 2:
			b := block{in: all}
			if len(words) > 2 {
				b.in, err = readMask(words[2][1:])
			}
			b.text, text = fields(text)
			c.blocks[words[1]] = b
		default:
			err = fmt.Errorf("a line %q", line)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reading the Kubernetes schemas: %w", err)
	}
	return c, nil
}

// fields cuts a text before the next structure.
func fields(text string) (before, after string) {
	if strings.HasPrefix(text, "D ") {
		return "", text
	}
	if end := strings.Index(text, "\nD "); end >= 0 {
		return text[:end+1], text[end+1:]
	}
	return text, ""
}

func readMask(text string) (mask, error) {
	n, err := strconv.ParseUint(text, 16, 16)
	return mask(n), err
}

// first and last are the oldest and youngest minor of a mask.
func (c *catalogue) first(m mask) int { return c.minors[bits.TrailingZeros16(uint16(m))] }
func (c *catalogue) last(m mask) int  { return c.minors[bits.Len16(uint16(m))-1] }
