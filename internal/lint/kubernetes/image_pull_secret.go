package kubernetes

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var imagePullSecret = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "SEC-4.l", Name: "image-pull-secret", Points: []string{"SEC-4"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "A pod whose images lie in a private registry says how it gets them",
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		if !demanding(p) || len(w.Pod.Get("imagePullSecrets").Items()) > 0 {
			return // a node may have the credentials, which no manifest shows
		}
		account, own := accountOf(w)
		known := w.Set.Find(w.Namespace, "", "ServiceAccount", account)
		if own && len(known) == 0 || slices.ContainsFunc(known, func(o *kubernetes.Object) bool { return len(o.Node.Get("imagePullSecrets").Items()) > 0 }) {
			return
		}
		var registries []string
		for _, c := range w.Containers() {
			image, ok := source.ParseImage(c.Node.Get("image").Text())
			if registry := private(image.Name); ok && registry != "" && len(registries) < maxNamed && !slices.Contains(registries, strconv.Quote(registry)) {
				registries = append(registries, strconv.Quote(registry))
			}
		}
		if len(registries) > 0 {
			p.Report(lint.Problem{
				At: podAt(w), Subject: w.Subject(), Path: w.Path() + ".imagePullSecrets",
				Message: fmt.Sprintf("nothing says how the node gets images from %s, which looks private; name a Secret in imagePullSecrets, unless the nodes have credentials of their own", list(registries)),
			})
		}
	}),
}

// public are registries that give images to anybody, or to the nodes of their
// cloud without a Secret.
var public = []string{
	"docker.io", "ghcr.io", "quay.io", "gcr.io", "registry.k8s.io", "k8s.gcr.io", "mcr.microsoft.com", "public.ecr.aws", "nvcr.io", "lscr.io", "registry.gitlab.com",
	"docker.elastic.co", "registry.access.redhat.com", "registry.redhat.io", "container-registry.oracle.com", "icr.io", "cgr.dev", "xpkg.upbound.io", "codeberg.org",
	"amazonaws.com", "pkg.dev", "azurecr.io", "localhost", "registry.suse.com", "registry.opensource.zalan.do", "docker.n8n.io", "docker.stackable.tech",
}

// private returns the registry of an image when it looks like one that asks who
// one is, "" otherwise.
func private(name string) string {
	host, rest, ok := strings.Cut(name, "/")
	if !ok || rest == "" || !strings.ContainsAny(host, ".:") {
		return "" // Docker Hub
	}
	domain, _, _ := strings.Cut(host, ":")
	for _, p := range public {
		if domain == p || strings.HasSuffix(domain, "."+p) {
			return ""
		}
	}
	return host
}
