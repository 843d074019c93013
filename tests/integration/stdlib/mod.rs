//! The modules that come with ops, on real hosts.

mod environment;
mod release;
mod requirements;
mod systemd;
