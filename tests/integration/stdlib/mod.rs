//! The modules that come with ops, on real hosts.

mod release;
mod requirements;
mod systemd;
