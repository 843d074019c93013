//! How often each tool waits for a distant host.

use std::time::Duration;

use serde_json::json;

use crate::compare::{Times, compare};
use crate::figures::{Section, fastest, shown};
use crate::fleet::{Fleet, Settings};
use crate::rivals::{self, Rival};
use crate::work::Amount;
use crate::{Extent, FAST_EXCHANGE};

const TRIP: Duration = Duration::from_millis(50);

pub(crate) fn measure(extent: &Extent) -> Section {
    let mut section = Section::new(
        "trips",
        "Fifty tasks on one host that is 50 ms away",
        "Twenty directories, twenty files and ten lines, with a proxy in front of the host that adds a delay of 25 ms in each direction. \
         Round trips are the time that the distance adds to the fastest run, divided by 50 ms; they include those of the connection and the login.",
        &[
            "",
            "first run, far",
            "round trips",
            "second run, far",
            "round trips",
        ],
    );
    let rounds = extent.rounds.min(5);
    let near = Fleet::sshd_with(1, &Settings::default().config(FAST_EXCHANGE));
    let far = Fleet::sshd_with(
        1,
        &Settings::default().config(FAST_EXCHANGE).round_trip(TRIP),
    );
    let [at_hand, away] = [&near, &far].map(|fleet| {
        let mut all = vec![
            Rival::script(),
            Rival::native(fleet),
            Rival::openssh(fleet),
            Rival::persistent(fleet),
        ];
        if extent.others {
            all.push(Rival::pyinfra(fleet, 1));
            all.push(Rival::mitogen(fleet, 1));
            all.push(Rival::ansible(fleet, 1));
        }
        compare(fleet, all, Amount::FIFTY, rounds)
    });
    let mut second = Vec::new();
    for (near, far) in at_hand.iter().zip(&away) {
        let first = trips(&near.first, &far.first);
        let again = trips(&near.second, &far.second);
        let text = |trips: Option<f64>| trips.map_or("-".to_owned(), |trips| format!("{trips:.1}"));
        section.row(
            vec![
                near.name.to_owned(),
                shown(&far.first),
                text(first),
                shown(&far.second),
                text(again),
            ],
            json!({ "near": near.json("near"), "far": far.json("far"), "first_trips": first, "second_trips": again }),
        );
        tell(near, far, &mut section);
        second.push((near.name, again));
    }
    let of = |name: &str| {
        second
            .iter()
            .find(|(of, _)| *of == name)
            .and_then(|one| one.1)
    };
    let more = of(rivals::NATIVE)
        .zip(of(rivals::SCRIPT))
        .map(|(ops, script)| ops - script);
    section.goal(
        "one unchanged host, 50 tasks, 50 ms, native: round trips in addition to those of the script",
        more,
        1.0,
        "",
    );
    section
}

fn tell(near: &Times, far: &Times, section: &mut Section) {
    near.tell(section);
    // The reason why it is missing is reported once.
    if near.out.is_none() {
        far.tell(section);
    }
}

/// From the fastest run of each, because other load on the machine is not distance.
fn trips(near: &[Duration], far: &[Duration]) -> Option<f64> {
    Some((fastest(far)? - fastest(near)?) / (TRIP.as_secs_f64() * 1000.0))
}
