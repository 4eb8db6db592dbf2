# Two commands do everything: `make run` and `make test`. `make help` lists the steps under them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# The page embeds the module and the server embeds the page, so the steps run one after the other, also with -j.
.NOTPARALLEL:

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/profile360
export CARGO_TARGET_DIR ?= $(CACHE)/target
# A shell that was open while rustup was installed does not have its commands on the path yet.
export PATH := $(CACHE)/tools/bin:$(PATH):$(HOME)/.cargo/bin
# What the browser tests start.
export PROFILE360_BIN := $(CARGO_TARGET_DIR)/debug/profile360

DATA ?= $(CURDIR)/data/demo
ADDRESS := http://127.0.0.1:8360

.PHONY: run
run: build ## Start the server with demo data; installs and builds what is missing
	@mkdir -p '$(DATA)'
	@echo '==> Starting on $(ADDRESS) with demo data in $(DATA) (Ctrl-C stops it)'
	@exec '$(PROFILE360_BIN)' serve --demo --db 'surrealkv://$(DATA)?sync=every'

.PHONY: servers
servers: build ## Start three servers on one database of SurrealDB's own server, behind a proxy, with demo data
	@node tests/servers.mjs

.PHONY: test
test: setup-test lint-rust-format lint-features lint-circles lint-words lint-deny test-web test-wasm lint-rust test-rust test-clients test-docs test-browser ## Every check and every test; installs and builds what is missing
	@echo '==> All checks and tests have passed'

.PHONY: setup
setup: ## Install what is needed to build and run
	@.ci/setup run

.PHONY: setup-test
setup-test: ## Install also what the checks and tests need
	@.ci/setup test

.PHONY: wasm
wasm: setup ## Build core for the browser
	@.ci/build-wasm

# What the page is built from. A file that is removed changes its folder.
PAGE := web/src $(wildcard web/*.ts web/*.mjs web/*.html web/*.json) schema.graphql

.PHONY: web
web: wasm ## Build the page
	@if [ -f web/dist/index.html ] && [ -z "$$(find $(PAGE) -newer web/dist/index.html -print -quit)" ]; then \
		echo '==> The page is up to date'; \
	else \
		echo '==> Building the page'; npm --prefix web run --silent build; \
	fi

.PHONY: build
build: web ## Build the server, with the page in it
	@echo '==> Building the server (a first build takes some twenty minutes, later ones seconds)'
	@cargo build --workspace --locked

.PHONY: build-test
build-test: web ## Build the server that the tests start: sooner built, and slower
	@echo '==> Building the server for the tests (a first build takes some twenty minutes, later ones seconds)'
	@cargo build --workspace --locked --profile test

# Where `make release` puts the program.
RELEASE := $(CARGO_TARGET_DIR)/release/deploy
# Cargo features of the server, with commas between them: rocksdb.
FEATURES ?=
WITH_FEATURES := $(if $(FEATURES),--features profile360-server/$(FEATURES))

.PHONY: release
release: setup-features web ## Build the program that is deployed, stripped, with its symbols in a file next to it: make release FEATURES=rocksdb
	@echo '==> Building the program to deploy (a first build takes half an hour or more)'
	@cargo build --workspace --locked --release --bin profile360 $(WITH_FEATURES)
	@.ci/strip '$(CARGO_TARGET_DIR)/release/profile360' '$(RELEASE)'

.PHONY: setup-features
setup-features: ## Install also what the features in FEATURES need
	@$(if $(findstring rocksdb,$(FEATURES)),.ci/setup rocksdb)

.PHONY: fmt
fmt: setup-test ## Format everything
	@cargo fmt --all
	@cd web && node_modules/.bin/biome check --write

.PHONY: lint
lint: setup-test lint-rust-format lint-features lint-circles lint-words lint-deny lint-rust test-web ## Check formats and lints, change nothing

.PHONY: lint-rust-format
lint-rust-format: setup-test
	@echo '==> Checking the format of the Rust code'
	@cargo fmt --all --check

.PHONY: lint-deny
lint-deny: setup-test ## Check the licenses, sources and versions of the crates that are used, and what is known against them
	@.ci/deny

.PHONY: lint-features
lint-features: setup ## Check that a command for one package compiles SurrealDB with the features of the workspace
	@echo '==> Checking the features of shared crates'
	@.ci/features

.PHONY: lint-circles
lint-circles: ## Look for circles of imports between modules
	@echo '==> Looking for circles of imports'
	@node .ci/circles.mjs

.PHONY: lint-words
lint-words: ## Look for words that the project does not use (.ci/words --count: how many, and where)
	@echo '==> Looking for words that the project does not use'
	@.ci/words

.PHONY: lint-rust
lint-rust: setup-test web
	@echo '==> Checking the Rust code with Clippy'
	@cargo clippy --workspace --all-targets --locked -- --deny warnings

.PHONY: test-rust
test-rust: setup-test build-test ## Run the Rust tests
	@echo '==> Running the Rust tests'
	@cargo nextest run --workspace --locked
	@.ci/slowest

# Without optimization core compiles in a tenth of the time; only its long property tests then need longer.
QUICK := --config profile.test.package.profile360-core.opt-level=0 --config profile.test.package.profile360-compact-json.opt-level=0

.PHONY: test-rocksdb
test-rocksdb: setup-test web ## Run the tests of the store and the crash tests on RocksDB; compiles SurrealDB once more
	@.ci/setup rocksdb
	@echo '==> Building with RocksDB, and running the tests that use a database'
	@cargo build --workspace --locked --profile test --features profile360-tests/rocksdb
	@cargo nextest run --workspace --locked --features profile360-tests/rocksdb -E 'package(profile360-store) + package(profile360-tests)'

.PHONY: test-rule
test-rule: setup-test ## Run core's tests whose names contain a text: make test-rule T=resolve
	@cargo nextest run $(QUICK) --package profile360-core --locked -- '$(T)'

.PHONY: test-one
test-one: setup-test build-test ## Run the Rust tests whose names contain a text: make test-one T=refund
	@cargo nextest run --workspace --locked -- '$(T)'

# How often the server is killed.
KILLS ?= 300

.PHONY: chaos
chaos: build-test ## Kill a server again and again while it is written to, and look for what it acknowledged: make chaos KILLS=300
	@echo '==> Killing a server $(KILLS) times, and cutting its log at every byte of its last records'
	@KILLS=$(KILLS) cargo test --workspace --locked --test end_to_end recovery::long -- --ignored --nocapture --test-threads 1

# How long the engine is used.
MINUTES ?= 10

.PHONY: deadlock
deadlock: build-test ## Look for the deadlock of the storage engine that docs/operating.md describes: make deadlock MINUTES=10
	@MINUTES=$(MINUTES) cargo test --workspace --locked --lib provoke_a_deadlock -- --ignored --nocapture

.PHONY: test-wasm
test-wasm: wasm ## Check that the module answers as the native build does
	@echo '==> Comparing the WebAssembly module with the native build'
	@PARITY_CASES='$(abspath $(CARGO_TARGET_DIR))/parity.ndjson' cargo test --quiet --package profile360-wasm --locked --test parity
	@node tests/wasm/parity.mjs '$(abspath $(CARGO_TARGET_DIR))/parity.ndjson'

.PHONY: test-web
test-web: wasm ## Check the page's format, lints and types, and run its unit tests
	@echo '==> Checking the format and the lints of the page'
	@npm --prefix web run --silent check
	@echo '==> Checking the types of the page'
	@npm --prefix web run --silent types
	@echo '==> Running the unit tests of the page'
	@npm --prefix web run --silent test

.PHONY: test-clients
test-clients: setup-test build-test ## Let other people's programs talk to the server
	@echo '==> Testing with other programs: the audits of graphql-http, graphql-ws, tracking SDKs, checkers of schemas'
	@. .ci/common; CHROMIUM=$$(chromium_path) npm --prefix tests/clients run --silent test

.PHONY: test-docs
test-docs: setup-test build-test ## Run every command of the documentation and compare what it prints
	@echo '==> Running the documentation'
	@node --test tests/docs/

.PHONY: test-browser
test-browser: setup-test build-test ## Use the page in a real Chromium
	@echo '==> Testing the page in Chromium'
	@. .ci/common; CHROMIUM=$$(chromium_path) npm --prefix web run --silent test:browser

.PHONY: types
types: ## Write the page's types of the module's answers, and samples of them, from core's types
	@UPDATE_EXPECTED=1 cargo test --quiet --package profile360-core --package profile360-wasm --locked -- \
		the_types_of_the_page_are_those_of_core the_page_has_samples_of_every_answer

.PHONY: reference
reference: setup-test ## Write the GraphQL reference, docs/graphql.md
	@node tests/clients/reference.mjs

# The program to measure; if left out, the one that `make run` starts.
PROGRAM ?=
SIZE ?= full
# The program that inserts bare rows, built as the program that is measured, so that SurrealDB is compiled already.
BARE := cargo bench --quiet --workspace --locked --profile $(if $(findstring /release/,$(PROGRAM)),release,dev) $(WITH_FEATURES) --bench bare
# An environment with the packages for real purchases and other people's programs, if there is one (docs/benchmarks.md).
PYTHON ?= $(firstword $(wildcard $(CACHE)/bench/venv/bin/python) python3)

.PHONY: bench
bench: $(if $(PROGRAM),,build) ## Measure everything, one table: make bench BEFORE=PROGRAM SIZE=quick ROWS=import,card
	@echo '==> Measuring' >&2
	@$(PYTHON) tests/bench --program '$(or $(PROGRAM),$(PROFILE360_BIN))' --size '$(SIZE)' --bare '$(BARE)' $(if $(BEFORE),--before '$(BEFORE)') \
		$(if $(ROWS),--rows '$(ROWS)') $(if $(ENGINE),--engine '$(ENGINE)')

.PHONY: clean
clean: ## Remove what was built in this folder
	@rm -rf web/dist web/src/rules/pkg web/node_modules tests/clients/node_modules tests/clients/python/venv
	@echo '==> What cargo built stays in $(CACHE), for every clone; delete that folder to build it again'

.PHONY: help
help: ## List these steps
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile
