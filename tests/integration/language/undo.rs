//! `h.undo`: every change can be reverted.

use super::{local, on, text};
use crate::ran::journal;

#[test]
fn undoes_everything_in_reverse() {
    let ops = local(1).playbook(
        r#"
        each(hosts("all"), |h| {
            let root = h.vars.root;
            h.apply([
                files::file(root + "/kept", "new\n", #{ mode: "0600" }),
                files::directory(root + "/dir"),
                files::file(root + "/dir/f", "text\n"),
                files::line(root + "/lines", "added"),
            ]);
            h.apply(files::file(root + "/kept", "newer\n"));
            h.apply(files::absent(root + "/gone"));
            print(`undone ${h.undo()}, then ${h.undo()}`);
        });
        "#,
    );
    let ops = ops
        .file("h1/kept", "old\n")
        .file("h1/lines", "one\ntwo\n")
        .file("h1/gone", "still here\n");
    ops.run().ok().stdout_has("undone 6, then 0");
    assert_eq!(text(&ops, "h1", "kept"), "old\n");
    assert_eq!(text(&ops, "h1", "lines"), "one\ntwo\n");
    assert_eq!(text(&ops, "h1", "gone"), "still here\n");
    assert!(!on(&ops, "h1", "dir").exists());
}

#[test]
fn undoes_a_single_outcome() {
    let ops = local(1).playbook(
        r#"
        each(hosts("all"), |h| {
            let root = h.vars.root;
            let done = h.apply([files::file(root + "/a", "a"), files::file(root + "/b", "b"), files::file(root + "/c", "c")]);
            print(`one ${h.undo(done[1])}`);
            h.apply(files::file(root + "/b", "mine"));
            print(`again ${h.undo([done[1], done[2]])}`);
        });
        "#,
    );
    let ran = ops.run().ok().stdout_has("one 1").stdout_has("again 1");
    // Of a, b, c and the second b, the first b and c were restored.
    ran.stdout_has(": 2 changed, 2 undone");
    assert_eq!(
        text(&ops, "h1", "b"),
        "mine",
        "an undone change is not undone again"
    );
    assert!(on(&ops, "h1", "a").exists() && !on(&ops, "h1", "c").exists());
}

/// What it reads is restored before it runs: a restart, a reload.
#[test]
fn undo_last_sees_what_was_restored() {
    let ops = local(1).playbook(
        r#"
        each(hosts("all"), |h| {
            let root = h.vars.root;
            let seen = `cat ${root}/in >> ${root}/seen`;
            h.apply([
                commands::run(seen, #{ undo_last: seen, env: #{ A: 1 } }),
                files::file(root + "/in", "new\n"),
                task(#{
                    name: "reads it",
                    probe: `cmp -s ${root}/in ${root}/out`,
                    plan: |found| if found.code != 0 { #{ apply: `cp ${root}/in ${root}/out`, undo_last: `cp ${root}/in ${root}/out` } },
                }),
            ]);
            print(`undone ${h.undo()}`);
        });
        "#,
    );
    let ops = ops.file("h1/in", "old\n");
    ops.run().ok().stdout_has("undone 3");
    assert_eq!(text(&ops, "h1", "seen"), "old\nold\n");
    assert_eq!(text(&ops, "h1", "out"), "old\n");
}

#[test]
fn names_a_change_without_undo_and_undoes_the_others() {
    let ops = local(1).playbook(
        r#"
        each(hosts("all"), |h| {
            let root = h.vars.root;
            h.apply([
                files::file(root + "/a", "a"),
                commands::run("touch " + root + "/b"),
                files::file(root + "/c", "c"),
            ]);
            h.undo();
        });
        "#,
    );
    ops.run()
        .code(3)
        .stderr_has("cannot be undone")
        .stderr_has("commands::run touch");
    assert!(!on(&ops, "h1", "a").exists() && !on(&ops, "h1", "c").exists());
    assert!(on(&ops, "h1", "b").exists());
}

#[test]
fn undoes_the_changes_of_a_failed_batch() {
    let ops = local(2).playbook(
        r#"
        each(hosts("all"), |h| {
            on_failure(|| h.undo());
            h.apply([
                files::directory(h.vars.root + "/release"),
                files::file(h.vars.root + "/release/version", "2"),
                task(#{ name: "half", probe: "true", plan: |f| #{
                    apply: `touch ${h.vars.root}/half; exit 3`, undo: `rm ${h.vars.root}/half`,
                } }),
                files::file(h.vars.root + "/never", "x"),
            ]);
        });
        "#,
    );
    ops.run().code(3).stderr_has("exited with code 3");
    for host in ["h1", "h2"] {
        for name in ["release", "half", "never"] {
            assert!(!on(&ops, host, name).exists(), "{host} {name}");
        }
    }
}

#[test]
fn a_failed_undo_ends_it_with_its_output() {
    let ops = local(1).playbook(
        r#"
        fn step(root, name, undo) {
            task(#{
                name: name, probe: `cat ${root}/${name} 2>/dev/null`, reads: [`${root}/${name}`], writes: [`${root}/${name}`],
                plan: |found| if found.code != 0 { #{ apply: `touch ${root}/${name}`, undo: undo } },
            })
        }
        each(hosts("all"), |h| {
            let root = h.vars.root;
            h.apply([
                step(root, "first", `rm ${root}/first`),
                step(root, "second", "echo stuck >&2; exit 4"),
                step(root, "third", `rm ${root}/third`),
            ]);
            h.undo();
        });
        "#,
    );
    ops.run()
        .code(3)
        .stderr_has("undo second")
        .stderr_has("stuck")
        .stdout_has("exited with code 4")
        .stdout_has("failed       h1  undo first: not undone, because an undo before it failed");
    assert!(!on(&ops, "h1", "third").exists() && on(&ops, "h1", "first").exists());
}

#[test]
fn undos_share_a_request() {
    let ops = local(1).playbook(
        r#"
        each(hosts("all"), |h| {
            let root = h.vars.root;
            h.apply([files::file(root + "/a", "a"), files::file(root + "/b", "b"), files::file(root + "/c", "c")]);
            h.undo();
        });
        "#,
    );
    ops.run().ok();
    // The changes of one request are recorded together before it is sent.
    let undos: Vec<_> = journal(&ops)
        .into_iter()
        .filter(|entry| entry.contains("undo"))
        .collect();
    assert_eq!(undos[..3], ["intend undo "; 3]);
    assert_eq!(undos[3..], ["done undo changed"; 3]);
}
