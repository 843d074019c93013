# The commands of the project. `make test` is all that a fresh machine needs, once it has Rust.
.PHONY: build test bench install fmt
.DEFAULT_GOAL := build

PREFIX ?= /usr/local

build:
	cargo build --release --locked

# Installs what it lacks, then checks and tests everything. Options for it stand in scripts/test.
test:
	scripts/test

# Against a parallel ssh script written by hand; leaves target/bench.md and target/bench.json.
bench:
	scripts/need rust ssh
	cargo bench --locked --bench deployment

install: build
	install -D -m 0755 target/release/ops $(DESTDIR)$(PREFIX)/bin/ops

fmt:
	cargo fmt --all
