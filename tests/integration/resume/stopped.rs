//! A run that stops, such as that of a closed laptop, is resumed elsewhere. When it goes on, it changes nothing.

use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use super::deployment::Deployment;
use crate::balancer::{Dice, Site};
use crate::fleet::process::wait_until;
use crate::generation::{is_long, seed};

/// How many lines the journal of the newest run has, if that is the one that rolls a version out.
fn lines(state: &Path, version: &str) -> usize {
    let runs = std::fs::read_dir(state.join("ops/runs")).expect("runs");
    let dirs = runs.map(|run| run.expect("a run").path());
    let newest = dirs.filter(|path| path.is_dir()).max();
    let journal = newest.map(|run| std::fs::read_to_string(run.join("journal.jsonl")));
    let text = journal.and_then(Result::ok).unwrap_or_default();
    if text.contains(version) {
        text.lines().count()
    } else {
        0
    }
}

#[test]
fn a_run_that_was_stopped_and_resumed_elsewhere_changes_nothing() {
    let (deployment, writes) = Deployment::start(Site::new(1, 6));
    let seed = seed();
    println!("OPS_TEST_SEED={seed}");
    let mut dice = Dice::new(seed);
    let (mut attempts, mut in_doubt) = (0, 0);
    let points = if is_long() { 10 } else { 1 };
    for point in 1..=points {
        let version = format!("5.{point}.0");
        let roll = deployment.roll(&version);
        let at = usize::try_from(dice.below(writes as u64 * 2 / 3)).expect("it is small") + 4;
        let mut running = roll.start();
        wait_until(
            || lines(&roll.state(), &version) >= at,
            || format!("the journal does not get {at} lines"),
        );
        running.signal(Signal::STOP);
        let elsewhere = roll.path(&format!("elsewhere-{point}"));
        let copied = Command::new("cp")
            .arg("-a")
            .args([&roll.state(), &elsewhere])
            .status();
        assert!(copied.is_ok_and(|status| status.success()));
        let there = roll.clone().env("XDG_STATE_HOME", &elsewhere);
        let resumed = deployment.resume(&there, &version, |ops| {
            ops.clone().arg("--controller-is-gone").run()
        });
        println!("stopped at line {at}: {resumed:?}");
        attempts += resumed.attempts;
        in_doubt += resumed.doubts;
        deployment.is_whole(&version, &format!("line {at}"));
        running.signal(Signal::CONT);
        let ran = running.wait();
        // It has lost the lock. The resumed run has also ended its sessions in which something was going on.
        assert!(matches!(ran.exit_code(), Some(4 | 5)), "{ran}");
        deployment.is_whole(&version, &format!("line {at}, after {ran}"));
    }
    println!("{points} runs, {attempts} attempts to resume, {in_doubt} commands in doubt");
    deployment.finish();
}
