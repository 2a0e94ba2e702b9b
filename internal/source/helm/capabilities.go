package helm

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"helm.sh/helm/v4/pkg/chart/common"
	"k8s.io/client-go/kubernetes/scheme"
)

// capabilities are those of a cluster of a minor version ("1.37"): it serves what
// is stable. Helm's own default lists every version that its client knows, so that
// charts fall back to APIs that were removed years ago.
func capabilities(version string) *common.Capabilities {
	c := common.DefaultCapabilities.Copy()
	if parsed, err := common.ParseKubeVersion("v" + version + ".0"); err == nil {
		c.KubeVersion = *parsed
	}
	c.APIVersions = stable()
	return c
}

// stable lists the stable versions of APIs and, as clusters do, the kinds in them.
var stable = sync.OnceValue(func() common.VersionSet {
	all := map[string]bool{"apiextensions.k8s.io/v1": true, "apiregistration.k8s.io/v1": true, "apiextensions.k8s.io/v1/CustomResourceDefinition": true}
	for gvk := range scheme.Scheme.AllKnownTypes() {
		if gvk.Version == "" || strings.ContainsAny(strings.TrimPrefix(gvk.Version, "v"), "abcdefghijklmnopqrstuvwxyz_") {
			continue
		}
		all[gvk.GroupVersion().String()] = true
		all[gvk.GroupVersion().String()+"/"+gvk.Kind] = true
	}
	return slices.Sorted(maps.Keys(all))
})
