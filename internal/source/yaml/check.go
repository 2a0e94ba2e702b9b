package yaml

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// maxDepth is how deep values may nest: custom resource definitions, the deepest
// files that people write, come to some 60 levels.
const maxDepth = 200

// check finds what the parser lets through and a program would not take: keys
// that stand twice, and trees that only grow when aliases are followed.
func check(document *yaml.Node, maxNodes int) (line int, err error) {
	c := checker{sizes: map[*yaml.Node]int{}, limit: maxNodes}
	c.visit(document, 0)
	return c.line, c.err
}

type checker struct {
	sizes map[*yaml.Node]int // of anchored nodes; -1 while they are open
	limit int
	line  int
	err   error
}

func (c *checker) fail(line int, format string, args ...any) int {
	if c.err == nil {
		c.line, c.err = line, fmt.Errorf(format, args...)
	}
	return 0
}

// visit returns how many nodes n stands for.
func (c *checker) visit(n *yaml.Node, depth int) int {
	if c.err != nil {
		return 0
	}
	if depth > maxDepth {
		return c.fail(n.Line, "nests deeper than %d levels; flatten it", maxDepth)
	}
	if n.Kind == yaml.AliasNode {
		if size := c.sizes[n.Alias]; size >= 0 {
			return size
		}
		return c.fail(n.Line, "alias %q holds itself; write the value out", "*"+n.Value)
	}
	if n.Anchor != "" {
		c.sizes[n] = -1
	}
	size := 1
	for _, child := range n.Content {
		if size += c.visit(child, depth+1); size > c.limit {
			return c.fail(n.Line, "holds more than %d values once its aliases are followed; write them out or split it", c.limit)
		}
	}
	if n.Kind == yaml.MappingNode {
		c.duplicates(n)
	}
	if n.Anchor != "" {
		c.sizes[n] = size
	}
	return size
}

func (c *checker) duplicates(n *yaml.Node) {
	if len(n.Content) <= 16 { // nearly every mapping: no map needed
		for i := 0; i < len(n.Content); i += 2 {
			for j := 0; j < i; j += 2 {
				c.duplicate(n.Content[j], n.Content[i])
			}
		}
		return
	}
	seen := make(map[string]*yaml.Node, len(n.Content)/2)
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i]
		if first, ok := seen[key.Value]; ok {
			c.duplicate(first, key)
			continue
		}
		seen[key.Value] = key
	}
}

func (c *checker) duplicate(first, again *yaml.Node) {
	if first.Kind == yaml.ScalarNode && again.Kind == yaml.ScalarNode && first.Value == again.Value && again.Value != "<<" {
		c.fail(again.Line, "key %q stands twice, first on line %d; remove one", again.Value, first.Line)
	}
}
