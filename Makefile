# Targets for people; .ci/run is what a change must pass.

GOLANGCI = github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
FUZZTIME = 30s

.PHONY: build check test race lint fuzz e2e bench bench-quick micro sizes docs

build: ## the binary, ./weir
	CGO_ENABLED=0 go build -trimpath -o weir ./cmd/weir

check: ## all that needs no network: format, vet, rules of the tree, tests, race
	@bad=$$(gofmt -l .); test -z "$$bad" || { echo "not gofmt'd: $$bad"; exit 1; }
	go vet ./...
	go test ./...
	go test -race ./...
	cd bench/comparison && go vet ./... && go test -race ./...

test: ## every test
	go test ./...

race: ## every test under the race detector
	go test -race ./...

lint: ## golangci-lint; the first run builds it, which takes minutes
	go run $(GOLANGCI) run ./...

fuzz: ## every fuzz target, FUZZTIME each, one after the other
	@go test -list '^Fuzz' ./... | awk '/^Fuzz/ {name[n++] = $$1} /^ok/ {for (i = 0; i < n; i++) print $$2, name[i]; n = 0}' | \
	while read -r package target; do \
		echo "== $$package $$target"; \
		go test -run='^$$' -fuzz="^$$target\$$" -fuzztime=$(FUZZTIME) $$package </dev/null || exit 1; \
	done

e2e: ## real sockets and real peers only
	go test -count=1 ./engine/e2e/

bench: ## weir against its peers, 50 minutes, into BENCHMARKS.md; on a clean tree only, so that the numbers have a commit
	@test -z "$$(git status --porcelain)" || { echo "the tree is dirty: commit first, so that the numbers have a commit"; exit 1; }
	bench/compare --out bench/results.json --write

bench-quick: ## a minute: fails on an allocation on a hot path, or more than 1 KiB a tunnel; never on a time
	bench/compare --quick

micro: ## Go benchmarks: parsers, routes, timers, buffers, and other implementations of the same
	go test -run='^$$' -bench=. -benchmem ./...
	cd bench/comparison && go test -run='^$$' -bench=. -benchmem ./micro

sizes: ## bytes of the structs that there is one of per connection
	@go test -count=1 -v -run=Sizes ./codec/... ./engine/... ./pool | grep bytes

docs: ## the phase table in ARCHITECTURE.md, and a check of all links
	go test ./engine/session -run=Architecture -update
	go test -count=1 -run=Documents .
