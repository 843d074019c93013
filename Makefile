# The commands of the project. `make test` is all that a fresh machine needs, once it has Rust.
.PHONY: build test install fmt
.DEFAULT_GOAL := build

PREFIX ?= /usr/local

build:
	cargo build --release --locked

# Installs what it lacks, then checks and tests everything. Options for it stand in scripts/test.
test:
	scripts/test

install: build
	install -D -m 0755 target/release/ops $(DESTDIR)$(PREFIX)/bin/ops

fmt:
	cargo fmt --all
