//! What a command takes of this machine.

use std::fs;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

/// A command that has ended, and what it took: itself alone, without its children.
#[derive(Debug)]
pub(crate) struct Measured {
    pub status: ExitStatus,
    pub wall: Duration,
    /// Processor time, in user and kernel mode. The kernel counts in hundredths of a second.
    pub cpu: Duration,
    /// The most memory that was resident at once, in bytes.
    pub peak: u64,
}

/// Runs a command to its end. Its output goes where the command says.
pub(crate) fn measure(command: &mut Command) -> Measured {
    let began = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .spawn()
        .expect("the command runs");
    let mut peak = 0;
    while !has_ended(&child) {
        peak = high_water(child.id()).unwrap_or(peak);
        // Between two looks: the high-water mark only rises, so only what is taken in the last of them is
        // missed.
        std::thread::sleep(Duration::from_millis(1));
    }
    let wall = began.elapsed();
    // It has ended and is not reaped yet: its times are complete, and still to be read.
    let cpu = cpu_time(child.id());
    let status = child.wait().expect("the command can be waited for");
    Measured {
        status,
        wall,
        cpu,
        peak,
    }
}

fn has_ended(child: &Child) -> bool {
    let pid = i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .expect("a process id");
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    waitid(WaitId::Pid(pid), look)
        .expect("a child can be waited for")
        .is_some()
}

/// `VmHWM` of proc(5).
fn high_water(id: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// `utime` and `stime` of proc(5).
fn cpu_time(id: u32) -> Duration {
    let stat =
        fs::read_to_string(format!("/proc/{id}/stat")).expect("a process that is not reaped");
    // The second field is the name, in parentheses, and may hold anything.
    let (_, fields) = stat.rsplit_once(") ").expect("a name in parentheses");
    let ticks: u64 = fields
        .split(' ')
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().expect("a number of clock ticks"))
        .sum();
    Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second())
}
