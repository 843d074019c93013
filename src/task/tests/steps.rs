//! The requests that the planner sends.

use std::sync::Arc;

use super::{Register, Registers, RunMode, Want, answer, query};
use crate::model::Outcome::{self, Changed, Failed, Skipped, Unchanged, Unknown, WouldChange};
use crate::task::{Next, Planner, Task};

const fn task(at: usize, want: Want) -> Register {
    Register {
        at,
        want,
        ahead: false,
    }
}

const fn planning_ahead(at: usize, want: Want) -> Register {
    Register {
        ahead: true,
        ..task(at, want)
    }
}

#[track_caller]
fn check(
    values: [u32; 5],
    mode: RunMode,
    tasks: &[Register],
    requests: &[&str],
    outcomes: &[Outcome],
) -> Vec<Option<String>> {
    let mut host = Registers {
        values,
        requests: Vec::new(),
    };
    let decisions = host.go(tasks, mode);
    let came: Vec<Outcome> = decisions.iter().map(|v| v.outcome).collect();
    assert_eq!(
        (came.as_slice(), &host.requests),
        (
            outcomes,
            &requests.iter().map(|r| (*r).to_owned()).collect()
        )
    );
    decisions.into_iter().map(|v| v.note).collect()
}

#[test]
fn an_unchanged_host_needs_one_query() {
    let tasks: Vec<Register> = (0..20).map(|at| task(at % 5, Want::Set(7))).collect();
    check([7; 5], RunMode::Apply, &tasks, &["ask 5"], &[Unchanged; 20]);
}

#[test]
fn independent_changes_share_a_request() {
    let copy = |at, from| task(at, Want::Copy { from });
    check(
        [0, 0, 0, 1, 2],
        RunMode::Apply,
        &[copy(0, 3), copy(1, 4), copy(2, 3)],
        &["ask 5", "set 0 1, set 1 2, set 2 1, ask 5"],
        &[Changed; 3],
    );
}

#[test]
fn a_task_decides_from_the_state_at_its_turn() {
    let copy = |at, from| task(at, Want::Copy { from });
    check(
        [0, 0, 0, 0, 2],
        RunMode::Apply,
        &[copy(3, 4), copy(2, 3)],
        &["ask 3", "set 3 2, ask 2", "set 2 2, ask 2"],
        &[Changed; 2],
    );
}

#[test]
fn a_task_that_plans_ahead_decides_from_predictions() {
    let copy = |at, from| planning_ahead(at, Want::Copy { from });
    check(
        [0, 0, 0, 0, 2],
        RunMode::Apply,
        &[copy(3, 4), copy(2, 3), copy(1, 2)],
        &["ask 4", "set 3 2, set 2 2, set 1 2, ask 4"],
        &[Changed; 3],
    );
    // The result of an addition is not predicted.
    check(
        [0, 0, 0, 0, 2],
        RunMode::Apply,
        &[task(4, Want::Add), copy(3, 4)],
        &["add 4, ask 2", "set 3 3, ask 2"],
        &[Changed; 2],
    );
}

#[test]
fn a_change_does_not_invalidate_a_proof_in_the_same_request() {
    let copy = |at, from| planning_ahead(at, Want::Copy { from });
    // The first accepts the result of the second; not so in the second batch.
    check(
        [0, 0, 1, 1, 0],
        RunMode::Apply,
        &[copy(0, 3), copy(0, 2)],
        &["ask 3", "set 0 1, ask 2"],
        &[Changed, Unchanged],
    );
    check(
        [0, 0, 2, 1, 0],
        RunMode::Apply,
        &[copy(0, 3), copy(0, 2)],
        &["ask 3", "set 0 1, ask 2", "set 0 2, ask 2"],
        &[Changed; 2],
    );
}

#[test]
fn a_command_without_a_guard_joins_the_run() {
    check(
        [0; 5],
        RunMode::Apply,
        &[task(0, Want::Add), task(0, Want::Add), task(1, Want::Add)],
        &["add 0, add 0, add 1, ask 0"],
        &[Changed; 3],
    );
    check(
        [0, 0, 0, 0, 1],
        RunMode::Apply,
        &[task(0, Want::Copy { from: 4 }), task(1, Want::Add)],
        &["ask 2", "set 0 1, add 1, ask 2"],
        &[Changed; 2],
    );
}

#[test]
fn no_change_invalidates_the_proof_of_an_earlier_one() {
    check(
        [0, 0, 0, 0, 1],
        RunMode::Apply,
        &[task(0, Want::Copy { from: 4 }), task(0, Want::Add)],
        &["ask 2", "set 0 1, ask 2", "add 0, ask 0"],
        &[Changed; 2],
    );
}

#[test]
fn the_next_queries_are_sent_with_the_change() {
    check(
        [0, 0, 0, 3, 1],
        RunMode::Apply,
        &[task(0, Want::Set(2)), task(1, Want::Copy { from: 3 })],
        &["ask 3", "set 0 2, ask 3", "set 1 3, ask 2"],
        &[Changed; 2],
    );
}

#[test]
fn a_failure_stops_the_batch() {
    let notes = check(
        [0; 5],
        RunMode::Apply,
        &[
            task(0, Want::Add),
            task(1, Want::Fail(1)),
            task(2, Want::Add),
        ],
        &["add 0, ask 1", "fail, ask 1"],
        &[Changed, Failed, Skipped],
    );
    assert_eq!(notes[1].as_deref(), Some("refused"));
    assert_eq!(notes[2].as_deref(), Some("an earlier task failed"));
}

#[test]
fn a_change_that_changes_nothing_has_failed() {
    let notes = check(
        [0; 5],
        RunMode::Apply,
        &[task(0, Want::Idle(1))],
        &["ask 1", "idle, ask 1"],
        &[Failed],
    );
    assert!(
        notes[0]
            .as_ref()
            .is_some_and(|note| note.starts_with("did not converge"))
    );
}

#[test]
fn an_impossible_task_fails_before_any_later_task() {
    check(
        [0, 0, 0, 0, 4],
        RunMode::Apply,
        &[task(0, Want::Copy { from: 4 }), task(1, Want::Add)],
        &["ask 2"],
        &[Failed, Skipped],
    );
}

#[test]
fn a_check_continues_from_the_predicted_state() {
    let copy = |at, from| task(at, Want::Copy { from });
    check(
        [0, 0, 0, 0, 2],
        RunMode::Check,
        &[copy(3, 4), copy(2, 3), copy(1, 0)],
        &["ask 5"],
        &[WouldChange, WouldChange, Unchanged],
    );
    // Its other effects are unknown.
    let notes = check(
        [0, 0, 0, 0, 2],
        RunMode::Check,
        &[task(3, Want::Set(2)), copy(2, 3), copy(1, 4)],
        &["ask 4"],
        &[WouldChange, Unknown, Unknown],
    );
    assert!(
        notes[2]
            .as_ref()
            .is_some_and(|note| note.starts_with("depends on what `Register {")),
        "{notes:?}"
    );
}

#[test]
fn a_check_decides_nothing_before_it_has_answers() {
    let tasks = [task(0, Want::CopyAsking { from: 1 }), task(2, Want::Set(1))];
    let tasks = tasks
        .into_iter()
        .map(|task| Arc::new(task) as Arc<dyn Task>);
    let mut planner = Planner::new(tasks.collect(), RunMode::Check);
    planner.answered(vec![(query(0), answer(1)), (query(2), answer(1))]);
    let next = planner.next();
    assert!(matches!(next, Next::Ask(_)), "{next:?}");
    assert!(planner.decisions().iter().all(Option::is_none));
}
