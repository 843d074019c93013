//! The promise of the planner, over generated batches.

use proptest::prelude::*;

use super::{Outlook, Register, Registers, RunMode, Want};
use crate::model::Outcome;

fn task() -> impl Strategy<Value = Register> {
    let register = || 0..5_usize;
    let want = prop_oneof![
        4 => register().prop_map(|from| Want::Copy { from }),
        3 => register().prop_map(|from| Want::CopyAsking { from }),
        2 => (0..5_u32).prop_map(Want::Set),
        1 => (0..3_u32).prop_map(Want::Fail),
        2 => Just(Want::Add),
        2 => (register(), 0..4_u32).prop_map(|(other, holds)| Want::AddIf { other, holds }),
    ];
    (register(), want, any::<bool>()).prop_map(|(at, want, ahead)| Register { at, want, ahead })
}

/// The same tasks, each in its own batch, up to the first that fails.
fn one_at_a_time(host: &mut Registers, tasks: &[Register]) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for task in tasks {
        let decisions = host.go(std::slice::from_ref(task), RunMode::Apply);
        outcomes.push(decisions[0].outcome);
        if decisions[0].outcome == Outcome::Failed {
            break;
        }
    }
    outcomes.resize(tasks.len(), Outcome::Skipped);
    outcomes
}

proptest! {
    #![proptest_config(crate::generation::config(3000, file!()))]
    #[test]
    fn a_batch_has_the_same_result_as_its_tasks_one_at_a_time(
        values in proptest::array::uniform5(0..5_u32),
        tasks in proptest::collection::vec(task(), 1..9),
    ) {
        let start = Registers { values, requests: Vec::new() };
        let (mut batch, mut single, mut check) = (start.clone(), start.clone(), start);
        let decisions = batch.go(&tasks, RunMode::Apply);
        let outcomes: Vec<Outcome> = decisions.iter().map(|v| v.outcome).collect();
        let expected = one_at_a_time(&mut single, &tasks);
        prop_assert_eq!(&outcomes, &expected, "{:?} {:?}", batch.requests, single.requests);
        prop_assert_eq!(batch.values, single.values);
        prop_assert!(batch.requests.len() <= single.requests.len());

        let checked = check.go(&tasks, RunMode::Check);
        let mut outlook = Outlook::default();
        let apart: Vec<Outcome> = tasks
            .iter()
            .map(|task| check.go_after(std::slice::from_ref(task), RunMode::Check, &mut outlook)[0].outcome)
            .collect();
        let together: Vec<Outcome> = checked.iter().map(|v| v.outcome).collect();
        prop_assert_eq!(apart, together, "batches do not change the result of a check");
        prop_assert_eq!(check.values, values, "a check changes nothing");
        for (would, did) in checked.iter().zip(&outcomes) {
            let right = match (would.outcome, did) {
                (Outcome::Unknown, _) | (_, Outcome::Skipped) => true,
                (Outcome::WouldChange, did) => matches!(did, Outcome::Changed | Outcome::Failed),
                (would, did) => would == *did,
            };
            prop_assert!(right, "{:?} but {:?}", checked, outcomes);
        }
    }
}
