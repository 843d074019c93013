//! The application stops without losing a request, and the load generator reports every kind of failure.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

use super::{Load, Shop, program, release};

struct Answer {
    status: u16,
    head: String,
    body: String,
}

/// Sends one request on a connection that is closed after it, unless the server decides that.
fn get(address: &str, path: &str) -> Answer {
    let stream = TcpStream::connect(address).expect("the shop listens");
    ask(&stream, path);
    read(stream)
}

fn ask(mut stream: &TcpStream, path: &str) {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: shop\r\n\r\n").expect("a request");
}

fn read(stream: TcpStream) -> Answer {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        let read = reader.read_line(&mut head).expect("a line of the head");
        assert!(read > 0, "cut short: {head:?}");
    }
    let head = head.to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
        .expect("a length");
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("the whole body");
    Answer {
        status: head[9..12].parse().expect("a status"),
        head,
        body: String::from_utf8(body).expect("text"),
    }
}

fn shop(dir: &Path, behaviour: &str) -> Shop {
    release(dir, "1.0.0", behaviour);
    Shop::start(dir)
}

#[test]
fn the_shop_reports_its_version() {
    let dir = tempfile::tempdir().expect("a directory");
    let shop = shop(dir.path(), "");
    let health = get(shop.address(), "/healthz");
    assert_eq!((health.status, health.body.as_str()), (200, "1.0.0\n"));
    let page = get(shop.address(), "/");
    assert!(page.body.contains(r#""version":"1.0.0""#), "{}", page.body);
    assert!(page.head.contains("shop-version: 1.0.0"), "{}", page.head);
    assert_eq!(get(shop.address(), "/none").status, 404);
}

#[test]
fn a_release_reports_that_it_is_broken() {
    let dir = tempfile::tempdir().expect("a directory");
    let shop = shop(dir.path(), "broken = \"no prices\"");
    let health = get(shop.address(), "/healthz");
    assert_eq!(health.status, 503);
    assert!(health.body.contains("no prices"), "{}", health.body);
    assert_eq!(get(shop.address(), "/").status, 200);
}

#[test]
fn a_release_becomes_unhealthy_or_exits_after_its_time() {
    let dir = tempfile::tempdir().expect("a directory");
    let (ill, short) = (dir.path().join("ill"), dir.path().join("short"));
    let ill = shop(&ill, "unhealthy_after = 0.0");
    assert_eq!(get(ill.address(), "/healthz").status, 503);
    let mut short = shop(&short, "exits_after = 0.0");
    assert_eq!(short.wait(), Some(70));
}

#[test]
fn a_release_that_does_not_start_reports_why() {
    let dir = tempfile::tempdir().expect("a directory");
    release(dir.path(), "1.0.0", "refuses_to_start = \"no database\"");
    let output = Command::new(program("shop"))
        .arg("--release")
        .arg(dir.path())
        .output()
        .expect("the shop runs");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("1.0.0 does not start: no database"), "{said}");
}

#[test]
fn the_command_line_overrides_the_environment_file() {
    let dir = tempfile::tempdir().expect("a directory");
    release(
        dir.path(),
        "1.0.0",
        "refuses_to_start = \"it was asked to\"",
    );
    let env = dir.path().join("env");
    let text = format!(
        "# the shop\nSHOP_RELEASE=\"{}\"\nSHOP_LISTEN=nowhere\nOTHER=1\n",
        dir.path().display()
    );
    std::fs::write(&env, text).expect("the file");
    let run = |args: &[&str]| {
        let output = Command::new(program("shop"))
            .arg("--env-file")
            .arg(&env)
            .args(args)
            .output()
            .expect("the shop runs");
        String::from_utf8(output.stderr).expect("text")
    };
    assert!(run(&[]).contains("it was asked to"));
    assert!(run(&["--release", "/nonexistent"]).contains("/nonexistent/VERSION"));
}

#[test]
fn answers_requests_in_flight_when_stopped() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut shop = shop(dir.path(), "");
    let stream = TcpStream::connect(shop.address()).expect("the shop listens");
    ask(&stream, "/slow?ms=300");
    // After an answer on another connection, the slow request has certainly been read.
    get(shop.address(), "/");
    shop.stop();
    let answer = read(stream);
    assert_eq!((answer.status, answer.body.as_str()), (200, "1.0.0\n"));
    assert!(answer.head.contains("connection: close"), "{}", answer.head);
    assert_eq!(shop.wait(), Some(0));
    assert!(TcpStream::connect(shop.address()).is_err());
}

#[test]
fn load_counts_answers() {
    let dir = tempfile::tempdir().expect("a directory");
    let shop = shop(dir.path(), "");
    let args = ["--rate", "200", "--duration", "0.5", "--slow-share", "0.1"];
    let args = [&args[..], &["--slow-path", "/slow?ms=100"]].concat();
    for connections in ["0", "4"] {
        let args = [&args[..], &["--connections", connections]].concat();
        let summary = Load::start(&shop.url("/"), &args).wait().ok();
        assert_eq!(summary.requests(), 100);
        assert_eq!(summary.answered_by("1.0.0"), 100);
        assert_eq!(summary.count(&["slow"]), 10);
    }
}

#[test]
fn load_runs_until_it_is_stopped() {
    let dir = tempfile::tempdir().expect("a directory");
    let shop = shop(dir.path(), "");
    let load = Load::start(
        &shop.url("/"),
        &["--slow-share", "1", "--slow-path", "/slow?ms=200"],
    );
    // Answered after the load began, so its requests are in flight by then.
    get(shop.address(), "/slow?ms=300");
    load.finish().ok();
}

/// Serves one answer on every connection, and closes it.
fn serve(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener
        .local_addr()
        .expect("a bound socket has an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    format!("http://{address}/")
}

#[test]
fn load_reports_the_first_failure_and_the_counts() {
    let gone = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        format!("http://{address}/")
    };
    let cases = [
        (gone, "connect", "refused"),
        (serve(""), "no answer", "closed"),
        (
            serve("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"),
            "answer cut short",
            "body",
        ),
        (
            serve("HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n"),
            "status",
            "503",
        ),
    ];
    for (url, kind, reason) in cases {
        let summary = Load::start(&url, &["--rate", "50", "--duration", "0.1"]).wait();
        assert_eq!(summary.code, Some(1), "{kind}");
        assert_eq!((summary.requests(), summary.failed()), (5, 5), "{kind}");
        assert_eq!(summary.count(&["failures", kind]), 5, "{:#}", summary.json);
        let first = &summary.json["first_failure"];
        assert_eq!(first["kind"], kind);
        let said = first["reason"].as_str().expect("a reason").to_lowercase();
        assert!(said.contains(reason), "{kind}: {said}");
    }
}

#[test]
fn load_times_out_without_an_answer() {
    let dir = tempfile::tempdir().expect("a directory");
    let shop = shop(dir.path(), "");
    let args = ["--rate", "50", "--duration", "0.1", "--timeout", "0.1"];
    let summary = Load::start(&shop.url("/slow?ms=5000"), &args).wait();
    assert_eq!(
        summary.count(&["failures", "timeout"]),
        5,
        "{:#}",
        summary.json
    );
}

#[test]
fn load_resends_a_request_on_a_just_closed_connection() {
    // The answer promises keep-alive, but the connection is closed after it.
    let url = serve("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let args = ["--rate", "20", "--duration", "0.5"];
    Load::start(&url, &args).wait().ok();
}

#[test]
fn packs_releases_with_their_checksums() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = tempfile::tempdir().expect("a directory");
    for _ in 0..2 {
        let status = Command::new(root.join("examples/shop/make-releases"))
            .arg(program("shop"))
            .arg(out.path())
            .status()
            .expect("the script runs");
        assert!(status.success());
    }
    let check = Command::new("sh")
        .args(["-c", "sha256sum -c --quiet *.sha256 && ls -A"])
        .current_dir(out.path())
        .output()
        .expect("sh runs");
    assert!(check.status.success(), "{check:?}");
    let names = String::from_utf8(check.stdout).expect("text");
    let expected = ["1.0.0", "1.1.0", "1.2.0"]
        .map(|version| format!("shop-{version}.tar.gz\nshop-{version}.tar.gz.sha256\n"))
        .concat();
    assert_eq!(names, expected);
}
