# "make demo" and "make test" need Go and nothing else; see README.md.

# The product's module, the tests' module, and the modules that only pin tools.
CODE  := . e2e
TOOLS := tools tools/helm e2e/controlplane/etcd e2e/controlplane/kubernetes

GOLANGCI_LINT := go tool -modfile=$(CURDIR)/tools/go.mod golangci-lint
PACKAGES      := ./...
TEST_FLAGS    :=
FUZZ_TIME     := 20s

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build ./kubemirror
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o kubemirror .

.PHONY: demo
demo: ## Run it for real: a control plane, two replicas, a live table (DEMO_STAY=1 leaves it up)
	@cd e2e && go run ./demo

.PHONY: test
test: test-unit test-e2e ## Run all tests

.PHONY: test-unit
test-unit: ## Run the unit tests, with the race detector
	go test -race $(TEST_FLAGS) $(PACKAGES)

# -count=1: Go does not know that these tests depend on the product's sources.
# -p=1: one control plane at a time; what is timed is timed alone.
# -parallel=6: the tests of a package mostly wait, whatever the number of cores.
.PHONY: test-e2e
test-e2e: control-plane ## Run the end-to-end tests on a real API server
	cd e2e && go build ./... && go test -count=1 -p=1 -parallel=6 -timeout=30m $(TEST_FLAGS) $(PACKAGES)

# One target at a time: go test takes no more.
.PHONY: fuzz
fuzz: ## Fuzz the transformation rules, each target for FUZZ_TIME
	@set -e; targets=$$(go test ./transform -list '^Fuzz' | grep '^Fuzz'); for target in $$targets; do \
		go test ./transform -run xxx -fuzz "^$$target\$$" -fuzztime $(FUZZ_TIME) -fuzzminimizetime 10x; done

.PHONY: bench
bench: ## Measure against the raw limit (PEER=binary beside it, SCALE=1, RUNS=3; see e2e/bench)
	@cd e2e && go run ./bench

.PHONY: bench-short
bench-short: ## Fail if a count of requests is off; ratios are shown, not judged
	@cd e2e && SHORT=1 go run ./bench

.PHONY: control-plane
control-plane: ## Build the local control plane, if it is not built yet (minutes, once)
	@cd e2e && go run ./prepare

IMAGE   := ghcr.io/lukaszraczylo/kubemirror
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

.PHONY: docker-build
docker-build: ## Build the image for this machine
	docker build --build-arg VERSION=$(VERSION) -t $(IMAGE):$(VERSION) .

.PHONY: docker-push
docker-push: ## Build the image for amd64 and arm64, and push it
	docker buildx build --platform=linux/amd64,linux/arm64 --build-arg VERSION=$(VERSION) -t $(IMAGE):$(VERSION) --push .

.PHONY: manifests
manifests: control-plane ## Write manifests/ anew from the chart
	cd e2e && go test -count=1 ./install -run TestTheManifestsAreTheDefaultRenderingOfTheChart -update

.PHONY: chart-lint
chart-lint: ## Run helm's own checks of the chart
	go tool -modfile=tools/helm/go.mod helm lint --strict charts/kubemirror

.PHONY: lint
lint: ## Run go vet and the linters
	set -e; for module in $(CODE); do (cd $$module && go vet ./... && $(GOLANGCI_LINT) run ./...); done

.PHONY: fmt
fmt: ## Format all Go files
	set -e; for module in $(CODE); do (cd $$module && $(GOLANGCI_LINT) fmt ./...); done

.PHONY: fmt-check
fmt-check: ## Fail if a Go file is not formatted
	@files=$$(gofmt -l .) && if [ -n "$$files" ]; then echo "not formatted, run \"make fmt\":"; echo "$$files"; exit 1; fi

.PHONY: tidy
tidy: ## Tidy the go.mod of every module
	set -e; for module in $(CODE) $(TOOLS); do (cd $$module && go mod tidy); done

.PHONY: tidy-check
tidy-check: ## Fail if a go.mod is not tidy
	@set -e; for module in $(CODE) $(TOOLS); do (cd $$module && go mod tidy -diff) || { echo "$$module/go.mod is not tidy, run \"make tidy\""; exit 1; }; done

.PHONY: ci
ci: ## Run all that CI runs
	.ci/run

.PHONY: clean
clean: ## Remove what was built here
	rm -rf kubemirror bin dist
