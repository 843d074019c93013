//! What a host that is far away costs.

use std::time::Duration;

use crate::fleet::{Fleet, Settings};

/// Far enough that both sides have said all that they had to say before an answer comes.
const ROUND_TRIP: Duration = Duration::from_millis(60);

#[test]
fn twenty_unchanged_tasks_take_three_round_trips_after_the_handshake() {
    let fleet = Fleet::sshd_with(1, &Settings::default().round_trip(ROUND_TRIP));
    let host = &fleet.hosts()[0];
    let proxy = host.proxy().expect("the settings asked for one");

    let turns = |run: &dyn Fn()| {
        let before = proxy.turns();
        run();
        proxy.turns() - before
    };
    // The handshake, and one exchange with the command.
    let handshake = turns(&|| assert!(host.ssh("true").status.success())) - 1;

    let tasks: String = (1..=10)
        .map(|n| {
            format!(
                "files::directory(root + \"/dir{n}\"), files::file(root + \"/dir{n}/file\", \"content {n}\\n\"),\n"
            )
        })
        .collect();
    let playbook = format!(
        "each(hosts(\"all\"), |h| {{\nlet root = h.vars.root;\nh.apply([\n{tasks}]);\n}});\n"
    );
    let root = host.root().display().to_string();
    let ops = fleet.ops_with(|endpoint| {
        endpoint.var("root", &root);
    });
    let ops = ops.playbook(&playbook).args(["--output", "json"]);
    assert_eq!(ops.run().ok().outcomes("h1"), vec!["changed"; 20]);

    let all = turns(&|| assert_eq!(ops.run().ok().outcomes("h1"), vec!["unchanged"; 20]));
    assert!(
        all <= handshake + 3,
        "{all} round trips, of which {handshake} are the handshake"
    );
}
