# Two commands for a fresh machine with Rust: `make demo` and `make test`. `make help` lists the rest.

CARGO ?= cargo

.PHONY: help demo test lint unit docs count long fuzz openapi attacks tools build

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 20

demo: ## build, start on the embedded store, load a sample organisation, make first decisions, say where to look
	$(CARGO) build --release --package prokura-cli
	target="$${CARGO_TARGET_DIR:-target}"; exec "$$target/release/prokura" demo

build: ## the release binary, at target/release/prokura
	$(CARGO) build --release --package prokura-cli

test: tools lint docs unit count ## everything CI runs; installs what it needs

lint: tools ## formatting, lints, dependency rules
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- --deny warnings
	$(CARGO) deny --locked check bans licenses sources

docs: ## documentation builds without warnings, and its examples run
	RUSTDOCFLAGS="--deny warnings" $(CARGO) doc --workspace --no-deps --locked
	$(CARGO) test --doc --workspace --locked

unit: tools ## unit, integration, property and tidy tests
	$(CARGO) nextest run --workspace --locked

# Instructions are the same on a busy machine, so a number can be held. Where valgrind is not and cannot be installed, that is said.
count: tools ## instructions of the hot paths, held to the recorded ones
	@if command -v valgrind >/dev/null; then $(CARGO) bench --package prokura --bench hot --locked; \
	else echo "left out: counting instructions needs valgrind, which is not here and could not be installed"; fi

long: tools ## the same properties on a million cases (minutes once it is built)
	PROKURA_CASES=1000000 $(CARGO) nextest run --profile long --release --package prokura-engine --locked differential --no-capture

TARGETS ?= schema relationship condition log wire
SECONDS_EACH ?= 60

# The compiler is the stable one; what the fuzzer asks of it beyond that is only instrumentation.
fuzz: export RUSTC_BOOTSTRAP = 1
fuzz: ## each fuzz target for a minute; installs cargo-fuzz
	@command -v cargo-fuzz >/dev/null || $(CARGO) install cargo-fuzz --locked
	for target in $(TARGETS); do \
		$(CARGO) fuzz run --sanitizer none --features wire $$target -- -max_total_time=$(SECONDS_EACH) -timeout=25 || exit 1; \
	done

openapi: ## write openapi.json anew from the code
	PROKURA_UPDATE_OPENAPI=1 $(CARGO) nextest run --package prokura-server --locked openapi

attacks: ## write docs/manual/attacks.md anew from the scenarios
	PROKURA_UPDATE_ATTACKS=1 $(CARGO) nextest run --package prokura-testkit --locked table_of_attacks

tools: ## what the tests need beside Rust itself
	@command -v cargo-clippy >/dev/null && command -v rustfmt >/dev/null || rustup component add clippy rustfmt
	@command -v cargo-nextest >/dev/null || $(CARGO) install cargo-nextest --locked
	@command -v cargo-deny >/dev/null || $(CARGO) install cargo-deny --locked
	@command -v valgrind >/dev/null || { test "$$(id -u)" = 0 && apt-get install --yes --quiet valgrind >/dev/null; } || true
	@tests/clients/install.sh
