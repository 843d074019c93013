//! How many instructions ops takes for what a user waits for: start-up, the planning of a batch, the way of an event.
//!
//! A count tells a regression from a busy machine, which no clock does. Each workload is run under Valgrind's
//! callgrind; what it takes to set one up is counted with a size of nothing, and subtracted. Prints a Markdown table
//! with the difference to `baseline.json` and the dearest functions of each, and leaves both in
//! `target/instructions.md`. A difference is no failure: the table is a report.
//!
//! ```text
//! cargo bench --profile dev --bench instructions                 what CI does: no build of its own
//! cargo bench --profile counted --bench instructions             optimised: what a release takes
//! ... -- --baseline                                              writes down what was counted as the baseline
//! ```
//!
//! The two profiles have a baseline each. Counts of a debug build are no figures of a release; they move with it.

mod callgrind;
mod report;
mod start_up;
mod workloads;

use callgrind::Count;
use report::{Profile, Report};

/// How often the built program is counted: hash seeds and threads make a difference there. What is done in one process
/// is counted once: it comes to the same within a thousandth.
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
