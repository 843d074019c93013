//! What runs on a host of the fleet, and its end. Everything that is started through a host's `sshd` carries
//! [`MARK`] in its environment, so it is found wherever it went.

use std::collections::{HashMap, HashSet};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Once;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Set in every session of a host: `<id of the test process>:<directory of the host>`.
pub(crate) const MARK: &str = "OPS_TEST_HOST";
/// The same on the daemon itself, which is no process *of* the host.
pub(crate) const DAEMON_MARK: &str = "OPS_TEST_SSHD";

/// A process that runs on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub id: u32,
    /// Its arguments, joined with spaces.
    pub command: String,
}

pub(crate) fn mark(dir: &Path) -> String {
    format!("{}:{}", std::process::id(), dir.display())
}

/// Every process of the host that has this mark.
pub(crate) fn marked(mark: &str) -> Vec<Process> {
    with_variable(MARK, mark)
}

/// Every process that was started with this variable in its environment.
pub(crate) fn with_variable(name: &str, value: &str) -> Vec<Process> {
    let wanted = format!("{name}={value}");
    with_environment(|var| var == wanted.as_bytes())
}

/// Every process in whose environment this variable begins with the text.
pub(crate) fn with_variable_like(name: &str, start: &str) -> Vec<Process> {
    let wanted = format!("{name}={start}");
    with_environment(|var| var.starts_with(wanted.as_bytes()))
}

fn with_environment(is_wanted: impl Fn(&[u8]) -> bool) -> Vec<Process> {
    all()
        .filter(|id| environment(*id).any(|var| is_wanted(&var)))
        .filter_map(|id| {
            Some(Process {
                id,
                command: command(id)?,
            })
        })
        .collect()
}

/// The processes below `root`.
pub(crate) fn descendants(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for id in all() {
        if let Some(parent) = parent(id) {
            children.entry(parent).or_default().push(id);
        }
    }
    let mut found = Vec::new();
    let mut next = vec![root];
    while let Some(id) = next.pop() {
        let below = children.remove(&id).unwrap_or_default();
        found.extend(&below);
        next.extend(below);
    }
    found
}

pub(crate) fn kill(ids: impl IntoIterator<Item = u32>) {
    send(ids, Signal::KILL);
}

/// Ends processes without any of them seeing another end.
pub(crate) fn kill_at_once(ids: &[u32]) {
    send(ids.iter().copied(), Signal::STOP);
    send(ids.iter().copied(), Signal::KILL);
}

fn send(ids: impl IntoIterator<Item = u32>, signal: Signal) {
    for id in ids {
        if let Some(pid) = i32::try_from(id).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, signal);
        }
    }
}

/// Ends every process whose mark begins like this, those included that are being started.
pub(crate) fn kill_marked(mark: &str) {
    loop {
        let there = with_variable_like(MARK, mark);
        if there.is_empty() {
            break;
        }
        kill(there.into_iter().map(|process| process.id));
        std::thread::yield_now();
    }
}

/// Looks until it is so. Fails the test when that takes longer than anything here should.
#[track_caller]
pub(crate) fn wait_until(so: impl Fn() -> bool, otherwise: impl Fn() -> String) {
    let until = Instant::now() + Duration::from_mins(1);
    while !so() {
        assert!(Instant::now() < until, "{}", otherwise());
        // Between two looks, not instead of one: the loop ends as soon as it is so.
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Ends what an earlier test run left because it was killed itself. Once a process is enough.
pub(crate) fn sweep_the_dead() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let orphans: HashSet<u32> = all()
            .filter(|id| environment(*id).any(|var| owner_is_dead(&var)))
            .collect();
        kill(orphans);
    });
}

fn owner_is_dead(var: &[u8]) -> bool {
    [MARK, DAEMON_MARK]
        .iter()
        .filter_map(|name| var.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
        .filter_map(|value| {
            std::str::from_utf8(value)
                .ok()?
                .split(':')
                .next()?
                .parse::<u32>()
                .ok()
        })
        .any(|owner| !Path::new(&format!("/proc/{owner}")).exists())
}

fn all() -> impl Iterator<Item = u32> {
    std::fs::read_dir("/proc")
        .expect("/proc")
        .filter_map(|entry| {
            let name = entry.ok()?.file_name();
            std::str::from_utf8(name.as_bytes()).ok()?.parse().ok()
        })
}

/// The variables that a process was started with; none for another user's process or one that has ended.
fn environment(id: u32) -> impl Iterator<Item = Vec<u8>> {
    let bytes = std::fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
    bytes
        .split(|byte| *byte == 0)
        .map(<[u8]>::to_vec)
        .collect::<Vec<_>>()
        .into_iter()
}

/// `None` for a process that has ended, or waits for its parent to notice that it has.
fn command(id: u32) -> Option<String> {
    let bytes = std::fs::read(format!("/proc/{id}/cmdline"))
        .ok()
        .filter(|bytes| !bytes.is_empty())?;
    let args: Vec<_> = bytes
        .split(|byte| *byte == 0)
        .map(String::from_utf8_lossy)
        .collect();
    Some(args.join(" ").trim_end().to_owned())
}

fn parent(id: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("PPid:"))?
        .trim()
        .parse()
        .ok()
}
