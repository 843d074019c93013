//! A deployment that is killed before and after every write of its journal, and resumed: it ends as an undisturbed
//! one, and nobody notices.

use rustix::process::Signal;

use super::deployment::Deployment;
use crate::balancer::{Dice, Site};
use crate::generation::{is_long, number, seed};
use crate::ops::Ops;

fn setting(variable: &str) -> Option<usize> {
    number(variable).map(|number| usize::try_from(number).expect("a small number"))
}

/// `OPS_TEST_FIRST` and `OPS_TEST_STEP` choose the points: two for each write.
#[test]
fn a_deployment_that_is_killed_at_any_write_of_its_journal_is_resumed() {
    let (deployment, writes) = Deployment::start(Site::new(1, 6));
    let (mut points, mut attempts, mut in_doubt) = (0, 0, 0);
    let step = if is_long() { 1 } else { (writes / 2) | 1 };
    let step = setting("OPS_TEST_STEP").unwrap_or(step);
    let first = setting("OPS_TEST_FIRST").unwrap_or(1);
    for point in (first..).step_by(step) {
        let side = if point % 2 == 1 { "-" } else { "+" };
        let at = format!("{}{side}", point.div_ceil(2));
        let version = format!("3.{point}.0");
        let roll = deployment.roll(&version);
        let killed = roll.clone().env("OPS_TEST_DIE_AT", &at).run();
        if killed.exit_code().is_some() {
            killed.ok();
            break;
        }
        points += 1;
        let resumed = deployment.resume(&roll, &version, Ops::run);
        println!("{at}: {resumed:?}");
        attempts += resumed.attempts;
        in_doubt += resumed.doubts;
        deployment.is_whole(&version, &at);
    }
    println!("{points} points, {attempts} attempts to resume, {in_doubt} commands in doubt");
    deployment.finish();
    assert!(points > 2, "{points} of {writes} writes");
    if is_long() {
        assert!(points >= 60, "{points} of {writes} writes");
        assert!(in_doubt > 0, "no command was in doubt");
    }
}

/// Half of the kills come at a write of the journal, and half at any moment.
#[test]
fn a_deployment_that_is_killed_again_while_it_is_resumed_is_resumed() {
    let (deployment, writes) = Deployment::start(Site::new(1, 6));
    let seed = seed();
    println!("OPS_TEST_SEED={seed}");
    let mut dice = Dice::new(seed);
    let mut below = |end: usize| dice.below(end as u64);
    let (mut kills, mut attempts, mut in_doubt) = (0, 0, 0);
    let mut point = 0;
    while kills < if is_long() { 20 } else { 2 } {
        point += 1;
        assert!(point < 100, "{kills} kills of attempts to resume");
        let version = format!("4.{point}.0");
        let roll = deployment.roll(&version);
        let at = format!("{}+", 2 + below(writes / 2));
        let killed = roll.clone().env("OPS_TEST_DIE_AT", &at).run();
        assert_eq!(killed.exit_code(), None, "{at}: {killed}");
        let mut moments = vec![at];
        let resumed = deployment.resume(&roll, &version, |ops| {
            // Twice, if the first kill comes early.
            if moments.len() > 2 {
                return ops.run();
            }
            let ran = if below(2) == 0 {
                let at = format!("{}{}", 1 + below(writes / 2), ["-", "+"][moments.len() % 2]);
                moments.push(at.clone());
                ops.clone().env("OPS_TEST_DIE_AT", at).run()
            } else {
                let after = 300 + below(3000);
                moments.push(format!("{after} ms"));
                let mut running = ops.start();
                // The random moment is the point of the test, so nothing is waited for.
                std::thread::sleep(std::time::Duration::from_millis(after));
                running.signal_if_there(Signal::KILL);
                running.wait()
            };
            kills += usize::from(ran.exit_code().is_none());
            ran
        });
        println!("{moments:?}: {resumed:?}");
        attempts += resumed.attempts;
        in_doubt += resumed.doubts;
        deployment.is_whole(&version, &format!("{moments:?}"));
    }
    println!(
        "{point} runs, {kills} kills of attempts to resume, {attempts} attempts, {in_doubt} commands in doubt"
    );
    deployment.finish();
}
