//! A run that failed at its end and is resumed, compared with running the playbook again.

use std::fs;
use std::time::Duration;

use serde_json::json;

use crate::figures::{Section, median, millis, ratio, shown, shown_ratio};
use crate::fleet::{Fleet, Settings};
use crate::rivals::{Rival, timed};
use crate::work::{Amount, Work};
use crate::{Extent, FAST_EXCHANGE};

pub(crate) fn measure(extent: &Extent) -> Section {
    let mut section = Section::new(
        "resume",
        &format!("Resuming a run on {} hosts", extent.hosts),
        "A run makes all changes and fails at its end on every host. Then it is resumed, and finds everything done. Then the playbook is run \
         again, which has nothing to change either; its commands run again.",
        &["", "resumed", "run again", "ratio"],
    );
    let fleet = Fleet::sshd_with(extent.hosts, &Settings::default().config(FAST_EXCHANGE));
    let rival = Rival::native(&fleet);
    for (what, amount) in [
        ("20 tasks, 5 of them commands", Amount::TWENTY),
        ("50 tasks without commands", Amount::FIFTY),
    ] {
        let (mut resumed, mut again) = (Vec::new(), Vec::new());
        // The first round warms the caches.
        for round in 0..=extent.rounds {
            let work = Work::new(&format!("resume-{round}"), amount);
            match both(&fleet, &rival, &work) {
                Ok((first, second)) if round > 0 => {
                    resumed.push(first);
                    again.push(second);
                }
                Ok(_) => {}
                Err(reason) => {
                    section.wrong(&format!("{what}: {reason}"));
                    break;
                }
            }
            work.remove(&fleet);
        }
        let compared = ratio(median(&resumed), median(&again));
        section.row(
            vec![
                what.to_owned(),
                shown(&resumed),
                shown(&again),
                shown_ratio(compared),
            ],
            json!({ "what": what, "resumed_ms": millis(&resumed), "again_ms": millis(&again) }),
        );
        let goal = format!("resuming {what}, all done, {} hosts", extent.hosts);
        section.goal(&goal, compared, 1.1, "x running it again");
    }
    section
}

fn both(fleet: &Fleet, rival: &Rival, work: &Work) -> Result<(Duration, Duration), String> {
    let playbook = format!(
        "{}each(hosts(\"all\"), |h| {{ h.run(\"test -e \" + quote(h.vars.root + \"/{}/allowed\"), #{{ reads: true }}); }});\n",
        work.playbook(),
        work.name,
    );
    if rival.run_playbook(&playbook).is_ok() {
        return Err("the run did not fail".to_owned());
    }
    work.verify(fleet, 1)?;
    for host in fleet.hosts() {
        let allowed = work.root(host).join("allowed");
        fs::write(allowed, "").map_err(|error| error.to_string())?;
    }
    let before = work.traces(fleet);
    let (ops, _) = rival.ops_command().ok_or("it is not ops")?;
    let resumed = timed(ops.command().args(["resume", "--output", "plain"]))?;
    work.verify(fleet, 1)?;
    let again = rival.run_playbook(&playbook)?;
    work.verify(fleet, 2)?;
    if before != work.traces(fleet) {
        return Err("it changed what was as it should be".to_owned());
    }
    Ok((resumed, again))
}
