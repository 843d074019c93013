//! What the run was started with, and what it has read since.

use std::os::unix::ffi::OsStringExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{entries, intent};
use crate::model::Secrets;
use crate::store::tests::store;
use crate::store::{Controller, RunInputs, Source, SourceKind};

fn source(path: &str, sha256: &str) -> Source {
    Source {
        kind: SourceKind::File,
        path: path.into(),
        sha256: sha256.into(),
    }
}

#[test]
fn the_header_has_what_the_run_was_started_with() {
    let (_dir, store) = store();
    let secrets = Secrets::new();
    secrets.add("hunter22", "password").expect("long enough");
    let run = store.begin("x", false, &secrets).expect("a run");
    let odd = std::ffi::OsString::from_vec(b"od\xff".to_vec());
    let inputs = RunInputs {
        command: vec!["ops".into(), "--var=password=hunter22".into(), odd],
        directory: "/srv/play books".into(),
        playbook: Some("site.rhai".into()),
        sources: vec![source("site.rhai", "aa")],
        inventory: Some("bb".into()),
        controller: Controller::default(),
    };
    run.journal().begin(&inputs);
    let record = store
        .open("last")
        .expect("the run")
        .journal()
        .expect("readable");
    let header = &record.attempts[0];
    assert_eq!(header.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(header.command(&secrets).expect("known"), inputs.command);
    assert_eq!(header.directory(&secrets).expect("known"), inputs.directory);
    assert_eq!(header.playbook, inputs.playbook);
    assert_eq!(header.sources, inputs.sources);
    assert_eq!(header.inventory, inputs.inventory);
    let unknown = header.command(&Secrets::new()).expect_err("not known");
    assert!(unknown.to_string().contains("`password`"), "{unknown}");
    assert!(!super::text(&run).contains("hunter22"));
    assert!(super::text(&run).starts_with(r#"{"journal":2,"attempt":1,"#));
}

#[test]
fn a_source_precedes_the_next_intent_and_is_written_once() {
    let (_dir, store) = store();
    let run = store.begin("x", false, &Secrets::new()).expect("a run");
    let journal = run.journal();
    journal.begin(&RunInputs {
        sources: vec![source("site.rhai", "aa")],
        ..RunInputs::default()
    });
    journal.source(source("a", "1"));
    journal.source(source("a", "1"));
    journal.source(source("site.rhai", "aa"));
    let is_known = Arc::new(AtomicBool::new(false));
    let known = is_known.clone();
    let later = move || known.load(Ordering::SeqCst).then(|| "9".to_owned());
    journal.source_later(SourceKind::Artifact, "big", later);
    journal.intend(intent("one")).expect("written");
    assert_eq!(entries(&store), ["source a", "intend one"]);
    is_known.store(true, Ordering::SeqCst);
    journal.source(source("a", "2"));
    journal.source_later(SourceKind::Artifact, "big", || Some("9".to_owned()));
    journal.intend(intent("two")).expect("written");
    journal.intend(intent("three")).expect("written");
    let all = [
        "source a",
        "intend one",
        "source a",
        "source big",
        "intend two",
        "intend three",
    ];
    assert_eq!(entries(&store), all);
}
