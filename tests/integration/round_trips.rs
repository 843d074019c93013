//! What a host that is far away costs. docs/protocol.md has the table.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::fleet::{Fleet, Settings, Sshd};
use crate::ops::Ops;

/// Longer than either side takes to send all parts of what it has to say, on a machine whose two cores run the
/// other tests: pauses of 300 ms happen there.
const ROUND_TRIP: Duration = Duration::from_millis(600);

/// A host behind a wire that counts the round trips that a client waits for.
struct Far {
    fleet: Fleet,
    /// What `ssh HOST sh -s` takes, with a script on its input: the handshake, and an answer.
    script: u64,
}

impl Far {
    fn new() -> Self {
        let fleet = Fleet::sshd_with(1, &Settings::default().round_trip(ROUND_TRIP));
        let mut far = Self { fleet, script: 0 };
        far.script = far.round_trips(|| {
            let mut ssh = Command::new("ssh")
                .arg("-F")
                .arg(far.fleet.ssh_config())
                .args([far.host().name(), "sh", "-s"])
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .spawn()
                .expect("ssh is installed");
            let mut stdin = ssh.stdin.take().expect("stdin is piped");
            stdin.write_all(b"echo done\n").expect("ssh reads");
            drop(stdin);
            assert!(ssh.wait().expect("ssh ends").success());
        });
        far
    }

    fn host(&self) -> &Sshd {
        &self.fleet.hosts()[0]
    }

    fn round_trips(&self, run: impl FnOnce()) -> u64 {
        self.host().round_trips(run)
    }

    /// A playbook whose `body` sees `h` and `root`, a directory of the host's own.
    fn ops(&self, body: &str) -> Ops {
        let root = self.host().root().display().to_string();
        self.fleet
            .ops_with(|endpoint| {
                endpoint.var("root", &root);
            })
            .playbook(&format!(
                "each(hosts(\"all\"), |h| {{\nlet root = h.vars.root;\n{body}\n}});\n"
            ))
            .args(["--output", "json"])
    }

    /// Runs it over either client, and compares the number of round trips with that of the script. The native client
    /// takes one less: it does not ask which login methods the server offers.
    #[track_caller]
    fn costs(&self, beyond: u64, ops: &Ops, outcome: &str) {
        for (client, less) in [("openssh", 0), ("native", 1)] {
            let ops = ops.clone().args(["--transport", client]);
            self.takes(self.script + beyond - less, &ops, outcome);
        }
    }

    #[track_caller]
    fn takes(&self, expected: u64, ops: &Ops, outcome: &str) {
        if outcome == "changed" {
            // Nothing of an earlier run.
            let root = self.host().root();
            std::fs::remove_dir_all(&root).expect("it is there");
            std::fs::create_dir(&root).expect("its place is free");
        }
        let count = self.round_trips(|| {
            let outcomes = ops.run().ok().outcomes("h1");
            assert!(outcomes.iter().all(|each| each == outcome), "{outcomes:?}");
        });
        assert_eq!(count, expected, "the script takes {}: {ops:?}", self.script);
    }
}

/// A directory and a file in it, so many times.
fn files(times: usize) -> String {
    (1..=times)
        .map(|n| {
            format!(
                "files::directory(root + \"/dir{n}\"), files::file(root + \"/dir{n}/file\", \"content {n}\\n\"),\n"
            )
        })
        .collect()
}

#[test]
fn unchanged_tasks_take_no_more_than_a_script() {
    let far = Far::new();
    let ops = far.ops(&format!("h.apply([{}]);", files(25)));
    // Probes, then changes with what proves them.
    far.costs(1, &ops, "changed");
    far.costs(0, &ops, "unchanged");
}

#[test]
fn what_needs_no_answer_first_travels_with_the_connection() {
    let far = Far::new();
    far.costs(0, &far.ops("h.run(\"true\");"), "changed");
    far.costs(
        0,
        &far.ops("h.apply([commands::run(\"true\"), commands::run(\"true\")]);"),
        "changed",
    );
    far.costs(0, &far.ops("h.facts.os;"), "");
}

#[test]
fn each_answer_that_is_waited_for_is_a_round_trip() {
    let far = Far::new();
    let looks = "h.run(\"true\", #{ reads: true });";
    far.costs(1, &far.ops(&format!("h.facts; {looks}")), "unchanged");
    far.costs(2, &far.ops(&looks.repeat(3)), "unchanged");
    // All that is looked at from the host itself is one request.
    far.costs(0, &far.ops("h.check([disk(\"/\"), memory()]);"), "");
    // What the guards are asked goes ahead, and the command comes when they have answered.
    far.costs(
        1,
        &far.ops(
            "h.apply([files::directory(root), commands::run(\"true\", #{ changed_when: false })]);",
        ),
        "unchanged",
    );
}

#[test]
fn a_kept_connection_takes_three() {
    let far = Far::new();
    let ops = far
        .ops(&format!("h.apply([{}]);", files(25)))
        .args(["--persist", "1m"]);
    far.takes(far.script + 1, &ops, "changed");
    // The channel, the shell on it, and the answer.
    far.takes(3, &ops, "unchanged");
}

/// With a sudo that lets everybody be anybody: how long it thinks is no distance.
#[test]
fn another_user_costs_one_where_it_is_known_ahead_and_three_where_it_is_not() {
    let far = Far::new();
    let sudo = far.fleet.dir().join("h1/bin/sudo");
    std::fs::write(
        &sudo,
        "#!/bin/sh\nwhile [ \"$1\" != -- ]; do shift; done\nshift\nexec \"$@\"\n",
    )
    .expect("a program");
    std::fs::set_permissions(&sudo, std::fs::Permissions::from_mode(0o755)).expect("its mode");
    far.costs(
        1,
        &far.ops(
            "h.apply([files::directory(root), files::directory(root, #{ become: \"other\" })]);",
        ),
        "unchanged",
    );
    far.costs(
        0,
        &far.ops("h.become(\"other\").apply(files::directory(root));"),
        "unchanged",
    );
    far.costs(
        3,
        &far.ops(
            "h.apply(files::directory(root)); h.become(\"other\").apply(files::directory(root));",
        ),
        "unchanged",
    );
}

#[test]
fn a_lock_takes_two() {
    let far = Far::new();
    let ops = far.fleet.ops().playbook(
        r#"let all = hosts("all"); with_lock("a", || each(all, |h| h.apply(files::directory("/tmp"))));"#,
    );
    let ops = ops.args(["--output", "json"]);
    // Taken with the connection, and given back at the end.
    far.costs(2, &ops, "unchanged");
}
