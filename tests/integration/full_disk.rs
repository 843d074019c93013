//! A full disk: the host reports where, nothing is left incomplete, and an undo never restores an incomplete
//! copy.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use crate::fleet::ignored;
use crate::ops::Ops;

/// One host, which is this machine: what it keeps for undos is in `state`, and what it manages is in `root`.
fn ops() -> Ops {
    let ops = Ops::new();
    let (root, state) = (ops.path("root"), ops.path("host-state"));
    for dir in [&root, &state] {
        std::fs::create_dir(dir).expect("a directory");
    }
    let line = format!(
        "h1 ansible_connection=local root={} ops_state_dir={}\n",
        root.display(),
        state.display()
    );
    ops.inventory_named("hosts.ini", &line)
}

/// Runs it with a file system of 64 KiB mounted over a directory, visible to it alone. Returns `None` if this
/// machine does not permit that.
fn with_full(ops: &Ops, dir: &Path) -> Option<(Option<i32>, String)> {
    let run = ops.command();
    let mount = format!(
        "mount -t tmpfs -o size=64k tmpfs '{}' || exit 99; exec \"$0\" \"$@\"",
        dir.display()
    );
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--map-root-user", "sh", "-c", &mount])
        .arg(run.get_program())
        .args(run.get_args())
        .current_dir(run.get_current_dir().expect("the run has a directory"))
        .env_clear();
    for (name, value) in run.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    // A separate process group, so that a signal to the tests does not reach it.
    let done = command
        .process_group(0)
        .output()
        .expect("unshare is installed");
    let shown = format!(
        "{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
    if done.status.code() == Some(99) || shown.contains("unshare failed") {
        ignored(&format!(
            "no file system may be mounted here: {}",
            shown.trim()
        ));
        return None;
    }
    Some((done.status.code(), shown))
}

const HINT: &str = "The disk of the host is full. Free some room";

#[test]
fn reports_content_that_does_not_fit_and_leaves_nothing() {
    let ops = ops().playbook(
        r#"
        let big = "0123456789abcdef";
        for i in 0..13 { big += big; }
        each(hosts("all"), |h| {
            h.apply(files::file(h.vars.root + "/big", big));
        });
        "#,
    );
    let Some((code, shown)) = with_full(&ops, &ops.path("root")) else {
        return;
    };
    assert_eq!(code, Some(3), "{shown}");
    for part in ["No space left on device", HINT, "playbook.rhai:5:"] {
        assert!(shown.contains(part), "no {part:?} in\n{shown}");
    }
}

#[test]
fn reports_a_large_file_that_does_not_fit_and_continues() {
    let ops = ops().file("big", vec![b'x'; 9_000_001]).playbook(
        r#"
        each(hosts("all"), |h| {
            try {
                h.apply(files::file(h.vars.root + "/big", #{ source: "big" }));
            } catch (error) {
                log::info(error.message);
            }
            h.apply(files::file(h.vars.root + "/small", "fits"));
            log::info(h.run("ls -A " + h.vars.root, #{ reads: true }).stdout);
            h.apply(files::file(h.vars.root + "/big", #{ source: "big" }));
        });
        "#,
    );
    let Some((code, shown)) = with_full(&ops, &ops.path("root")) else {
        return;
    };
    assert_eq!(code, Some(3), "{shown}");
    for part in ["No space left on device", HINT, "playbook.rhai:10:"] {
        assert!(shown.contains(part), "no {part:?} in\n{shown}");
    }
    assert!(
        shown.contains("small") && !shown.contains(".ops-"),
        "{shown}"
    );
}

#[test]
fn an_incomplete_backup_is_not_restored() {
    let content = "0123456789abcdef".repeat(16 * 1024);
    for (name, change) in [
        (
            "a file that is replaced",
            r#"files::file(root + "/old", "new")"#,
        ),
        ("a line", r#"files::line(root + "/old", "new")"#),
        ("what goes", r#"files::absent(root + "/old")"#),
        (
            "a file that a link replaces",
            r#"files::link(root + "/old", "/x", #{ force: true })"#,
        ),
    ] {
        let ops = ops()
            .playbook(&format!(
                r#"each(hosts("all"), |h| {{
                    let root = h.vars.root;
                    on_failure(|| h.undo());
                    h.apply({change});
                }});"#
            ))
            .file("root/old", &content);
        let Some((code, shown)) = with_full(&ops, &ops.path("host-state")) else {
            return;
        };
        assert_eq!(code, Some(3), "{name}: {shown}");
        assert!(
            shown.contains("No space left on device") && shown.contains(HINT),
            "{name}: {shown}"
        );
        let after = std::fs::read_to_string(ops.path("root/old")).expect("the file");
        assert_eq!(
            after.len(),
            content.len(),
            "{name}: the file was cut short\n{shown}"
        );
        assert_eq!(after, content, "{name}");
    }
}

#[test]
fn a_lock_that_cannot_be_released_fails_the_run() {
    const FILL: &str = r#"each(hosts("all"), |h| {
        h.run("cat /dev/zero >$STATE/fill 2>/dev/null; true", #{ reads: true });
    });"#;
    let under = format!(r#"let all = hosts("all"); with_lock("shop", || {{ {FILL} }});"#);
    for (playbook, args) in [
        (under.as_str(), &[] as &[&str]),
        (FILL, &["--lock", "shop"]),
    ] {
        let ops = ops();
        let state = ops.path("host-state");
        let playbook = playbook.replace("$STATE", &state.display().to_string());
        let ops = ops.playbook(&playbook).args(args);
        let Some((code, shown)) = with_full(&ops, &state) else {
            return;
        };
        assert_eq!(code, Some(3), "{shown}");
        for part in [
            "the lock `shop` could not be released here: ",
            "No space left on device; it is held until its lease expires in 90 s",
            "The disk of the host is full. Free some space.",
        ] {
            assert!(shown.contains(part), "no {part:?} in\n{shown}");
        }
        assert!(!shown.contains("has passed to"), "{shown}");
    }
}

#[test]
fn commands_that_cannot_be_recorded_run_with_one_warning() {
    const FULL: &str = r#"each(hosts("all"), |h| {
        h.run("cat /dev/zero >$STATE/fill 2>/dev/null; true", #{ reads: true });
        h.run("echo ran >>$ROOT/ran");
        h.run("rm $STATE/fill");
        h.run("echo ran >>$ROOT/ran");
        // The kernel may count what was freed a little later.
        for i in 0..20 { h.run("true"); }
        log::info(h.run("find $STATE -path '*/runs/*' -exec cat {} +", #{ reads: true }).stdout);
    });"#;
    // The record takes more than a page, and is full before the disk is free again.
    const LATER: &str = r#"each(hosts("all"), |h| {
        for i in 0..40 { h.run("true"); }
        h.run("cat /dev/zero >$STATE/fill 2>/dev/null; true", #{ reads: true });
        for i in 0..50 { h.run("true"); }
        h.run("echo ran >>$ROOT/ran; rm $STATE/fill");
        h.run("echo ran >>$ROOT/ran");
        for i in 0..20 { h.run("true"); }
        log::info(h.run("find $STATE -path '*/runs/*' -exec cat {} +", #{ reads: true }).stdout);
    });"#;
    for playbook in [FULL, LATER] {
        let ops = ops();
        let (state, root) = (ops.path("host-state"), ops.path("root"));
        let playbook = playbook
            .replace("$STATE", &state.display().to_string())
            .replace("$ROOT", &root.display().to_string());
        let ops = ops.playbook(&playbook);
        let Some((code, shown)) = with_full(&ops, &state) else {
            return;
        };
        assert_eq!(code, Some(0), "{shown}");
        let warning =
            "cannot record commands on h1: if this run is killed, ops cannot tell whether they ran";
        assert_eq!(shown.matches(warning).count(), 1, "{shown}");
        let ran = std::fs::read_to_string(root.join("ran")).expect("they ran");
        assert_eq!(ran, "ran\nran\n", "{shown}");
        // The gap is noted, and what was possible again was recorded.
        assert!(shown.contains("records 1 -"), "{shown}");
        assert!(shown.contains("ended "), "{shown}");
    }
}

#[test]
fn without_space_for_the_journal_nothing_is_changed() {
    let ops = ops()
        .playbook(
            r#"each(hosts("all"), |h| {
                h.apply(files::file(h.vars.root + "/old", "new"));
            });"#,
        )
        .file("root/old", "old");
    // Too small for anything.
    std::fs::write(ops.state().join("ops"), "").expect("a file where the directory would be");
    let ran = ops
        .run()
        .code(3)
        .stderr_has("nothing was changed: failed to write the journal of this run");
    assert!(ran.stdout.contains("this run will not be kept"), "{ran}");
    assert_eq!(
        std::fs::read_to_string(ops.path("root/old")).expect("the file"),
        "old"
    );
}
