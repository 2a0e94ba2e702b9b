# Two targets are promises: demo and test. Both do all their own set-up on a
# fresh Debian or Ubuntu machine with Go.

# Trivy's packages import encoding/json/v2, which Go 1.26 hides behind this.
export GOEXPERIMENT := jsonv2
export CGO_ENABLED  := 0

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
TOOLS   := $(CURDIR)/.tools

# The rooms that need neither Trivy, cosign nor BuildKit's daemon: seconds to build and test.
HEAVY := /internal/(build/(buildkit|doors|engine)|cache/gha|scan/trivy|sign/sigstore|source/(helm|kustomize)|demo)
LIGHT  = $(shell go list ./internal/... | grep -vE '$(HEAVY)')

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: demo
demo: runtime bin/plimsoll ## build, lint, scan, judge, push, sign and verify a good ship; refuse a bad one
	go run -buildvcs=false ./internal/demo -plimsoll bin/plimsoll -out out

.PHONY: test
test: runtime ## run all tests
	go test ./...

.PHONY: quick
quick: ## test the light rooms, in seconds
	go test -short $(LIGHT)

.PHONY: build lite
build: bin/plimsoll ## the program
lite: ## the program without builder, scanner and signer; needs no GOEXPERIMENT
	GOEXPERIMENT= go build -tags lite -buildvcs=false -trimpath -ldflags '$(LDFLAGS)' -o bin/plimsoll-lite .

.PHONY: bin/plimsoll
bin/plimsoll:
	@echo 'building bin/plimsoll (the first time takes some minutes)'
	go build -buildvcs=false -ldflags '$(LDFLAGS)' -o $@ .

.PHONY: runtime
runtime: # RUN instructions need an OCI runtime
	@command -v runc >/dev/null || .ci/install-runtime # an old crun will not do

.PHONY: generate
generate: ## rewrite every generated page and golden file
	go test . ./internal/config ./internal/finding ./internal/lint/all ./internal/lint/peers ./internal/report ./internal/report/markdown ./internal/report/text -update
	go test ./internal/cli -run "Pages|Workflows|Scripts|ActionPage" -update

.PHONY: schemas
schemas: ## rewrite the embedded schemas of Kubernetes, after naming versions in .ci/schemas
	cd .ci/schemas && GOEXPERIMENT= go run .

.PHONY: lint
lint: tools ## formatters, linters, vet for every system
	$(TOOLS)/golangci-lint run ./...
	GOEXPERIMENT= GOOS=darwin  go vet -tags lite ./ $(LIGHT)
	GOEXPERIMENT= GOOS=windows go vet -tags lite ./ $(LIGHT)
	GOOS=darwin  go vet ./...
	GOOS=windows go vet ./...

.PHONY: workflows
workflows: $(TOOLS)/actionlint ## the workflows, ours and the examples
	$(TOOLS)/actionlint .github/workflows/*.yml docs/workflows/*.yml

.PHONY: vulncheck
vulncheck: tools ## known holes in what we link
	.ci/vulncheck $(TOOLS)/govulncheck

.PHONY: bench
bench: ## benchmarks; docs/benchmarks.md says how to read them
	go test -run '^$$' -bench . -benchmem ./internal/...

.PHONY: cosign interop
cosign: $(TOOLS)/cosign
interop: $(TOOLS)/cosign ## the cosign command verifies what we sign
	PLIMSOLL_COSIGN=$(TOOLS)/cosign go test -count 1 -run Cosign ./internal/sign/sigstore

.PHONY: buildkitd peers
buildkitd: $(TOOLS)/buildkitd
peers: $(TOOLS)/buildkitd ## our doors against a real buildkitd
	PLIMSOLL_BUILDKITD=$(TOOLS)/buildkitd go test -count 1 ./internal/build/buildkit/...

.PHONY: tools
tools: $(TOOLS)/.built
$(TOOLS)/.built: .ci/tools/go.mod
	cd .ci/tools && GOEXPERIMENT= go build -o $(TOOLS)/ tool
	@touch $@

$(TOOLS)/cosign: .ci/cosign/go.mod
	cd .ci/cosign && GOEXPERIMENT= go build -o $@ tool

$(TOOLS)/buildkitd: .ci/buildkitd/go.mod
	cd .ci/buildkitd && GOEXPERIMENT= go build -o $@ tool

$(TOOLS)/actionlint: .ci/actionlint/go.mod
	cd .ci/actionlint && GOEXPERIMENT= go build -o $@ tool

.PHONY: clean
clean: ## remove what was built
	rm -rf bin out .tools
