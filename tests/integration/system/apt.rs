//! What `packages::*` does where apt would fail or decide by itself: pins, virtual packages, held packages,
//! locks, and an installation that was interrupted.

use ops::model::Diff;
use ops::model::Outcome::{Changed, Failed, Unchanged, Unknown, WouldChange};
use ops::task::RunMode;
use serde_json::json;

use super::machine::{Gone, Machine, notes, outcomes, task};
use crate::fleet::Image;

/// Adds a package to the repository of the container, and fetches the lists. `control` contains lines of its
/// control file.
fn package(machine: &Machine, name: &str, version: &str, control: &str, postinst: &str) {
    machine.look(&format!(
        "set -e; d=$(mktemp -d); mkdir $d/DEBIAN; cd /srv/apt
         printf 'Package: {name}\\nVersion: {version}\\nArchitecture: all\\nMaintainer: x <x@localhost>\\n{control}Description: x\\n' >$d/DEBIAN/control
         printf '#!/bin/sh\\n{postinst}\\n' >$d/DEBIAN/postinst; chmod 755 $d/DEBIAN/postinst
         deb={name}_{version}_all.deb; dpkg-deb --root-owner-group -b $d $deb >/dev/null
         {{ dpkg-deb -f $deb; printf 'Filename: ./%s\\nSize: %s\\nSHA256: %s\\n\\n' $deb $(stat -c %s $deb) $(sha256sum $deb | cut -d' ' -f1); }} >>Packages
         gzip -9kf Packages; apt-get update -qq"
    ));
}

fn diff(gone: &Gone) -> Vec<String> {
    let parts = gone.decisions.iter().flat_map(|decision| &decision.diff);
    parts
        .map(|part| match part {
            Diff::Property {
                name,
                before,
                after,
            } => format!("{name}: {before} -> {after}"),
            other => format!("{other:?}"),
        })
        .collect()
}

#[test]
fn a_pattern_selects_the_version_that_apt_prefers() {
    let Some(mut machine) = Machine::start(Image::Debian) else {
        return;
    };
    for version in ["1.5", "1.10"] {
        package(&machine, "ops-hello", version, "", ":");
    }
    machine.look("printf 'Package: ops-hello\\nPin: version 1.5\\nPin-Priority: 990\\n' >/etc/apt/preferences.d/ops");
    let wanted = [task("packages::installed", &json!(["ops-hello=1.*"]))];
    let before = machine.container.tree();
    let checked = machine.go(&wanted, RunMode::Check);
    assert_eq!(outcomes(&checked), [WouldChange]);
    assert_eq!(diff(&checked), ["ops-hello: absent -> 1.5"]);
    assert_eq!(
        machine.container.tree().since(&before),
        Vec::<String>::new()
    );
    let gone = machine.converges(&wanted);
    assert_eq!(
        machine.look("dpkg-query -W -f '${Version}' ops-hello"),
        "1.5"
    );
    machine.undo(&gone);

    // Without the pin, the newest; also without a pattern.
    machine.look("rm /etc/apt/preferences.d/ops");
    assert_eq!(
        diff(&machine.go(&wanted, RunMode::Check)),
        ["ops-hello: absent -> 1.10"]
    );
    let plain = [task("packages::installed", &json!(["ops-hello"]))];
    assert_eq!(
        diff(&machine.go(&plain, RunMode::Check)),
        ["ops-hello: absent -> 2.0"]
    );
    let gone = machine.converges(&wanted);
    assert_eq!(
        machine.look("dpkg-query -W -f '${Version}' ops-hello"),
        "1.10"
    );
    machine.undo(&gone);
}

#[test]
fn names_a_virtual_package_with_its_providers() {
    let Some(mut machine) = Machine::start(Image::Debian) else {
        return;
    };
    for name in ["ops-mail-a", "ops-mail-b"] {
        package(&machine, name, "1", "Provides: ops-mail\\n", ":");
    }
    package(&machine, "ops-cron-a", "1", "Provides: ops-cron\\n", ":");
    let mail = [task("packages::installed", &json!(["ops-mail"]))];
    for mode in [RunMode::Check, RunMode::Apply] {
        let gone = machine.go(&mail, mode);
        assert_eq!(outcomes(&gone), [Failed]);
        assert_eq!(
            notes(&gone),
            "ops-mail is a virtual package: name one of those that provide it, which are ops-mail-a, ops-mail-b"
        );
    }
    let cron = [task("packages::installed", &json!(["ops-cron"]))];
    let gone = machine.converges(&cron);
    assert_eq!(diff(&gone), ["ops-cron: absent -> provided by ops-cron-a"]);

    // An installed package is named by both.
    let gone = machine.go(&cron, RunMode::Apply);
    assert_eq!(outcomes(&gone), [Unchanged]);
    assert_eq!(notes(&gone), "ops-cron-a provides ops-cron");
    let absent = [task("packages::absent", &json!(["ops-cron"]))];
    for mode in [RunMode::Check, RunMode::Apply] {
        let gone = machine.go(&absent, mode);
        assert_eq!(outcomes(&gone), [Unchanged]);
        assert_eq!(
            notes(&gone),
            "there is no package ops-cron to remove: ops-cron-a provides it"
        );
    }
}

#[test]
fn names_a_held_dependency() {
    let Some(mut machine) = Machine::start(Image::Debian) else {
        return;
    };
    package(
        &machine,
        "ops-two",
        "1",
        "Depends: ops-hello (>= 2.0)\\n",
        ":",
    );
    package(&machine, "ops-against", "1", "Conflicts: ops-hello\\n", ":");
    machine.look("apt-get install -qy ops-hello=1.0 && apt-mark hold ops-hello");
    for (name, said) in [
        (
            "ops-two",
            "ops: ops-hello is held at version 1.0, and would have to become 2.0",
        ),
        (
            "ops-against",
            "ops: ops-hello is held at version 1.0, and would have to go",
        ),
    ] {
        let wanted = [task("packages::installed", &json!([name]))];
        let checked = machine.go(&wanted, RunMode::Check);
        assert_eq!(outcomes(&checked), [Unknown]);
        let foreseen = said.trim_start_matches("ops: ");
        assert_eq!(
            notes(&checked),
            format!("{foreseen}, but a run would update the package lists first")
        );
        let gone = machine.go(&wanted, RunMode::Apply);
        assert_eq!(outcomes(&gone), [Failed]);
        let notes = notes(&gone);
        assert!(notes.contains(said), "{notes}");
        assert!(
            notes.contains("ops hint: `apt-mark unhold ops-hello`"),
            "{notes}"
        );
    }
}

#[test]
fn waits_for_each_lock_and_names_its_holder() {
    let Some(mut machine) = Machine::start(Image::Debian) else {
        return;
    };
    for lock in [
        "/var/lib/dpkg/lock-frontend",
        "/var/lib/dpkg/lock",
        "/var/lib/apt/lists/lock",
        "/var/cache/apt/archives/lock",
    ] {
        let hold = format!(
            "perl -e 'use Fcntl; open(F, \">>\", \"{lock}\"); my $l = pack(\"s s l! l! i i\", F_WRLCK, 0, 0, 0, 0, 0); fcntl(F, F_SETLK, $l) or die; \
             open(G, \">\", \"/run/held\"); sleep 1000' >/dev/null 2>&1 & echo $!; until [ -e /run/held ]; do sleep 0.1; done; rm /run/held"
        );
        let pid = machine.look(&hold);
        let wanted = |wait: &str| {
            [task(
                "packages::installed",
                &json!(["ops-world", { "update": true, "wait": wait }]),
            )]
        };
        let gone = machine.go(&wanted("1s"), RunMode::Apply);
        assert_eq!(outcomes(&gone), [Failed], "{lock}");
        let said = format!(
            "ops: timed out after 1 s waiting for another package manager: perl (process {pid}) holds {lock}\n"
        );
        assert!(notes(&gone).contains(&said), "{}", notes(&gone));
        // The lock holder exits while ops waits for it.
        machine.look(&format!("(sleep 3; kill {pid}) >/dev/null 2>&1 &"));
        let gone = machine.go(&wanted("5m"), RunMode::Apply);
        assert_eq!(outcomes(&gone), [Changed], "{lock}: {}", notes(&gone));
        machine.undo(&gone);
    }
}

#[test]
fn finishes_an_interrupted_installation() {
    let Some(mut machine) = Machine::start(Image::Debian) else {
        return;
    };
    package(
        &machine,
        "ops-slow",
        "1",
        "",
        "[ -e /run/fast ] || { echo $$ >/run/slow; exec sleep 1000; }",
    );
    let cut_off = "rm -f /run/fast; apt-get install -qy ops-slow >/dev/null 2>&1 & until [ -s /run/slow ]; do sleep 0.1; done; \
         kill -KILL $(pgrep -x apt-get) $(pgrep -x dpkg) $(cat /run/slow); rm /run/slow; touch /run/fast";
    machine.look(cut_off);
    assert!(
        machine
            .container
            .exec("apt-get install -qy ops-world 2>&1 | grep 'dpkg --configure -a'")
            .status
            .success(),
        "nothing was interrupted"
    );
    let world = [task("packages::installed", &json!(["ops-world"]))];
    let gone = machine.converges(&world);
    assert_eq!(
        notes(&gone),
        "an earlier installation was interrupted; `dpkg --configure -a` finished it: ops-slow"
    );
    assert_eq!(
        machine.look("dpkg-query -W -f '${db:Status-Status}' ops-slow"),
        "installed"
    );

    // The same package, a removal, and an undo.
    machine.look("dpkg --purge ops-slow");
    machine.look(cut_off);
    let slow = [task("packages::installed", &json!(["ops-slow"]))];
    machine.converges(&slow);
    machine.look("dpkg --purge ops-slow");
    machine.look(cut_off);
    machine.undo(&gone);
    assert_eq!(
        machine.look("dpkg-query -W -f '${db:Status-Status}' ops-world 2>/dev/null || :"),
        ""
    );
}
