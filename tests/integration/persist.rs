//! Connections that outlive a run.

use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::fleet::process::{Process, wait_until, with_variable};
use crate::fleet::{Endpoint, Fleet, Settings, Sshd};
use crate::ops::{Ops, RUN_MARK, binary};

const LOOKS: &str = r#"each(hosts("all"), |h| h.run("echo here", #{ reads: true }));"#;

/// A playbook whose first command waits on each host, until the test has seen it.
const WAITS: &str = r#"
    each(hosts("all"), |h| {
        h.run(`touch ${h.vars.root}/begun; until [ -e ${h.vars.root}/go ]; do sleep 0.02; done`, #{ reads: true });
        h.run("echo after", #{ reads: true });
    });
"#;

/// Runs that share a directory, and so the kept connections.
struct Keeping {
    fleet: Fleet,
    ops: Ops,
}

impl Keeping {
    fn new(settings: &Settings) -> Self {
        Self::with(settings, |_| {})
    }

    fn with(settings: &Settings, change: impl Fn(&mut Endpoint)) -> Self {
        let fleet = Fleet::sshd_with(1, settings);
        let root = fleet.hosts()[0].root().display().to_string();
        let ops = fleet.ops_with(|endpoint| {
            endpoint.var("root", &root);
            change(endpoint);
        });
        Self { fleet, ops }
    }

    fn host(&self) -> &Sshd {
        &self.fleet.hosts()[0]
    }

    fn ops(&self, playbook: &str, persist: &str) -> Ops {
        self.ops
            .clone()
            .playbook(playbook)
            .args(["--persist", persist])
    }

    fn looks(&self) {
        self.ops(LOOKS, "1m").run().ok();
    }

    fn logins(&self) -> usize {
        self.host().log().matches("Accepted publickey").count()
    }

    fn sockets(&self) -> Vec<PathBuf> {
        let entries = self.ops.runtime().join("ops").read_dir();
        let is_socket = |path: &PathBuf| {
            path.metadata()
                .is_ok_and(|found| found.file_type().is_socket())
        };
        entries
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(is_socket)
            .collect()
    }

    /// Returns the processes of this machine that hold connections.
    fn ssh(&self) -> Vec<Process> {
        let dir = self.ops.runtime();
        let dir = dir.parent().expect("it is in the directory of the runs");
        let mut found = with_variable(RUN_MARK, &dir.display().to_string());
        found.retain(|process| process.command.contains("ssh"));
        found
    }

    fn signal(&self, signal: Signal) {
        for process in self.ssh() {
            let pid = i32::try_from(process.id).ok().and_then(Pid::from_raw);
            kill_process(pid.expect("a process"), signal).expect("it is ours");
        }
    }

    #[track_caller]
    fn wait_until_all_ended(&self) {
        wait_until(|| self.ssh().is_empty(), || format!("{:?}", self.ssh()));
    }

    fn connections(&self, args: &[&str]) -> String {
        let output = Command::new(binary())
            .arg("connections")
            .args(args)
            .env("XDG_RUNTIME_DIR", self.ops.runtime())
            .stderr(Stdio::inherit())
            .output()
            .expect("the built ops");
        assert!(output.status.success());
        String::from_utf8(output.stdout).expect("text")
    }

    /// Returns a file of the host, which serves as a signal.
    fn sign(&self, name: &str) -> PathBuf {
        self.host().root().join(name)
    }

    #[track_caller]
    fn wait_for_sign(&self, name: &str) {
        wait_until(|| self.sign(name).exists(), || format!("no {name}"));
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

#[test]
fn the_next_run_does_not_log_in_and_starts_no_ssh() {
    let keeping = Keeping::new(&Settings::default());
    keeping.looks();
    assert_eq!((keeping.logins(), keeping.sockets().len()), (1, 1));
    let warm = keeping.ops(LOOKS, "1m").env("PATH", "/nowhere");
    warm.run().ok();
    warm.run().ok();
    assert_eq!(keeping.logins(), 1);
    keeping.host().wait_until_idle();
    // A run that does not request it does not get it.
    keeping.ops(LOOKS, "0").run().ok();
    keeping.ops.clone().playbook(LOOKS).run().ok();
    assert_eq!(keeping.logins(), 3);
    let told = keeping.ops(LOOKS, "soon").run().code(2);
    assert!(
        told.stderr.contains("expected a time such as 10m, or 0"),
        "{told}"
    );
}

#[test]
fn the_inventory_and_the_environment_can_request_it() {
    let keeping = Keeping::with(&Settings::default(), |endpoint| {
        endpoint
            .var("ops_persist", "1m")
            .var("ops_transport", "auto");
    });
    let run = keeping.ops.clone().playbook(LOOKS);
    run.run().ok();
    run.run().ok();
    assert_eq!(keeping.logins(), 1);
    // The command line takes precedence.
    keeping.ops(LOOKS, "0").run().ok();
    assert_eq!(keeping.logins(), 2);

    let keeping = Keeping::new(&Settings::default());
    let run = keeping.ops.clone().playbook(LOOKS).env("OPS_PERSIST", "1m");
    run.run().ok();
    run.run().ok();
    assert_eq!(keeping.logins(), 1);
}

#[test]
fn another_configuration_is_another_connection() {
    let settings = Settings::default();
    let fleet_config = std::env::temp_dir().join(format!("ops-persist-{}", std::process::id()));
    std::fs::write(&fleet_config, "# nothing\n").expect("a configuration");
    let keeping = Keeping::with(&settings, |_| {});
    let args = format!("{} -F {}", keeping.fleet.ssh_args(), fleet_config.display());
    let ops = keeping.fleet.ops_with(|endpoint| {
        endpoint.var("ansible_ssh_common_args", &args);
    });
    let ops = ops.playbook(LOOKS).args(["--persist", "1m"]);
    ops.run().ok();
    ops.run().ok();
    assert_eq!(keeping.logins(), 1);
    std::fs::write(&fleet_config, "Compression yes\n").expect("a configuration");
    ops.run().ok();
    assert_eq!(keeping.logins(), 2);
    std::fs::remove_file(&fleet_config).expect("it exists");
}

#[test]
fn it_closes_after_its_time_but_not_during_a_run() {
    let keeping = Keeping::new(&Settings::default());
    // Longer than it is kept open.
    let slow = r#"each(hosts("all"), |h| { h.run("sleep 2", #{ reads: true }); sleep(2); h.run("echo", #{ reads: true }); });"#;
    keeping.ops(slow, "1s").run().ok();
    assert_eq!(keeping.logins(), 1);
    keeping.wait_until_all_ended();
    assert!(keeping.sockets().is_empty());
    keeping.ops(slow, "1s").run().ok();
    assert_eq!(keeping.logins(), 2);
}

#[test]
fn reopens_one_that_was_killed_or_whose_host_went_down() {
    let keeping = Keeping::new(&Settings::default());
    keeping.looks();
    keeping.signal(Signal::KILL);
    keeping.wait_until_all_ended();
    assert_eq!(
        keeping.sockets().len(),
        1,
        "a killed process leaves its socket"
    );
    keeping.looks();
    assert_eq!(keeping.logins(), 2);
    keeping.host().vanish();
    keeping.host().come_back();
    keeping.looks();
    assert_eq!(keeping.logins(), 3);
}

#[test]
fn gives_up_on_one_that_does_not_answer() {
    let keeping = Keeping::with(&Settings::default(), |endpoint| {
        endpoint
            .var("ops_connect_timeout", "1s")
            .var("ops_retry_for", "20s");
    });
    keeping.looks();
    keeping.signal(Signal::STOP);
    keeping.looks();
    assert_eq!(keeping.logins(), 2);
    // And the new one is kept.
    keeping.looks();
    assert_eq!(keeping.logins(), 2);
    keeping.signal(Signal::CONT);
}

#[test]
fn simultaneous_runs_share_one() {
    let keeping = Keeping::new(&Settings::default());
    let ops = keeping.ops(LOOKS, "1m");
    let running: Vec<_> = (0..4).map(|_| ops.start()).collect();
    for run in running {
        run.wait().ok();
    }
    assert_eq!(keeping.logins(), 1);
    assert_eq!(keeping.ssh().len(), 1);
}

#[test]
fn a_run_opens_its_own_if_the_server_grants_no_more_sessions() {
    let keeping = Keeping::new(&Settings::default().config("MaxSessions 1"));
    let first = keeping.ops(WAITS, "1m").start();
    keeping.wait_for_sign("begun");
    keeping.looks();
    assert_eq!(keeping.logins(), 2);
    std::fs::write(keeping.sign("go"), "").expect("a signal file");
    first.wait().ok();
    wait_until(
        || keeping.ssh().len() == 1,
        || format!("{:?}", keeping.ssh()),
    );
    keeping.looks();
    assert_eq!(keeping.logins(), 2);
}

#[test]
fn ends_what_a_killed_run_left_on_the_host() {
    let keeping = Keeping::new(&Settings::default());
    keeping.looks();
    let running = keeping
        .ops(r#"each(hosts("all"), |h| h.run("sleep 4711"));"#, "1m")
        .start();
    keeping.host().wait_for_process("sleep 4711");
    let pid = i32::try_from(running.id()).ok().and_then(Pid::from_raw);
    kill_process(pid.expect("a process"), Signal::KILL).expect("it is ours");
    keeping.host().wait_until_idle();
    keeping.looks();
    assert_eq!(keeping.logins(), 1);
}

#[test]
fn lists_and_closes_them() {
    let keeping = Keeping::new(&Settings::default());
    assert_eq!(keeping.connections(&[]), "");
    keeping.looks();
    let address = keeping.host().endpoint().address.to_string();
    let listed = keeping.connections(&[]);
    assert!(
        listed.contains(&address) && listed.contains("open for"),
        "{listed}"
    );
    let json: serde_json::Value =
        serde_json::from_str(&keeping.connections(&["--json"])).expect("one line");
    assert!(
        json["connection"]
            .as_str()
            .is_some_and(|to| to.contains(&address)),
        "{json}"
    );
    // A connection that is in use stays open until the use ends.
    let running = keeping.ops(WAITS, "1m").start();
    keeping.wait_for_sign("begun");
    let ended = keeping.connections(&["--end"]);
    assert!(ended.contains("ended"), "{ended}");
    assert_eq!(keeping.connections(&[]), "");
    std::fs::write(keeping.sign("go"), "").expect("a signal file");
    running.wait().ok();
    keeping.wait_until_all_ended();
    keeping.looks();
    assert_eq!(keeping.logins(), 2);
    keeping.connections(&["--end"]);
    keeping.wait_until_all_ended();
}

#[test]
fn keeps_nothing_where_other_users_could_reach_it() {
    let keeping = Keeping::new(&Settings::default());
    let dir = keeping.ops.runtime().join("ops");
    std::fs::create_dir(&dir).expect("a directory");
    std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    let ran = keeping.ops(LOOKS, "1m").run().ok();
    assert!(
        ran.stderr.contains("can be entered by other users"),
        "{ran}"
    );
    keeping.wait_until_all_ended();
    assert!(keeping.sockets().is_empty());
}

#[test]
fn still_names_a_host_that_refuses() {
    let keeping = Keeping::with(&Settings::default(), |endpoint| {
        endpoint.var("ops_retry_for", "1s");
        endpoint.key = "/nowhere/id".into();
    });
    let ran = keeping.ops(LOOKS, "1m").run().code(4);
    assert!(ran.stderr.contains("/nowhere/id does not exist"), "{ran}");
    keeping.host().vanish();
    let ran = keeping.ops(LOOKS, "1m").run().code(4);
    assert!(ran.stderr.contains("refused"), "{ran}");
    assert!(keeping.sockets().is_empty());
}
