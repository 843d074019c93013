//! The journal of a run: without a journal nothing is changed, and a stored run reads as it did.

use std::process::{Command, Stdio};

use super::{local, on};
use crate::fleet::partly_ignored;
use crate::fleet::process::wait_until;
use crate::ops::Ops;

const CHANGES: &str = r#"each(hosts("all"), |h| {
    h.apply(files::file(h.vars.root + "/f", "text\n"));
    h.run(["touch", h.vars.root + "/ran"]);
});"#;

#[test]
fn without_a_journal_nothing_is_changed() {
    // A file instead of the directory: refused for every user, even root.
    let refused = |ops: Ops| {
        let place = ops.path("in-the-way");
        std::fs::write(&place, "").expect("a file");
        ops.env("XDG_STATE_HOME", &place)
    };
    let ops = refused(local(1).playbook(CHANGES));
    ops.run()
        .code(3)
        .stderr_has("nothing was changed")
        .stderr_has("XDG_STATE_HOME");
    assert!(!on(&ops, "h1", "f").exists() && !on(&ops, "h1", "ran").exists());
    let ops = refused(
        local(1).playbook(r#"each(hosts("all"), |h| h.run(["touch", h.vars.root + "/ran"]));"#),
    );
    ops.run().code(3).stderr_has("the command was not run");
    assert!(!on(&ops, "h1", "ran").exists());
    let checked = refused(local(1).playbook(CHANGES))
        .arg("--check")
        .run()
        .ok();
    assert!(checked.stdout.contains("would change"), "{checked}");
    let reads = r#"each(hosts("all"), |h| print(h.run("echo read", #{ reads: true }).stdout));"#;
    refused(local(1).playbook(reads))
        .run()
        .ok()
        .stdout_has("read");
}

/// Runs `ops` with other arguments in the same directory.
fn beside(ops: &Ops, args: &[&str]) -> Command {
    let like = ops.command();
    let mut command = Command::new(like.get_program());
    command
        .current_dir(ops.path("."))
        .env_clear()
        .envs(
            like.get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[test]
fn show_prints_what_the_run_printed() {
    let fails = r#"each(hosts("all"), |h| {
        h.apply([files::file(h.vars.root + "/f", "one\ntwo\n"), commands::run("echo said; echo loud >&2")]);
        print(`log of ${h.name}`);
        try { h.run("exit 4") } catch {}
        if h.name == "h2" { h.run("echo broken >&2; exit 9"); }
    });"#;
    for (playbook, code) in [(CHANGES, 0), (fails, 3)] {
        for flags in [&[][..], &["-v"], &["--diff"], &["-v", "--diff"]] {
            let ops = local(2)
                .playbook(playbook)
                .args(["--forks", "1", "--output", "plain"])
                .args(flags);
            let ran = ops.run().code(code);
            let show = [&["show", "last", "--output", "plain"], flags].concat();
            let shown = beside(&ops, &show).output().expect("ops runs");
            assert_eq!(
                String::from_utf8_lossy(&shown.stdout),
                ran.stdout,
                "{flags:?}"
            );
            // The diagnostics of ops itself are not events.
            let told: String = ran
                .stderr
                .lines()
                .filter(|line| !line.contains(" INFO "))
                .map(|line| format!("{line}\n"))
                .collect();
            assert_eq!(String::from_utf8_lossy(&shown.stderr), told, "{flags:?}");
        }
    }
}

#[test]
fn history_has_a_row_for_every_run() {
    let ops = local(1)
        .file("good.rhai", r#"each(hosts("all"), |h| h.run("true"));"#)
        .file("bad.rhai", r#"each(hosts("all"), |h| h.run("false"));"#)
        .file(
            "killed.rhai",
            r#"each(hosts("all"), |h| h.run(`touch ${h.vars.root}/up; exec sleep 4321`));"#,
        );
    let start = |name: &str| {
        beside(&ops, &["run", name, "-i", "hosts.ini"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("ops runs")
    };
    assert_eq!(start("good.rhai").wait().expect("it exits").code(), Some(0));
    assert_eq!(start("bad.rhai").wait().expect("it exits").code(), Some(3));
    let mut killed = start("killed.rhai");
    wait_until(
        || on(&ops, "h1", "up").exists(),
        || "the command never ran".to_owned(),
    );
    killed.kill().expect("it runs");
    killed.wait().expect("it exits");
    let output = beside(&ops, &["history"]).output().expect("ops runs");
    let rows = String::from_utf8_lossy(&output.stdout);
    for (name, end) in [
        ("good.rhai", "done"),
        ("bad.rhai", "exit code 3"),
        ("killed.rhai", "killed"),
    ] {
        let row = rows.lines().find(|line| line.contains(name));
        assert!(row.is_some_and(|row| row.ends_with(end)), "{name}\n{rows}");
    }
}

/// Anyone who can write there can forge what a run did. What they may have read is scrubbed, but still must
/// not be theirs.
#[test]
fn closes_a_directory_that_others_can_write_and_refuses_one_of_others() {
    use std::os::unix::fs::{PermissionsExt as _, chown};
    let mode = |path: &std::path::Path| {
        let meta = path.metadata().expect("it exists");
        meta.permissions().mode() & 0o777
    };
    let ops = local(1).playbook(CHANGES);
    let runs = ops.state().join("ops/runs");
    std::fs::create_dir_all(&runs).expect("a directory");
    for open in [0o777, 0o770] {
        std::fs::set_permissions(&runs, std::fs::Permissions::from_mode(open)).expect("ours");
        ops.run()
            .ok()
            .stderr_has("runs was open to other users (mode 0")
            .stderr_has("its mode is now 0700");
        assert_eq!(mode(&runs), 0o700);
    }
    assert!(!ops.run().ok().stderr.contains("open to other users"));
    if rustix::process::geteuid().is_root() {
        chown(&runs, Some(65534), None).expect("root has permission");
        ops.run()
            .code(3)
            .stderr_has("belongs to another user (uid 65534)")
            .stderr_has("XDG_STATE_HOME");
    } else {
        partly_ignored("a directory that belongs to another user: only root can make one");
    }
}

#[test]
fn a_run_of_an_older_version_is_still_shown() {
    let ops = local(1).playbook(r#"each(hosts("all"), |h| h.run("echo said"));"#);
    ops.run().ok();
    let runs = std::fs::read_dir(ops.state().join("ops/runs")).expect("runs");
    let run = runs.last().expect("a run").expect("readable").path();
    let old = r#"{"entry":"intend","ts":"2026-11-21T14:15:30Z","step":"h1/x.rhai:1:24"}"#;
    std::fs::write(run.join("journal.jsonl"), format!("{old}\n")).expect("writable");
    for (command, expected) in [("history", "playbook.rhai"), ("show", "said")] {
        let shown = beside(&ops, &[command]).output().expect("ops runs");
        let text = String::from_utf8_lossy(&shown.stdout);
        assert!(
            shown.status.success() && text.contains(expected),
            "{shown:?}"
        );
    }
}
