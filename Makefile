# Everything that is done with zdm's sources. `make help` lists it.
# The targets do their own set-up: they check the Rust toolchain and find or install PostgreSQL.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

CARGO ?= cargo
# More arguments for the demonstration, as in `make demo ARGS="--rows 50000 --keep"`.
ARGS ?=
# The majors that `make test` wants. Without CI=true one of them, or any other, is enough.
PG ?= 15 18

.PHONY: help
help: ## Lists the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

.PHONY: demo
demo: toolchain ## Renames a column under traffic on a private server, and checks the result
	@.ci/setup any-server
	$(CARGO) build --locked --release --bin zdm
	target/release/zdm demo $(ARGS)

.PHONY: check
check: toolchain ## Formatting, clippy, unit tests, rule pages offline, tidy; no server (3 minutes warm)
	@.ci/suite format 10 $(CARGO) fmt --check
	@.ci/suite clippy 240 $(CARGO) clippy --locked --all-targets -- -D warnings
	@.ci/suite build 360 $(CARGO) test --locked --no-run
	@.ci/suite unit 60 $(CARGO) test --locked --lib
	@.ci/suite pages 30 $(CARGO) test --locked --test lints
	@.ci/suite tidy 60 $(CARGO) test --locked --test it tidy::

.PHONY: test
test: check ## All tests and the documentation (25 minutes cold); CI=true requires PostgreSQL 15 and 18
	@RUSTDOCFLAGS="-D warnings" .ci/suite rustdoc 120 $(CARGO) doc --locked --no-deps --document-private-items
	@servers=$$(.ci/setup servers $(PG)); export ZDM_TEST_PG="$$servers"; \
	.ci/suite doc-tests 60 $(CARGO) test --locked --doc; \
	.ci/suite examples 240 $(CARGO) test --locked --test examples; \
	.ci/suite integration 600 $(CARGO) test --locked --test it

.PHONY: soak
soak: toolchain ## By hand or at night: the long tests on PostgreSQL 14 to 18, and the benchmarks
	@servers=$$(.ci/setup servers 14 15 16 17 18); export ZDM_TEST_PG="$$servers" ZDM_SOAK=1; \
	.ci/suite soak 7200 $(CARGO) test --locked --release; \
	.ci/suite benchmarks 3600 $(CARGO) bench --locked

.PHONY: oracle
oracle: toolchain ## Writes anew what PostgreSQL's own parser makes of the corpus; needs gcc and libclang
	$(CARGO) run --locked --quiet --manifest-path tests/oracle/Cargo.toml --target-dir target/oracle -- .

.PHONY: toolchain
toolchain: ## Checks the Rust toolchain
	@.ci/setup toolchain

.PHONY: servers
servers: ## Finds or installs PostgreSQL 14 to 18 and prints the majors that are there
	@.ci/setup servers 14 15 16 17 18
