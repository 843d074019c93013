//! The kinds of health checks: one file each, pure.
//!
//! A kind implements [`Observe`]: a script for `sh` that prints an answer, and a pure function from the
//! answer to a [`Verdict`]. The script is the same wherever it runs: on the host itself, on the controller,
//! or on another host. A kind is registered by its line in [`KINDS`]; that provides the constructor for
//! playbooks, the checks of its arguments and `ops doc`. `deploy::health` decides when and where a check
//! runs.

#![allow(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "every constructor takes and returns what `kind!` passes on"
)]

mod amount;
mod certificate;
mod check;
mod command;
mod disk;
mod dns;
mod endpoint;
mod entry;
#[cfg(test)]
mod garbage;
pub mod http;
mod load;
mod memory;
mod observe;
mod output;
mod port;
mod postgres;
mod process;
mod prometheus;
mod redis;
mod resolver;
#[cfg(test)]
mod sample;
mod service;
mod tcp;
mod timing;
mod tls;
mod verdict;

pub use check::{CUSTOM, Check, check_common, common_names, construct, custom, option_names};
pub use entry::Entry;
pub use observe::{Answer, Observe, StepKind, excerpt};
pub use timing::{Overrides, Timing, possible, waitable};
pub use verdict::{State, Verdict};

/// Every kind of check, in the order of the reference.
pub const KINDS: &[Entry] = &[
    http::KIND,
    tcp::KIND,
    tls::KIND,
    dns::KIND,
    command::KIND,
    process::KIND,
    port::KIND,
    service::KIND,
    disk::KIND,
    memory::KIND,
    load::KIND,
    postgres::KIND,
    redis::KIND,
    prometheus::KIND,
];

/// The kind that a playbook calls by this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Entry> {
    KINDS.iter().find(|entry| entry.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_manual_page_has_an_example_and_describes_its_options() {
        for entry in KINDS {
            let page = entry.manual.markdown();
            assert!(page.contains("```rhai"), "{}", entry.name);
            for field in entry.manual.options {
                assert!(
                    !field.description().is_empty(),
                    "{}: {}",
                    entry.name,
                    field.name
                );
            }
        }
    }

    #[test]
    fn no_kind_redefines_a_common_option() {
        for entry in KINDS {
            let mut options = option_names(entry);
            options.sort_unstable();
            let all = options.len();
            options.dedup();
            assert_eq!(options.len(), all, "{}", entry.name);
        }
    }
}
