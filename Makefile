# "make demo" and "make test" need Go and nothing else; see README.md.

# The product's module, the tests' module, and the modules that only pin tools.
CODE  := . e2e
TOOLS := tools tools/helm tools/actionlint tools/vulncheck e2e/controlplane/etcd e2e/controlplane/kubernetes
# Apart from them: to tidy these, Go fetches gigabytes, which CI has no use for.
LARGE_TOOLS := tools/prometheus tools/release

GOLANGCI_LINT := go tool -modfile=$(CURDIR)/tools/go.mod golangci-lint
ACTIONLINT    := go tool -modfile=tools/actionlint/go.mod actionlint
GOVULNCHECK   := go tool -modfile=$(CURDIR)/tools/vulncheck/go.mod govulncheck
HELM          := go tool -modfile=tools/helm/go.mod helm
GORELEASER    := go tool -modfile=tools/release/go.mod goreleaser
PACKAGES      := ./...
TEST_FLAGS    :=
FUZZ_EXECS    := 100000
SECONDS       := 600
SEED          := 1

# What is built says this of itself. A build of a commit without a tag before it has
# a version too: charts need one.
export VERSION := $(shell git describe --tags --match 'v[0-9]*' --dirty 2>/dev/null || echo v0.0.0-g$$(git describe --always --dirty 2>/dev/null || echo unknown))
export COMMIT  := $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
# As charts and images have it.
export TAG     := $(VERSION:v%=%)

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build ./kubemirror
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -X main.release=$(VERSION) -X main.revision=$(COMMIT)" -o kubemirror .

.PHONY: demo
demo: ## Run it for real: a control plane, two replicas, a live table (DEMO_STAY=1 leaves it up)
	@cd e2e && go run ./demo

.PHONY: test
test: test-unit test-e2e ## Run all tests

.PHONY: test-unit
test-unit: ## Run the unit tests, with the race detector
	go test -race $(TEST_FLAGS) $(PACKAGES)

.PHONY: test-race
test-race: test-unit ## The same

# -count=1: Go does not know that these tests depend on the product's sources.
# -p=1: one control plane at a time; what is timed is timed alone.
# -parallel=6: the tests of a package mostly wait, whatever the number of cores.
.PHONY: test-e2e
test-e2e: control-plane ## Run the end-to-end tests on a real API server
	cd e2e && go build ./... && go test -count=1 -p=1 -parallel=6 -timeout=30m $(TEST_FLAGS) $(PACKAGES)

# Every fault at every write takes half an hour; FAULTS has the names of some (e2e/faults),
# WRITE the numbers of some writes, STEP that of one step.
.PHONY: faults
faults: export FAULTS ?= all
faults: control-plane ## Kill, cut off or refuse kubemirror at each of its writes (FAULTS, WRITE, STEP choose)
	cd e2e && go test ./faults -count=1 -parallel=6 -timeout=3h -v -run TestI2WhateverBefallsAWrite

# One target at a time: go test takes no more. A number of executions, not a
# time: before Go 1.27, the end of the time can be told as a failure (go.dev/issue/75804).
.PHONY: fuzz
fuzz: ## Fuzz everything that parses users' text, each target FUZZ_EXECS times
	@set -e; for package in ./transform ./mirror; do for target in $$(go test $$package -list '^Fuzz' | grep '^Fuzz'); do \
		go test $$package -run xxx -fuzz "^$$target\$$" -fuzztime $(FUZZ_EXECS)x -fuzzminimizetime 10x; done; done

.PHONY: bench
bench: ## Measure against the raw limit (PEER=binary beside it, SCALE=1, RUNS=3; see e2e/bench)
	@cd e2e && go run ./bench

.PHONY: bench-short
bench-short: ## Fail if counts, bytes or memory are off; times are shown, not judged
	@cd e2e && SHORT=1 go run ./bench

.PHONY: cost
cost: control-plane ## Whether a text that somebody may write costs the API server much, in CPU time
	cd e2e && COST=1 go test ./install -count=1 -timeout=30m -v -run TestNoTextCostsTheAPIServerMuchCPU

.PHONY: chaos
chaos: control-plane ## Random histories with faults for SECONDS=600, from SEED=1 on; one that fails is made small
	cd e2e && CHAOS_SECONDS=$(SECONDS) CHAOS_SEED=$(SEED) go test ./tests -count=1 -run 'TestChaos$$' -timeout=0 -v

.PHONY: picture
picture: ## Take the picture of kubectl mirror tree -o html anew, docs/tree.png, in Chromium
	cd e2e && go test ./page -count=1 -run TestThePictureInTheREADMEIsThere -update

.PHONY: soak
soak: control-plane ## Load and faults for MINUTES=10, from SEED=n; a picture of what it cost
	@cd e2e && go run ./soak

.PHONY: control-plane
control-plane: ## Build the local control plane, if it is not built yet (minutes, once)
	@cd e2e && go run ./prepare

IMAGE      := ghcr.io/lukaszraczylo/kubemirror
IMAGE_TAGS := $(TAG)

# Built again from the same commit it is the same: files have the commit's time.
export SOURCE_DATE_EPOCH := $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
DOCKER_ARGS := --build-arg VERSION=$(VERSION) --build-arg COMMIT=$(COMMIT) $(IMAGE_TAGS:%=--tag=$(IMAGE):%)
BUILDX      := docker buildx build --platform=linux/amd64,linux/arm64 $(DOCKER_ARGS)

.PHONY: docker-build
docker-build: ## Build the image for this machine
	docker build $(DOCKER_ARGS) .

.PHONY: docker-push
docker-push: ## Build the image for amd64 and arm64, and push it (IMAGE, IMAGE_TAGS)
	mkdir -p bin
	$(BUILDX) --provenance=mode=max --sbom=true --metadata-file=bin/image.json --output=type=image,push=true,rewrite-timestamp=true .

# One name only: skopeo takes the layout's one image, and gives it the names that it is to have.
.PHONY: docker-layout
docker-layout: ## Build the same into bin/image, an OCI layout, to be pushed where nothing is built
	mkdir -p bin
	$(BUILDX) --provenance=mode=max --sbom=true --output=type=oci,tar=false,dest=bin/image,rewrite-timestamp=true .

.PHONY: chart-package
chart-package: ## Package the chart, with this version, into bin/chart
	rm -rf bin/chart
	$(HELM) package charts/kubemirror --version=$(TAG) --app-version=$(TAG) --destination=bin/chart

.PHONY: release
release: chart-package ## What the release workflow builds for a tag; it publishes nothing
	$(GORELEASER) release --clean --skip=publish

# Where there is a Docker, the image too, as an OCI layout. The first run builds
# goreleaser: about seven minutes on two cores.
.PHONY: release-dry
release-dry: chart-package ## Make all of a release that takes no credentials, in dist/, and check it
	$(GORELEASER) check
	$(GORELEASER) release --snapshot --clean
	cp bin/chart/*.tgz dist/
	@if docker buildx version >/dev/null 2>&1; then set -x; $(BUILDX) --provenance=false --output=type=oci,tar=false,dest=dist/image,rewrite-timestamp=true .; \
		else echo "There is no Docker with buildx here: the image is not built."; fi
	cd e2e && DIST=$(CURDIR)/dist go test -count=1 -v ./release

.PHONY: manifests
manifests: control-plane ## Write manifests/ anew from the chart
	cd e2e && go test -count=1 ./install -run 'TestTheManifests(AreTheDefaultRenderingOfTheChart|OfMonitoring)' -update

.PHONY: chart-lint
chart-lint: ## Run helm's own checks of the chart
	$(HELM) lint --strict charts/kubemirror

.PHONY: lint
lint: ## Run go vet and the linters
	$(ACTIONLINT) -shellcheck= -pyflakes=
	set -e; for module in $(CODE); do (cd $$module && go vet ./... && $(GOLANGCI_LINT) run ./...); done

# The database is a module too, so that this asks nobody but the Go module proxy. It changes
# by itself, so it is no part of what a change must pass: see .github/workflows/vulnerabilities.yaml.
.PHONY: vulncheck
vulncheck: ## Look for known vulnerabilities in what the program calls (Go's own, by its newest database)
	@set -e; db=$$(go mod download -json golang.org/x/vulndb@latest | sed -n 's/.*"Dir": "\(.*\)".*/\1/p'); \
		$(GOVULNCHECK) -db "file://$$db/data/osv" $(PACKAGES)

.PHONY: fmt
fmt: ## Format all Go files
	set -e; for module in $(CODE); do (cd $$module && $(GOLANGCI_LINT) fmt ./...); done

.PHONY: fmt-check
fmt-check: ## Fail if a Go file is not formatted
	@files=$$(gofmt -l .) && if [ -n "$$files" ]; then echo "not formatted, run \"make fmt\":"; echo "$$files"; exit 1; fi

.PHONY: tidy
tidy: ## Tidy the go.mod of every module
	set -e; for module in $(CODE) $(TOOLS) $(LARGE_TOOLS); do (cd $$module && go mod tidy); done

.PHONY: tidy-check
tidy-check: ## Fail if a go.mod is not tidy
	@set -e; for module in $(CODE) $(TOOLS); do (cd $$module && go mod tidy -diff) || { echo "$$module/go.mod is not tidy, run \"make tidy\""; exit 1; }; done

.PHONY: ci
ci: ## Run all that CI runs
	.ci/run

.PHONY: clean
clean: ## Remove what was built here
	rm -rf kubemirror bin dist
