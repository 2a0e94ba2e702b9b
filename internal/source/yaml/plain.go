package yaml

import "go.yaml.in/yaml/v3"

// Plain says that a scalar stands without quotes and not as a block: versions of
// YAML differ in what some of these mean.
func (n Node) Plain() bool {
	y := n.value()
	const quoted = yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle | yaml.TaggedStyle
	return y != nil && y.Kind == yaml.ScalarNode && y.Style&quoted == 0
}
