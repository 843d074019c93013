//! Rollouts of the shop, whose health is checked over HTTP. The consequences of a bad release are the same as
//! with the service made of files, but here its answers are real.

use crate::balancer::Site;
use crate::ops::Ops;

const ROLL: &str = r#"
rollout(hosts("web"), #{
    min_healthy: "700ms",
    healthy_deadline: "3s",
    interval: "50ms",
    update: |h| {
        let root = h.vars.root;
        let restart = "sh " + quote(root + "/restart");
        h.apply([
            files::file(root + "/release/VERSION", "2.0.0\n"),
            files::file(root + "/release/shop.toml", "BEHAVIOUR\n"),
            RESTART
        ]);
    },
    healthy: |h| h.check(http(`http://${h.vars.shop}/healthz`, #{ body: "2.0.0" })),
    rollback_healthy: |h| h.check(http(`http://${h.vars.shop}/healthz`, #{ body: "1.0.0" })),
});
"#;

const RESTART: &str = r#"task(#{
    name: "restart the shop",
    probe: `cd ${root} && cmp -s release/VERSION started && echo same`,
    reads: [root],
    writes: [root + "/started"],
    plan: |found| if found.stdout != "same" { #{ apply: restart, undo_last: restart } },
}),"#;

fn roll(site: &Site, behaviour: &str, restart: &str) -> Ops {
    let playbook = ROLL
        .replace("BEHAVIOUR", behaviour)
        .replace("RESTART", restart);
    site.ops().playbook(&playbook)
}

#[test]
fn a_healthy_release() {
    let site = Site::new(0, 2);
    let ran = roll(&site, "", RESTART)
        .args(["--output", "json"])
        .run()
        .ok();
    assert_eq!(site.versions(), ["2.0.0", "2.0.0"]);
    // Checks repeatedly, and reports only changes: not ready yet, and then ready.
    let states = |host: &str| {
        let events = ran.events_of("health.checked").into_iter();
        let of_host = events.filter(|event| event["host"] == host);
        of_host
            .map(|event| event["state"].as_str().expect("a state").to_owned())
            .collect::<Vec<_>>()
    };
    // First the health of the old version, then that of the new one.
    assert_eq!(states("h1").last().map(String::as_str), Some("passing"));
    assert!(states("h1").len() <= 4, "{:?}", states("h1"));
}

#[test]
fn a_release_that_dies_after_a_moment() {
    let site = Site::new(0, 2);
    let ran = roll(&site, "unhealthy_after = 0.4", RESTART).run().code(6);
    assert_eq!(site.versions(), ["1.0.0", "1.0.0"]);
    ran.stderr_has("not healthy for 700ms without interruption within 3s")
        .stderr_has("503");
}

#[test]
fn an_old_version_that_keeps_serving() {
    let site = Site::new(0, 2);
    let ran = roll(&site, "", "").run().code(6);
    assert_eq!(site.versions(), ["1.0.0", "1.0.0"]);
    ran.stderr_has("not healthy within 3s").stderr_has("1.0.0");
}
