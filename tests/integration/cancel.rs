//! However a run ends, nothing of it is left: no process on a host, no connection, no socket.

use rustix::process::Signal;

use crate::fleet::Fleet;
use crate::ops::{Ops, Running};
use crate::ran::Ran;
use crate::terminal::{INTERRUPT, Terminal};

/// Waits on every host, with a child in the background and one in another process group.
const WAIT: &str = r#"
    each(hosts("all"), |h| {
        h.run("sleep 4712 & sh -c 'sleep 4713; :' & sleep 4711");
    });
"#;

fn started(fleet: &Fleet, ops: &Ops) -> Running {
    let running = ops.start();
    for host in fleet.hosts() {
        for command in ["sleep 4711", "sleep 4712", "sleep 4713"] {
            host.wait_for_process(command);
        }
    }
    running
}

fn leaves_nothing(fleet: &Fleet, ran: Ran) -> Ran {
    for host in fleet.hosts() {
        host.wait_until_idle();
    }
    ran.nothing_left()
}

fn ends_by(signal: Signal) {
    let fleet = Fleet::sshd(2);
    let ops = fleet.ops().playbook(WAIT);
    let mut running = started(&fleet, &ops);
    running.signal(signal);
    let ran = leaves_nothing(&fleet, running.wait().code(130));
    let summary = ran
        .stdout
        .trim_end()
        .rsplit("\n\n")
        .next()
        .unwrap_or_default();
    assert!(summary.contains(": 2 hosts interrupted\n"), "{ran}");
    assert!(summary.contains("interrupted: h1, h2"), "{ran}");
}

#[test]
fn sigint_ends_commands_on_all_hosts() {
    ends_by(Signal::INT);
}

#[test]
fn sigterm_ends_commands_on_all_hosts() {
    ends_by(Signal::TERM);
}

/// Like GNU `timeout`: signals the process, then its group.
#[test]
fn two_simultaneous_signals_do_not_cut_hooks_short() {
    let fleet = Fleet::sshd(1);
    let ops = fleet.ops().playbook(
        r#"
        each(hosts("fleet"), |h| {
            on_failure(|| h.run("sleep 0.3; echo undone"));
            h.run("sleep 4711");
        });
        "#,
    );
    let mut running = ops.start();
    fleet.hosts()[0].wait_for_process("sleep 4711");
    running
        .signal(Signal::TERM)
        .signal(Signal::TERM)
        .signal(Signal::INT);
    let ran = leaves_nothing(&fleet, running.wait().code(130));
    ran.stdout_has("changed      h1  run sleep 0.3; echo undone");
}

/// The terminal sends the interrupt to all processes in it, not only to `ops`. The connections that are
/// needed to clean up must not be closed by it.
#[test]
fn ctrl_c_at_a_terminal_ends_commands_on_all_hosts() {
    let fleet = Fleet::sshd(2);
    let ops = fleet.ops().playbook(WAIT);
    let mut terminal = Terminal::start(&ops, 100, 30);
    for host in fleet.hosts() {
        host.wait_for_process("sleep 4711");
    }
    terminal.type_in(INTERRUPT);
    let (code, shown) = terminal.wait();
    assert_eq!(code, 130, "{shown}");
    // It would begin one line below the display, which then could not be cleared.
    assert!(!shown.contains("^C"), "{shown}");
    for host in fleet.hosts() {
        host.wait_until_idle();
    }
}

#[test]
fn sigkill_ends_commands_on_all_hosts() {
    let fleet = Fleet::sshd(2);
    let ops = fleet.ops().playbook(WAIT);
    let mut running = started(&fleet, &ops);
    running.signal(Signal::KILL);
    let ran = running.wait();
    assert_eq!(ran.exit_code(), None);
    for host in fleet.hosts() {
        host.wait_until_idle();
    }
    ran.nothing_runs();
    // Nobody was left to remove the files of the run, so the next run does it.
    ops.playbook(r#"each(hosts("all"), |h| h.run("true"));"#)
        .run()
        .ok()
        .nothing_left();
}

#[test]
fn a_timeout_ends_the_command_on_the_host() {
    let fleet = Fleet::sshd(1);
    let ran = fleet
        .ops()
        .playbook(r#"each(hosts("all"), |h| timeout("1s", || h.run("sleep 4711 & sleep 4712")));"#)
        .run()
        .code(3)
        .stderr_has("1s");
    leaves_nothing(&fleet, ran);
}

#[test]
fn an_error_in_the_playbook_leaves_nothing_behind() {
    let fleet = Fleet::sshd(2);
    let ran = fleet
        .ops()
        .playbook(r#"each(hosts("all"), |h| { h.run("true"); throw "no more"; });"#)
        .run()
        .code(3)
        .stderr_has("no more")
        .stderr_has("playbook.rhai:1");
    leaves_nothing(&fleet, ran);
}
