//! No kind of event holds a secret once it is scrubbed, and each stays the event that it was.

use super::*;
use crate::model::{Event, Kind, Secrets};

fn knowing(secrets: &[&str]) -> Scrubber {
    let all = Secrets::new();
    for secret in secrets {
        all.add(secret, "test").expect("long enough");
    }
    all.scrubber()
}

#[test]
fn every_text_of_every_kind_is_scrubbed() {
    let known = knowing(&["hunter22"]);
    for event in Event::samples("a hunter22 b") {
        let name = event.kind.name().to_owned();
        let before = serde_json::to_string(&event).expect("it is JSON");
        assert!(before.contains("hunter22"), "{name}");
        let scrubbed = Scrubbed::new(event, &known);
        let after = serde_json::to_string(&scrubbed).expect("it is JSON");
        assert!(!after.contains("hunter22"), "{name}: {after}");
        let event: Event = serde_json::from_str(&after).expect("it is an event");
        assert_eq!(serde_json::to_string(&event).expect("it is JSON"), after);
    }
}

/// A secret may read like a kind, an outcome, a state or a time.
#[test]
fn a_secret_that_equals_a_name_of_the_schema_changes_only_texts() {
    let of_ours = [
        "task.finished",
        "run.started",
        "failed",
        "critical",
        "left_out",
        "property",
        "stderr",
        "rollback",
        "20261121-141530-k3f9",
        "1970-01-01T00:00:00Z",
        "before",
        "duration_ms",
    ];
    let known = knowing(&of_ours);
    for event in Event::samples("plain") {
        let scrubbed = Scrubbed::new(event.clone(), &known);
        assert_eq!(event, *scrubbed);
    }
}

#[test]
fn an_event_of_a_newer_ops_keeps_its_kind() {
    let known = knowing(&["hunter22", "host.rebooted"]);
    let line = r#"{"kind":"host.rebooted","hunter22":[{"why":"hunter22"}]}"#;
    let kind: Kind = serde_json::from_str(line).expect("any object is an event");
    let kind = Scrubbed::new(kind, &known);
    let after = serde_json::to_string(&kind).expect("it is JSON");
    let expected = r#"{"kind":"host.rebooted","[secret]":[{"why":"[secret]"}]}"#;
    assert_eq!(after, expected);
    assert_eq!(kind.name(), "host.rebooted");
}

#[test]
fn without_secrets_nothing_changes() {
    let known = Scrubber::default();
    assert!(known.is_empty());
    for event in Event::samples("hunter22") {
        assert_eq!(event, *Scrubbed::new(event.clone(), &known));
    }
}
