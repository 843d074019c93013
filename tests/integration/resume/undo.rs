//! `h.undo()` in a resumed run: it covers the changes of all attempts.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::generation::is_long;
use crate::language::local;
use crate::ops::Ops;
use crate::ran::Ran;

/// Files, lines, directories and links that are there already or not, commands with an undo, and one whose undo
/// comes last; then it fails.
const PLAYBOOK: &str = r#"
each(hosts("all"), |h| {
    let root = h.vars.root;
    on_failure(|| h.undo());
    h.apply([
        files::file(root + "/replaced", "new\n", #{ mode: "0600" }),
        files::file(root + "/created", "new\n"),
        files::line(root + "/lines", "one more"),
        files::line(root + "/lines", "and another"),
        files::directory(root + "/dir/below", #{ mode: "0750" }),
        files::file(root + "/dir/below/file", "in it\n"),
        files::link(root + "/current", root + "/dir"),
        files::link(root + "/latest", root + "/dir"),
        files::absent(root + "/gone"),
        commands::run(`cp ${root}/replaced ${root}/seen`, #{ undo_last: `cp ${root}/replaced ${root}/seen` }),
        commands::run(`mkdir -p ${root}/made`, #{ undo: `rm -rf ${root}/made` }),
    ]);
    h.apply(files::file(root + "/replaced", "newer\n"));
    h.apply(commands::run(`touch ${root}/made/more`, #{ creates: root + "/made/more", undo: `rm -f ${root}/made/more` }));
    h.run("exit 1");
});
"#;

/// What is below the directory of a host, apart from the state of ops.
type Tree = BTreeMap<PathBuf, String>;

fn host(ops: &Ops) {
    let root = ops.path("h1");
    let write = |name: &str, text: &str| std::fs::write(root.join(name), text).expect("a file");
    write("replaced", "old\n");
    write("seen", "old\n");
    write("lines", "first\n");
    write("gone", "still there\n");
    let mode = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(root.join("replaced"), mode).expect("a mode");
    std::os::unix::fs::symlink("/nowhere", root.join("current")).expect("a link");
}

fn tree(ops: &Ops) -> Tree {
    fn add(dir: &Path, tree: &mut Tree) {
        for entry in std::fs::read_dir(dir).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.ends_with(".state") {
                continue;
            }
            let found = path.symlink_metadata().expect("it is there");
            let content = if found.is_symlink() {
                format!("{:?}", path.read_link())
            } else if found.is_dir() {
                add(&path, tree);
                "directory".to_owned()
            } else {
                std::fs::read_to_string(&path).expect("text")
            };
            let (mode, user) = (found.mode(), found.uid());
            tree.insert(path, format!("{mode:o} {user} {content}"));
        }
    }
    let mut found = Tree::new();
    add(&ops.path("h1"), &mut found);
    found
}

fn new(playbook: &str) -> Ops {
    let ops = local(1).playbook(playbook);
    host(&ops);
    ops
}

/// Resumes the run, to be killed at a point or not.
fn resume(ops: &Ops, die_at: Option<&str>) -> Ran {
    let again = ops.again(["resume", "--in-doubt", "again"]);
    match die_at {
        Some(at) => again.env("OPS_TEST_DIE_AT", at).run(),
        None => again.run(),
    }
}

/// The points at which a run is killed: every so many writes of its journal, in a campaign and otherwise.
fn points(long: usize, step: usize) -> impl Iterator<Item = String> {
    let step = if is_long() { long } else { step };
    let numbers = (2..).step_by(step);
    numbers.flat_map(|number| ["-", "+"].map(|side| format!("{number}{side}")))
}

#[track_caller]
fn is_undone(ops: &Ops, ran: &Ran, before: &Tree, at: &str) {
    assert_eq!(tree(ops), *before, "{at}: {ran}");
    for text in [
        "cannot be undone",
        "may have been made",
        "in full or in part",
    ] {
        assert!(!ran.stderr.contains(text), "{at}: {ran}");
    }
}

#[test]
fn a_killed_run_is_undone_by_a_later_attempt() {
    let mut killed = 0;
    for at in points(1, 5) {
        let ops = new(PLAYBOOK);
        let before = tree(&ops);
        if ops
            .clone()
            .env("OPS_TEST_DIE_AT", &at)
            .run()
            .exit_code()
            .is_some()
        {
            break;
        }
        killed += 1;
        let ran = resume(&ops, None);
        if ran
            .stderr
            .contains("killed before it could change anything")
        {
            continue;
        }
        is_undone(&ops, &ran.code(3), &before, &at);
    }
    println!("killed {killed} times");
    assert!(killed > 8);
}

#[test]
fn an_undo_that_is_killed_goes_on() {
    let mut killed = 0;
    for at in points(13, 31) {
        let ops = new(PLAYBOOK);
        if ops
            .clone()
            .env("OPS_TEST_DIE_AT", &at)
            .run()
            .exit_code()
            .is_some()
        {
            break;
        }
        for again in points(11, 19) {
            let ops = new(PLAYBOOK);
            let before = tree(&ops);
            ops.clone().env("OPS_TEST_DIE_AT", &at).run();
            if resume(&ops, Some(&again)).exit_code().is_some() {
                break;
            }
            killed += 1;
            let ran = resume(&ops, None).code(3);
            is_undone(&ops, &ran, &before, &format!("{at}, then {again}"));
        }
    }
    println!("killed twice {killed} times");
    assert!(killed > 3);
}

/// What was changed before the rollout stays.
#[test]
fn a_resumed_rollout_puts_back_what_an_earlier_attempt_changed() {
    let playbook = r#"
    let all = hosts("all");
    each(all, |h| h.apply(files::file(h.vars.root + "/lines", "of this run\n")));
    rollout(all, #{ update: |h| {
        h.apply([
            files::file(h.vars.root + "/replaced", "new\n"),
            files::absent(h.vars.root + "/gone"),
        ]);
        h.run("exit 1");
    } });
    "#;
    let mut killed = 0;
    for at in points(1, 2) {
        let ops = new(playbook);
        let mut before = tree(&ops);
        let run = ops.clone().env("OPS_TEST_DIE_AT", &at).run();
        if run.exit_code().is_some() {
            break;
        }
        killed += 1;
        let ran = resume(&ops, None);
        let lines = ops.path("h1").join("lines");
        let text = before.get_mut(&lines).expect("a file");
        *text = text.replace("first", "of this run");
        is_undone(&ops, &ran, &before, &at);
    }
    println!("killed {killed} times");
    assert!(killed > 4);
}
