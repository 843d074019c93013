//! What a batch costs beyond its hosts and its waits.

use std::fmt::Write as _;

use crate::ops::Ops;

/// Closures that do nothing contact nobody: what is left is the orchestration.
#[test]
fn a_batch_costs_less_than_50_ms() {
    const BATCHES: u64 = 20;
    let mut inventory = String::new();
    for host in 1..=BATCHES {
        writeln!(inventory, "[hosts.web{host}]").expect("a text takes all");
    }
    let playbook = r#"
        rollout(hosts("all"), #{
            min_healthy: "0s",
            drain: |h| {},
            update: |h| {},
            healthy: |h| true,
            readmit: |h| {},
        });
    "#;
    let ran = Ops::new()
        .inventory(&inventory)
        .playbook(playbook)
        .args(["--output", "json"])
        .run()
        .ok();
    let finished = ran.events_of("rollout.batch_finished");
    assert_eq!(finished.len() as u64, BATCHES);
    // The fastest of them: on a busy machine some are interrupted.
    let took = finished.iter().map(|batch| batch["duration_ms"].as_u64());
    let fastest = took.min().flatten().expect("each has a duration");
    println!("the fastest of {BATCHES} batches took {fastest} ms");
    assert!(fastest < 50, "{fastest} ms\n{ran}");
}
