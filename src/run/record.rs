//! What is known of each step of a request that changes a host.
//!
//! A request with several steps can be cut short at any moment: by a signal, a `timeout`, a lost
//! connection, a step that failed. [`Record`] follows the request and knows at any moment the state of each
//! step:
//!
//! | state | what it means | what follows |
//! |---|---|---|
//! | [`StepState::Waiting`] | the host has not been told to run it | `Sent`, `Started` |
//! | [`StepState::Sent`] | the host may start it at any moment | `Started`, `NotStarted`, `InDoubt` |
//! | [`StepState::Started`] | the host runs it | `Ended`, `InDoubt` |
//! | [`StepState::Ended`] | it exited with this code | |
//! | [`StepState::InDoubt`] | it was stopped, or the host did not report: it may have done all, a part or
//! nothing | |
//! | [`StepState::NotStarted`] | it did not run, and will not | |
//!
//! Steps run in order, so at most one is `Started`, all before it are `Ended`, and none after one that is
//! in doubt is `Ended`. When the request is closed, only the last three states remain. The outcome of a
//! task, what an undo goes through, the journal and what the user reads are all derived from this.

use crate::shell::{End, StepReply};

/// What is known of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepState {
    Waiting,
    Sent,
    Started,
    Ended(End),
    /// `started`: the host has reported that it began.
    InDoubt {
        started: bool,
    },
    NotStarted,
}

/// The steps of a request, in order.
#[derive(Debug)]
pub(crate) struct Record {
    steps: Vec<StepState>,
    /// Nothing of the request runs any more.
    over: bool,
}

impl Record {
    #[must_use]
    pub(crate) fn new(steps: usize) -> Self {
        Self {
            steps: vec![StepState::Waiting; steps],
            over: false,
        }
    }

    /// The whole request was sent.
    pub(crate) fn sent(&mut self) {
        for state in &mut self.steps {
            if *state == StepState::Waiting {
                *state = StepState::Sent;
            }
        }
    }

    /// A step has started.
    pub(crate) fn started(&mut self, step: usize) {
        if let Some(state @ (StepState::Waiting | StepState::Sent)) = self.steps.get_mut(step) {
            *state = StepState::Started;
        }
    }

    /// A step has ended, or was stopped.
    pub(crate) fn ended(&mut self, step: usize, reply: &StepReply) {
        let open = self.steps.get_mut(step).filter(|state| {
            matches!(
                state,
                StepState::Waiting | StepState::Sent | StepState::Started
            )
        });
        if let Some(state) = open {
            *state = match reply.end {
                End::Cancelled => StepState::InDoubt { started: true },
                end => StepState::Ended(end),
            };
        }
    }

    /// Nothing of the request runs any more.
    pub(crate) fn over(&mut self) {
        self.over = true;
    }

    /// The request has ended, in whatever way: settles the state of each step.
    pub(crate) fn close(&mut self) {
        for state in &mut self.steps {
            *state = match *state {
                StepState::Started => StepState::InDoubt { started: true },
                StepState::Sent if !self.over => StepState::InDoubt { started: false },
                StepState::Sent | StepState::Waiting => StepState::NotStarted,
                settled => settled,
            };
        }
    }

    #[must_use]
    pub(crate) fn state(&self, step: usize) -> StepState {
        self.steps
            .get(step)
            .copied()
            .unwrap_or(StepState::NotStarted)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::shell::Captured;

    fn reply(end: End) -> StepReply {
        StepReply {
            end,
            stdout: Captured::default(),
            stderr: Captured::default(),
            duration: std::time::Duration::ZERO,
        }
    }

    fn states(record: &Record) -> Vec<StepState> {
        (0..record.steps.len()).map(|at| record.state(at)).collect()
    }

    #[test]
    fn a_stopped_step_is_in_doubt_and_later_steps_did_not_start() {
        let mut record = Record::new(3);
        record.sent();
        record.started(0);
        record.ended(0, &reply(End::Code(0)));
        record.started(1);
        record.ended(1, &reply(End::Cancelled));
        record.over();
        record.close();
        let expected = [
            StepState::Ended(End::Code(0)),
            StepState::InDoubt { started: true },
            StepState::NotStarted,
        ];
        assert_eq!(states(&record), expected);
    }

    #[test]
    fn a_lost_request_leaves_all_sent_steps_in_doubt() {
        let mut record = Record::new(3);
        record.sent();
        record.started(0);
        record.ended(0, &reply(End::Code(0)));
        record.started(1);
        record.close();
        let expected = [
            StepState::Ended(End::Code(0)),
            StepState::InDoubt { started: true },
            StepState::InDoubt { started: false },
        ];
        assert_eq!(states(&record), expected);
    }

    #[test]
    fn a_request_that_was_not_sent_completely_did_nothing() {
        let mut record = Record::new(2);
        record.close();
        assert_eq!(states(&record), [StepState::NotStarted; 2]);
    }

    #[derive(Debug, Clone)]
    enum Heard {
        Sent,
        Started(usize),
        Ended(usize, End),
        Over,
    }

    fn heard() -> impl Strategy<Value = Heard> {
        let end = prop_oneof![
            Just(End::Code(0)),
            Just(End::Code(1)),
            Just(End::Cancelled),
            Just(End::TimedOut),
            Just(End::Lost),
        ];
        prop_oneof![
            Just(Heard::Sent),
            (0..4_usize).prop_map(Heard::Started),
            (0..4_usize, end).prop_map(|(step, end)| Heard::Ended(step, end)),
            Just(Heard::Over),
        ]
    }

    proptest! {
        #![proptest_config(crate::generation::config(256, file!()))]

        /// Whatever is reported, in whatever order: a closed record has no open state, and settled states
        /// stay as they are.
        #[test]
        fn a_closed_record_is_settled(heard in proptest::collection::vec(heard(), 0..12)) {
            let mut record = Record::new(4);
            for one in heard {
                let before = states(&record);
                match one {
                    Heard::Sent => record.sent(),
                    Heard::Started(step) => record.started(step),
                    Heard::Ended(step, end) => record.ended(step, &reply(end)),
                    Heard::Over => record.over(),
                }
                for (before, after) in before.iter().zip(states(&record)) {
                    if matches!(before, StepState::Ended(_) | StepState::InDoubt { .. }) {
                        prop_assert_eq!(*before, after);
                    }
                }
            }
            record.close();
            for state in states(&record) {
                let settled = matches!(
                    state,
                    StepState::Ended(_) | StepState::InDoubt { .. } | StepState::NotStarted
                );
                prop_assert!(settled, "{:?}", state);
                let unsure = state == StepState::InDoubt { started: false };
                prop_assert!(!record.over || !unsure);
            }
        }
    }
}
