//! Writes that are refused: the error contains the message of the host, and a hint names the obstacle.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use crate::fleet::{Container, Image, ignored};
use crate::ops::Ops;

/// One host, which is this machine. `$root` is a directory of the test.
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

/// An attribute of a file, removed when dropped.
struct Attribute(std::path::PathBuf, &'static str);

impl Attribute {
    /// `None` if this machine or this file system does not permit it.
    fn set(path: std::path::PathBuf, flag: &'static str) -> Option<Self> {
        let done = Command::new("chattr")
            .arg(format!("+{flag}"))
            .arg(&path)
            .output();
        if !done.is_ok_and(|done| done.status.success()) {
            ignored("chattr does not work here");
            return None;
        }
        Some(Self(path, flag))
    }
}

impl Drop for Attribute {
    fn drop(&mut self) {
        let _ = Command::new("chattr")
            .arg(format!("-{}", self.1))
            .arg(&self.0)
            .status();
    }
}

#[test]
fn names_an_immutable_file() {
    for (task, flag, hint) in [
        (
            r#"files::file(root + "/old", "new")"#,
            "i",
            "old is immutable (`lsattr -d ",
        ),
        (
            r#"files::line(root + "/old", "new")"#,
            "i",
            "old is immutable (`lsattr -d ",
        ),
        (
            r#"files::absent(root + "/old")"#,
            "a",
            "old is append-only (`lsattr -d ",
        ),
        (
            r#"files::link(root + "/old", "x", #{ force: true })"#,
            "i",
            "old is immutable (`lsattr -d ",
        ),
    ] {
        let ops = ops()
            .playbook(&format!(
                r#"each(hosts("all"), |h| {{
                    let root = h.vars.root;
                    try {{ h.apply({task}); }} catch (e) {{ log::info(`caught: ${{e.message}}`); throw e; }}
                }});"#
            ))
            .file("root/old", "old\n");
        let Some(_attribute) = Attribute::set(ops.path("root/old"), flag) else {
            return;
        };
        let ran = ops.run().code(3);
        let caught = ran.stdout.lines().find(|line| line.contains("caught: "));
        let caught = caught.expect("the error was caught");
        assert!(
            caught.contains("mv: ") && caught.contains("Operation not permitted"),
            "{task}: {ran}"
        );
        assert!(ran.stderr.contains(hint), "{task}: {ran}");
    }
}

#[test]
fn names_an_immutable_file_whose_attributes_would_change() {
    for task in [
        r#"files::file(root + "/old", "old\n", #{ mode: "0600" })"#,
        r#"files::line(root + "/old", "old", #{ mode: "0600" })"#,
        r#"files::file(root + "/old", "old\n", #{ group: "bin" })"#,
    ] {
        let ops = ops()
            .playbook(&format!(
                r#"each(hosts("all"), |h| {{ let root = h.vars.root; h.apply({task}); }});"#
            ))
            .file("root/old", "old\n");
        let Some(_attribute) = Attribute::set(ops.path("root/old"), "i") else {
            return;
        };
        ops.run()
            .code(3)
            .stderr_has("old is immutable (`lsattr -d ");
    }
}

/// The error that a playbook catches contains the reason.
#[test]
fn the_message_of_an_error_has_the_reason() {
    for (task, message) in [
        (
            r#"commands::run("ls", #{ cwd: "/nosuch" })"#,
            "there is no directory /nosuch",
        ),
        (
            r#"files::file(root + "/x", "x", #{ validate: "false %s" })"#,
            "the validate command `false %s` exited with code 1\n",
        ),
        (
            r#"files::file(root + "/x", "x", #{ validate: "echo bad; echo worse; ! cat %s >/dev/null" })"#,
            "` exited with code 1: bad\n",
        ),
        (
            r#"files::file(root + "/x", "x", #{ owner: "nosuch" })"#,
            "there is no user nosuch\n",
        ),
        (
            r#"files::directory(root + "/d", #{ group: "nosuch" })"#,
            "there is no group nosuch\n",
        ),
        (
            r#"files::file(root + "/no/such/x", "x")"#,
            "/no/such/x: there is no directory ",
        ),
    ] {
        let ops = ops().playbook(&format!(
            r#"each(hosts("all"), |h| {{
                let root = h.vars.root;
                try {{ h.apply({task}); }} catch (e) {{ log::info(`caught: ${{e.message}}`); throw e; }}
            }});"#
        ));
        let ran = ops.run().code(3);
        let caught = ran.stdout.find("caught: ").expect("the error was caught");
        let caught = &ran.stdout[caught..];
        let line = &caught[..=caught.find('\n').expect("a line")];
        assert!(line.contains(message), "{task}: {line}");
    }
}

#[test]
fn names_a_missing_directory() {
    for task in [
        r#"files::file(root + "/no/such/x", "new")"#,
        r#"files::link(root + "/no/such/x", "new")"#,
        r#"files::line(root + "/no/such/x", "new")"#,
    ] {
        let ops = ops().playbook(&format!(
            r#"each(hosts("all"), |h| {{ let root = h.vars.root; h.apply({task}); }});"#
        ));
        let root = ops.path("root");
        let hint = format!(
            "There is no directory {}/no: `files::directory` creates it.",
            root.display()
        );
        ops.run().code(3).stderr_has(&hint);
    }
}

#[test]
fn names_a_read_only_file_system() {
    let ops = ops()
        .playbook(r#"each(hosts("all"), |h| h.apply(files::file(h.vars.root + "/new", "new")));"#);
    let root = ops.path("root");
    let run = ops.command();
    let mount = format!(
        "mount -t tmpfs -o ro tmpfs '{}' || exit 99; exec \"$0\" \"$@\"",
        root.display()
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
    let done = command
        .process_group(0)
        .output()
        .expect("unshare is installed");
    let shown = String::from_utf8_lossy(&done.stderr);
    if done.status.code() == Some(99) || shown.contains("unshare failed") {
        ignored(&format!(
            "no file system may be mounted here: {}",
            shown.trim()
        ));
        return;
    }
    let hint = format!("The file system at {} is mounted read-only", root.display());
    assert!(shown.contains(&hint), "{shown}");
}

/// A playbook that creates a file, then does something that fails, and undoes everything.
fn undoing(task: &str) -> String {
    format!(
        r#"each(hosts("all"), |h| {{
            let root = h.vars.root;
            on_failure(|| log::info(`undone: ${{h.undo()}}`));
            h.apply([files::file(root + "/first", "new\n"), {task}]);
        }});"#
    )
}

/// A step that failed before it changed anything is not undone; one that may have changed something is.
#[test]
fn does_not_undo_what_changed_nothing() {
    for (task, flag, undone) in [
        (r#"files::file(root + "/old", "new")"#, "i", 1),
        (r#"files::line(root + "/old", "new")"#, "i", 1),
        (
            r#"files::file(root + "/old", "old\n", #{ mode: "0600" })"#,
            "i",
            1,
        ),
        (r#"files::absent(root + "/old")"#, "a", 1),
        (
            r#"files::link(root + "/old", "x", #{ force: true })"#,
            "i",
            1,
        ),
        (r#"files::file(root + "/no/such/x", "x")"#, "", 1),
        (r#"files::link(root + "/no/such/x", "x")"#, "", 1),
        (r#"files::directory(root + "/old/x/y")"#, "", 1),
        (
            r#"files::file(root + "/x", "x", #{ owner: "nosuchuser" })"#,
            "",
            1,
        ),
        (
            r#"files::file(root + "/x", "x", #{ validate: "false %s" })"#,
            "",
            1,
        ),
        (r#"commands::run("exit 1", #{ undo: "true" })"#, "", 2),
        (
            r#"task(#{ name: "t", probe: "true", plan: |f| #{ apply: "exit 1", undo: "true" } })"#,
            "",
            2,
        ),
    ] {
        let ops = ops().playbook(&undoing(task)).file("root/old", "old\n");
        let _attribute = match flag {
            "" => None,
            flag => {
                let Some(set) = Attribute::set(ops.path("root/old"), flag) else {
                    return;
                };
                Some(set)
            }
        };
        let ran = ops.run().code(3).stdout_has(&format!("undone: {undone}"));
        let back = ran.stdout.matches("restores what was there before").count();
        assert_eq!(back, undone, "{task}: {ran}");
        assert!(
            !ran.stdout.contains("ops untouched") && !ran.stderr.contains("ops untouched"),
            "{ran}"
        );
        let left = std::fs::read_dir(ops.path("root"))
            .expect("the root")
            .count();
        assert_eq!(left, 1, "{task}: {ran}");
    }
}

/// The same for what needs a separate machine.
#[test]
fn does_not_undo_a_missing_package_and_a_user_with_an_invalid_id() {
    let Some(container) = Container::shared(Image::Debian) else {
        return;
    };
    for task in [
        r#"packages::installed("nosuchpkg")"#,
        r#"users::present("newbie", #{ uid: 4294967295 })"#,
    ] {
        let ops = container
            .ops(&["root"])
            .file("group_vars/all.yml", "root: /tmp\n");
        let ran = ops
            .playbook(&undoing(task))
            .run()
            .code(3)
            .stdout_has("undone: 1");
        let back = ran.stdout.matches("restores what was there before").count();
        assert_eq!(back, 1, "{task}: {ran}");
    }
}
