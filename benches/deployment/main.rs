//! `make bench`: the cost of a deployment, compared with a hand-written script and with common tools.
//!
//! One file per section; `cargo bench --bench deployment -- tasks trips` measures two of them again and
//! keeps the figures of the others. Each writes its part of `target/bench.md` (for people) and
//! `target/bench.json` (for programs) as soon as it is done; `-- docs` writes the results into
//! docs/performance.md. A time counts only if the hosts were checked to be correct.
//!
//! | variable | |
//! |---|---|
//! | `OPS_BENCH_ROUNDS` | number of rounds for the fast tools (7) |
//! | `OPS_BENCH_HOSTS` | number of real `sshd` hosts in the comparisons (10) |
//! | `OPS_BENCH_SIZES` | numbers of hosts in the section `scale` (`1,10,100,1000`) |
//! | `OPS_BENCH_BASE` | another `ops` binary to compare with in the sections `tasks` and `containers` |
//! | `OPS_BENCH_OTHERS` | `0` to leave out pyinfra and Ansible, which take most of the time |

#[path = "../../tests/integration/fleet/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the tests")]
mod fleet;
#[path = "../../tests/integration/ops.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod ops;
#[path = "../../tests/integration/ran.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod ran;

mod bare;
mod compare;
mod containers;
mod figures;
mod journal;
mod machine;
mod markdown;
mod resume;
mod rivals;
mod scale;
mod startup;
mod tasks;
mod transfer;
mod trips;
mod work;

use std::path::Path;
use std::process::ExitCode;

use figures::{Figures, Section};

/// A key exchange under both of its names: paramiko only knows the older one. OpenSSH's default spends most
/// of a handshake's processor time on a post-quantum key exchange. That is the same for all tools, and would
/// hide the differences.
const FAST_EXCHANGE: &str = "KexAlgorithms curve25519-sha256,curve25519-sha256@libssh.org";

/// What to measure.
#[derive(Debug)]
pub struct Extent {
    pub hosts: usize,
    pub rounds: usize,
    /// The sizes of the fleets of the section `scale`.
    pub sizes: Vec<usize>,
    /// Whether the tools that take minutes are also measured.
    pub others: bool,
}

type Measure = fn(&Extent) -> Section;

/// The sections, in this order.
const SECTIONS: &[(&str, Measure)] = &[
    ("start-up", startup::measure),
    ("inventory", startup::inventory),
    ("journal", journal::measure),
    ("scale", scale::measure),
    ("transfer", transfer::measure),
    ("tasks", tasks::measure),
    ("containers", containers::measure),
    ("trips", trips::measure),
    ("resume", resume::measure),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    // `cargo test --benches` and `cargo clippy` ask for a list of tests.
    if arguments
        .iter()
        .any(|word| word == "--test" || word == "--list")
    {
        return ExitCode::SUCCESS;
    }
    if arguments.iter().any(|word| word == "docs") {
        return write_docs();
    }
    if let [what, dir, forks, round] = &arguments[..]
        && what == "bare"
    {
        let round = scale::content(parsed(round, "the round"));
        bare::run(dir.as_ref(), parsed(forks, "forks"), &round);
        return ExitCode::SUCCESS;
    }
    let known = |word: &String| SECTIONS.iter().any(|(name, _)| name == word);
    if let Some(unknown) = arguments.iter().find(|word| !known(word)) {
        let names: Vec<_> = SECTIONS.iter().map(|(name, _)| *name).collect();
        eprintln!("no section `{unknown}`: there are {}", names.join(", "));
        return ExitCode::from(2);
    }
    let sizes = std::env::var("OPS_BENCH_SIZES").unwrap_or_else(|_| "1,10,100,1000".to_owned());
    let extent = Extent {
        sizes: sizes
            .split(',')
            .map(|size| parsed(size, "OPS_BENCH_SIZES"))
            .collect(),
        hosts: number("OPS_BENCH_HOSTS", 10),
        rounds: number("OPS_BENCH_ROUNDS", 7),
        others: number("OPS_BENCH_OTHERS", 1) > 0,
    };
    let mut figures = Figures::load();
    figures.about(machine::describe(), extent.rounds);
    for (name, measure) in SECTIONS {
        if arguments.is_empty() || arguments.iter().any(|word| word == name) {
            eprintln!("{name}:");
            // If hosts do not start, only this section fails.
            match std::panic::catch_unwind(|| measure(&extent)) {
                Ok(section) => figures.put(&section),
                Err(_) => figures.lost(name),
            }
        }
    }
    print!("{}", figures.markdown());
    ExitCode::from(u8::from(figures.failed()))
}

/// Writes the results into the page about performance.
fn write_docs() -> ExitCode {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/performance.md");
    let written = std::fs::read_to_string(&page)
        .ok()
        .and_then(|text| markdown::within(&text, &Figures::load().markdown()))
        .and_then(|text| std::fs::write(&page, text).ok());
    if written.is_none() {
        eprintln!(
            "{} cannot be written, or lacks the two lines that enclose the results",
            page.display()
        );
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn number(name: &str, otherwise: usize) -> usize {
    std::env::var(name).map_or(otherwise, |value| parsed(&value, name))
}

fn parsed(text: &str, what: &str) -> usize {
    text.trim()
        .parse()
        .unwrap_or_else(|_| panic!("{what}: {text:?} is not a number"))
}
