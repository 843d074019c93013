//! Large files and a directory, put on several hosts.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use crate::figures::{Section, median, millis, ratio, shown, shown_ratio};
use crate::fleet::{Fleet, Settings};
use crate::rivals::{self, Rival, in_parallel};
use crate::{Extent, FAST_EXCHANGE};

/// The number of files in the directory, and the bytes in each.
const FILES: usize = 500;
const BYTES: usize = 10_000;

pub(crate) fn measure(extent: &Extent) -> Section {
    let mut section = Section::new(
        "transfer",
        "Files to several hosts",
        "Random bytes, so that nothing is compressed. By hand: `scp` to every host at once, and `tar` through `ssh` for the directory of 500 files of 10 kB. \
         ops compares checksums, writes the file beside its target and renames it. The second run of ops only checks.",
        &[
            "",
            "by hand",
            "ops, native",
            "ratio",
            "ops, OpenSSH",
            "ratio",
            "again: native",
            "OpenSSH",
        ],
    );
    let rounds = extent.rounds.min(3);
    for hosts in [4, 10] {
        let fleet = Fleet::sshd_with(hosts, &Settings::default().config(FAST_EXCHANGE));
        for megabytes in [10, 100] {
            let what = What::File { megabytes };
            one(&mut section, &fleet, &what, rounds);
        }
        one(&mut section, &fleet, &What::Directory, rounds);
    }
    section
}

/// What is sent to the hosts.
#[derive(Debug)]
enum What {
    File { megabytes: usize },
    Directory,
}

impl What {
    fn name(&self) -> String {
        match self {
            Self::File { megabytes } => format!("{megabytes} MB"),
            Self::Directory => format!("a directory of {FILES} files"),
        }
    }

    /// Creates it, as `source` in a directory.
    fn make(&self, dir: &Path) {
        let source = dir.join("source");
        match self {
            Self::File { megabytes } => {
                fs::write(source, random(megabytes * 1_000_000)).expect("the file");
            }
            Self::Directory => {
                for n in 0..FILES {
                    let path = source.join(format!("part{}/file{n}", n % 20));
                    fs::create_dir_all(path.parent().expect("it has one")).expect("a directory");
                    fs::write(path, random(BYTES)).expect("a file");
                }
            }
        }
    }

    /// A command for every host, in a directory of the fleet.
    fn by_hand(&self, source: &Path, fleet: &Path) -> String {
        let (source, fleet) = (source.display(), fleet.display());
        match self {
            Self::File { .. } => {
                format!("scp -q -F ../ssh_config {source} HOST:{fleet}/HOST/root/target")
            }
            Self::Directory => format!(
                "tar -C {source} -cf - . | ssh -F ../ssh_config HOST 'mkdir {fleet}/HOST/root/target && tar -C {fleet}/HOST/root/target -xf -'"
            ),
        }
    }

    fn playbook(&self) -> &'static str {
        match self {
            Self::File { .. } => {
                "each(hosts(\"all\"), |h| h.apply(files::file(h.vars.root + \"/target\", #{ source: \"source\" })));\n"
            }
            Self::Directory => {
                "each(hosts(\"all\"), |h| h.apply(archives::unpacked(h.vars.root + \"/target\", \"source\")));\n"
            }
        }
    }
}

fn one(section: &mut Section, fleet: &Fleet, what: &What, rounds: usize) {
    let mut all = [Rival::script(), Rival::native(fleet), Rival::openssh(fleet)];
    let made = tempfile::tempdir().expect("a temporary directory");
    what.make(made.path());
    let source = made.path().join("source");
    for rival in &all {
        if let Some((ops, _)) = rival.ops_command() {
            // Beside the playbook, which may only read files there.
            let linked = ops.path("source");
            match what {
                What::File { .. } => drop(fs::copy(&source, linked).expect("a copy")),
                What::Directory => copy_all(&source, &linked),
            }
        }
    }
    let mut first: [Vec<Duration>; 3] = Default::default();
    let mut second: [Vec<Duration>; 3] = Default::default();
    for round in 0..rounds {
        for turn in 0..all.len() {
            let at = (round + turn) % all.len();
            if all[at].out.is_some() {
                continue;
            }
            match put(fleet, &all[at], what, &source) {
                Ok((time, again)) => {
                    first[at].push(time);
                    second[at].extend(again);
                }
                Err(reason) => all[at].out = Some(reason),
            }
            remove(fleet);
        }
    }
    let [script, native, openssh] = [0, 1, 2].map(|at| median(&first[at]));
    let name = format!("{}, {} hosts", what.name(), fleet.hosts().len());
    section.row(
        vec![
            name.clone(),
            shown(&first[0]),
            shown(&first[1]),
            shown_ratio(ratio(native, script)),
            shown(&first[2]),
            shown_ratio(ratio(openssh, script)),
            shown(&second[1]),
            shown(&second[2]),
        ],
        json!({
            "what": name, "by_hand_ms": millis(&first[0]), "native_ms": millis(&first[1]), "openssh_ms": millis(&first[2]),
            "native_again_ms": millis(&second[1]), "openssh_again_ms": millis(&second[2]),
        }),
    );
    for rival in &all {
        if let Some(reason) = &rival.out {
            let remark = format!("{name}, {}: {reason}", rival.name);
            if rival.is_ops() {
                section.wrong(&remark);
            } else {
                section.remark(&remark);
            }
        }
    }
}

/// How long it took to send it, and for ops, to check it again.
fn put(
    fleet: &Fleet,
    rival: &Rival,
    what: &What,
    source: &Path,
) -> Result<(Duration, Option<Duration>), String> {
    if rival.name == rivals::SCRIPT {
        let time = in_parallel(fleet, &what.by_hand(source, fleet.dir()))?;
        verify(fleet, source)?;
        return Ok((time, None));
    }
    let time = rival.run_playbook(what.playbook())?;
    verify(fleet, source)?;
    let again = rival.run_playbook(what.playbook())?;
    verify(fleet, source)?;
    Ok((time, Some(again)))
}

/// Every host has it, byte for byte.
fn verify(fleet: &Fleet, source: &Path) -> Result<(), String> {
    for host in fleet.hosts() {
        for file in files(source) {
            let rest = file.strip_prefix(source).expect("it is below");
            let mut there = host.root().join("target");
            if !rest.as_os_str().is_empty() {
                there.push(rest);
            }
            let read = |path: &Path| {
                fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
            };
            if read(&file)? != read(&there)? {
                return Err(format!("{} is not what was sent", there.display()));
            }
        }
    }
    Ok(())
}

/// All files at or below a path.
fn files(at: &Path) -> Vec<PathBuf> {
    if !at.is_dir() {
        return vec![at.to_owned()];
    }
    let entries = fs::read_dir(at).expect("the directory that was made");
    entries
        .flatten()
        .flat_map(|entry| files(&entry.path()))
        .collect()
}

fn copy_all(from: &Path, to: &Path) {
    for file in files(from) {
        let there = to.join(file.strip_prefix(from).expect("it is below"));
        fs::create_dir_all(there.parent().expect("it has one")).expect("a directory");
        fs::copy(file, there).expect("a copy");
    }
}

fn remove(fleet: &Fleet) {
    for host in fleet.hosts() {
        let target = host.root().join("target");
        // It is either a file or a directory: one of the two calls fails.
        let _ = fs::remove_file(&target);
        let _ = fs::remove_dir_all(&target);
    }
}

fn random(bytes: usize) -> Vec<u8> {
    let mut content = vec![0; bytes];
    getrandom::fill(&mut content).expect("random bytes");
    content
}
