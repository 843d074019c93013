# The commands of the project. `make demo` and `make test` install what they need on a fresh machine.
.PHONY: build demo demo-broken test test-long bench bench-quick bench-needs bench-docs instructions install fmt
.DEFAULT_GOAL := build

PREFIX ?= /usr/local

# Where scripts/need has rustup install cargo.
export PATH := $(HOME)/.cargo/bin:$(PATH)

build:
	cargo build --release --locked

# Installs what is missing, builds ops and shows it: a release is rolled out under load, to hosts started for
# the purpose.
demo:
	@scripts/demo

# The same with a broken release: the rollout must detect it and put back the old one.
demo-broken:
	@scripts/demo broken

# Installs what is missing, then checks and tests everything. scripts/test has the options.
test:
	scripts/test

# The crash and generation campaigns in full, of which `make test` runs a sample.
test-long:
	scripts/test --long

# Compares ops with a parallel ssh script written by hand, pyinfra, Ansible and Ansible with Mitogen; writes
# target/bench.md and target/bench.json. Some twenty minutes on two cores. SECTIONS="scale trips" measures
# only these sections again.
bench: bench-needs
	cargo bench --locked --bench deployment -- $(SECTIONS)

# The same in some five minutes, without the slow tools: to see that it works, not for results to quote.
bench-quick: bench-needs
	OPS_BENCH_ROUNDS=1 OPS_BENCH_OTHERS=0 cargo bench --locked --bench deployment -- $(SECTIONS)

# A tool that cannot be installed is left out, and the tables say why.
bench-needs:
	scripts/need rust ssh
	-scripts/need rivals
	-scripts/bench-rivals

# Writes the last results into docs/performance.md.
bench-docs:
	cargo bench --locked --bench deployment -- docs

# Counts the instructions of an optimised build for start-up, planning and events; writes
# target/instructions.md.
instructions:
	scripts/need rust instructions
	cargo bench --locked --profile counted --bench instructions

install: build
	install -D -m 0755 target/release/ops $(DESTDIR)$(PREFIX)/bin/ops

fmt:
	cargo fmt --all
