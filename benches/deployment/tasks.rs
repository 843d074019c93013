//! Twenty tasks on some hosts: the cost of a deployment.

use crate::compare::{Times, compare};
use crate::figures::{self, Section, median, ratio, shown, shown_ratio};
use crate::fleet::{Fleet, Settings};
use crate::rivals::{self, Rival};
use crate::work::Amount;
use crate::{Extent, FAST_EXCHANGE};

pub(crate) fn measure(extent: &Extent) -> Section {
    let mut section = Section::new(
        "tasks",
        &format!("Twenty tasks on {} hosts", extent.hosts),
        "Five directories, five files, five lines and five commands, on real `sshd` processes on loopback addresses. The first run changes all of it, \
         the second has nothing to change (the commands run again). Ratios are to the script with the same key exchange.",
        &["", "first run", "ratio", "second run", "ratio"],
    );
    let fast = Fleet::sshd_with(extent.hosts, &Settings::default().config(FAST_EXCHANGE));
    let mut all = vec![
        Rival::script(),
        Rival::native(&fast),
        Rival::openssh(&fast),
        Rival::persistent(&fast),
    ];
    all.extend(Rival::base(&fast));
    if extent.others {
        all.push(Rival::pyinfra(&fast, extent.rounds));
        all.push(Rival::mitogen(&fast, extent.rounds));
        all.push(Rival::ansible(&fast, extent.rounds));
    }
    let times = compare(&fast, all, Amount::TWENTY, extent.rounds);
    rows(&mut section, "curve25519", &times);
    drop(fast);
    goals(&mut section, &times, extent.hosts);

    let usual = Fleet::sshd(extent.hosts);
    let all = vec![
        Rival::script(),
        Rival::native(&usual),
        Rival::openssh(&usual),
    ];
    let times = compare(&usual, all, Amount::TWENTY, extent.rounds.div_ceil(2));
    rows(&mut section, "default key exchange", &times);
    section
}

fn rows(section: &mut Section, setting: &str, times: &[Times]) {
    let script = &times[0];
    for one in times {
        let compared = |of: &[_], to: &[_]| shown_ratio(ratio(median(of), median(to)));
        section.row(
            vec![
                format!("{} ({setting})", one.name),
                shown(&one.first),
                compared(&one.first, &script.first),
                shown(&one.second),
                compared(&one.second, &script.second),
            ],
            one.json(setting),
        );
        one.tell(section);
    }
}

fn goals(section: &mut Section, times: &[Times], hosts: usize) {
    let of = |name: &str| {
        let times = times.iter().find(|times| times.name == name);
        let both = |times: &Times| (median(&times.first), median(&times.second));
        times.map_or((None, None), both)
    };
    let (script, native, openssh) = (of(rivals::SCRIPT), of(rivals::NATIVE), of(rivals::OPENSSH));
    for (what, measured, at_most) in [
        (
            "20 unchanged tasks, {} hosts, native",
            figures::ratio(native.1, script.1),
            1.0,
        ),
        (
            "20 unchanged tasks, {} hosts, through OpenSSH",
            figures::ratio(openssh.1, script.1),
            1.3,
        ),
        (
            "20 changing tasks, {} hosts, native",
            figures::ratio(native.0, script.0),
            1.5,
        ),
        (
            "20 changing tasks, {} hosts, through OpenSSH",
            figures::ratio(openssh.0, script.0),
            1.5,
        ),
    ] {
        let what = what.replace("{}", &hosts.to_string());
        section.goal(&what, measured, at_most, "x the script");
    }
}
