package stack_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/lint"
)

// workload is a Deployment of one container.
func workload(name, image string, more ...string) string {
	return "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: " + name + " }\nspec:\n  template:\n    metadata: { labels: { app: " + name + " } }\n    spec:\n      containers:\n        - name: " + name + "\n          image: " + image + "\n" + strings.Join(more, "") + "---\n"
}

const dockerfileText = "FROM alpine:3.22 AS build\nFROM alpine:3.22 AS run\nUSER 1000\nCMD [\"/app\"]\n"

func TestBindings(t *testing.T) {
	for name, c := range map[string]struct {
		files string
		opts  lint.Options
		want  string
	}{
		"the same reference, whatever its tag and host": {
			"-- Dockerfile --\n" + dockerfileText + "-- compose.yaml --\nservices:\n  app: { build: ., image: \"docker.io/acme/shop:dev\" }\n-- k.yaml --\n" + workload("web", "acme/shop:1.2@sha256:"+strings.Repeat("a", 64)),
			lint.Options{},
			"Deployment/web/web | Dockerfile#run | compose.yaml#app | the same image reference\n",
		},
		"a stage for development is not what ships": {
			"-- Dockerfile --\n" + dockerfileText + "FROM run AS dev\nFROM run\nUSER 2\n-- compose.yaml --\nservices:\n  app: { build: { context: ., target: dev }, image: acme/shop }\n-- k.yaml --\n" + workload("web", "acme/shop:1"),
			lint.Options{},
			"Deployment/web/web | Dockerfile#3 | compose.yaml#app | the same image reference\n",
		},
		"one Dockerfile, a stage for each": {
			"-- Dockerfile --\n" + dockerfileText + "FROM run AS worker\n-- compose.yaml --\nservices:\n  web: { build: { context: ., target: run }, image: acme/web }\n  jobs: { build: { context: ., target: worker }, image: acme/jobs }\n-- k.yaml --\n" + workload("web", "acme/web:1") + workload("jobs", "acme/jobs:1"),
			lint.Options{},
			"Deployment/web/web | Dockerfile#run | compose.yaml#web | the same image reference\nDeployment/jobs/jobs | Dockerfile#worker | compose.yaml#jobs | the same image reference\n",
		},
		"names of directories, one prefix": {
			"-- vote/Dockerfile --\n" + dockerfileText + "-- result/Dockerfile --\n" + dockerfileText + "-- k.yaml --\n" + workload("vote", "samples/voting_vote") + workload("result", "samples/voting_result") + workload("db", "postgres:15"),
			lint.Options{},
			"Deployment/vote/vote | vote/Dockerfile#run |  | a name that only they share\nDeployment/result/result | result/Dockerfile#run |  | a name that only they share\nDeployment/db/db |  |  | \n",
		},
		"a name in two registries is one": {
			"-- src/cart/Dockerfile --\n" + dockerfileText + "-- src/pay/Dockerfile --\n" + dockerfileText + "-- k.yaml --\n" + workload("cart", "cart") + "-- release.yaml --\n" + workload("cart", "eu.gcr.io/acme/cart:1"),
			lint.Options{},
			"Deployment/cart/cart | src/cart/Dockerfile#run |  | a name that only they share\nDeployment/cart/cart | src/cart/Dockerfile#run |  | a name that only they share\n",
		},
		"what could be two is neither": {
			"-- a/api/Dockerfile --\n" + dockerfileText + "-- b/api/Dockerfile --\n" + dockerfileText + "-- k.yaml --\n" + workload("api", "acme/api:1"),
			lint.Options{},
			"Deployment/api/api |  |  | ? a/api/Dockerfile, b/api/Dockerfile\n",
		},
		"the configuration decides": {
			"-- a/api/Dockerfile --\n" + dockerfileText + "-- b/api/Dockerfile --\n" + dockerfileText + "-- compose.yaml --\nservices:\n  backend: { image: x }\n-- k.yaml --\n" + workload("api", "acme/api:1"),
			lint.Options{Images: []lint.Image{{Context: "b/api", Target: "build", Compose: "backend", Kubernetes: "Deployment/api"}}},
			"Deployment/api/api | b/api/Dockerfile#build | compose.yaml#backend | images in the configuration\n",
		},
		"tags in the configuration": {
			"-- a/Dockerfile --\n" + dockerfileText + "-- b/Dockerfile --\n" + dockerfileText + "-- k.yaml --\n" + workload("api", "registry.example.com:5000/api:1"),
			lint.Options{Images: []lint.Image{{File: "b/Dockerfile", Tags: []string{"registry.example.com:5000/api"}}}},
			"Deployment/api/api | b/Dockerfile#run |  | images in the configuration\n",
		},
		"the image of this run": {
			"-- a/Dockerfile --\n" + dockerfileText + "-- b/Dockerfile --\n" + dockerfileText + "-- k.yaml --\n" + workload("api", "registry.example.com/api:1"),
			lint.Options{Dockerfile: "a/Dockerfile", Built: true, Tags: []string{"registry.example.com/api:2"}},
			"Deployment/api/api | a/Dockerfile#run |  | the image of this run\n",
		},
		"nothing else is left": {
			"-- Dockerfile --\n" + dockerfileText + "-- k.yaml --\n" + workload("api", "acme/thing:1") + workload("db", "mongo:8"),
			lint.Options{},
			"Deployment/api/api | Dockerfile#run |  | nothing else is left\nDeployment/db/db |  |  | \n",
		},
		"what others publish is not ours": {
			"-- Dockerfile --\n" + dockerfileText + "-- k.yaml --\n" + workload("g", "grafana/grafana:12") + workload("p", "registry.k8s.io/pause:3"),
			lint.Options{},
			"Deployment/g/g |  |  | \nDeployment/p/p |  |  | \n",
		},
		"two are left": {
			"-- Dockerfile --\n" + dockerfileText + "-- k.yaml --\n" + workload("a", "acme/one:1") + workload("b", "acme/two:1"),
			lint.Options{},
			"Deployment/a/a |  |  | \nDeployment/b/b |  |  | \n",
		},
		"a Dockerfile for development": {
			"-- web/Dockerfile.dev --\n" + dockerfileText + "-- web/Dockerfile --\n" + dockerfileText + "-- k.yaml --\n" + workload("web", "acme/web:1"),
			lint.Options{},
			"Deployment/web/web | web/Dockerfile#run |  | a name that only they share\n",
		},
		"one repository for several images": {
			"-- a/Dockerfile --\n" + dockerfileText + "-- b/Dockerfile --\n" + dockerfileText + "-- compose.yaml --\nservices:\n  a: { build: ./a, image: \"acme/all:a\" }\n  b: { build: ./b, image: \"acme/all:b\" }\n-- k.yaml --\n" + workload("b", "acme/all:b") + workload("c", "acme/all:c"),
			lint.Options{},
			"Deployment/b/b | b/Dockerfile#run | compose.yaml#b | the same image reference\nDeployment/c/c |  |  | ? a/Dockerfile, b/Dockerfile\n | a/Dockerfile#run | compose.yaml#a | the service's build section\n",
		},
		"a placeholder": {
			"-- Dockerfile --\n" + dockerfileText + "-- k.yaml --\n" + workload("web", "${IMAGE}"),
			lint.Options{},
			"Deployment/web/web |  |  | \n",
		},
		"the name tells which of two services": {
			"-- Dockerfile --\n" + dockerfileText + "-- compose.yaml --\nservices:\n  web: { build: ., image: acme/shop }\n  jobs: { image: acme/shop, command: [jobs] }\n-- k.yaml --\n" + workload("jobs", "acme/shop:1") + workload("other", "acme/shop:1"),
			lint.Options{},
			"Deployment/jobs/jobs | Dockerfile#run | compose.yaml#jobs | the same image reference\nDeployment/other/other | Dockerfile#run |  | the same image reference\n | Dockerfile#run | compose.yaml#web | the service's build section\n",
		},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			if diff := cmp.Diff(c.want, rows(t, c.files, c.opts)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
