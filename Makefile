# Building and testing need Go alone; lint's buf and generate need npm too.
# `make` lists what there is.

GO       ?= go
TOOL      = $(GO) tool -modfile=tools/go.mod
BUF       = tools/node_modules/.bin/buf
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)

PKGS      ?= ./...
RACEPKGS  ?= $(PKGS)
BENCH     ?= .
BENCHTIME ?= 1s
BENCHPKGS ?= ./store/...
FUZZTIME  ?= 10s
# Of the runs in simulated time.
SEEDS     ?= 200
FIRST     ?= 1
# Of the ensembles of real processes.
KILLS     ?= 20
NODES     ?= 0
CHAOSTIME ?= 300
LOAD ?= 1000000
# Of the scripts by chance against ZooKeeper.
COMPAT    ?= 20000
# What the proto files must stay compatible with: the newest release, else what has landed.
AGAINST   ?=

.DEFAULT_GOAL := help
.PHONY: help build test race cover lint vet checkformat format staticcheck rules protolint breaking generate checkgenerate sim compat bench failover syncspeed chaos load fuzz examples clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  Variables: PKGS RACEPKGS BENCH BENCHTIME BENCHPKGS FUZZTIME SEEDS FIRST KILLS NODES CHAOSTIME COMPAT AGAINST VERSION"

build: ## build bin/quorate, static, its version stamped
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/quorate \
		-ldflags '-s -w -X github.com/quorate/quorate/internal/version.stamped=$(VERSION)' ./cmd/quorate

test: ## run all tests
	$(GO) test $(PKGS)

race: ## run the tests under the race detector (needs a C compiler); RACEPKGS=./store/...
	CGO_ENABLED=1 $(GO) test -race $(RACEPKGS)

cover: ## print the coverage of each package; bin/cover.html shows the lines
	@mkdir -p bin
	$(GO) test -coverprofile=bin/cover.out $(PKGS)
	$(GO) tool cover -html=bin/cover.out -o bin/cover.html

lint: vet checkformat staticcheck rules protolint breaking ## run every check: vet checkformat staticcheck rules protolint breaking

vet: ## go vet
	$(GO) vet $(PKGS)

checkformat: ## fail if gofumpt would change a file
	@out=$$($(TOOL) gofumpt -l .) || exit 1; \
	[ -z "$$out" ] || { echo "not formatted (make format does it):"; echo "$$out"; exit 1; }

format: ## gofumpt: format all files
	$(TOOL) gofumpt -l -w .

staticcheck: ## staticcheck
	$(TOOL) staticcheck $(PKGS)

rules: ## the rules of the house (internal/lint)
	$(GO) test ./internal/lint

protolint: $(BUF) ## buf lint
	$(BUF) lint

breaking: $(BUF) ## buf breaking: hold the proto files against AGAINST
	BUF=$(BUF) tools/breaking $(AGAINST)

generate: $(BUF) ## regenerate gen/ and docs/api.md from proto/, and the tables of docs/configuration.md
	$(BUF) generate
	BUF=$(BUF) tools/apidoc > docs/api.md
	$(GO) run ./internal/configdoc docs/configuration.md

checkgenerate: $(BUF) ## fail if gen/, docs/api.md or docs/configuration.md is not as generated; changes nothing
	BUF=$(BUF) tools/checkgenerate

sim: ## do SEEDS random runs in simulated time, from the seed FIRST on
	$(GO) run ./cmd/quorate sim --seeds $(SEEDS) --first $(FIRST)

compat: ## hold Quorate against an installed ZooKeeper, by COMPAT scripts by chance from the seed FIRST on; needs java
	QUORATE_TEST_COMPAT=$(COMPAT) QUORATE_TEST_FIRST=$(FIRST) $(GO) test -count 1 -v -timeout 120m ./internal/compat -run '^Test(ByChance|DifferencesZooKeeper|RecordedZooKeeper)$$'

bench: ## run the benchmarks; BENCH=regexp BENCHTIME=1s BENCHPKGS=./store/...
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -benchmem -timeout 60m $(BENCHPKGS)

# Figures of a machine that has nothing else to do; TMPDIR says on which disk.
PROCESSES = $(GO) test -count 1 -v -timeout 60m ./internal/process

failover: ## kill the leader KILLS times, NODES nodes in the tree: how long nobody can write
	QUORATE_TEST_KILLS=$(KILLS) QUORATE_TEST_NODES=$(NODES) $(PROCESSES) -run '^TestFailover$$'

syncspeed: ## a wiped follower's way back, 1,000,000 nodes in the tree, and that over 100,000 txns
	QUORATE_TEST_SYNC_NODES=1000000 $(PROCESSES) -run '^TestSyncSpeed$$'

chaos: ## kill and stop servers at random for CHAOSTIME seconds, and hold them to all they have acknowledged
	QUORATE_TEST_SECONDS=$(CHAOSTIME) $(PROCESSES) -run '^TestChaos$$'

load: ## LOAD creations and as many mixed requests of ZooKeeper's clients on three servers, and 19,000 idle connections
	QUORATE_TEST_LOAD=$(LOAD) QUORATE_TEST_CONNECTIONS=19000 $(PROCESSES) -run '^TestZooKeeper(Load|IdleConnections)$$'

fuzz: ## run each fuzz target for FUZZTIME
	GO=$(GO) tools/fuzz $(FUZZTIME)

examples: examples/observer-node/node_modules ## run the examples in JavaScript; needs node and npm
	$(GO) test ./internal/process -run Examples -count 1 -examples

clean: ## remove what the targets made: bin/ and node_modules/
	rm -rf bin tools/node_modules examples/observer-node/node_modules

# buf, at the version of the lock file. `npm ci` would refuse the lock: the packages of some
# platforms are not in it. --no-save takes the versions and checksums that are, and changes nothing.
$(BUF): tools/package.json tools/package-lock.json
	npm install --prefix tools --no-save --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

examples/observer-node/node_modules: examples/observer-node/package.json examples/observer-node/package-lock.json
	npm install --prefix examples/observer-node --no-save --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
