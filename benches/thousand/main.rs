//! What hosts by the hundred cost the machine that ops runs on: `cargo bench --bench thousand`.
//!
//! The hosts are SSH servers in this process ([`fleet::Servers`]), each of which starts a real `sh` for a session.
//! `ops run` applies one task to every one of them, through its own SSH client, first where it changes something and
//! then where nothing is left to change. Beside it runs a bare loop on the same SSH library, which connects, runs the
//! same `sh` with a script that does the same, and reads the answer, as many hosts at a time. Both are processes of their
//! own, and are measured alone. A figure counts only when the effect is there on every host.
//!
//! `OPS_BENCH_SIZES` (`100,1000`), `OPS_BENCH_FORKS` (`50`), `OPS_BENCH_ROUNDS` (3) and `OPS_BENCH_ROUND_TRIP` (0, in
//! milliseconds) say how much. Writes a table in Markdown to standard output.

#[path = "../../tests/integration/fleet/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the tests")]
mod fleet;
#[path = "../../tests/integration/ops.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod ops;
#[path = "../../tests/integration/ran.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod ran;

mod bare;

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use fleet::{Measured, Servers, measure};
use ops::Ops;

/// What the file has in which round.
fn content(round: usize) -> String {
    format!("round {round}\n")
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    // `cargo test --benches` and `cargo clippy` ask for a list of tests.
    if args.iter().any(|arg| arg == "--test" || arg == "--list") {
        return;
    }
    if let [_, what, dir, forks, round] = args.as_slice()
        && what == "bare"
    {
        let (forks, round) = (parsed(forks), parsed(round));
        return bare::run(dir.as_ref(), forks, &content(round));
    }
    let sizes = setting("OPS_BENCH_SIZES", "100,1000");
    let forks: usize = parsed(&setting("OPS_BENCH_FORKS", "50"));
    let rounds: usize = parsed(&setting("OPS_BENCH_ROUNDS", "3"));
    let round_trip = Duration::from_millis(parsed(&setting("OPS_BENCH_ROUND_TRIP", "0")));
    println!("| hosts | {forks} at a time | wall | CPU a host | memory |\n|--:|---|--:|--:|--:|");
    for size in sizes.split(',').map(parsed) {
        let servers = Servers::start_with(size, round_trip);
        bare::describe(&servers);
        let mut rows = [
            Row::new("bare loop"),
            Row::new("ops, all changes"),
            Row::new("ops, nothing to change"),
        ];
        for round in 0..rounds {
            rows[0].add(bare(&servers, forks, round));
            verify(&servers, round);
            let other = rounds + round;
            let ops = prepared(&servers, forks, other);
            rows[1].add(measured(&ops));
            verify(&servers, other);
            rows[2].add(measured(&ops));
        }
        for row in rows {
            row.print(size);
        }
    }
}

/// What was measured of one thing.
struct Row {
    what: &'static str,
    runs: Vec<Measured>,
}

impl Row {
    const fn new(what: &'static str) -> Self {
        Self {
            what,
            runs: Vec::new(),
        }
    }

    fn add(&mut self, run: Measured) {
        assert!(run.status.success(), "{}: {}", self.what, run.status);
        self.runs.push(run);
    }

    fn median<T: Ord + Copy>(&self, of: impl Fn(&Measured) -> T) -> T {
        let mut all: Vec<T> = self.runs.iter().map(of).collect();
        all.sort_unstable();
        all[all.len() / 2]
    }

    fn print(&self, hosts: usize) {
        let hosts_f = f64::from(u32::try_from(hosts).expect("a number of hosts"));
        println!(
            "| {hosts} | {} | {:.2} s | {:.2} ms | {} MB |",
            self.what,
            self.median(|run| run.wall).as_secs_f64(),
            self.median(|run| run.cpu).as_secs_f64() * 1000.0 / hosts_f,
            self.median(|run| run.peak) / 1_000_000,
        );
    }
}

fn bare(servers: &Servers, forks: usize, round: usize) -> Measured {
    let this = std::env::current_exe().expect("this program");
    let mut command = Command::new(this);
    command
        .arg("bare")
        .arg(servers.dir())
        .args([forks.to_string(), round.to_string()]);
    measure(&mut command)
}

/// The same with ops: a file of every host.
fn prepared(servers: &Servers, forks: usize, round: usize) -> Ops {
    let playbook = format!(
        "each(hosts(\"all\"), |h| h.apply(files::file(h.vars.root + \"/file\", {:?})));",
        content(round)
    );
    servers
        .ops_with(|endpoint| {
            let root = servers.dir().join(&endpoint.name).join("root");
            let root = root.display().to_string();
            endpoint.var("root", &root);
        })
        .playbook(&playbook)
        .args(["--transport", "native", "--output", "plain", "--forks"])
        .arg(forks.to_string())
}

fn measured(ops: &Ops) -> Measured {
    measure(ops.command().stdout(Stdio::null()))
}

fn verify(servers: &Servers, round: usize) {
    for server in servers.servers() {
        let path = server.root().join("file");
        let there =
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(there, content(round), "{}", path.display());
    }
}

fn setting(name: &str, otherwise: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| otherwise.to_owned())
}

fn parsed<T: std::str::FromStr>(text: &str) -> T {
    text.trim()
        .parse()
        .unwrap_or_else(|_| panic!("{text:?} is no number"))
}
