//! What a host keeps of undos, and what a resumed run makes of it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use super::lines;
use crate::language::local;
use crate::ops::Ops;

/// Fails after `tasks` on its first attempt, and goes on with `then` on the second.
fn failed(tasks: &str, then: &str) -> Ops {
    let ops = local(1).playbook(&format!(
        r#"each(hosts("all"), |h| {{
            let root = h.vars.root;
            let nobody = h.become("nobody");
            {tasks}
            h.run(`test -e ${{root}}/allowed`);
            {then}
        }});"#
    ));
    std::fs::write(ops.path("h1").join("old"), "old\n").expect("a file");
    ops
}

fn first(ops: &Ops) {
    ops.run().code(3).stderr_has("test -e");
    std::fs::write(ops.path("h1").join("allowed"), "").expect("a file");
}

/// The kept undos of a host, in the order of the changes.
fn undos(ops: &Ops) -> Vec<PathBuf> {
    let kept = ops.path("h1").join(".state/kept");
    let run = kept.read_dir().expect("a directory").next();
    let run = run.expect("a run").expect("a run").path();
    let files = run.read_dir().expect("a directory");
    let mut files: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "undo"));
    files.sort();
    files
}

const TWO: &str = r#"let done = h.apply([
    files::file(root + "/old", "new\n"),
    files::file(root + "/created", "new\n"),
]);"#;

#[test]
fn undos_are_kept_for_this_user_alone_and_emptied_when_they_are_done() {
    let ops = failed(TWO, "print(`undone ${h.undo()}, then ${h.undo()}`);");
    first(&ops);
    let kept = undos(&ops);
    assert_eq!(kept.len(), 2);
    for path in &kept {
        let mode = |path: &std::path::Path| path.metadata().expect("there").permissions().mode();
        assert_eq!(mode(path) & 0o777, 0o600);
        assert_eq!(mode(path.parent().expect("a directory")) & 0o777, 0o700);
        assert!(
            std::fs::read_to_string(path)
                .expect("text")
                .starts_with("+{")
        );
    }
    let ran = ops.again(["resume"]).run().ok();
    ran.stdout_has("undone 2, then 0").stdout_has("2 undone");
    assert_eq!(lines(&ops, "h1", "old"), ["old"]);
    assert!(!ops.path("h1").join("created").exists());
    for path in undos(&ops) {
        assert_eq!(path.metadata().expect("there").len(), 0);
    }
}

/// Each attempt keeps an original of its own.
#[test]
fn a_task_that_changed_the_host_twice_is_undone_twice() {
    let ops = failed(TWO, "print(`undone ${h.undo(done[0])}, then ${h.undo()}`);");
    first(&ops);
    std::fs::write(ops.path("h1").join("old"), "of somebody else\n").expect("written");
    ops.again(["resume"])
        .run()
        .ok()
        .stdout_has("undone 2, then 1");
    assert_eq!(lines(&ops, "h1", "old"), ["old"]);
    assert!(!ops.path("h1").join("created").exists());
}

/// A task that the second attempt finds unchanged.
#[test]
fn an_outcome_undoes_what_an_earlier_attempt_changed() {
    let ops = failed(
        TWO,
        "print(`changed ${done[1].changed}, undone ${h.undo(done[1])}`);",
    );
    first(&ops);
    ops.again(["resume"])
        .run()
        .ok()
        .stdout_has("changed true, undone 1");
    assert_eq!(lines(&ops, "h1", "old"), ["new"]);
    assert!(!ops.path("h1").join("created").exists());
}

/// What is done to a kept undo.
type Harm<'a> = &'a dyn Fn(&PathBuf);

#[test]
fn what_cannot_be_undone_is_named_and_the_rest_is_undone() {
    let tear = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).expect("text");
        std::fs::write(path, &text[..text.len() / 2]).expect("written");
    };
    let remove = |path: &PathBuf| std::fs::remove_file(path).expect("removed");
    let large = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).expect("text");
        let spaces = " ".repeat(1 << 20);
        std::fs::write(path, format!("+{spaces}{}", &text[1..])).expect("written");
    };
    let harm: [(Harm<'_>, &str); 3] = [
        (&tear, "its undo on the host is damaged"),
        (&remove, "the host has no undo for it"),
        (&large, "its undo on the host is too large"),
    ];
    for (harm, reason) in harm {
        let ops = failed(TWO, "h.undo();");
        first(&ops);
        harm(&undos(&ops)[0]);
        ops.again(["resume"])
            .run()
            .code(3)
            .stderr_has("undo files::file")
            .stderr_has(&format!("this change cannot be undone: {reason}"));
        assert_eq!(lines(&ops, "h1", "old"), ["new"]);
        assert!(!ops.path("h1").join("created").exists());
    }
}

#[test]
fn a_change_is_made_although_its_undo_cannot_be_kept() {
    let ops = failed(
        r#"h.apply(files::file(root + "/created", "new\n"));"#,
        "h.undo();",
    );
    std::fs::write(ops.path("h1").join(".state"), "no directory").expect("a file");
    first(&ops);
    assert_eq!(lines(&ops, "h1", "created"), ["new"]);
    ops.again(["resume"])
        .run()
        .code(3)
        .stderr_has("this change cannot be undone: the host has no undo for it");
}

#[test]
fn a_command_without_an_undo_is_named_and_one_without_an_effect_is_not() {
    let ops = failed(
        r#"h.apply([
            commands::run(`touch ${root}/a`),
            commands::run(`touch ${root}/b`, #{ changed_when: false }),
            files::file(root + "/c", "new\n"),
        ]);"#,
        "h.undo();",
    );
    first(&ops);
    let ran = ops.again(["resume"]).run().code(3);
    ran.stderr_has("undo commands::run touch")
        .stderr_has("this change cannot be undone");
    assert!(!ops.path("h1").join("c").exists());
}

/// What was made by hand since is not removed.
#[test]
fn a_change_that_failed_and_changed_nothing_is_not_undone() {
    let ops = failed(
        r#"try { h.apply(files::file(root + "/dir/by-hand", "text\n")); } catch { }"#,
        "print(`undone ${h.undo()}`);",
    );
    first(&ops);
    let dir = ops.path("h1").join("dir");
    std::fs::create_dir(&dir).expect("created");
    std::fs::write(dir.join("by-hand"), "text\n").expect("written");
    ops.again(["resume"]).run().ok().stdout_has("undone 0");
    assert_eq!(lines(&ops, "h1", "dir/by-hand"), ["text"]);
}

/// The first of two lines in a file did the work of the second.
#[test]
fn what_was_made_together_is_undone_together() {
    let tasks = r#"let done = h.apply([
        files::line(root + "/old", "one"),
        files::line(root + "/old", "two"),
    ]);"#;
    let ops = failed(tasks, "h.undo(done[1]);");
    first(&ops);
    let ran = ops.again(["resume"]).run().code(3);
    ran.stderr_has("it was made together with files::line");
    assert_eq!(lines(&ops, "h1", "old"), ["old", "one", "two"]);

    let ops = failed(tasks, "print(`undone ${h.undo([done[0], done[1]])}`);");
    first(&ops);
    ops.again(["resume"]).run().ok().stdout_has("undone 2");
    assert_eq!(lines(&ops, "h1", "old"), ["old"]);
}

/// An undo that ended is not repeated, and what comes last is made up for.
#[test]
fn an_undo_that_was_killed_before_its_last_part_goes_on_with_that() {
    let tasks = r"on_failure(|| h.undo());
    h.apply(commands::run(`echo made >>${root}/log`, #{
        undo: `echo undone >>${root}/log`,
        undo_last: `echo last >>${root}/log`,
    }));";
    for number in 2.. {
        let ops = failed(tasks, "");
        let killed = ops
            .clone()
            .env("OPS_TEST_DIE_AT", format!("{number}-"))
            .run();
        if killed.exit_code().is_some() {
            assert!(number > 9, "{number}");
            break;
        }
        let before = lines(&ops, "h1", "log");
        ops.again(["resume", "--in-doubt", "again"]).run().code(3);
        let log = lines(&ops, "h1", "log");
        // A command that was undone is made again.
        let again = before.iter().any(|line| line == "undone");
        let expected: &[&str] = if again {
            &["made", "undone", "last", "made", "undone", "last"]
        } else {
            &["made", "undone", "last"]
        };
        let mut seen: Vec<&str> = log.iter().map(String::as_str).collect();
        if again && !before.contains(&"last".to_owned()) {
            // What comes last comes after both undos.
            assert_eq!(
                seen,
                ["made", "undone", "made", "undone", "last", "last"],
                "{number}"
            );
            seen = expected.to_vec();
        }
        assert_eq!(seen, expected, "{number}");
    }
}

#[test]
fn each_user_keeps_and_undoes_its_own_changes() {
    use std::os::unix::fs::MetadataExt as _;
    let sudo = std::process::Command::new("sudo")
        .args(["-n", "-u", "nobody", "true"])
        .status();
    if !sudo.is_ok_and(|status| status.success()) {
        return;
    }
    let ops = failed(
        r#"h.apply(files::file(root + "/old", "new\n"));
        nobody.apply([
            files::file(root + "/open/theirs", "new\n"),
            files::file(root + "/open/created", "new\n"),
        ]);
        h.apply(files::absent(root + "/open/theirs"));"#,
        "print(`undone ${h.undo()}`);",
    );
    let root = ops.path("h1");
    let mode = |path: PathBuf, mode: u32| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
    };
    mode(ops.path(".."), 0o755);
    mode(ops.path("."), 0o755);
    std::fs::create_dir(root.join(".state")).expect("created");
    mode(root.join(".state"), 0o1777);
    std::fs::create_dir(root.join("open")).expect("created");
    mode(root.join("open"), 0o777);
    std::fs::write(root.join("open/theirs"), "theirs\n").expect("written");
    mode(root.join("open/theirs"), 0o666);
    first(&ops);
    assert!(!root.join("open/theirs").exists());
    assert_ne!(
        root.join("open/created").metadata().expect("there").uid(),
        0
    );
    ops.again(["resume"]).run().ok().stdout_has("undone 6");
    assert_eq!(lines(&ops, "h1", "open/theirs"), ["theirs"]);
    assert_eq!(lines(&ops, "h1", "old"), ["old"]);
    assert!(!root.join("open/created").exists());
}
