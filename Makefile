# The commands of the project. `make demo` and `make test` set up a fresh machine by themselves.
.PHONY: build demo demo-broken test bench bench-quick bench-needs bench-docs instructions install fmt
.DEFAULT_GOAL := build

PREFIX ?= /usr/local

# Where scripts/need has rustup put it, if it was not there.
export PATH := $(HOME)/.cargo/bin:$(PATH)

build:
	cargo build --release --locked

# Installs what it lacks, builds ops, and shows it: a release rolled under load, over hosts that are there for as long.
demo:
	@scripts/demo

# The same with a release that is broken: it has to be found out and put back.
demo-broken:
	@scripts/demo broken

# Installs what it lacks, then checks and tests everything. Options for it stand in scripts/test.
test:
	scripts/test

# Against a parallel ssh script written by hand, pyinfra, Ansible and Ansible with Mitogen; leaves target/bench.md and
# target/bench.json. Some twenty minutes on two cores. SECTIONS="scale trips" measures these again and leaves the others.
bench: bench-needs
	cargo bench --locked --bench deployment -- $(SECTIONS)

# The same in some five minutes, without the slow tools: to see that it works, not to quote.
bench-quick: bench-needs
	OPS_BENCH_ROUNDS=1 OPS_BENCH_OTHERS=0 cargo bench --locked --bench deployment -- $(SECTIONS)

# What cannot be had is left out, and the tables say why.
bench-needs:
	scripts/need rust ssh
	-scripts/need rivals
	-scripts/bench-rivals

# Puts what was measured last into docs/performance.md.
bench-docs:
	cargo bench --locked --bench deployment -- docs

# How many instructions an optimised build takes for start-up, planning and events; leaves target/instructions.md.
instructions:
	scripts/need rust instructions
	cargo bench --locked --profile counted --bench instructions

install: build
	install -D -m 0755 target/release/ops $(DESTDIR)$(PREFIX)/bin/ops

fmt:
	cargo fmt --all
