package custom

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// step is one part of a path: a key, the number of an item, or all of them.
type step struct {
	key  string
	item int // -1 for a key
	each bool
}

// maxPath bounds a path.
const maxPath = 40

// parsePath reads "spec.containers[*].image", "stages[0]" or
// "metadata.labels['app.kubernetes.io/name']".
func parsePath(text string) ([]step, error) {
	var steps []step
	for rest := text; rest != ""; {
		if len(steps) == maxPath {
			return nil, fmt.Errorf("at: %q has more than %d parts", text, maxPath)
		}
		var s step
		var err error
		if strings.HasPrefix(rest, "[") {
			s, rest, err = inBrackets(rest)
		} else {
			s.item = -1
			end := strings.IndexAny(rest, ".[")
			if end < 0 {
				end = len(rest)
			}
			s.key, rest = rest[:end], rest[end:]
			if s.key == "" || strings.ContainsAny(s.key, " \t\"'`]()*") {
				err = errors.New("write keys with dots between, ['other keys'] in brackets, and [*] or a number for items")
			}
		}
		if err == nil && strings.HasPrefix(rest, ".") {
			if rest = rest[1:]; rest == "" || rest[0] == '[' {
				err = errors.New("a key belongs behind the dot")
			}
		} else if err == nil && rest != "" && rest[0] != '[' {
			err = errors.New("a dot belongs behind the bracket")
		}
		if err != nil {
			return nil, fmt.Errorf("at: %q is no path: %w", text, err)
		}
		steps = append(steps, s)
	}
	if len(steps) == 0 {
		return nil, errors.New("at: a path is empty; leave at out for the object itself")
	}
	return steps, nil
}

func inBrackets(text string) (s step, rest string, err error) {
	if quote := text[1:min(2, len(text))]; quote == "'" || quote == `"` {
		end := strings.Index(text[2:], quote+"]")
		if end < 0 {
			return s, "", errors.New("a quote or bracket is not closed")
		}
		return step{key: text[2 : 2+end], item: -1}, text[2+end+2:], nil
	}
	inside, rest, ok := strings.Cut(text[1:], "]")
	if !ok {
		return s, "", errors.New("a bracket is not closed")
	}
	if inside == "*" {
		return step{each: true, item: -1}, rest, nil
	}
	n, err := strconv.Atoi(inside)
	if err != nil || n < 0 {
		return s, "", fmt.Errorf("%q is neither * nor a number nor a key in quotes", inside)
	}
	return step{item: n}, rest, nil
}

// place is where a path leads in one object.
type place struct {
	// node is nil where there is nothing: near is then the nearest that there is.
	node, near node
	// below says that near is not the object itself.
	below bool
	// key is the last key, or the number of the item; nil for the object itself.
	key any
	// path names the place: items by their names, where they have one.
	path string
}

// follow finds the places that a path leads to. A key that is not there is a place
// without a value; of what is not there, [*] finds nothing.
func follow(root node, steps []step) []place {
	places := []place{{node: root, near: root}}
	for _, s := range steps {
		var next []place
		for _, p := range places {
			switch {
			case s.each && p.node != nil:
				for _, c := range p.node.children() {
					next = append(next, p.step(c.key, c.node))
				}
			case s.each:
			case s.item >= 0:
				var item node
				if p.node != nil {
					item = p.node.item(s.item)
				}
				next = append(next, p.step(int64(s.item), item))
			default:
				var value node
				if p.node != nil {
					value = p.node.get(s.key)
				}
				next = append(next, p.step(s.key, value))
			}
		}
		places = next
	}
	return places
}

func (p place) step(key any, n node) place {
	next := place{node: n, near: p.near, below: p.below, key: key, path: p.path}
	if n != nil {
		next.near, next.below = n, true
	}
	switch key := key.(type) {
	case int64:
		name := strconv.FormatInt(key, 10)
		if n != nil {
			if named := n.get("name"); named != nil && named.text() != "" {
				name = named.text()
			}
		}
		next.path += "[" + name + "]"
	case string:
		if p.path != "" {
			next.path += "."
		}
		next.path += key
	}
	return next
}
