//! What to do when not all hosts of a lock could be had: pure, and the reason why runs that want the same hosts neither
//! wait for each other for ever nor all go away with nothing.
//!
//! A run asks all hosts at once. Two that begin together may each get some. Hosts have an order, by name. Who
//! got the first ones keeps those up to the first that it did not get, frees the rest, and asks again for a moment: the
//! other one, which got later hosts only, frees what it got at once. So of runs that want the same hosts, the one with
//! the first host wins. Nobody waits longer than that moment with a lock in hand: then it frees all, and looks
//! on from outside until they are free. So there is no circle of runs that wait for each other.

use std::time::Duration;

/// How long a run keeps the first hosts while it asks for the others again.
pub const MOMENT: Duration = Duration::from_secs(2);

/// Who took a host longer ago is no run that is about to give it back.
const JUST_NOW: i64 = 3;

/// What became of asking a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Got,
    /// Held by another, since so many seconds.
    Held {
        age: i64,
    },
}

/// What to do next. Hosts are named by their place in the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// All are held.
    Done,
    /// Free what was got from here on, and ask for all of these again in a short while.
    Press { from: usize },
    /// Free all that was got.
    Back,
}

/// Decides. `spent` is how long the run has been asking.
#[must_use]
pub fn next(asked: &[Asked], spent: Duration) -> Next {
    let Some(first) = asked.iter().position(|one| *one != Asked::Got) else {
        return Next::Done;
    };
    let young = asked
        .iter()
        .all(|one| !matches!(one, Asked::Held { age } if *age > JUST_NOW));
    if first > 0 && young && spent < MOMENT {
        Next::Press { from: first }
    } else {
        Next::Back
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NEW: Asked = Asked::Held { age: 0 };
    const OLD: Asked = Asked::Held { age: 40 };

    #[test]
    fn who_has_the_first_host_presses_on_and_the_other_goes_back() {
        let at = |asked: &[Asked]| next(asked, Duration::ZERO);
        assert_eq!(at(&[Asked::Got, Asked::Got]), Next::Done);
        assert_eq!(at(&[Asked::Got, NEW, Asked::Got]), Next::Press { from: 1 });
        assert_eq!(at(&[NEW, Asked::Got, Asked::Got]), Next::Back);
    }

    #[test]
    fn nobody_presses_on_for_long_or_against_an_old_holder() {
        assert_eq!(next(&[Asked::Got, OLD], Duration::ZERO), Next::Back);
        assert_eq!(next(&[Asked::Got, NEW], MOMENT), Next::Back);
    }

    /// Runs that want some of five hosts, each in any order that the network makes of it.
    #[derive(Debug, Clone)]
    struct Contender {
        wants: Vec<usize>,
        tries: u32,
    }

    proptest! {
        /// A model of hosts: runs ask, host by host, in an interleaving that chance makes. Every run ends, and of
        /// those that want the same hosts one gets them.
        #[test]
        fn of_those_who_want_the_same_one_wins(
            count in 2usize..5,
            wants in proptest::collection::btree_set(0usize..5, 1..5),
            schedule in proptest::collection::vec(0usize..1000, 600),
        ) {
            let wants: Vec<usize> = wants.into_iter().collect();
            let mut hosts: [Option<usize>; 5] = [None; 5];
            let mut runs: Vec<Contender> = (0..count)
                .map(|_| Contender { wants: wants.clone(), tries: 0 })
                .collect();
            // What each still has to ask in this round, and what it was told.
            let mut open: Vec<Vec<usize>> = runs.iter().map(|run| run.wants.clone()).collect();
            let mut told: Vec<[Option<Asked>; 5]> = vec![[None; 5]; count];
            let mut ended: Vec<Option<bool>> = vec![None; count];
            for pick in schedule {
                let alive: Vec<usize> = (0..count).filter(|run| ended[*run].is_none()).collect();
                let Some(&run) = alive.get(pick % alive.len().max(1)) else { break };
                if open[run].is_empty() {
                    let asked: Vec<Asked> = runs[run].wants.iter().map(|host| told[run][*host].expect("asked")).collect();
                    runs[run].tries += 1;
                    let free = |hosts: &mut [Option<usize>; 5], wants: &[usize]| {
                        for host in wants {
                            if hosts[*host] == Some(run) { hosts[*host] = None; }
                        }
                    };
                    // Time is as long as the others need: the model has no end of the moment.
                    match next(&asked, Duration::ZERO) {
                        Next::Done => ended[run] = Some(true),
                        Next::Back => { free(&mut hosts, &runs[run].wants); ended[run] = Some(false); }
                        Next::Press { from } => {
                            free(&mut hosts, &runs[run].wants[from..]);
                            open[run] = runs[run].wants[from..].to_vec();
                        }
                    }
                } else {
                    let at = pick / alive.len() % open[run].len();
                    let host = open[run].remove(at);
                    told[run][host] = Some(match hosts[host] {
                        None => { hosts[host] = Some(run); Asked::Got }
                        Some(other) if other == run => Asked::Got,
                        Some(_) => NEW,
                    });
                }
            }
            let winners = ended.iter().filter(|end| **end == Some(true)).count();
            prop_assert!(winners <= 1);
            if ended.iter().all(Option::is_some) {
                prop_assert_eq!(winners, 1);
            }
        }
    }
}
