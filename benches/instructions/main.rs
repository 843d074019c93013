//! The number of instructions of the parts of ops that a user waits for: start-up, the planning of a batch,
//! the handling of an event.
//!
//! Unlike a time, a count distinguishes a regression from a busy machine. Each workload is run under
//! Valgrind's callgrind; its set-up is counted with a size of zero, and subtracted. Prints a Markdown table
//! with the difference to `baseline.json` and the most expensive functions of each, and writes both to
//! `target/instructions.md`. A difference is not a failure: the table is a report.
//!
//! ```text
//! cargo bench --profile dev --bench instructions                 what CI does: it needs no other build
//! cargo bench --profile counted --bench instructions             optimised, as in a release
//! ... -- --baseline                                              stores the counts as the baseline
//! ```
//!
//! Each profile has a baseline. Counts of a debug build differ from those of a release, but change in the
//! same way.

mod callgrind;
mod report;
mod start_up;
mod workloads;

use callgrind::Count;
use report::{Profile, Report};

/// How often the built program is counted: hash seeds and threads make a difference. A workload within one
/// process is counted once: its counts differ by less than a thousandth.
const TIMES: usize = 3;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, name, size] = &arguments[..]
        && flag == "--workload"
    {
        workloads::run(name, size.parse().expect("a size is a number"));
        return;
    }
    // `cargo test --benches` and `cargo clippy` ask for a list of tests.
    if arguments
        .iter()
        .any(|argument| argument == "--test" || argument == "--list")
    {
        return;
    }
    if let Err(reason) = callgrind::is_there() {
        eprintln!("instructions cannot be counted: {reason}");
        std::process::exit(1);
    }
    let profile = Profile::of_this_build();
    let mut report = Report::new(profile);
    for (what, arguments) in start_up::ALL {
        let counts: Vec<_> = (0..TIMES)
            .map(|_| Count::of(&mut start_up::command(arguments)))
            .collect();
        report.add(what, "", &counts);
    }
    for workload in workloads::ALL {
        let size = workload.size(profile);
        let empty = Count::of(&mut workloads::command(workload.name, 0));
        let count = Count::of(&mut workloads::command(workload.name, size)).without(&empty);
        let what = format!("{}: {size} {}", workload.name, workload.unit);
        let each = format!("{} each", count.total / size as u64);
        report.add(&what, &each, &[count]);
    }
    start_up::clean_up();
    if arguments.iter().any(|argument| argument == "--baseline") {
        report.write_baseline();
    }
    report.print();
}
