//! `users::*` and `groups::*` with the shadow tools and with BusyBox's.

use ops::model::Outcome::{Changed, Failed, Unchanged, WouldChange};
use ops::task::RunMode;
use serde_json::json;

use super::machine::{Machine, notes, outcomes, task};
use crate::fleet::Image;

const ACCOUNTS: &str = "for f in passwd group shadow; do sort /etc/$f; done; ls -ln /home";

#[test]
fn creates_changes_and_removes_users_and_groups() {
    for image in [Image::Debian, Image::Busybox] {
        let Some(mut machine) = Machine::start(image) else {
            return;
        };
        let before = machine.look(ACCOUNTS);
        let add = [
            task("groups::present", &json!(["crew", { "gid": 2100 }])),
            task(
                "users::present",
                &json!(["shop", {
                    "uid": 2200, "group": "shopkeepers", "gid": 2101, "groups": ["crew"], "home": "/home/shop", "shell": "/bin/sh",
                    "comment": "The $(shop)", "password_hash": "$6$x$y", "authorized_keys": ["ssh-ed25519 AAAA eva"],
                }]),
            ),
        ];
        assert_eq!(outcomes(&machine.go(&add, RunMode::Check))[0], WouldChange);
        assert_eq!(machine.look(ACCOUNTS), before);
        let added = machine.converges(&add);
        assert_eq!(
            machine.look("getent passwd shop"),
            "shop:x:2200:2101:The $(shop):/home/shop:/bin/sh"
        );
        assert_eq!(machine.look("id -Gn shop"), "shopkeepers crew");
        assert_eq!(machine.look("getent shadow shop | cut -d: -f2"), "$6$x$y");
        assert_eq!(
            machine.look("stat -c '%U %a' /home/shop/.ssh/authorized_keys"),
            "shop 600"
        );

        let user = machine.look("getent passwd shop; id -Gn shop; getent shadow shop | cut -d: -f2; cat /home/shop/.ssh/authorized_keys");
        let change = machine.converges(&[task(
            "users::present",
            &json!(["shop", {
                "uid": 2201, "groups": ["daemon"], "shell": "/bin/dash", "comment": "", "password_hash": "!",
                "authorized_keys": ["ssh-rsa BBBB"], "append_keys": true,
            }]),
        )]);
        assert_eq!(
            machine.look("getent passwd shop"),
            "shop:x:2201:2101::/home/shop:/bin/dash"
        );
        assert_eq!(machine.look("id -Gn shop"), "shopkeepers daemon");
        assert_eq!(
            machine.look("cat /home/shop/.ssh/authorized_keys"),
            "ssh-ed25519 AAAA eva\nssh-rsa BBBB"
        );
        let said = format!("{:?}", change.decisions[0].diff);
        assert!(!said.contains("$6$x$y"), "{said}");
        machine.undo(&change);
        assert_eq!(
            machine.look("getent passwd shop; id -Gn shop; getent shadow shop | cut -d: -f2; cat /home/shop/.ssh/authorized_keys"),
            user
        );

        let gone = machine.converges(&[task(
            "users::absent",
            &json!(["shop", { "remove_home": true }]),
        )]);
        assert!(!machine.look("ls /home").contains("shop"));
        machine.undo(&gone);
        assert_eq!(
            machine.look("getent passwd shop; id -Gn shop; getent shadow shop | cut -d: -f2; cat /home/shop/.ssh/authorized_keys"),
            user
        );
        machine.undo(&added);
        assert_eq!(machine.look(ACCOUNTS), before, "{image:?}");

        let removed = machine.go(&[task("groups::absent", &json!(["crew"]))], RunMode::Apply);
        assert_eq!(outcomes(&removed), [Unchanged]);
    }
}

#[test]
fn explains_why_an_account_cannot_be_in_the_desired_state() {
    let Some(mut machine) = Machine::start(Image::Debian) else {
        return;
    };
    for (name, args, said) in [
        (
            "users::present",
            json!(["eva", { "groups": ["nobody-has-this"] }]),
            "there is no group nobody-has-this",
        ),
        ("users::present", json!(["eva", { "uid": 0 }]), "not unique"),
        (
            "users::present",
            json!(["eva", { "group": "daemon", "gid": 77 }]),
            "has the id 1, not 77",
        ),
        ("groups::absent", json!(["deploy"]), "primary group"),
    ] {
        let gone = machine.go(&[task(name, &args)], RunMode::Apply);
        assert_eq!(outcomes(&gone), [Failed], "{args}");
        assert!(notes(&gone).contains(said), "{args}: {}", notes(&gone));
    }
}

#[test]
fn a_new_user_gets_the_defaults_of_the_host() {
    let Some(mut machine) = Machine::start(Image::Debian) else {
        return;
    };
    let before = machine.look(ACCOUNTS);
    let batch = [task(
        "users::present",
        &json!(["eva", { "authorized_keys": ["ssh-rsa A", "ssh-rsa B"] }]),
    )];
    let gone = machine.go(&batch, RunMode::Apply);
    assert_eq!(outcomes(&gone), [Changed], "{}", notes(&gone));
    assert_eq!(
        machine.look("cat /home/eva/.ssh/authorized_keys"),
        "ssh-rsa A\nssh-rsa B"
    );
    assert_eq!(machine.look("stat -c '%U:%G %a' /home/eva"), "eva:eva 755");
    assert_eq!(outcomes(&machine.go(&batch, RunMode::Apply)), [Unchanged]);
    machine.undo(&gone);
    assert_eq!(machine.look(ACCOUNTS), before);
}
