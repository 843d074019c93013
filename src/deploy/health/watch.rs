//! When to check again, and when that is enough: a state machine without clock or host.

use std::time::Duration;

use crate::checks::{State, Timing};

/// The minimum time for an observation, by which it may exceed the deadline: with no time at all, nothing
/// can be observed.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// One check in a wait. All times are relative to the start of the wait.
#[derive(Debug, Clone)]
pub struct Watch {
    timing: Timing,
    due: Duration,
    healthy: u32,
    unhealthy: u32,
}

/// The effect of an observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Check again when it is [`Watch::due`].
    Waiting,
    /// Healthy `rise` times in a row.
    Healthy,
    /// Unhealthy `fall` times in a row.
    Fallen,
    /// The deadline passed first.
    TooLate,
}

impl Watch {
    #[must_use]
    pub const fn new(timing: Timing) -> Self {
        Self {
            timing,
            due: timing.initial_delay,
            healthy: 0,
            unhealthy: 0,
        }
    }

    /// When to check.
    #[must_use]
    pub const fn due(&self) -> Duration {
        self.due
    }

    /// The number of consecutive healthy observations.
    #[must_use]
    pub const fn healthy(&self) -> u32 {
        self.healthy
    }

    /// The time limit of an observation that starts now.
    #[must_use]
    pub fn timeout(&self, now: Duration) -> Duration {
        let left = self.timing.deadline.saturating_sub(now);
        self.timing.timeout.min(left.max(LAST_LOOK))
    }

    /// Processes an observation.
    pub fn observed(&mut self, began: Duration, ended: Duration, state: State) -> Progress {
        if state.is_healthy() {
            self.healthy += 1;
            self.unhealthy = 0;
        } else {
            self.healthy = 0;
            self.unhealthy += 1;
        }
        if self.healthy >= self.timing.rise {
            return Progress::Healthy;
        }
        if self.timing.fall.is_some_and(|fall| self.unhealthy >= fall) {
            return Progress::Fallen;
        }
        if ended >= self.timing.deadline {
            return Progress::TooLate;
        }
        // An observation that takes longer than the interval is followed by the next at once. The last one
        // is at the deadline.
        self.due = (began + self.timing.interval)
            .max(ended)
            .min(self.timing.deadline);
        Progress::Waiting
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Simulates a wait in which each observation takes some milliseconds and has a state. The last state
    /// repeats. Returns the end, its time, and the times of the observations.
    fn go(timing: Timing, observations: &[(u64, State)]) -> (Progress, Duration, Vec<Duration>) {
        let mut watch = Watch::new(timing);
        let (mut now, mut looks) = (Duration::ZERO, Vec::new());
        let last = *observations.last().expect("an observation");
        for (took, state) in observations.iter().copied().chain(std::iter::repeat(last)) {
            let began = now.max(watch.due());
            looks.push(began);
            now = began + Duration::from_millis(took).min(watch.timeout(began));
            match watch.observed(began, now, state) {
                Progress::Waiting => {}
                end => return (end, now, looks),
            }
        }
        unreachable!("the last state repeats forever")
    }

    const fn timing(interval: u64, rise: u32, fall: Option<u32>, deadline: u64) -> Timing {
        Timing {
            interval: Duration::from_millis(interval),
            timeout: Duration::from_secs(5),
            rise,
            fall,
            deadline: Duration::from_millis(deadline),
            initial_delay: Duration::ZERO,
        }
    }

    const P: State = State::Passing;
    const W: State = State::Warning;
    const C: State = State::Critical;
    const E: State = State::Error;

    #[test]
    fn ends_as_the_timing_says() {
        use Progress::{Fallen, Healthy, TooLate};
        let cases: &[(Timing, &[State], Progress, u64, usize)] = &[
            (timing(1000, 1, None, 9500), &[P], Healthy, 0, 1),
            (timing(1000, 1, None, 9500), &[C, E, W], Healthy, 2000, 3),
            (
                timing(1000, 3, None, 9500),
                &[P, P, C, P, W, P],
                Healthy,
                5000,
                6,
            ),
            (timing(1000, 1, None, 2500), &[C], TooLate, 2500, 4),
            (timing(1000, 2, None, 2500), &[C, C, C, P], TooLate, 2500, 4),
            (timing(1000, 1, Some(3), 9500), &[C, C, P], Healthy, 2000, 3),
            (
                timing(1000, 2, Some(2), 9500),
                &[C, P, C, C],
                Fallen,
                3000,
                4,
            ),
            (timing(1000, 1, Some(1), 9500), &[E], Fallen, 0, 1),
            (timing(0, 1, None, 0), &[C], TooLate, 0, 1),
        ];
        for (timing, states, end, at, looks) in cases {
            let observations: Vec<_> = states.iter().map(|state| (0, *state)).collect();
            let (ended, when, looked) = go(*timing, &observations);
            let seen = (ended, when.as_millis(), looked.len());
            assert_eq!(
                seen,
                (*end, u128::from(*at), *looks),
                "{timing:?} {states:?}"
            );
        }
    }

    #[test]
    fn the_first_check_is_delayed_and_the_last_one_is_short() {
        let delayed = Timing {
            initial_delay: Duration::from_secs(2),
            ..timing(1000, 1, None, 4500)
        };
        let (end, at, looks) = go(delayed, &[(60_000, C)]);
        assert_eq!(looks.first(), Some(&Duration::from_secs(2)));
        // It hangs, and only gets the time that is left before the deadline.
        assert_eq!(
            (end, at, looks.len()),
            (Progress::TooLate, Duration::from_millis(4500), 1)
        );
        let (_, at, _) = go(timing(4000, 1, None, 4500), &[(0, C), (0, C), (60_000, C)]);
        assert_eq!(at, Duration::from_millis(5500));
    }

    fn states() -> impl Strategy<Value = Vec<(u64, State)>> {
        let state = prop_oneof![Just(P), Just(W), Just(C), Just(E)];
        proptest::collection::vec((0..3000_u64, state), 1..30)
    }

    proptest! {
        #![proptest_config(crate::generation::config(256, file!()))]

        #[test]
        fn rise_and_fall_count_consecutive_states(
            observations in states(),
            interval in 1..2000_u64,
            rise in 1..5_u32,
            fall in proptest::option::of(1..5_u32),
            deadline in 0..40_000_u64,
        ) {
            let timing = timing(interval, rise, fall, deadline);
            let (end, at, looks) = go(timing, &observations);
            let last = *observations.last().expect("one at least");
            let seen: Vec<bool> = (0..looks.len())
                .map(|look| observations.get(look).unwrap_or(&last).1.is_healthy())
                .collect();
            let row = |of: bool| seen.iter().rev().take_while(|healthy| **healthy == of).count();
            match end {
                Progress::Healthy => prop_assert_eq!(row(true), rise as usize),
                Progress::Fallen => prop_assert_eq!(Some(row(false)), fall.map(|fall| fall as usize)),
                Progress::TooLate => prop_assert!(at >= timing.deadline),
                Progress::Waiting => prop_assert!(false, "it has ended"),
            }
            // No earlier check was enough.
            let enough = |healthy: bool| if healthy { Some(rise) } else { fall };
            let mut runs = seen[..seen.len() - 1].chunk_by(|a, b| a == b);
            prop_assert!(runs.all(|run| enough(run[0]).is_none_or(|limit| run.len() < limit as usize)));
            // There is no check after the deadline, and no two checks within an interval, except at the
            // deadline.
            prop_assert!(looks.iter().all(|look| *look <= timing.deadline));
            let apart = |pair: &[Duration]| {
                pair[1] >= pair[0] + timing.interval || pair[1] == timing.deadline
            };
            prop_assert!(looks.windows(2).all(apart));
            prop_assert!(at <= timing.deadline + LAST_LOOK);
        }
    }
}
