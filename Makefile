# `make help` lists the targets.
# Twelve digits, so that a commit is not called by another name where a clone holds more or less.
ifndef VERSION
VERSION := $(shell git describe --tags --always --dirty --abbrev=12 2>/dev/null || echo dev)
endif
ifndef COMMIT
COMMIT := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
endif
# Recipes take them from the environment, where neither make nor a shell reads them: what a tag is called can be a command.
build dist: export VERSION := $(value VERSION)
build dist: export COMMIT := $(value COMMIT)
PREFIX ?= $(HOME)/.local

PLUGINS := proxyver reinject canary
PACKAGE := github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin
LDFLAGS := -s -w -X $(PACKAGE).version=$$VERSION -X $(PACKAGE).commit=$$COMMIT

# The race detector needs cgo and a C compiler that works; without them the tests run all the same, and say so.
RACE = $(shell [ "$$(go env CGO_ENABLED)" = 1 ] && echo 'int main(void) { return 0; }' | $$(go env CC) -x c -o /dev/null - 2>/dev/null && echo -race)

TESTFLAGS ?=

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# As in a release, without cgo: with it, the linker keeps a third more.
.PHONY: build
build: ## Build the plugins and the lab's program into bin/
	@for p in $(PLUGINS); do \
		CGO_ENABLED=0 go build -trimpath -ldflags "$(LDFLAGS)" -o bin/kubectl-mesh_$$p ./plugins/kubectl-mesh-$$p || exit 1; \
		ln -sf kubectl-mesh_$$p bin/kubectl-mesh-$$p || exit 1; \
	done
	@cd test && go build -trimpath -o ../bin/lab ./lab

.PHONY: install
install: build ## Put the plugins, in both spellings, and their completion into PREFIX/bin (default ~/.local)
	@mkdir -p '$(PREFIX)/bin'
	@for p in $(PLUGINS); do \
		install -m 755 bin/kubectl-mesh_$$p '$(PREFIX)/bin/' && \
		ln -sf kubectl-mesh_$$p "$(PREFIX)/bin/kubectl-mesh-$$p" && \
		PATH='$(PREFIX)/bin':"$$PATH" '$(PREFIX)'/bin/kubectl-mesh_$$p completion --install --dir '$(PREFIX)/bin' || exit 1; \
	done
	@case ":$$PATH:" in *":$(PREFIX)/bin:"*) ;; *) echo 'Add $(PREFIX)/bin to PATH, so that kubectl finds the plugins.';; esac

.PHONY: dist
dist: ## Make a release into dist/: archives for every platform, checksums, manifests for krew
	@go run ./plugins/internal/dist -version "$$VERSION" -commit "$$COMMIT" $(DISTFLAGS)

.PHONY: test
test: lint unit e2e ## Run everything that CI runs: lint, unit, e2e

.PHONY: unit
unit: ## Run the tests beside the code
	@[ -n '$(RACE)' ] || echo 'no C compiler found: testing without the race detector'
	test/no-skips.sh go test $(RACE) $(TESTFLAGS) -v ./...

# Tests wait for a cluster about as often as they compute, so two processes run them at the same time. e2e-own and e2e-shared
# together run every test of e2e: the one those that start labs of their own, or write to bin/, and the other all the rest,
# on one lab. Some run make, which has nothing to do with this one's flags.
OWN_LABS := ^Test(PredictionsEqualTheInjector|ShapesOfInstallation|Watch|TheDemoTellsItsStory|BothSpellingsWork|ARelease.*|Guides)$$
REINJECT := ^TestReinject
CANARY := ^TestCanary
E2E = cd test/e2e && MAKEFLAGS= E2E_PLUGINS='$(CURDIR)/bin/e2e/plugins' STREAM=$@ ../no-skips.sh ../../bin/e2e/e2e.test -test.v -test.timeout 60m

.PHONY: e2e
e2e: lab-tools e2e-programs ## Run the built plugins, through kubectl, against the lab
	@rm -rf bin/e2e/failed
	@FAILED='$(CURDIR)/bin/e2e/failed' $(MAKE) --no-print-directory -k -j2 e2e-shared e2e-reinject e2e-canary e2e-own e2e-lab || { cat bin/e2e/failed/* 2>/dev/null; exit 1; }

.PHONY: e2e-own
e2e-own:
	@$(E2E) -test.run '$(OWN_LABS)'

.PHONY: e2e-shared
e2e-shared:
	@$(E2E) -test.skip '$(OWN_LABS)|$(REINJECT)|$(CANARY)'

.PHONY: e2e-reinject
e2e-reinject:
	@$(E2E) -test.parallel 4 -test.run '$(REINJECT)'

.PHONY: e2e-canary
e2e-canary:
	@$(E2E) -test.run '$(CANARY)'

.PHONY: e2e-lab
e2e-lab:
	@cd test && STREAM=$@ ./no-skips.sh go test $(RACE) $(TESTFLAGS) -v -timeout 60m $$(go list ./... | grep -v '/e2e$$')

.PHONY: e2e-programs
e2e-programs:
	@rm -rf bin/e2e && mkdir -p bin/e2e/plugins
	@for p in $(PLUGINS); do go build $(RACE) -trimpath -o bin/e2e/plugins/kubectl-mesh_$$p ./plugins/kubectl-mesh-$$p || exit 1; done
	@cd test && go test $(RACE) -c -o ../bin/e2e/e2e.test ./e2e

.PHONY: test-kill
test-kill: lab-tools e2e-programs ## Kill mesh-reinject at 25 random moments of a run over 40 workloads
	@$(E2E) -test.run '^TestReinjectKilled' -kill-moments 25 -kill-workloads 40

.PHONY: test-crash
test-crash: lab-tools e2e-programs ## Kill mesh-canary before and after every request that changes something, and go on and back
	@$(E2E) -test.timeout 4h -test.run '^TestCanaryKilled' -crash-all

.PHONY: test-roles
test-roles: lab-tools e2e-programs ## Take every permission of docs/rbac away, one after the other
	@$(E2E) -test.run 'RolesAreTheLeast$$' -rbac-all

.PHONY: test-guides
test-guides: lab-tools e2e-programs ## Type every command of the README and of the guides
	@$(E2E) -test.run '^TestGuides' -all-guides

.PHONY: guides-update
guides-update: lab-tools e2e-programs ## Put what the commands of the guides say into their pages
	@$(E2E) -test.run '^TestGuides$$' -all-guides -update

.PHONY: lint
lint: ## Run go vet and staticcheck, and check formatting and generated files
	@test -z "$$(gofmt -l .)" || { echo 'not gofmt-ed:'; gofmt -l .; exit 1; }
	go vet ./...
	cd test && go vet ./...
	@# No test runs on Windows, and yet there is a release for it. Trimmed as in a release, so that what is compiled is compiled once.
	CGO_ENABLED=0 GOOS=windows go vet -trimpath ./plugins/... ./shared/...
	@go build -o bin/staticcheck honnef.co/go/tools/cmd/staticcheck
	bin/staticcheck ./...
	cd test && ../bin/staticcheck ./...
	@rm -rf bin/reference && go run ./plugins/internal/docs bin/reference
	@diff -r docs/reference bin/reference || { echo 'docs/reference is stale: run "make docs"'; exit 1; }
	@cd test && go run ./demo/picture ../docs/tour.md ../bin/picture.svg
	@cmp -s docs/picture.svg bin/picture.svg || { echo 'docs/picture.svg is stale: run "make picture"'; exit 1; }

.PHONY: bench
bench: bench-programs ## Measure both plugins against their bars
	@bin/bench/bench -sizes 1000 -pods 10000
	@bin/bench/pace

.PHONY: bench-reinject
bench-reinject: bench-programs ## Measure how fast mesh-reinject restarts 1,000 pods, against its bars
	@bin/bench/pace

.PHONY: bench-growth
bench-growth: bench-programs ## Measure how the cost of mesh-proxyver grows up to 30,000 pods
	@bin/bench/bench -sizes 1000,3000,10000,30000 -pods 0

.PHONY: bench-size
bench-size: bench-programs ## Measure how large the plugins are and how long they take to start
	@bin/bench/size

.PHONY: bench-programs
bench-programs: build lab-tools
	@cd test && go build -trimpath -o ../bin/bench/ ./bench/...

.PHONY: compare
compare: lab-tools ## Compare predictions with the real injector and with istioctl, and print the table in docs/design/injection.md
	cd test && go test -v -timeout 30m -run TestPredictionsEqualTheInjector ./e2e -compare-istioctl

.PHONY: demo
demo: build ## From nothing to an answer; KEEP=1 leaves the lab running
	@test/demo/demo.sh

.PHONY: lab-up
lab-up: build ## Start a lab with two revisions of Istio
	@bin/lab up

.PHONY: lab-down
lab-down: ## Stop the lab
	@if [ -x bin/lab ]; then bin/lab down; fi

.PHONY: lab-tools
lab-tools:
	@cd test && go run ./lab build

.PHONY: docs
docs: ## Generate docs/reference from the commands
	@go run ./plugins/internal/docs docs/reference

.PHONY: picture
picture: ## Draw docs/picture.svg from what the demo printed, as docs/tour.md quotes it
	@cd test && go run ./demo/picture ../docs/tour.md ../docs/picture.svg

.PHONY: clean
clean: lab-down ## Remove what was built
	@rm -rf bin dist .lab
