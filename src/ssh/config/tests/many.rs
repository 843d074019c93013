//! A thousand hosts with a configuration of two hundred blocks.

use super::super::reader::Reader;
use super::target;
use std::fmt::Write as _;

/// A configuration with this many blocks, of the kinds that people write.
fn configuration(blocks: usize) -> String {
    let mut text = String::new();
    for block in 0..blocks {
        let _ = match block % 4 {
            0 => writeln!(
                text,
                "Host web{block} web{block}.example.com\n  User deploy\n  Port 2222"
            ),
            1 => writeln!(
                text,
                "Host *.region{block}.example.com !bastion*\n  IdentityFile ~/.ssh/region{block}"
            ),
            2 => writeln!(
                text,
                "Match host db{block}*,cache{block} user deploy\n  Port 2200"
            ),
            _ => writeln!(
                text,
                "Host 10.{block}.*\n  UserKnownHostsFile ~/.ssh/known_{block}"
            ),
        };
    }
    text.push_str("Host *\n  ServerAliveInterval 30\n  IdentitiesOnly yes\n");
    text
}

/// Not a measurement: the limit would only be exceeded by a reader that parses the files again for each host,
/// or whose cost grows with the square of the number of hosts. `--nocapture` prints the time.
#[test]
fn a_thousand_hosts_are_cheap() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config");
    std::fs::write(&file, configuration(200)).unwrap();
    let arguments = ["-F".to_owned(), file.to_str().unwrap().to_owned()];
    let reader = Reader::default();
    reader.settings(&target("web0", &arguments)).unwrap();
    let before = cpu();
    for host in 0..1000 {
        let name = format!("web{host}.region{}.example.com", host % 200);
        let settings = reader.settings(&target(&name, &arguments)).unwrap();
        assert!(settings.identities_only);
    }
    let each = cpu().saturating_sub(before) / 1000;
    println!("{} us of CPU for a host", each.as_nanos() / 1000);
    assert!(each < std::time::Duration::from_millis(5), "{each:?}");
}

/// The CPU time of this thread, as counted by the scheduler.
fn cpu() -> std::time::Duration {
    let counted = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let nanoseconds = counted.split(' ').next().unwrap();
    std::time::Duration::from_nanos(nanoseconds.parse().unwrap())
}
