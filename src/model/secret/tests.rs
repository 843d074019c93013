//! What must not be seen is not, in whatever form it comes.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use proptest::prelude::*;

use super::*;

mod recorded;

fn knowing(values: &[&str]) -> Secrets {
    let secrets = Secrets::new();
    for value in values {
        secrets.add(value, "test").expect("long enough");
    }
    secrets
}

fn streamed(secrets: &Secrets, chunks: &[&[u8]]) -> Vec<u8> {
    let mut stream = StreamScrubber::new(secrets);
    let mut out: Vec<u8> = chunks.iter().flat_map(|chunk| stream.push(chunk)).collect();
    out.extend(stream.finish());
    out
}

#[test]
fn a_short_secret_is_refused_by_name() {
    let secrets = Secrets::new();
    let error = secrets.add("  abc  ", "pin").expect_err("too short");
    assert_eq!(
        error.to_string(),
        "secret `pin` is too short to be scrubbed safely: 3 bytes, and at least 6 are needed"
    );
    assert_eq!(secrets.scrub("  abc  "), "  abc  ");
}

#[test]
fn a_long_secret_is_refused_by_name() {
    let secrets = Secrets::new();
    let error = secrets
        .add(&"x".repeat(MAX_SECRET + 1), "blob")
        .expect_err("too long");
    assert!(
        error
            .to_string()
            .starts_with("secret `blob` is too long to be scrubbed: 65537 bytes")
    );
    assert!(secrets.scrubber().is_empty());
}

#[test]
fn a_clone_is_the_same_registry() {
    let secrets = Secrets::new();
    secrets.clone().add("hunter22", "db").expect("long enough");
    assert_eq!(secrets.scrub("password=hunter22;"), "password=[secret];");
    assert_eq!(format!("{secrets:?}"), "Secrets(1)");
}

#[test]
fn nothing_of_overlapping_secrets_remains() {
    let secrets = knowing(&["abcdefgh", "efghijkl", "cdefgh"]);
    assert_eq!(secrets.scrub("<abcdefghijkl>"), "<[secret]>");
    assert_eq!(secrets.scrub("<abcdefghcdefgh>"), "<[secret][secret]>");
}

#[test]
fn long_lines_of_a_secret_are_found_and_pem_headers_are_not() {
    let secrets = knowing(&["-----BEGIN KEY-----\nQUJDREVGR0hJSktM\nshort\n-----END KEY-----\n"]);
    assert_eq!(
        secrets.scrub("a QUJDREVGR0hJSktM b short"),
        "a [secret] b short"
    );
    assert_eq!(secrets.scrub("-----BEGIN KEY-----"), "-----BEGIN KEY-----");
}

#[test]
fn a_final_newline_is_not_needed() {
    assert_eq!(
        knowing(&["hunter22\n"]).scrub("is hunter22."),
        "is [secret]."
    );
}

#[test]
fn wrapped_base64_is_found() {
    let key = "0123456789abcdefghijklmnopqrstuvwxyz".repeat(6);
    let secrets = knowing(&[&key]);
    for width in [64, 76] {
        let encoded = STANDARD.encode(&key);
        let lines: Vec<&str> = (0..encoded.len())
            .step_by(width)
            .map(|at| &encoded[at..encoded.len().min(at + width)])
            .collect();
        for line in secrets.scrub(&lines.join("\n")).lines() {
            assert!(
                line.trim_end_matches('=').starts_with("[secret]") && line.len() < 12,
                "{width}: {line}"
            );
        }
    }
}

#[test]
fn entities_of_html_are_found() {
    let secrets = knowing(&["a<b>&\"c'/d"]);
    for form in [
        "a&lt;b&gt;&amp;&quot;c&#x27;&#x2f;d",
        "a&lt;b&gt;&amp;&quot;c&#x27;/d",
        "a&lt;b&gt;&amp;&#34;c&#39;/d",
        "a&lt;b&gt;&amp;&quot;c&#39;/d",
        "a&lt;b&gt;&amp;&quot;c&#039;/d",
        "a&lt;b&gt;&amp;&quot;c&apos;/d",
        "a&lt;b&gt;&amp;\"c'/d",
    ] {
        assert_eq!(secrets.scrub(&format!("<{form}>")), "<[secret]>", "{form}");
    }
}

#[test]
fn references_by_number_are_found() {
    let secrets = knowing(&["p&ss\"w\u{f6}rd<x>\u{e9}"]);
    let spelled = |spell: fn(u32) -> String| -> String {
        "p&ss\"w\u{f6}rd<x>\u{e9}"
            .chars()
            .map(|c| spell(c.into()))
            .collect()
    };
    for form in [
        "p&amp;ss&quot;w&#246;rd&lt;x&gt;&#233;".to_owned(),
        "p&#38;ss&#34;w&#246;rd&#60;x&#62;&#233;".to_owned(),
        "p&#x26;ss&#x22;w&#xF6;rd&#x3C;x&#x3E;&#xE9;".to_owned(),
        spelled(|code| format!("&#{code};")),
        spelled(|code| format!("&#x{code:x};")),
        spelled(|code| format!("&#x{code:X};")),
    ] {
        assert_eq!(secrets.scrub(&format!("<{form}>")), "<[secret]>", "{form}");
    }
}

#[test]
fn escapes_of_bash_and_capital_escapes_of_json_are_found() {
    let secrets = knowing(&["p&s's\"w\u{f6}rd\u{1f600}\u{e9}\n\u{1f}x"]);
    for form in [
        r#"p&s\'s"w\303\266rd\360\237\230\200\303\251\n\037x"#,
        "p&s\\'s\"w\u{f6}rd\u{1f600}\u{e9}\\n\\037x",
        r#"p&s's\"w\u00F6rd\uD83D\uDE00\u00E9\n\u001Fx"#,
        r#"p&s's\\\"w\\u00F6rd\\uD83D\\uDE00\\u00E9\\n\\u001Fx"#,
    ] {
        assert_eq!(secrets.scrub(&format!("<{form}>")), "<[secret]>", "{form}");
    }
}

#[test]
fn json_in_json_is_found_whatever_is_escaped() {
    let secrets = knowing(&["pä\"ß😀w"]);
    for form in [
        r#"{"a":"{\"b\":\"pä\\\"ß😀w\"}"}"#,
        r#"{"a":"{\"b\":\"p\\u00e4\\\"\\u00df\\ud83d\\ude00w\"}"}"#,
        r#"{"a":"{\"b\":\"p\u00e4\\\"\u00df\ud83d\ude00w\"}"}"#,
    ] {
        assert_eq!(
            secrets.scrub(form),
            r#"{"a":"{\"b\":\"[secret]\"}"}"#,
            "{form}"
        );
    }
}

#[test]
fn literals_of_python_are_found() {
    let secrets = knowing(&["pä'ß\\\t\u{1}😀w", "it's \"so\""]);
    for (form, left) in [
        (r#""pä'ß\\\t\x01😀w""#, r#""[secret]""#),
        (r"'pä\'ß\\\t\x01😀w'", "'[secret]'"),
        (r#""p\xe4'\xdf\\\t\x01\U0001f600w""#, r#""[secret]""#),
        (
            r#"b"p\xc3\xa4'\xc3\x9f\\\t\x01\xf0\x9f\x98\x80w""#,
            r#"b"[secret]""#,
        ),
        (r#"'it\'s "so"'"#, "'[secret]'"),
    ] {
        assert_eq!(secrets.scrub(form), left, "{form}");
    }
}

#[test]
fn an_indented_secret_of_several_lines_is_found() {
    let secrets = knowing(&["short\n\nlines\n  more"]);
    for indent in ["", "  ", "    ", "            ", "\t"] {
        let text = format!("key: |\n{indent}short\n\n{indent}lines\n{indent}  more\n{indent}end");
        assert_eq!(
            secrets.scrub(&text),
            format!("key: |\n{indent}[secret]\n{indent}end")
        );
    }
    // At any other indentation only its long lines are.
    let secrets = knowing(&["short\na line that is long\n"]);
    assert_eq!(
        secrets.scrub("   short\n   a line that is long\n"),
        "   short\n   [secret]\n"
    );
}

#[test]
fn the_forms_of_a_secret_are_few() {
    let secret = "aä'\"\\/<>&\u{1} $`+~😀".repeat(4);
    assert!(forms::needles(&secret).len() <= 84);
}

#[test]
fn a_secret_added_while_a_stream_runs_is_found_in_what_is_held() {
    let secrets = knowing(&["abcdefgh"]);
    let mut stream = StreamScrubber::new(&secrets);
    assert_eq!(stream.push(b"1 abcde"), b"1 ");
    secrets.add("abcdexyz", "late").expect("long enough");
    assert_eq!(stream.push(b"xyz 2"), b"[secret] 2");
}

#[test]
fn a_stream_holds_back_only_what_may_begin_a_secret() {
    let secrets = knowing(&["abcdefgh"]);
    let mut stream = StreamScrubber::new(&secrets);
    assert_eq!(stream.push(b"hello"), b"hello");
    assert_eq!(stream.push(b" abc"), b" ");
    assert_eq!(stream.push(b"x"), b"abcx");
    assert_eq!(stream.push(b"ab"), b"");
    assert_eq!(stream.finish(), b"ab");
}

#[test]
fn a_stream_of_one_repeated_character_is_not_held_back() {
    let secrets = knowing(&["aaaaaa"]);
    let mut stream = StreamScrubber::new(&secrets);
    let mut out = Vec::new();
    for _ in 0..1000 {
        out.extend(stream.push(b"aaaaaaa"));
        assert!(stream.held() < 16, "{}", stream.held());
    }
    out.extend(stream.finish());
    assert_eq!(out, b"[secret]");
}

#[test]
fn two_thousand_secrets_added_one_by_one_between_scrubs() {
    let secrets = Secrets::new();
    for number in 0..2_000 {
        let value = format!("value-{number:05}");
        secrets.add(&value, "n").expect("long enough");
        assert_eq!(secrets.scrub(&format!("x{value}y")), "x[secret]y");
    }
    assert!(secrets.scrubber().tiers().len() < 16);
    assert_eq!(
        secrets.scrub("value-00000 value-01999 value-02000"),
        "[secret] [secret] value-02000"
    );
}

/// Every form that the module promises, in a text around it.
fn shown(secret: &str) -> Vec<String> {
    let json = serde_json::to_string(secret).expect("a string");
    let hex = secret.bytes().fold(String::new(), |hex, byte| {
        hex + format!("{byte:02x}").as_str()
    });
    let mut shown = vec![
        secret.to_owned(),
        json.clone(),
        serde_json::to_string(&json).expect("a string"),
        format!("{secret:?}"),
        format!("'{}'", secret.replace('\'', "'\\''")),
        hex.clone(),
        hex.to_uppercase(),
        url(secret, "-._~"),
        url(secret, "-._~/"),
        url(secret, "-._!~*'()"),
        url(secret, "-._~").replace("%20", "+"),
    ];
    if let Ok(quoted) = shlex::try_quote(secret) {
        shown.push(quoted.into_owned());
    }
    for before in ["", "u", "u:"] {
        shown.push(STANDARD.encode(format!("{before}{secret}")));
        shown.push(URL_SAFE.encode(format!("{before}{secret}")));
    }
    shown
}

fn url(text: &str, kept: &str) -> String {
    text.bytes()
        .map(|b| {
            if b.is_ascii_alphanumeric() || kept.contains(char::from(b)) {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

proptest! {
    #![proptest_config(crate::generation::config(48, file!()))]

    #[test]
    fn every_form_is_taken_out(secret in "[ -~é\n\t]{8,40}") {
        prop_assume!(secret.trim().len() >= MIN_SECRET);
        let secrets = knowing(&[&secret]);
        for form in shown(&secret) {
            let scrubbed = secrets.scrub(&form).into_owned();
            prop_assert!(scrubbed.contains(REPLACEMENT), "{form} stayed {scrubbed}");
            // At most the two characters of base64 that it shares with its neighbours, the padding and quotes
            // stay.
            prop_assert!(scrubbed.len() <= REPLACEMENT.len() + 9, "{form} left {scrubbed}");
        }
    }

    #[test]
    fn a_stream_split_anywhere_reads_like_the_whole(
        picks in proptest::collection::vec(0..4usize, 1..3),
        noise in "[a-c]{0,20}",
        at in 0..64usize,
        chunk in 1..9usize,
    ) {
        let values = ["abcabcab", "cabcab", "bcabcc", "aaaaaa"];
        let chosen: Vec<&str> = picks.iter().map(|pick| values[*pick]).collect();
        let secrets = knowing(&chosen);
        let at = at.min(noise.len());
        let text = format!("{}{}{}", &noise[..at], chosen[0], &noise[at..]);
        let whole = secrets.scrub(&text).into_owned();
        let chunks: Vec<&[u8]> = text.as_bytes().chunks(chunk).collect();
        prop_assert_eq!(String::from_utf8(streamed(&secrets, &chunks)).expect("ASCII"), whole.clone());
        for split in 0..=text.len() {
            let (left, right) = text.as_bytes().split_at(split);
            let scrubbed = String::from_utf8(streamed(&secrets, &[left, right])).expect("ASCII");
            prop_assert_eq!(scrubbed, whole.clone());
        }
    }

    #[test]
    fn every_form_split_at_every_point_is_taken_out(secret in "[ -~]{6,16}") {
        prop_assume!(secret.trim().len() >= MIN_SECRET);
        let secrets = knowing(&[&secret]);
        for form in shown(&secret) {
            let whole = secrets.scrub(&form).into_owned();
            for split in 0..=form.len() {
                let (left, right) = form.as_bytes().split_at(split);
                prop_assert_eq!(streamed(&secrets, &[left, right]), whole.as_bytes());
            }
        }
    }

    #[test]
    fn bytes_that_are_no_text_pass(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let secrets = knowing(&["not in there at all"]);
        prop_assert_eq!(secrets.scrubber().scrub_bytes(&bytes).into_owned(), bytes.clone());
        prop_assert_eq!(streamed(&secrets, &[&bytes]), bytes);
    }
}
