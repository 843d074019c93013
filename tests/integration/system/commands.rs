//! `commands::run`.

use ops::model::Outcome::{Changed, Failed, Skipped, Unchanged, Unknown, WouldChange};
use ops::task::RunMode;
use serde_json::json;

use super::machine::{Machine, notes, outcomes, task};
use crate::fleet::Image;

#[test]
fn guards_decide_and_prove() {
    let Some(mut machine) = Machine::start(Image::Busybox) else {
        return;
    };
    machine.look("mkdir /srv/d");
    let run = |args: serde_json::Value| task("commands::run", &args);
    for (args, checked, first, second) in [
        (json!(["echo x >>/srv/log"]), Unknown, Changed, Changed),
        (
            json!(["uptime", { "changed_when": false }]),
            Skipped,
            Unchanged,
            Unchanged,
        ),
        (
            json!(["echo $A; touch /srv/made", { "changed_when": "^go$", "env": { "A": "go" } }]),
            Unknown,
            Changed,
            Changed,
        ),
        (
            json!(["echo stop", { "changed_when": "^go$" }]),
            Unknown,
            Unchanged,
            Unchanged,
        ),
        (
            json!([["touch", "-a b"], { "cwd": "/srv/d", "creates": "/srv/d/-a b" }]),
            WouldChange,
            Failed,
            Failed,
        ),
        (
            json!([["touch", "--", "-a 'b'"], { "cwd": "/srv/d", "creates": "/srv/d/-a 'b'" }]),
            WouldChange,
            Changed,
            Unchanged,
        ),
        (
            json!(["cat >/srv/$N", { "stdin": "it's\n%s", "env": { "N": 7 }, "unless": "test -e /srv/$N", "undo": "rm /srv/$N" }]),
            WouldChange,
            Changed,
            Unchanged,
        ),
        (
            json!(["true", { "unless": "false" }]),
            WouldChange,
            Failed,
            Failed,
        ),
        (
            json!(["true", { "only_if": "test -d /srv/d" }]),
            WouldChange,
            Changed,
            Changed,
        ),
        (
            json!(["exit 1", { "only_if": "test -d /srv/x" }]),
            Unchanged,
            Unchanged,
            Unchanged,
        ),
        (
            json!(["exit 3", { "ok": [0, 3] }]),
            Unknown,
            Changed,
            Changed,
        ),
        (
            json!(["true", { "cwd": "/nowhere", "ok": [125, 0] }]),
            Failed,
            Failed,
            Failed,
        ),
    ] {
        let batch = [run(args.clone())];
        let before = machine.look("ls -A /srv /srv/d");
        assert_eq!(
            outcomes(&machine.go(&batch, RunMode::Check)),
            [checked],
            "{args}"
        );
        assert_eq!(machine.look("ls -A /srv /srv/d"), before, "{args}");
        let gone = machine.go(&batch, RunMode::Apply);
        assert_eq!(outcomes(&gone), [first], "{args}: {}", notes(&gone));
        assert_eq!(
            outcomes(&machine.go(&batch, RunMode::Apply)),
            [second],
            "{args}"
        );
        if args[1].get("undo").is_some() {
            assert_eq!(machine.look("cat /srv/7"), "it's\n%s");
            machine.undo(&gone);
            assert_eq!(machine.look("ls -A /srv /srv/d"), before);
        } else if let Some((change, _)) = gone.made.first() {
            assert!(change.undo.is_none());
        }
    }
}
