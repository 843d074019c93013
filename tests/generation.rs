//! How many cases a generated test tries, which, and where those that failed are kept. Shared by the unit
//! tests and the integration tests. docs/testing.md, "Generated tests", says how to reproduce a failure.

use std::time::{SystemTime, UNIX_EPOCH};

use proptest::test_runner::{Config, FileFailurePersistence, RngSeed};

/// How many times as many cases a campaign tries.
const CAMPAIGN: u32 = 20;

/// Whether this is a full campaign: `make test-long`.
pub(crate) fn is_long() -> bool {
    std::env::var_os("OPS_TEST_LONG").is_some_and(|value| value == "1")
}

/// The number in an environment variable.
pub(crate) fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{variable} is not a number: {text}")))
}

/// The seed of all cases: `OPS_TEST_SEED`. The default is the same in every run, and a different one in every
/// campaign.
pub(crate) fn seed() -> u64 {
    let default = || {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        if is_long() {
            now.map_or(1, |now| now.as_secs())
        } else {
            1
        }
    };
    number("OPS_TEST_SEED").unwrap_or_else(default)
}

/// Tries `usual` cases, and [`CAMPAIGN`] times as many in a campaign; `OPS_TEST_CASES` overrides both.
/// `source_file` is `file!()`: the seeds of failed cases are kept under its name in `tests/regressions`, and
/// tried first from then on.
pub(crate) fn config(usual: u32, source_file: &'static str) -> Config {
    let usual = if is_long() { usual * CAMPAIGN } else { usual };
    let asked = number("OPS_TEST_CASES");
    let cases = asked.map_or(usual, |cases| u32::try_from(cases).expect("a count"));
    // Relative to the directory that holds `src` or `integration`.
    let directory = if source_file.starts_with("tests/") {
        "regressions"
    } else {
        "tests/regressions"
    };
    Config {
        cases,
        max_global_rejects: cases.max(1024),
        rng_seed: RngSeed::Fixed(seed()),
        source_file: Some(source_file),
        failure_persistence: Some(Box::new(FileFailurePersistence::SourceParallel(directory))),
        ..Config::default()
    }
}
