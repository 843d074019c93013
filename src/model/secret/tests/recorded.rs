//! Records hold references in place of secrets, and read back as they were.

use proptest::prelude::*;

use super::*;

fn json_of(secrets: &Secrets, bytes: &[u8]) -> String {
    serde_json::to_string(&secrets.record(bytes, None)).expect("JSON")
}

#[test]
fn a_record_refers_to_a_secret_by_name_and_form() {
    let secrets = knowing(&[]);
    secrets.add("hunter22", "db").expect("long enough");
    assert_eq!(json_of(&secrets, b""), r#""""#);
    assert_eq!(json_of(&secrets, b"a \"text\""), r#""a \"text\"""#);
    assert_eq!(
        json_of(&secrets, b"db=hunter22;"),
        r#"["db=",{"secret":"db"},";"]"#
    );
    assert_eq!(
        json_of(&secrets, b"68756e7465723232\xff"),
        r#"[{"secret":"db","form":"hex"},{"base64":"/w=="}]"#
    );
    assert_eq!(json_of(&secrets, b"\xff"), r#"[{"base64":"/w=="}]"#);
}

#[test]
fn a_record_in_another_run_has_the_value_that_the_secret_has_there() {
    let secrets = knowing(&[]);
    secrets.add("hunter22", "db").expect("long enough");
    let recorded = secrets.record(b"hunter22 68756e7465723232", None);
    let json = serde_json::to_string(&recorded).expect("JSON");
    let read: Recorded = serde_json::from_str(&json).expect("a record");
    assert_eq!(read, recorded);
    let later = knowing(&[]);
    let error = later.reveal(&read).expect_err("not known");
    assert_eq!(error, UnknownSecret::Name("db".into()));
    later.add("correct-horse", "db").expect("long enough");
    assert_eq!(
        *later.reveal(&read).expect("known"),
        *b"correct-horse 636f72726563742d686f727365"
    );
    assert_eq!(
        read.masked(),
        later
            .record(b"correct-horse 636f72726563742d686f727365", None)
            .masked()
    );
}

#[test]
fn secrets_of_the_same_name_have_distinct_references() {
    let secrets = knowing(&[]);
    for (host, value) in [
        (None, "first-1"),
        (None, "second-2"),
        (Some("web1"), "third-3"),
    ] {
        let added = match host {
            Some(host) => secrets.add_for(host, value, "token"),
            None => secrets.add(value, "token"),
        };
        added.expect("long enough");
    }
    let text = b"first-1 second-2 third-3";
    assert_eq!(
        json_of(&secrets, text),
        r#"[{"secret":"token"}," ",{"secret":"token","number":2}," ",{"secret":"token","host":"web1"}]"#
    );
    let recorded = secrets.record(text, None);
    assert_eq!(*secrets.reveal(&recorded).expect("known"), *text);
}

#[test]
fn a_secret_with_several_names_is_called_as_the_host_calls_it() {
    let secrets = knowing(&[]);
    for host in ["web1", "web2"] {
        secrets
            .add_for(host, "hunter22", "login")
            .expect("long enough");
    }
    let of = |host| serde_json::to_string(&secrets.record(b"hunter22", Some(host))).expect("JSON");
    assert_eq!(of("web2"), r#"[{"secret":"login","host":"web2"}]"#);
    secrets.add("hunter22", "db").expect("long enough");
    assert_eq!(of("web2"), r#"[{"secret":"db"}]"#);
}

#[test]
fn a_name_does_not_hold_its_secret() {
    let secrets = knowing(&[]);
    secrets
        .add("hunter22", "command echo hunter22")
        .expect("long enough");
    assert_eq!(
        json_of(&secrets, b"hunter22"),
        r#"[{"secret":"command echo [secret]"}]"#
    );
    let recorded = secrets.record(b"hunter22", None);
    // The name may hold another secret, which is known only later.
    secrets.add("command", "other").expect("long enough");
    let again = secrets.record(b"hunter22", None);
    assert_eq!(
        serde_json::to_string(&again).expect("JSON"),
        r#"[{"secret":"[secret] echo [secret]"}]"#
    );
    for recorded in [recorded, again] {
        assert_eq!(*secrets.reveal(&recorded).expect("known"), *b"hunter22");
    }
}

#[test]
fn a_watcher_hears_of_a_new_secret_before_it_is_used() {
    let secrets = knowing(&["hunter22"]);
    let heard = Arc::new(RwLock::new(0));
    let (count, known) = (heard.clone(), secrets.clone());
    secrets.on_new(move |new| {
        assert_eq!(known.scrub("say abc\"def"), "say [secret]");
        assert!(new.in_records().finds_in_bytes(br#""say abc\"def""#));
        assert!(!new.in_records().finds_in_bytes(b"hunter22"));
        *count.write().expect("no panic") += 1;
    });
    secrets.add("abc\"def", "x").expect("long enough");
    secrets.add("abc\"def", "y").expect("long enough");
    secrets.add("hunter22", "z").expect("long enough");
    assert_eq!(*heard.read().expect("no panic"), 1);
}

proptest! {
    #![proptest_config(crate::generation::config(48, file!()))]

    /// Whatever is recorded, with whatever secrets in it, overlapping or not: the record holds no form of
    /// them, and reads back as it was.
    #[test]
    fn a_record_reads_back_without_holding_a_secret(
        values in proptest::collection::vec("[a-c\"é\n]{6,12}", 1..4),
        picks in proptest::collection::vec(any::<(prop::sample::Index, prop::sample::Index)>(), 0..8),
        noise in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..6), 9),
    ) {
        prop_assume!(values.iter().all(|value| value.trim().len() >= MIN_SECRET));
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let secrets = knowing(&values);
        let mut bytes = noise[8].clone();
        for ((value, form), noise) in picks.iter().zip(&noise) {
            let value: &&str = value.get(&values);
            let forms = forms::needles(value);
            let form: &Vec<u8> = form.get(&forms);
            bytes.extend_from_slice(form);
            bytes.extend_from_slice(noise);
        }
        let recorded = secrets.record(&bytes, None);
        let json = serde_json::to_string(&recorded).expect("JSON");
        prop_assert!(!secrets.scrubber().finds_in(&json), "{}", json);
        let read: Recorded = serde_json::from_str(&json).expect("a record");
        prop_assert_eq!(secrets.reveal(&read).expect("known"), bytes);
    }
}
