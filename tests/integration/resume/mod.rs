//! Runs that are killed and resumed.

mod cut_off;
mod deployment;
mod doubts;
mod kept;
mod matrix;
mod refused;
mod rollouts;
mod secrets;
mod stopped;
mod undo;

use crate::generation::is_long;
use crate::language::local;
use crate::ops::Ops;

use doubts::Doubt;

/// A task, a task that runs a command, a command whose output is used, one that depends on `changed`, one after it,
/// and a task at the end.
const PLAYBOOK: &str = r#"
let stamp = keep("stamp", || controller().run("head -c 8 /dev/urandom | od -An -tx1 | tr -d ' \n'", #{ reads: true }).stdout);
each(hosts("all"), |h| {
    let root = h.vars.root;
    let done = h.apply([files::file(root + "/conf", "one\n"), commands::run(`echo task >>${root}/log`)]);
    h.run(`echo ${stamp} >>${root}/stamps; echo said`);
    if done[0].changed { h.run(`echo migrated >>${root}/log`); }
    let heard = h.run(`echo last >>${root}/log; echo heard`);
    h.apply(files::file(root + "/end", stamp + "\n"));
    h.run(`echo again >>${root}/repeated`, #{ repeatable: true });
});
"#;

/// The lines of a file below the directory of a host.
fn lines(ops: &Ops, host: &str, name: &str) -> Vec<String> {
    let path = ops.path(host).join(name);
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(ToOwned::to_owned).collect()
}

/// Resumes until the run is done. Of a step in doubt the log says whether it ran.
fn resume(ops: &Ops) -> usize {
    let ran = |doubt: &Doubt| {
        let mut words = ["migrated", "last", "task", "stamps"].into_iter();
        match words.find(|word| doubt.task.contains(word)) {
            Some("stamps") => !lines(ops, &doubt.host, "stamps").is_empty(),
            Some(word) => lines(ops, &doubt.host, "log")
                .iter()
                .any(|line| line == word),
            None => panic!("unknown task: {doubt:?}"),
        }
    };
    doubts::resume(ops, ran, Ops::run).doubts
}

fn is_whole(ops: &Ops, hosts: &[&str], at: &str) {
    let mut stamps = Vec::new();
    for host in hosts {
        assert_eq!(lines(ops, host, "conf"), ["one"], "{at}");
        assert_eq!(
            lines(ops, host, "log"),
            ["task", "migrated", "last"],
            "{at}: {host}"
        );
        stamps.extend(lines(ops, host, "stamps"));
        stamps.extend(lines(ops, host, "end"));
        let repeated = lines(ops, host, "repeated").len();
        assert!((1..=2).contains(&repeated), "{at}: {host}: {repeated}");
    }
    assert_eq!(stamps.len(), 2 * hosts.len(), "{at}");
    stamps.dedup();
    assert_eq!(stamps.len(), 1, "{at}");
}

#[test]
fn a_run_that_is_killed_at_any_write_of_its_journal_is_resumed() {
    let hosts = ["h1", "h2"];
    let mut in_doubt = 0;
    let mut points = 0;
    let step = if is_long() { 1 } else { 5 };
    for number in (1..).step_by(step) {
        let mut over = true;
        for side in ["-", "+"] {
            let ops = local(2).playbook(PLAYBOOK);
            let at = format!("{number}{side}");
            let killed = ops.clone().env("OPS_TEST_DIE_AT", &at).run();
            if killed.exit_code().is_none() {
                over = false;
                points += 1;
                in_doubt += resume(&ops);
            }
            is_whole(&ops, &hosts, &at);
        }
        if over {
            break;
        }
    }
    println!("{points} points, {in_doubt} commands in doubt");
    assert!(points > 6);
    // Whether a command is in doubt depends on the moment.
    assert!(in_doubt > 0 || !is_long());
}

/// Once done, there is nothing to resume.
#[test]
fn a_run_that_is_done_is_not_resumed() {
    let ops = local(1).playbook(PLAYBOOK);
    ops.run().ok();
    ops.again(["resume"])
        .run()
        .code(2)
        .stderr_has("there is no run that can be resumed");
    ops.again(["resume", "last"])
        .run()
        .code(2)
        .stderr_has("is done");
    is_whole(&ops, &["h1"], "once");
}

/// Also if runs of other playbooks came in between.
#[test]
fn a_run_says_that_the_last_one_of_its_playbook_was_killed() {
    let ops = local(1)
        .file("other.rhai", "log::info(\"other\");\n")
        .playbook(PLAYBOOK);
    let killed = ops.clone().env("OPS_TEST_DIE_AT", "4+").run();
    assert_eq!(killed.exit_code(), None, "{killed}");
    ops.again(["run", "other.rhai"]).run().ok();
    let ran = ops.run().ok();
    let ran = ran.stdout_has("the last run of this playbook was killed: `ops resume 20");
    assert!(!ops.run().ok().stdout.contains("was killed"), "{ran}");
}

/// It failed at first and succeeded when it was tried again: it ran.
#[test]
fn a_command_that_succeeded_at_the_second_try_does_not_run_again() {
    let ops = local(1).playbook(
        r#"each(hosts("all"), |h| {
            let root = h.vars.root;
            retry(#{ times: 3, delay: "1ms" }, || {
                h.run(`echo tried >>${root}/log; [ $(wc -l <${root}/log) -ge 2 ]`);
            });
            h.run(`test -e ${root}/allowed`);
        });"#,
    );
    ops.run().code(3);
    std::fs::write(ops.path("h1").join("allowed"), "").expect("a file");
    ops.again(["resume"]).run().ok();
    assert_eq!(lines(&ops, "h1", "log"), ["tried", "tried"]);
}

/// What is tried again gets the value that was kept.
#[test]
fn a_value_is_kept_once_however_often_it_is_tried() {
    let ops = local(1).playbook(
        r#"each(hosts("all"), |h| {
            let root = h.vars.root;
            retry(#{ times: 3, delay: "1ms" }, || {
                let number = keep("number", || h.run("od -An -N8 -tx1 /dev/urandom", #{ reads: true }).stdout);
                h.run(`echo '${number}' >>${root}/log; [ $(wc -l <${root}/log) -ge 2 ]`);
            });
        });"#,
    );
    ops.run().ok();
    let log = lines(&ops, "h1", "log");
    assert_eq!(log.len(), 2);
    assert_eq!(log[0], log[1]);
}

/// A failed run goes on where it failed.
#[test]
fn a_failed_run_goes_on_where_it_failed() {
    let ops = local(2).playbook(
        r#"each(hosts("all"), |h| {
            h.run(`echo first >>${h.vars.root}/log; echo heard`).stdout;
            h.run(`test -e ${h.vars.root}/allowed`);
            h.run(`echo last >>${h.vars.root}/log`);
        });"#,
    );
    std::fs::write(ops.path("h2").join("allowed"), "").expect("a file");
    ops.run().code(3);
    std::fs::write(ops.path("h1").join("allowed"), "").expect("a file");
    let ran = ops.again(["resume"]).run().ok();
    ran.stdout_has("resumed, attempt 2");
    for host in ["h1", "h2"] {
        assert_eq!(lines(&ops, host, "log"), ["first", "last"], "{host}");
    }
    ops.again(["history"]).run().ok().stdout_has("done");
    let shown = ops.again(["show", "last"]).run().ok();
    shown.stdout_has("(run ").stdout_has("resumed, attempt 2");
}
