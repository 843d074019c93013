//! The same work by all rivals, in turns within one run, so that other load on the machine affects all
//! of them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::figures::{self, Section};
use crate::fleet::{Fleet, inventory_text};
use crate::ops::Ops;
use crate::rivals::{Rival, with_root};
use crate::work::{Amount, Work};

/// How long one of them took, for a first run and for one with nothing left to change.
#[derive(Debug)]
pub(crate) struct Times {
    pub name: &'static str,
    pub first: Vec<Duration>,
    pub second: Vec<Duration>,
    /// Why it stopped.
    pub out: Option<String>,
    pub is_ops: bool,
}

impl Times {
    pub(crate) fn json(&self, setting: &str) -> Value {
        json!({
            "setting": setting, "rival": self.name, "first_ms": figures::millis(&self.first),
            "second_ms": figures::millis(&self.second), "out": self.out,
        })
    }

    /// The remark about one that stopped.
    pub(crate) fn tell(&self, section: &mut Section) {
        if let Some(reason) = &self.out {
            let remark = format!("{}: {reason}", self.name);
            if self.is_ops {
                section.wrong(&remark);
            } else {
                section.remark(&remark);
            }
        }
    }
}

/// Runs the work with each of them this many times. A time counts only if the hosts were checked to be
/// correct.
pub(crate) fn compare(
    fleet: &Fleet,
    mut rivals: Vec<Rival>,
    amount: Amount,
    rounds: usize,
) -> Vec<Times> {
    let mut times: Vec<Times> = rivals
        .iter()
        .map(|rival| Times {
            name: rival.name,
            first: Vec::new(),
            second: Vec::new(),
            out: None,
            is_ops: rival.is_ops(),
        })
        .collect();
    // The first round warms the caches.
    for round in 0..=rounds {
        for turn in 0..rivals.len() {
            // The order alternates, so that no rival always benefits from caches that another one has warmed.
            let at = (round + turn) % rivals.len();
            let rival = &mut rivals[at];
            let takes_part = round <= rival.rounds && (round > 0 || rival.warms_up);
            if rival.out.is_some() || !takes_part {
                continue;
            }
            let work = Work::new(&format!("{}-{round}", rival.name), amount);
            match both(fleet, rival, &work) {
                Ok((first, second)) if round > 0 => {
                    times[at].first.push(first);
                    times[at].second.push(second);
                }
                Ok(_) => {}
                Err(reason) => rival.out = Some(reason),
            }
            work.remove(fleet);
        }
    }
    for (rival, times) in rivals.into_iter().zip(&mut times) {
        rival.leave();
        times.out = rival.out;
    }
    times
}

/// The time of a run that changes everything, and of one that has to change nothing.
fn both(fleet: &Fleet, rival: &Rival, work: &Work) -> Result<(Duration, Duration), String> {
    let first = rival.run(fleet, work, false)?;
    work.verify(fleet, 1)?;
    let before = work.traces(fleet);
    let second = rival.run(fleet, work, true)?;
    work.verify(fleet, 2)?;
    if before != work.traces(fleet) {
        return Err("it changed what was as it should be".to_owned());
    }
    Ok((first, second))
}

/// A run of `ops` with its defaults, with the inventory `hosts.ini`, in which each host has its own
/// directory.
pub(crate) fn with_roots(fleet: &Fleet) -> Ops {
    let endpoints: Vec<_> = fleet.hosts().iter().map(with_root).collect();
    Ops::new().file("hosts.ini", inventory_text(&endpoints, &fleet.ssh_args()))
}
