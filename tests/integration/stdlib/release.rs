//! `std/release`: how releases are installed, switched, rolled back and deleted.

use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

use crate::fleet::{Fleet, Settings};
use crate::ops::Ops;
use crate::ran::Ran;

/// One host, with an application directory whose name needs quoting in a shell.
struct Shop {
    fleet: Fleet,
    ops: Ops,
}

/// Installs a release, and marks it as good.
const DEPLOY: &str = r#"
    h.apply(release::tasks("shop", version, how));
    h.apply(release::good("shop", version, at));
"#;

impl Shop {
    fn on(settings: &Settings) -> Self {
        let fleet = Fleet::sshd_with(1, settings);
        let ops = fleet.ops();
        Self { fleet, ops }
    }

    fn root(&self) -> PathBuf {
        self.fleet.hosts()[0].root().join("the shop's")
    }

    /// Packs a release with `content` in its `VERSION`.
    fn with(mut self, version: &str, content: &str) -> Self {
        let tree = format!("trees/{version}/shop");
        self.ops = self
            .ops
            .file(&format!("{tree}/VERSION"), content)
            .file(&format!("{tree}/log/of-the-archive"), "x")
            .file(&format!("{tree}/bin/run"), "#!/bin/sh\n")
            .file(&format!("dist/shop-{version}.tar.gz"), "");
        let packed = Command::new("tar")
            .arg("-czf")
            .arg(self.ops.path(&format!("dist/shop-{version}.tar.gz")))
            .arg("-C")
            .arg(self.ops.path(&format!("trees/{version}")))
            .arg("shop")
            .status();
        assert!(packed.expect("tar").success());
        self
    }

    /// A playbook with the variables `h`, `version`, `at` (the root) and `how` (all options).
    fn prepare(mut self, version: &str, body: &str) -> Self {
        let root = self.root();
        let text = format!(
            r#"
            import "std/release" as release;
            let version = "{version}";
            let at = #{{ root: "{}" }};
            let how = at + #{{ strip: 1, share: ["log", "public/up loads"], share_files: [".env"], keep: 3 }};
            each(hosts("all"), |h| {{ {body} }});
            "#,
            root.display()
        );
        self.ops = self.ops.playbook(&text);
        self
    }

    fn run(self, version: &str, body: &str) -> (Self, Ran) {
        let shop = self.prepare(version, body);
        let ran = shop.ops.run();
        (shop, ran)
    }

    fn deploy(self, version: &str) -> Self {
        let (shop, ran) = self.run(version, DEPLOY);
        ran.ok();
        shop
    }

    fn releases(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.root().join("releases")).expect("releases");
        let mut names: Vec<_> = entries
            .map(|entry| {
                entry
                    .expect("one")
                    .file_name()
                    .into_string()
                    .expect("UTF-8")
            })
            .filter(|name| name != ".history")
            .collect();
        names.sort();
        names
    }

    /// Returns the `VERSION` of the release that the link leads to.
    fn running(&self) -> String {
        std::fs::read_to_string(self.root().join("current/VERSION")).unwrap_or_default()
    }

    fn history(&self) -> String {
        std::fs::read_to_string(self.root().join("releases/.history")).unwrap_or_default()
    }
}

fn link(path: &Path) -> String {
    std::fs::read_link(path)
        .expect("a link")
        .display()
        .to_string()
}

fn installs_rolls_back_and_deletes(settings: &Settings) {
    let mut shop = Shop::on(settings);
    for version in ["1", "2", "3", "4", "5", "6", "7"] {
        shop = shop.with(version, version).deploy(version);
        assert_eq!(shop.running(), version);
    }
    assert_eq!(shop.releases(), ["5", "6", "7"]);
    let current = shop.root().join("current");
    assert_eq!(link(&current), "releases/7");
    assert_eq!(link(&current.join("log")), "../../shared/log");
    assert_eq!(
        link(&current.join("public/up loads")),
        "../../../shared/public/up loads"
    );
    assert_eq!(link(&current.join(".env")), "../../shared/.env");
    assert!(current.join("log").is_dir() && !current.join("log/of-the-archive").exists());

    // Nothing to do the second time.
    let (shop, ran) = shop.run("7", DEPLOY);
    let ran = ran.ok();
    assert!(
        ran.stdout.contains("0 changed") || !ran.stdout.contains(" changed"),
        "{ran}"
    );

    // Two rollbacks: a release that was left is no longer good.
    let (shop, ran) = shop.run(
        "",
        r#"
        print(`first ${release::previous(h, "shop", at)}, now ${release::current(h, "shop", at)}`);
        print(`back to ${release::rollback(h, "shop", at)}, then ${release::rollback(h, "shop", at)}`);
        "#,
    );
    ran.ok()
        .stdout_has("first 6, now 7")
        .stdout_has("back to 6, then 5");
    assert_eq!(
        (shop.running().as_str(), shop.history().as_str()),
        ("5", "4 good\n5 good\n")
    );
    let (shop, ran) = shop.run("", r#"release::rollback(h, "shop", at)"#);
    ran.code(3)
        .stderr_has("no good release of shop before 5: found 6 7 5 (current) (good)");

    // The current one is the oldest, and is kept; so is the one before it.
    let shop = shop.with("8", "8");
    let (shop, ran) = shop.run(
        "8",
        r#"h.apply(release::tasks("shop", version, how + #{ keep: 1 }));"#,
    );
    ran.ok().stdout_has("deletes old releases: 6 7");
    assert_eq!(shop.releases(), ["5", "8"]);
    assert_eq!(shop.history(), "5 good\n8\n");

    // An existing release can be switched to; a missing one is named.
    let (shop, ran) = shop.run("5", r#"h.apply(release::switched("shop", version, at));"#);
    ran.ok();
    assert_eq!(shop.running(), "5");
    let (shop, ran) = shop.run("6", r#"h.apply(release::switched("shop", version, at));"#);
    ran.code(3).stderr_has("release 6 not found in");
    let (_, ran) = shop.run(
        "",
        r#"for one in release::list(h, "shop", at) { print(`${one.version} ${one.current} ${one.good}`); }"#,
    );
    ran.ok()
        .stdout_has("8 false false")
        .stdout_has("5 true false");
}

#[test]
fn the_life_of_releases() {
    installs_rolls_back_and_deletes(&Settings::default());
}

#[test]
fn the_life_of_releases_on_busybox() {
    installs_rolls_back_and_deletes(&Settings::default().sh("busybox"));
}

#[test]
fn a_wrong_checksum_leaves_nothing() {
    let shop = Shop::on(&Settings::default())
        .with("1", "1")
        .deploy("1")
        .with("2", "2");
    let wrong = r#"h.apply(release::tasks("shop", version, how + #{ sha256: "0".pad_to(64) }));"#;
    let wrong = wrong.replace("\"0\".pad_to(64)", &format!("\"{}\"", "0".repeat(64)));
    let (shop, ran) = shop.run("2", &wrong);
    ran.code(3).stderr_has("has the checksum");
    assert_eq!(
        (shop.running().as_str(), shop.releases()),
        ("1", vec!["1".to_owned()])
    );
}

#[test]
fn refuses_another_artifact_under_the_same_version() {
    let shop = Shop::on(&Settings::default()).with("1", "1").deploy("1");
    let (shop, ran) = shop.with("1", "another").run("1", DEPLOY);
    ran.code(3).stderr_has("was unpacked from another archive");
    assert_eq!(shop.running(), "1");
}

#[test]
fn an_undo_switches_back_and_removes_the_release() {
    let shop = Shop::on(&Settings::default())
        .with("1", "1")
        .deploy("1")
        .with("2", "2");
    let (shop, ran) = shop.run(
        "2",
        r#"h.apply(release::tasks("shop", version, how)); print(h.read(at.root + "/current/VERSION")); h.undo();"#,
    );
    ran.ok().stdout_has(" 2\n");
    assert_eq!(
        (shop.running().as_str(), shop.history().as_str()),
        ("1", "1 good\n")
    );
    assert_eq!(shop.releases(), ["1"]);
}

#[test]
fn check_mode_reports_everything() {
    let shop = Shop::on(&Settings::default()).with("1", "1");
    let mut shop = shop.prepare("1", DEPLOY);
    shop.ops = shop.ops.args(["--check", "--output", "json"]);
    let ran = shop.ops.run().ok();
    let outcomes = ran.outcomes("h1");
    assert!(
        outcomes
            .iter()
            .all(|outcome| outcome == "would_change" || outcome == "unchanged"),
        "{ran}"
    );
    assert!(
        outcomes
            .iter()
            .filter(|outcome| *outcome == "would_change")
            .count()
            > 5,
        "{ran}"
    );
    assert!(!shop.root().exists());
}

/// A proxy delays the bytes long enough for the kill to hit the upload.
#[test]
fn a_killed_upload_leaves_no_incomplete_release() {
    let settings = Settings::default().round_trip(std::time::Duration::from_millis(20));
    let shop = Shop::on(&settings).with("1", "1").deploy("1");
    let mut shop = shop;
    shop.ops = shop.ops.file("trees/2/shop/noise", noise(12 << 20));
    let shop = shop.with("2", "2").prepare("2", DEPLOY);
    let before = shop.fleet.hosts()[0].proxy().expect("a proxy").bytes().0;
    let mut running = shop.ops.start();
    crate::fleet::process::wait_until(
        || {
            let sent = shop.fleet.hosts()[0].proxy().expect("a proxy").bytes().0;
            sent > before + (1 << 20)
        },
        || "nothing was uploaded".to_owned(),
    );
    running.signal(Signal::KILL);
    drop(running);
    shop.fleet.hosts()[0].wait_until_idle();
    assert_eq!(
        (shop.running().as_str(), shop.releases()),
        ("1", vec!["1".to_owned()])
    );
    let shop = shop.deploy("2");
    assert_eq!(shop.running(), "2");
    assert_eq!(shop.releases(), ["1", "2"]);
}

/// The host goes down in the middle, so nothing cleans up.
#[test]
fn leftovers_of_a_host_that_went_down_do_no_harm() {
    let settings = Settings::default().round_trip(std::time::Duration::from_millis(20));
    let mut shop = Shop::on(&settings).with("1", "1").deploy("1");
    shop.ops = shop.ops.file("trees/2/shop/noise", noise(12 << 20));
    let shop = shop.with("2", "2").prepare("2", DEPLOY);
    let releases = shop.root().join("releases");
    let left = || {
        let entries = std::fs::read_dir(&releases).expect("releases").flatten();
        entries
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(".ops-"))
            .count()
    };
    let running = shop.ops.start();
    crate::fleet::process::wait_until(|| left() > 0, || "nothing was uploaded".to_owned());
    shop.fleet.hosts()[0].vanish();
    running.wait().code(4);
    shop.fleet.hosts()[0].come_back();
    assert!(left() > 0);
    let shop = shop.deploy("2");
    assert_eq!(
        (shop.running().as_str(), shop.releases()),
        ("2", vec!["1".to_owned(), "2".to_owned()])
    );
}

#[test]
fn refuses_invalid_names_and_options() {
    let mut shop = Shop::on(&Settings::default());
    for (call, reason) in [
        (r#"release::tasks("shop", "1 2")"#, "invalid version: `1 2`"),
        (
            r#"release::tasks("shop", "../x")"#,
            "invalid version: `../x`",
        ),
        (
            r#"release::tasks("a/b", "1")"#,
            "invalid name of an application: `a/b`",
        ),
        (
            r#"release::tasks("shop", "1", #{ root: "srv" })"#,
            "not `srv`",
        ),
        (r#"release::tasks("shop", "1", #{ keep: 0 })"#, "not `0`"),
        (
            r#"release::tasks("shop", "1", #{ shares: [] })"#,
            "Did you mean `share`?",
        ),
        (
            r#"release::tasks("shop", "1", #{ share: ["../x"] })"#,
            "`../x` is not a path within a release",
        ),
        (r#"release::tasks("shop", "1")"#, "dist/shop-1.tar.gz"),
    ] {
        let (again, ran) = shop.run("", call);
        shop = again;
        // A literal option is checked before the run.
        let code = if call.contains("#{") && !call.contains("../x") {
            2
        } else {
            3
        };
        ran.code(code).stderr_has(reason);
    }
}

/// The operator names a directory in another place.
#[test]
fn an_artifact_of_the_operator_may_be_anywhere() {
    let fleet = Fleet::sshd(1);
    let root = fleet.hosts()[0].root().join("app");
    let playbook = format!(
        r#"
        import "std/release" as release;
        let artifact = param("artifact", "what to release", #{{ type: "path" }});
        each(hosts("all"), |h| h.apply(release::tasks("app", "1", #{{ root: "{}", artifact: artifact }})));
        "#,
        root.display()
    );
    let elsewhere = tempfile::tempdir().expect("a directory");
    std::fs::write(elsewhere.path().join("VERSION"), "1").expect("written");
    let given = format!("artifact={}", elsewhere.path().display());
    let ops = fleet.ops().playbook(&playbook).args(["--var", &given]);
    ops.run().ok();
    let text = std::fs::read_to_string(root.join("current/VERSION"));
    assert_eq!(text.expect("it exists"), "1");
    let missing = fleet
        .ops()
        .playbook(&playbook)
        .args(["--var", "artifact=no/such"]);
    missing.run().code(2).stderr_has("no/such");
}

/// The host downloads from a URL, compares the checksum, and only then unpacks.
#[test]
fn installs_a_release_from_a_url() {
    for sh in ["dash", "busybox"] {
        let shop = Shop::on(&Settings::default().sh(sh)).with("1", "1");
        let bytes = std::fs::read(shop.ops.path("dist/shop-1.tar.gz")).expect("packed");
        let server = Server::of(bytes);
        let sum = Command::new("sha256sum")
            .arg(shop.ops.path("dist/shop-1.tar.gz"))
            .output()
            .expect("sha256sum");
        let sum = String::from_utf8(sum.stdout).expect("text")[..64].to_owned();
        let from = |sum: &str| {
            let address = format!("http://{}/shop-1.tar.gz?token=a&b", server.address);
            format!(
                r#"h.apply(release::tasks("shop", version, how + #{{ artifact: "{address}", sha256: "{sum}" }}));"#
            )
        };
        let (shop, ran) = shop.run("1", &from(&"0".repeat(64)));
        ran.code(3).stderr_has("the checksum of the archive is");
        assert!(shop.releases().is_empty());
        let (shop, ran) = shop.run("1", &from(&sum));
        ran.ok();
        assert_eq!(shop.running(), "1", "{sh}");
    }
}

/// Bytes that do not compress.
fn noise(size: usize) -> Vec<u8> {
    std::iter::successors(Some(1_u64), |x| {
        let x = x ^ (x << 13);
        let x = x ^ (x >> 7);
        Some(x ^ (x << 17))
    })
    .flat_map(u64::to_le_bytes)
    .take(size)
    .collect()
}

/// Answers every request with the same bytes.
struct Server {
    address: std::net::SocketAddr,
}

impl Server {
    fn of(bytes: Vec<u8>) -> Self {
        use std::io::{BufRead, Write};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let lines = std::io::BufReader::new(stream.try_clone().expect("a stream")).lines();
                for line in lines {
                    if line.is_ok_and(|line| line.is_empty()) {
                        break;
                    }
                }
                let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len());
                let _ = stream.write_all(head.as_bytes());
                let _ = stream.write_all(&bytes);
            }
        });
        Self { address }
    }
}
