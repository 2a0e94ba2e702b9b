package custom

import (
	"testing"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/yaml"
)

// Whatever expression is asked of whatever object ends soon, and is true, false or unknown.
func FuzzExpression(f *testing.F) {
	const object = "apiVersion: v1\nkind: Pod\nmetadata: &m { name: a, labels: { a.b/c: d } }\nspec: { n: 1, f: .5, b: true, x: null, d: 2026-01-01, l: [1, a, [b]], m: { <<: *m } }\n"
	for _, expression := range []string{
		"true", "value", "object.spec.n > 0", "object.spec.l.exists(x, x == 'a')", "has(object.spec.y)", "object.?spec.?y.orValue(1) == 1",
		"value.matches('^a+$')", "value.split('.')[0].trim().lowerAscii() == 'a'", "object == object", "[object].map(a, [a, a]).map(b, [b, b])[0] == []",
		"timestamp(object.spec.d) < timestamp('2027-01-01T00:00:00Z')", "object.spec.n / 0 == 1", "int(object.metadata.name) == 1", "{object: 1}[object] == 1",
		"'a'.matches(object.metadata.name)", "string(bytes(value)) + value == ''", "size(object) in [1, 2.0, 3u]", "object.spec.all(k, v, k == v)", "[1", "a.b.c()", "-9223372036854775808 - 1 == 0",
	} {
		f.Add(expression, "spec.l[*]", object)
	}
	f.Add("value == null", "metadata.labels['a.b/c'].x[0]", object)
	f.Add("key == 'name'", "spec.m[*]", object)
	c, err := newCompiler()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, expression, at, text string) {
		entry := config.CustomRule{ID: "ACME-1", Severity: "low", On: config.OnKubernetes, Expression: expression, Message: "a"}
		if at != "" {
			entry.At = []string{at}
		}
		r, err := c.rule(entry)
		if err != nil {
			return
		}
		src, err := source.NewFile("a.yaml", []byte(text))
		if err != nil {
			return
		}
		parsed, _ := yaml.Parse(src, 10_000)
		if parsed == nil {
			return
		}
		began := time.Now()
		for _, document := range parsed.Documents {
			root := yamlNode{value: document}
			a := &artefact{root: root}
			object, err := a.plain()
			if err != nil {
				continue
			}
			places := []place{{node: root, near: root}}
			for _, steps := range r.steps {
				places = follow(root, steps)
			}
			for _, p := range places[:min(len(places), 20)] {
				var value any
				if p.node != nil {
					budget := maxValues
					if value, err = p.node.plain(&budget); err != nil {
						continue
					}
				}
				p.near.at()
				if _, _, err := r.program.ContextEval(t.Context(), map[string]any{"object": object, "value": value, "key": p.key, "name": "a", "path": "a.yaml"}); err != nil {
					_ = r.cause(err)
				}
			}
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("took %s", took)
		}
	})
}
