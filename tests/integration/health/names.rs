//! `dns`, with a real name server, and `tls`, with a real server and many kinds of certificates.

use std::io::Write as _;
use std::path::Path;

use super::servers::{Server, done};
use super::tools::with;
use super::web::closed_port;
use super::{here, playbook, seen};

fn look(checks: &[String]) -> Vec<String> {
    let ran = here()
        .playbook(&playbook(checks))
        .args(["--output", "json"])
        .run()
        .ok();
    seen(&ran.nothing_left(), "h1")
}

#[test]
fn queries_a_name_server() {
    let port = closed_port();
    let server = Server::start(
        port,
        &[
            "dnsmasq",
            "--keep-in-foreground",
            "--no-resolv",
            "--no-hosts",
            "--conf-file=/dev/null",
            "--bind-interfaces",
            "--user=root",
            "--pid-file=",
            "--listen-address=127.0.0.1",
            &format!("--port={port}"),
            "--address=/shop.test/10.0.0.7",
            "--address=/shop.test/fd00::7",
            "--mx-host=mail.test,mx.mail.test,10",
            "--txt-record=note.test,hello world",
            "--cname=www.shop.test,shop.test",
            "--local=/test/",
        ],
    );
    let check = |name: &str, options: &str| {
        format!(
            "dns(\"{name}\", #{{ server: \"{}\", {options} }})",
            server.address()
        )
    };
    let checks = [
        check("shop.test", ""),
        check("shop.test", "address: \"10.0.0.7\""),
        check("shop.test", "address: [\"10.0.0.7\", \"10.0.0.8\"]"),
        check("shop.test", "type: \"AAAA\", address: \"fd00:0::7\""),
        check("none.test", "type: \"A\""),
        check("mail.test", "type: \"MX\", address: \"mx.mail.test\""),
        check("note.test", "type: \"TXT\", address: \"hello world\""),
        check("note.test", "type: \"MX\""),
        format!(
            "dns(\"shop.test\", #{{ server: \"127.0.0.1:{}\", timeout: \"20s\" }})",
            closed_port()
        ),
    ];
    let seen_with_dig = look(&checks);
    let expected = [
        "passing: 10.0.0.7",
        "passing: 10.0.0.7",
        "critical: 10.0.0.7, expected 10.0.0.8",
        "passing: fd00::7",
        "critical: the name does not exist",
        "passing: 10 mx.mail.test.",
        "passing: \"hello world\"",
        "critical: there is no MX record",
        "critical: the name server does not answer",
    ];
    assert_eq!(seen_with_dig, expected);

    // Without dig, nslookup can only query addresses.
    let ops = with(&[], here());
    std::fs::remove_file(ops.path("bin").join("dig")).expect("dig is installed");
    let checks = [&checks[1], &checks[2], &checks[3], &checks[4], &checks[5]].map(Clone::clone);
    let ran = ops
        .playbook(&playbook(&checks))
        .args(["--output", "json"])
        .run()
        .ok();
    assert_eq!(
        seen(&ran, "h1"),
        [
            "passing: 10.0.0.7, fd00::7",
            "critical: 10.0.0.7, fd00::7, expected 10.0.0.8",
            "passing: fd00::7",
            "critical: does not resolve",
            "error: dig is not installed on the machine that runs the check",
        ]
    );
}

/// A certificate authority, certificates that it signed, and a self-signed one.
struct Authority(tempfile::TempDir);

impl Authority {
    fn new() -> Self {
        let authority = Self(tempfile::tempdir().expect("a directory"));
        authority.run(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
            "-days",
            "300",
            "-subj",
            "/CN=ops test authority",
        ]);
        authority
    }

    fn run(&self, arguments: &[&str]) {
        let mut all = vec!["openssl"];
        all.extend(arguments);
        done(&all, self.0.path());
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Starts a server with a certificate for `shop.test`, with its validity given in days from now. If
    /// `signed`, the authority has signed it.
    fn server(&self, from: i64, to: i64, signed: bool) -> Server {
        let day = |days: i64| {
            let at = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days);
            at.strftime("%Y%m%d%H%M%SZ").to_string()
        };
        let key = format!("{from}.{to}.{signed}");
        let names = "subjectAltName=DNS:shop.test,DNS:*.shop.test,IP:127.0.0.1";
        std::fs::write(self.path().join("names"), names).expect("a file");
        std::fs::write(self.path().join("index"), "").expect("a file");
        let config = "[ca]\ndefault_ca=d\n[d]\ndatabase=index\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\nunique_subject=no\nrand_serial=yes\n[p]\ncommonName=optional\n";
        std::fs::write(self.path().join("ca.cnf"), config).expect("a file");
        let (key_file, request, certificate) = (
            format!("{key}.key"),
            format!("{key}.csr"),
            format!("{key}.pem"),
        );
        self.run(&[
            "req",
            "-new",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            &key_file,
            "-out",
            &request,
            "-subj",
            "/CN=shop.test",
        ]);
        let (begin, end) = (day(from), day(to));
        let mut sign = vec![
            "ca",
            "-batch",
            "-config",
            "ca.cnf",
            "-in",
            &request,
            "-out",
            &certificate,
            "-notext",
            "-startdate",
            &begin,
            "-enddate",
            &end,
            "-extfile",
            "names",
        ];
        if signed {
            sign.extend(["-cert", "ca.pem", "-keyfile", "ca.key"]);
        } else {
            sign.extend(["-selfsign", "-keyfile", &key_file]);
        }
        self.run(&sign);
        let port = closed_port();
        let path = |name: &str| self.path().join(name).display().to_string();
        Server::start(
            port,
            &[
                "openssl",
                "s_server",
                "-accept",
                &format!("127.0.0.1:{port}"),
                "-cert",
                &path(&certificate),
                "-key",
                &path(&key_file),
                "-quiet",
            ],
        )
    }
}

#[test]
fn distinguishes_certificates() {
    let authority = Authority::new();
    let ca = authority.path().join("ca.pem").display().to_string();
    let check = |server: &Server, name: &str, chain: &str| {
        format!(
            "tls(\"{}\", #{{ server_name: \"{name}\", chain: {chain} }})",
            server.address()
        )
    };
    let trusted = format!("\"{ca}\"");
    let good = authority.server(-1, 90, true);
    let soon = authority.server(-1, 8, true);
    let expired = authority.server(-9, -2, true);
    let future = authority.server(3, 90, true);
    let own = authority.server(-1, 90, false);
    let plain = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let plain_port = plain.local_addr().expect("a bound socket has one").port();
    std::thread::spawn(move || {
        for stream in plain.incoming().flatten() {
            // A process that has already exited is not reported.
            let _ = (&stream).write_all(b"220 mail.example ESMTP\r\n");
        }
    });
    let checks = [
        check(&good, "shop.test", &trusted),
        check(&good, "www.shop.test", &trusted),
        format!("tls(\"{}\", #{{ chain: {trusted} }})", good.address()),
        check(&good, "other.test", &trusted),
        check(&good, "a.b.shop.test", &trusted),
        check(&good, "shop.test", "true"),
        check(&good, "shop.test", "false"),
        check(&soon, "shop.test", &trusted),
        check(&expired, "shop.test", &trusted),
        check(&expired, "shop.test", "false"),
        check(&future, "shop.test", &trusted),
        check(&own, "shop.test", "true"),
        check(&good, "shop.test", "\"/no/such/file\""),
        format!("tls(\"127.0.0.1:{plain_port}\")"),
        format!("tls(\"127.0.0.1:{}\")", closed_port()),
    ];
    let expected = [
        "passing: valid for 89 days more, until ",
        "passing: valid for 89 days more, until ",
        "passing: valid for 89 days more, until ",
        "critical: not for other.test, but for DNS:shop.test, DNS:*.shop.test, IP Address:127.0.0.1",
        "critical: not for a.b.shop.test, but for ",
        "critical: its issuer is not trusted",
        "passing: valid for 89 days more",
        "warning: valid for 7 days more",
        "critical: expired 2 days ago, on ",
        "critical: expired 2 days ago, on ",
        "critical: not valid before ",
        "critical: self-signed",
        "error: cannot read /no/such/file on the machine that runs the check",
        "critical: the server does not speak TLS",
        "critical: cannot connect: Connection refused",
    ];
    let seen = look(&checks);
    for (seen, expected) in seen.iter().zip(expected) {
        // In the second in which it was created, a certificate has its full number of days left.
        let seen = seen
            .replace(" 90 days", " 89 days")
            .replace(" 8 days", " 7 days");
        assert!(seen.starts_with(expected), "{seen}, expected {expected}");
    }
    assert_eq!(seen.len(), expected.len());
}

#[test]
fn without_openssl_the_state_is_an_error() {
    let checks = ["tls(\"127.0.0.1:1\")".to_owned()];
    let ran = with(&[], here())
        .playbook(&playbook(&checks))
        .args(["--output", "json"])
        .run()
        .ok();
    assert_eq!(
        seen(&ran, "h1"),
        ["error: openssl is not installed on the machine that runs the check"]
    );
}
