//! Verdicts on answers, without a server.

use super::*;
use crate::checks::sample::sample;
use crate::checks::verdict::State;
use crate::declare::Value;

const URL: &str = "http://127.0.0.1:8080/healthz";

fn map(entries: &[(&str, Value)]) -> Value {
    let entries = entries
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()));
    Value::Map(entries.collect())
}

fn verdict(options: &[(&str, Value)], stdout: &str, stderr: &str) -> (State, String) {
    let check = sample(&KIND, vec![URL.into()], options);
    let verdict = check.verdict(&Answer {
        code: 0,
        stdout: stdout.as_bytes().to_vec(),
        stderr: stderr.as_bytes().to_vec(),
        duration: Duration::from_millis(70),
    });
    (verdict.state, verdict.message)
}

const OK: &str = "\nops-curl 200 0.012345\nops-end curl 0\n";

fn answer(status: &str, rest: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{rest}")
}

/// Options, the answer, and its verdict.
type Case<'a> = (&'a [(&'a str, Value)], &'a str, State, &'a str);

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn compares_the_response_with_the_expected_one() {
    let plain = answer("200 OK", "X-Version: 1.4.2\r\n\r\nshop 1.4.2\n");
    let json = answer("200 OK", "\r\n{\"status\": {\"db\": \"down\"}, \"n\": 3}");
    let down = answer("503 Service Unavailable", "\r\ndb down\n");
    let moved = answer("302 Found", "Location: /login\r\n\r\n");
    let cases: &[Case<'_>] = &[
        (&[], &plain, State::Passing, "200 in 13ms"),
        (
            &[],
            &down,
            State::Critical,
            "503, expected 2xx: \"db down\"",
        ),
        (
            &[("status", Value::Int(503))],
            &down,
            State::Passing,
            "503 in 13ms",
        ),
        (
            &[(
                "status",
                Value::List(vec![Value::Int(200), "500-502".into()]),
            )],
            &down,
            State::Critical,
            "503, expected 200 or 500-502: \"db down\"",
        ),
        (&[], &moved, State::Critical, "302 to /login, expected 2xx"),
        (
            &[("body", "1.4.2".into())],
            &plain,
            State::Passing,
            "200 in 13ms",
        ),
        (
            &[("body", "1.5".into())],
            &plain,
            State::Critical,
            "200, but the body does not contain \"1.5\": \"shop 1.4.2\"",
        ),
        (
            &[("regex", "^shop 1\\.4\\.2$".into())],
            &plain,
            State::Passing,
            "200 in 13ms",
        ),
        (
            &[("regex", "^1".into())],
            &plain,
            State::Critical,
            "200, but the body does not match `^1`: \"shop 1.4.2\"",
        ),
        (
            &[("header", map(&[("x-version", "1.4".into())]))],
            &plain,
            State::Passing,
            "200 in 13ms",
        ),
        (
            &[("header", map(&[("x-version", "3".into())]))],
            &plain,
            State::Critical,
            "200, but x-version is \"1.4.2\", expected \"3\"",
        ),
        (
            &[("header", map(&[("x-other", "".into())]))],
            &plain,
            State::Critical,
            "200, but the header x-other is missing",
        ),
        (
            &[("json", map(&[("status.db", "ok".into())]))],
            &json,
            State::Critical,
            "200, but status.db is \"down\", expected \"ok\"",
        ),
        (
            &[("json", map(&[("n", map(&[("below", Value::Int(4))]))]))],
            &json,
            State::Passing,
            "200 in 13ms",
        ),
        (
            &[("json", map(&[("n", Value::Int(3))]))],
            &plain,
            State::Critical,
            "200, but the body is not valid JSON: \"shop 1.4.2\"",
        ),
        (
            &[("max_latency", Value::Float(0.01))],
            &plain,
            State::Critical,
            "200 in 13ms, expected within 10ms",
        ),
        (
            &[
                ("warn_latency", "10ms".into()),
                ("max_latency", "20ms".into()),
            ],
            &plain,
            State::Warning,
            "200 in 13ms, expected within 10ms",
        ),
        (
            &[("max_latency", "20ms".into())],
            &plain,
            State::Passing,
            "200 in 13ms",
        ),
    ];
    for (options, stdout, state, message) in cases {
        assert_eq!(
            verdict(options, stdout, OK),
            (*state, (*message).to_owned()),
            "{options:?}"
        );
    }
}

#[test]
fn distinguishes_faults_of_the_server_from_those_of_the_check() {
    let cases = [
        (
            "curl: (7) Failed to connect to x port 1 after 0 ms: Couldn't connect\nops-curl 000 0.0\n\
             ops-end curl 7\n",
            State::Critical,
            "failed to connect to x port 1 after 0 ms: Couldn't connect",
        ),
        (
            "curl: (52) Empty reply from server\n\nops-curl 000 0.1\nops-end curl 52\n",
            State::Critical,
            "empty reply from server",
        ),
        (
            "curl: (60) SSL certificate problem: certificate has expired\nops-curl 000 0.1\n\
             ops-end curl 60\n",
            State::Critical,
            "TLS: SSL certificate problem: certificate has expired",
        ),
        (
            "curl: (6) Could not resolve host: x\n\nops-curl 000 0.1\nops-end curl 6\n",
            State::Error,
            "could not resolve host: x",
        ),
        (
            "ops-end none 9\n",
            State::Error,
            "no program that could send the request is installed",
        ),
        (
            "Connection refused\nops-end perl 7\n",
            State::Critical,
            "connection refused",
        ),
        (
            "x: Name or service not known\nops-end perl 6\n",
            State::Error,
            "x: Name or service not known",
        ),
        (
            "ops-end perl 0\n",
            State::Critical,
            "the connection was closed without a response",
        ),
        (
            "sh: head: not found\n",
            State::Error,
            "the request was cut short: sh: head: not found",
        ),
        (
            "curl: (2) no such option\nops-end curl 2\n",
            State::Error,
            "no such option",
        ),
    ];
    for (stderr, state, message) in cases {
        assert_eq!(verdict(&[], "", stderr), (state, message.to_owned()));
    }
    let ssh = verdict(&[], "SSH-2.0-OpenSSH_9.2\r\n", "ops-end perl 0\n");
    assert_eq!(
        ssh,
        (
            State::Critical,
            "the response is not HTTP: \"SSH-2.0-OpenSSH_9.2\"".to_owned()
        )
    );
}

#[test]
fn the_last_response_counts_and_chunks_are_joined() {
    let options = [("body", "in two parts".into())];
    let redirected = "HTTP/1.1 302 Found\r\nLocation: /b\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/2 200 \r\n\
        a: b\r\n\r\nin two parts";
    assert_eq!(verdict(&options, redirected, OK).0, State::Passing);
    let chunked = answer(
        "200 OK",
        "Transfer-Encoding: chunked\r\n\r\n7;x=y\r\nin two \r\n5\r\nparts\r\n0\r\n\r\n",
    );
    assert_eq!(
        verdict(&options, &chunked, "ops-end perl 0\n").0,
        State::Passing
    );
    // curl has joined them already.
    let joined = answer("200 OK", "Transfer-Encoding: chunked\r\n\r\nin two parts");
    assert_eq!(verdict(&options, &joined, OK).0, State::Passing);
}

#[test]
fn reads_a_long_body_up_to_the_limit() {
    let long = answer("200 OK", &format!("\r\nready{}", " ".repeat(LARGEST)));
    let cut = &long[..LARGEST];
    let ended =
        "curl: (23) Failure writing output to destination\nops-curl 200 0.0\nops-end curl 23\n";
    assert_eq!(
        verdict(&[("body", "ready".into())], cut, ended).0,
        State::Passing
    );
    let (state, message) = verdict(&[("body", "end".into())], cut, ended);
    assert_eq!(state, State::Critical);
    assert_eq!(
        message,
        "200, but the body does not contain \"end\" (only its beginning was read): \"ready\""
    );
}

#[test]
fn refuses_values_that_could_escape_their_context() {
    for (key, value) in [
        ("headers", map(&[("X-A", "b\r\nX-C: d".into())])),
        ("headers", map(&[("X A", "b".into())])),
        ("method", "GET /x".into()),
        ("host", "a b".into()),
        ("ca", "/etc/ssl/x".into()),
        ("insecure", Value::Bool(true)),
        ("status", Value::Int(20)),
        ("regex", "(".into()),
        ("json", map(&[("a..b", Value::Int(1))])),
    ] {
        let mut values = vec![URL.into()];
        values.push(map(&[(key, value)]));
        let made = (KIND.make)(crate::declare::Arguments::new(values), ());
        let error = made.map(|_| ()).expect_err(key);
        assert!(format!("{:?}", error.place).contains(key), "{error:?}");
    }
}
