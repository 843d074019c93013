//! No kind panics on garbage from a host, and garbage is never a success.

use std::ops::Range;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use proptest::prelude::*;

use super::KINDS;
use crate::checks::observe::{Answer, Observe};
use crate::checks::verdict::{State, Verdict};
use crate::declare::{Arguments, Value};

/// A check of each kind that reads the output of a program, with an answer that passes.
const CASES: &[(&str, &str, &str, &str)] = &[
    (
        "tls",
        r#"["a.test:443"]"#,
        "ops:now 1795262400\nnotBefore=Nov  1 00:00:00 2026 GMT\nnotAfter=Dec 25 12:00:00 2026 GMT\n\
         Hostname a.test does match certificate\nops:connection\nCONNECTED(00000003)\n\
         Verify return code: 0 (ok)\n",
        "",
    ),
    (
        "dns",
        r#"["a.test", {"address": "10.0.0.1"}]"#,
        "ops:with getent\n10.0.0.1 STREAM a.test\nops:code 0\n",
        "",
    ),
    (
        "dns",
        r#"["a.test", {"type": "MX"}]"#,
        "ops:with dig\n;; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 1\na.test. 0 IN MX 10 b.test.\n\
         ops:code 0\n",
        "",
    ),
    (
        "disk",
        r#"["/"]"#,
        "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sda1 1000 100 900 10% /\n\
         ops:inodes\n",
        "",
    ),
    (
        "memory",
        "[]",
        "MemTotal: 1000 kB\nMemAvailable: 900 kB\n",
        "",
    ),
    ("load", "[]", "0.10 0.10 0.10 1/80 11206\n4\n", ""),
    (
        "postgres",
        r#"[{"query": "select 1", "expect": 1, "replica_lag": "9s"}]"#,
        "ops:connected\nops:lag\n0\nops:query\n1\nops:end\n",
        "",
    ),
    (
        "redis",
        r#"["a:1", {"role": "primary"}]"#,
        "+PONG\r\n$13\r\nrole:master\r\n\r\n+OK\r\n",
        "",
    ),
    (
        "prometheus",
        r#"["http://a:1", "up", {"at_least": 1}]"#,
        "HTTP/1.1 200 OK\r\n\r\n\
         {\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\
         \"result\":[{\"metric\":{},\"value\":[1,\"1\"]}]}}",
        "ops-end perl 0\n",
    ),
];

/// The checks of the cases. They are created once, because that takes longer than a verdict.
static CHECKS: LazyLock<Vec<Arc<dyn Observe>>> = LazyLock::new(|| {
    CASES
        .iter()
        .map(|(name, arguments, ..)| check(name, arguments))
        .collect()
});

fn check(name: &str, arguments: &str) -> Arc<dyn Observe> {
    let entry = KINDS.iter().find(|entry| entry.name == name).expect(name);
    let values: Vec<serde_json::Value> = serde_json::from_str(arguments).expect("JSON");
    let arguments = Arguments::new(values.into_iter().map(Value::from).collect());
    match (entry.make)(arguments, ()) {
        Ok(observe) => observe,
        Err(error) => panic!("{name}: {error}"),
    }
}

fn answer(code: i32, stdout: &[u8], stderr: &[u8]) -> Answer {
    Answer {
        code,
        stdout: stdout.to_vec(),
        stderr: stderr.to_vec(),
        duration: Duration::from_millis(3),
    }
}

#[test]
fn the_passing_answers_pass() {
    for (name, arguments, stdout, stderr) in CASES {
        let verdict =
            check(name, arguments).verdict(&answer(0, stdout.as_bytes(), stderr.as_bytes()));
        assert_eq!(verdict.state, State::Passing, "{name}: {}", verdict.message);
    }
}

/// Words that occur in answers.
const WORDS: &[&str] = &[
    "ops:",
    "connected",
    "now ",
    "connection",
    "with ",
    "code ",
    "lag",
    "query",
    "end",
    "\n",
    "\r\n",
    " ",
    "0",
    "9999999999999999999999",
    "-1",
    "$",
    "+",
    "PONG",
    "role:",
    "master",
    "MemTotal:",
    "MemAvailable:",
    "kB",
    "%",
    "/",
    "dig",
    "getent",
    "status: ",
    "NOERROR",
    "notAfter=",
    "Nov",
    "GMT",
    "{",
    "}",
    "\"value\":",
    "[",
    "]",
    "NaN",
    "\u{fffd}",
];

proptest! {
    #![proptest_config(crate::generation::config(150, file!()))]
    #[test]
    fn noise_is_not_a_success(
        code in prop_oneof![Just(0), 0..=255_i32],
        stdout in proptest::collection::vec(any::<u8>(), 0..400),
        stderr in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        for ((name, ..), check) in CASES.iter().zip(&*CHECKS) {
            let verdict = judged(&**check, &answer(code, &stdout, &stderr))?;
            prop_assert_ne!(verdict.state, State::Passing, "{}", name);
        }
    }

    /// Words that occur in such answers, in any order.
    #[test]
    fn shuffled_words_of_an_answer_are_not_a_success(
        words in proptest::collection::vec(proptest::sample::select(WORDS), 0..40),
    ) {
        let text = words.concat();
        for ((name, ..), check) in CASES.iter().zip(&*CHECKS) {
            let verdict = judged(&**check, &answer(0, text.as_bytes(), b"ops-end perl 0\n"))?;
            prop_assert_ne!(verdict.state, State::Passing, "{}: {:?}", name, text);
        }
    }

    /// An answer that is truncated too early, has a wrong byte in a line that the script itself prints, or
    /// comes from a program that failed.
    #[test]
    fn a_damaged_answer_is_not_a_success(at in 0_usize..400, byte in any::<u8>(), code in 1..=255_i32) {
        for ((name, _, stdout, stderr), check) in CASES.iter().zip(&*CHECKS) {
            let verdict = |code, stdout: &[u8]| judged(&**check, &answer(code, stdout, stderr.as_bytes()));
            let whole = stdout.as_bytes();
            let cut = at.min(whole.len());
            let needed = needed(stdout);
            let state = verdict(0, &whole[..cut])?.state;
            prop_assert!(cut >= needed || state != State::Passing, "{}: cut at {} of {}", name, cut, needed);

            let mut wrong = whole.to_vec();
            if let Some(place) = wrong.get_mut(at) {
                *place = byte;
            }
            let state = verdict(0, &wrong)?.state;
            let is_own = own_lines(stdout).any(|line| line.contains(&at));
            if wrong == whole {
                prop_assert_eq!(state, State::Passing, "{}", name);
            } else if is_own {
                prop_assert_ne!(state, State::Passing, "{}: {} at {}", name, byte, at);
            }

            // For a request, the tool itself reports how it ended.
            if !matches!(*name, "prometheus" | "redis") {
                prop_assert_ne!(verdict(code, whole)?.state, State::Passing, "{}: code {}", name, code);
            }
        }
    }
}

/// The verdict on an answer. It must be the same each time, and have a message of one line.
fn judged(check: &dyn Observe, answer: &Answer) -> Result<Verdict, TestCaseError> {
    let verdict = check.verdict(answer);
    prop_assert_eq!(&verdict, &check.verdict(answer));
    let message = &verdict.message;
    prop_assert!(
        !message.is_empty() && !message.contains('\n'),
        "{:?}",
        message
    );
    Ok(verdict)
}

/// The length of the part of an answer that must not be missing.
fn needed(stdout: &str) -> usize {
    let ends = [
        "Verify return code: 0",
        "ops:code 0",
        " 900 10%",
        "MemAvailable: 900 kB",
        "11206\n4",
        "ops:end\n",
        "role:master",
        "}]}}",
    ];
    let end = ends
        .iter()
        .find_map(|end| Some(stdout.find(end)? + end.len()));
    end.expect("each case has one")
}

/// The positions of the lines that a script itself prints. Others may be damaged: a file system need not
/// count inodes, for example.
fn own_lines(stdout: &str) -> impl Iterator<Item = Range<usize>> {
    let lines = [
        "ops:now ",
        "ops:connection",
        "ops:with ",
        "ops:code ",
        "ops:connected",
        "ops:lag",
        "ops:query",
        "ops:end",
    ];
    lines.into_iter().filter_map(|line| {
        let start = stdout.find(line)?;
        Some(start..start + line.len())
    })
}
