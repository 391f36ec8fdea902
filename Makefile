# Targets for people; .ci/run is what a change must pass.

GOLANGCI = github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
FUZZTIME = 30s

.PHONY: build check test race lint fuzz e2e bench sizes docs

build: ## the binary, ./weir
	CGO_ENABLED=0 go build -trimpath -o weir ./cmd/weir

check: ## all that needs no network: format, vet, rules of the tree, tests, race
	@bad=$$(gofmt -l .); test -z "$$bad" || { echo "not gofmt'd: $$bad"; exit 1; }
	go vet ./...
	go test ./...
	go test -race ./...

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

bench: ## Go benchmarks, on a clean tree only, headed by what they ran on
	@test -z "$$(git status --porcelain)" || { echo "the tree is dirty: commit first, so that the numbers have a commit"; exit 1; }
	@echo "commit $$(git rev-parse --short HEAD), $$(go version), $$(uname -sr), $$(nproc) x $$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1)"
	go test -run='^$$' -bench=. -benchmem ./...

sizes: ## bytes of the structs that there is one of per connection
	@go test -count=1 -v -run=Sizes ./codec/... ./engine/... ./pool | grep bytes

docs: ## the phase table in ARCHITECTURE.md, and a check of all links
	go test ./engine/session -run=Architecture -update
	go test -count=1 -run=Documents .
