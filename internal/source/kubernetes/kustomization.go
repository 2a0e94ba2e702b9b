package kubernetes

import (
	"path"

	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/yaml"
)

// Bases returns the names in the tree that a kustomization builds on (a directory
// is that of another one) and whether it is a component, which is nothing by itself.
func Bases(src *source.File) (names []string, component bool) {
	parsed, _ := yaml.Parse(src, maxNodes)
	if parsed == nil || len(parsed.Documents) == 0 {
		return nil, false
	}
	k := parsed.Documents[0]
	for _, key := range []string{"resources", "bases", "components", "generators", "transformers", "validators"} {
		for _, item := range k.Get(key).Items() {
			if name, ok := source.Clean(path.Dir(src.Path), item.Text()); ok {
				names = append(names, name)
			}
		}
	}
	return names, k.Get("kind").Text() == "Component"
}
