//! `packages::*` with apt.

use ops::model::Outcome::{Changed, Failed, Unchanged, Unknown};
use ops::task::RunMode;
use serde_json::json;

use super::machine::{Machine, notes, outcomes, task};
use crate::fleet::Image;

const INSTALLED: &str =
    "dpkg-query -W -f '${Package} ${Version} ${db:Status-Status}\\n' 'ops-*' 2>/dev/null || :";

fn installed(machine: &Machine) -> Vec<String> {
    machine.look(INSTALLED).lines().map(str::to_owned).collect()
}

#[test]
fn installs_and_undoes() {
    let Some(mut machine) = Machine::start(Image::Debian) else {
        return;
    };
    let batch = [
        task(
            "packages::installed",
            &json!([["ops-needs-hello", "ops-world"]]),
        ),
        task(
            "packages::installed",
            &json!([["ops-hello", "ops-world=1.*"]]),
        ),
    ];
    let before = machine.container.tree();
    // There are no lists yet.
    assert_eq!(
        outcomes(&machine.go(&batch[..1], RunMode::Check)),
        [Unknown]
    );
    assert_eq!(
        machine.container.tree().since(&before),
        Vec::<String>::new()
    );
    let gone = machine.go(&batch, RunMode::Apply);
    // The first list provides what the second one needs.
    assert_eq!(outcomes(&gone), [Changed, Unchanged]);
    assert_eq!(
        installed(&machine),
        [
            "ops-hello 2.0 installed",
            "ops-needs-hello 1.0 installed",
            "ops-world 1.0 installed",
        ]
    );
    let again = machine.go(&batch, RunMode::Apply);
    assert_eq!(
        (outcomes(&again), again.requests),
        (vec![Unchanged, Unchanged], 1)
    );

    let pinned = [task(
        "packages::installed",
        &json!(["ops-hello", { "version": "1.*" }]),
    )];
    let refused = machine.go(&pinned, RunMode::Apply);
    assert_eq!(outcomes(&refused), [Failed]);
    assert!(
        notes(&refused).contains("newer than 1.*"),
        "{}",
        notes(&refused)
    );
    let pinned = [task(
        "packages::installed",
        &json!(["ops-hello=1.*", { "allow_downgrade": true }]),
    )];
    let older = machine.converges(&pinned);
    assert!(installed(&machine).contains(&"ops-hello 1.0 installed".to_owned()));
    machine.undo(&older);
    assert!(installed(&machine).contains(&"ops-hello 2.0 installed".to_owned()));
    // A package that was installed as a dependency is marked as one again.
    assert_eq!(machine.look("apt-mark showauto 'ops-*'"), "ops-hello");

    let absent = machine.converges(&[task("packages::absent", &json!(["ops-hello"]))]);
    assert_eq!(installed(&machine), ["ops-world 1.0 installed"]);
    machine.undo(&absent);
    assert_eq!(installed(&machine).len(), 3);
    machine.undo(&gone);
    assert_eq!(installed(&machine), Vec::<String>::new());
}

#[test]
fn explains_why_a_package_cannot_be_installed() {
    let Some(mut machine) = Machine::start(Image::Debian) else {
        return;
    };
    machine
        .look("apt-get update -q && apt-get install -qy ops-hello=1.0 && apt-mark hold ops-hello");
    for (name, said) in [
        ("ops-hello=2.0", "held at version 1.0"),
        ("ops-broken", "cannot be configured"),
        ("ops-no.such", "ops-no.such"),
    ] {
        let gone = machine.go(
            &[task("packages::installed", &json!([name]))],
            RunMode::Apply,
        );
        assert_eq!(outcomes(&gone), [Failed], "{name}");
        assert!(notes(&gone).contains(said), "{name}: {}", notes(&gone));
        machine.undo(&gone);
    }
    assert_eq!(installed(&machine), ["ops-hello 1.0 installed"]);
    let gone = machine.go(
        &[task("packages::absent", &json!(["ops-hello"]))],
        RunMode::Apply,
    );
    assert!(notes(&gone).contains("held"), "{}", notes(&gone));
}

#[test]
fn fetches_the_lists_if_they_lack_the_package() {
    let Some(mut machine) = Machine::start(Image::Debian) else {
        return;
    };
    machine.look("rm -rf /var/lib/apt/lists/*");
    machine.converges(&[task("packages::installed", &json!(["ops-world"]))]);
    machine.look("rm -rf /var/lib/apt/lists/*");
    let stale = [task(
        "packages::installed",
        &json!(["ops-hello", { "update": false }]),
    )];
    assert_eq!(outcomes(&machine.go(&stale, RunMode::Apply)), [Failed]);
    let fresh = [task(
        "packages::installed",
        &json!(["ops-hello", { "update": "1h" }]),
    )];
    // As far as apt can tell, the lists were fetched a moment ago.
    assert_eq!(outcomes(&machine.go(&fresh, RunMode::Apply)), [Failed]);
    machine.look("touch -d '2 hours ago' /var/lib/ops/apt-lists");
    machine.converges(&fresh);
}

#[test]
fn a_provided_name_counts_as_installed() {
    let Some(mut machine) = Machine::start(Image::Debian) else {
        return;
    };
    // mawk provides it.
    let gone = machine.go(
        &[task("packages::installed", &json!([["awk", "dash"]]))],
        RunMode::Apply,
    );
    assert_eq!(outcomes(&gone), [Unchanged], "{}", notes(&gone));
}
