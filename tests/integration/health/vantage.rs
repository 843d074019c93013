//! The vantage of a check, and its cost.

use std::time::Duration;

use super::seen;
use super::web::{Web, response};
use crate::fleet::{Fleet, Settings};

#[test]
fn from_the_host_the_controller_and_another_host() {
    let fleet = Fleet::sshd(2);
    let web = Web::start(|_| response("200 OK", "", ""));
    // Every host of a fleet has its own home directory.
    let home = |place: &str| format!("command(\"echo $HOME\", #{{ {place} }})");
    let ops = fleet.ops();
    let controller = ops.path("../home").display().to_string();
    let ran = ops
        .playbook(&format!(
            "let other = hosts(\"h2\")[0];
             each(hosts(\"h1\"), |h| {{
                 let seen = h.check([{}, {}, {}, http(\"{}\", #{{ from: \"controller\" }})]);
                 for one in seen {{ log::info(one.message); }}
             }});",
            home(""),
            home("from: \"controller\""),
            home("from: other"),
            web.url("/"),
        ))
        .args(["--output", "json"])
        .run()
        .ok()
        .nothing_left();
    let vantages: Vec<_> = ran
        .events_of("health.checked")
        .iter()
        .map(|event| event["vantage"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(vantages, ["host", "controller", "h2", "controller"]);
    let all = seen(&ran, "h1");
    let at = |host: usize| fleet.hosts()[host].home().display().to_string();
    assert!(all[0].contains(&at(0)), "{all:?}");
    let controller = controller.replace("work/../", "");
    assert!(all[1].contains(&controller), "{all:?} {controller}");
    assert!(all[2].contains(&at(1)), "{all:?}");
    // The controller is not a host of the run.
    let connected: Vec<_> = ran.events_of("host.connected");
    assert_eq!(connected.len(), 2, "{ran}");
    assert!(
        !ran.events_of("run.finished")[0]["hosts"]
            .to_string()
            .contains("controller")
    );
}

#[test]
fn a_lost_vantage_is_an_error_and_not_blamed_on_the_host() {
    let fleet = Fleet::sshd(2);
    fleet.hosts()[1].vanish();
    let ran = fleet
        .ops()
        .playbook(
            "let other = hosts(\"h2\")[0];
             each(hosts(\"h1\"), |h| {
                 let seen = h.check(command(\"true\", #{ from: other }), #{ ok: \"error\" });
                 log::info(`${seen.state}: ${seen.message}`);
             });",
        )
        .args(["--output", "json"])
        .run();
    let log = ran.events_of("log");
    let message = log
        .last()
        .map(|event| event["message"].to_string())
        .unwrap_or_default();
    assert!(
        message.contains("error: cannot run the check from h2: "),
        "{ran}"
    );
}

#[test]
fn a_list_takes_one_round_trip() {
    const ROUND_TRIP: Duration = Duration::from_millis(300);
    let fleet = Fleet::sshd_with(1, &Settings::default().round_trip(ROUND_TRIP));
    let web = Web::start(|_| response("200 OK", "", ""));
    let round_trips = |list: &str| {
        let playbook = format!("each(hosts(\"all\"), |h| {{ h.facts; {list} }});");
        let ops = fleet.ops().playbook(&playbook);
        fleet.hosts()[0].round_trips(|| drop(ops.run().ok()))
    };
    let (url, port) = (web.url("/"), web.port);
    let one = round_trips("h.check(command(\"true\"));");
    let five = round_trips(&format!(
        "h.check([http(\"{url}\"), port({port}), tcp(\"127.0.0.1:{port}\"), process(\"sshd\"), command(\"true\")]);"
    ));
    assert_eq!(five, one);
}

#[test]
fn queries_vantages_in_parallel() {
    let fleet = Fleet::sshd(2);
    // Each of the two ends only after the other has begun.
    let dir = tempfile::tempdir().expect("a directory");
    let meet = |mine: &str, theirs: &str| {
        let dir = dir.path().display();
        format!("touch {dir}/{mine}; while [ ! -e {dir}/{theirs} ]; do sleep 0.02; done")
    };
    fleet
        .ops()
        .playbook(&format!(
            "each(hosts(\"h1\"), |h| h.check([
                 command(\"{}\", #{{ timeout: \"30s\" }}),
                 command(\"{}\", #{{ timeout: \"30s\", from: \"controller\" }}),
             ]));",
            meet("a", "b"),
            meet("b", "a")
        ))
        .run()
        .ok();
}

#[test]
fn the_controller_checks_for_many_hosts_in_parallel() {
    let fleet = Fleet::sshd(3);
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path().display();
    // It passes when all three have begun.
    let meet = format!(
        "touch {dir}/${{h.name}}; while [ $(ls {dir} | wc -l) -lt 3 ]; do sleep 0.02; done"
    );
    fleet
        .ops()
        .playbook(&format!(
            "each(hosts(\"all\"), |h| h.check(command(`{meet}`, #{{ timeout: \"30s\", from: \"controller\" }})));"
        ))
        .run()
        .ok()
        .nothing_left();
}
