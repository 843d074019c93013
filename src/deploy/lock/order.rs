//! What to do if not all hosts of a lock could be locked. Pure. This is why runs that want the same hosts
//! neither deadlock nor all give up.
//!
//! A run asks all hosts at once. Two runs that start together may each get some of them. Hosts are ordered
//! by name. A run that got the first hosts keeps those up to the first one that it did not get, releases
//! the rest, and keeps asking for a moment. The other run, which got only later hosts, releases what it got
//! at once. So of the runs that want the same hosts, the one that gets the first host wins. No run holds
//! locks and waits longer than that moment: then it releases everything, and watches without holding
//! anything until the hosts are free. So there is no cycle of runs that wait for each other.

use std::time::Duration;

/// How long a run keeps the first hosts while it keeps asking for the others.
pub(crate) const MOMENT: Duration = Duration::from_secs(2);

/// A run that took a host longer ago is not about to release it.
const JUST_NOW: i64 = 3;

/// The result of asking a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Got,
    /// Held by another run for this many seconds.
    Held {
        age: i64,
    },
}

/// What to do next. Hosts are identified by their position in the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    /// All are held.
    Done,
    /// Release the hosts from this one on, and ask for all of them again shortly.
    Press { from: usize },
    /// Release everything.
    Back,
}

/// Decides. `spent` is how long the run has been asking.
#[must_use]
pub(crate) fn next(asked: &[Asked], spent: Duration) -> Next {
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
    fn the_run_with_the_first_host_goes_on_and_the_other_yields() {
        let at = |asked: &[Asked]| next(asked, Duration::ZERO);
        assert_eq!(at(&[Asked::Got, Asked::Got]), Next::Done);
        assert_eq!(at(&[Asked::Got, NEW, Asked::Got]), Next::Press { from: 1 });
        assert_eq!(at(&[NEW, Asked::Got, Asked::Got]), Next::Back);
    }

    #[test]
    fn no_run_goes_on_for_long_or_against_an_old_holder() {
        assert_eq!(next(&[Asked::Got, OLD], Duration::ZERO), Next::Back);
        assert_eq!(next(&[Asked::Got, NEW], MOMENT), Next::Back);
    }

    /// Runs that want some of five hosts; the network delivers their requests in any order.
    #[derive(Debug, Clone)]
    struct Contender {
        wants: Vec<usize>,
        tries: u32,
    }

    proptest! {
        #![proptest_config(crate::generation::config(256, file!()))]

        /// A model of hosts: runs ask host by host, in a random interleaving. Every run ends, and of those
        /// that want the same hosts, one gets them.
        #[test]
        fn one_of_the_runs_that_want_the_same_hosts_wins(
            count in 2usize..5,
            wants in proptest::collection::btree_set(0usize..5, 1..5),
            schedule in proptest::collection::vec(0usize..1000, 600),
        ) {
            let wants: Vec<usize> = wants.into_iter().collect();
            let mut hosts: [Option<usize>; 5] = [None; 5];
            let mut runs: Vec<Contender> = (0..count)
                .map(|_| Contender { wants: wants.clone(), tries: 0 })
                .collect();
            // The hosts that each still has to ask in this round, and the answers.
            let mut open: Vec<Vec<usize>> = runs.iter().map(|run| run.wants.clone()).collect();
            let mut told: Vec<[Option<Asked>; 5]> = vec![[None; 5]; count];
            let mut ended: Vec<Option<bool>> = vec![None; count];
            for pick in schedule {
                let alive: Vec<usize> = (0..count).filter(|run| ended[*run].is_none()).collect();
                let Some(&run) = alive.get(pick % alive.len().max(1)) else { break };
                if open[run].is_empty() {
                    let asked = |host: &usize| told[run][*host].expect("asked");
                    let asked: Vec<Asked> = runs[run].wants.iter().map(asked).collect();
                    runs[run].tries += 1;
                    let free = |hosts: &mut [Option<usize>; 5], wants: &[usize]| {
                        for host in wants {
                            if hosts[*host] == Some(run) { hosts[*host] = None; }
                        }
                    };
                    // The others take as long as they need: the moment never ends in the model.
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
