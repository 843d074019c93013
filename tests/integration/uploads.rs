//! Uploads of files to many hosts.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Stdio;

use crate::fleet::measure;
use crate::ops::Ops;

const MIB: usize = 1 << 20;

/// Hosts that are shells of this machine, each with a directory `root`.
fn hosts(count: usize) -> Ops {
    let ops = Ops::new();
    let mut inventory = String::new();
    for n in 1..=count {
        let root = ops.path(&format!("h{n}"));
        fs::create_dir_all(root.join("state")).expect("it was created");
        inventory += &format!(
            "[hosts.h{n}]\nvia = \"local\"\nstate_dir = \"{0}/state\"\nvars = {{ root = \"{0}\" }}\n",
            root.display()
        );
    }
    ops.inventory(&inventory)
}

/// Bytes that are not text, with no two equal blocks.
fn content(size: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut bytes = Vec::with_capacity(size);
    while bytes.len() < size {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes
}

/// Returns the maximum memory of `ops`, in bytes, while it puts a file of this size on all hosts at once.
fn peak(size: usize) -> u64 {
    let ops = hosts(6).playbook(
        r#"each(hosts("all"), |h| h.apply(files::file(h.vars.root + "/big", #{ source: "big", mode: "0640" })));"#,
    );
    let bytes = content(size);
    fs::write(ops.path("big"), &bytes).expect("written");
    let mut command = ops.command();
    let measured = measure(command.stdout(Stdio::null()).stderr(Stdio::inherit()));
    assert!(measured.status.success());
    for n in 1..=6 {
        let landed = fs::read(ops.path(&format!("h{n}/big"))).expect("it landed");
        assert!(landed == bytes, "h{n} got other bytes");
    }
    measured.peak
}

#[test]
fn a_large_file_is_sent_to_many_hosts_and_not_kept_in_memory() {
    let (small, large) = (peak(MIB / 2), peak(96 * MIB));
    let more = large.saturating_sub(small);
    assert!(more < 16 * MIB as u64, "{more} additional bytes for 96 MiB");
}

/// Puts a file on the first host, changes it, and puts it on the second.
fn meanwhile(size: usize, command: &str) -> (crate::ran::Ran, Ops) {
    let ops = hosts(2);
    let source = ops.path("big");
    fs::write(&source, content(size)).expect("written");
    let command = command.replace("FILE", &source.display().to_string());
    let ops = ops.playbook(&format!(
        r#"
            let put = |h| h.apply(files::file(h.vars.root + "/big", #{{ source: "big" }}));
            each(hosts("h1"), |h| {{ put.call(h); h.run({command:?}); }});
            each(hosts("h2"), put);
        "#
    ));
    (ops.run(), ops)
}

#[test]
fn a_file_replaced_meanwhile_is_the_same_for_all_hosts() {
    for size in [1000, 6 * MIB] {
        let (ran, ops) = meanwhile(size, "echo other >FILE.new; mv FILE.new FILE");
        ran.ok();
        for host in ["h1", "h2"] {
            let landed = fs::read(ops.path(host).join("big")).expect("it landed");
            assert!(landed == content(size), "{host} got other bytes");
        }
    }
}

#[test]
fn names_a_large_file_that_is_written_to_meanwhile() {
    let (ran, ops) = meanwhile(
        6 * MIB,
        "printf x | dd of=FILE conv=notrunc bs=1 seek=5000000",
    );
    ran.code(3).stderr_has("was changed while it was sent");
    assert!(!ops.path("h2/big").exists());
    assert_eq!(left_behind(&ops.path("h2")), Vec::<String>::new());
}

#[test]
fn replaces_a_large_file_of_the_same_size_with_other_content() {
    let ops = hosts(1)
        .playbook(
            r#"each(hosts("all"), |h| h.apply(files::file(h.vars.root + "/big", #{ source: "big" })));"#,
        )
        .args(["--output", "json"]);
    let bytes = content(6 * MIB);
    fs::write(ops.path("big"), &bytes).expect("written");
    let target = ops.path("h1/big");
    for at in [0, 3 * MIB, 6 * MIB - 1] {
        let mut other = bytes.clone();
        other[at] ^= 1;
        fs::write(&target, other).expect("written");
        let ran = ops.run().ok();
        assert_eq!(ran.outcomes("h1"), ["changed"]);
        assert!(fs::read(&target).expect("it landed") == bytes);
        assert_eq!(left_behind(&ops.path("h1")), Vec::<String>::new());
        let again = ops.run().ok();
        assert_eq!(again.outcomes("h1"), ["unchanged"]);
    }
}

#[test]
fn detects_writes_to_a_large_file_before_it_is_renamed() {
    for (command, reason) in [
        (
            "printf x | dd of=%s conv=notrunc 2>/dev/null",
            "did not converge",
        ),
        ("printf x >>%s", "did not converge"),
    ] {
        let ops = hosts(1).playbook(&format!(
            r#"each(hosts("all"), |h| h.apply(files::file(h.vars.root + "/big", #{{ source: "big", validate: {command:?} }})));"#,
        ));
        fs::write(ops.path("big"), content(6 * MIB)).expect("written");
        ops.run().code(3).stderr_has(reason);
    }
}

/// A shell of this machine behind a connection whose bytes are counted in `wire`, with only these programs.
fn behind_a_counted_connection(programs: &[&str]) -> Ops {
    let ops = Ops::new();
    let bin = ops.path("bin");
    fs::create_dir_all(&bin).expect("it was created");
    for program in programs {
        let found = ["/bin", "/usr/bin"].map(|dir| Path::new(dir).join(program));
        let found = found.iter().find(|path| path.exists());
        std::os::unix::fs::symlink(found.expect(program), bin.join(program)).expect("linked");
    }
    let (root, wire) = (ops.path("root"), ops.path("wire"));
    fs::create_dir_all(root.join("state")).expect("it was created");
    let inventory = format!(
        "[hosts.h]\nvia = [\"sh\", \"-c\", \"tee -a {} | PATH={} exec \\\"$@\\\"\", \"wire\"]\n\
         state_dir = \"{root}/state\"\nvars = {{ root = \"{root}\" }}\n",
        wire.display(),
        bin.display(),
        root = root.display()
    );
    ops.inventory(&inventory)
}

const PROGRAMS: &[&str] = &[
    "sh",
    "dd",
    "cat",
    "mv",
    "rm",
    "mkdir",
    "stat",
    "sha256sum",
    "cp",
    "chmod",
    "setsid",
    "env",
    "head",
    "tar",
    "id",
    "readlink",
];

/// Files from beside the playbook, a new one and an existing one, and a directory.
const COMPRESSED: &str = r#"each(hosts("h"), |h| {
    let root = h.vars.root;
    h.apply([
        files::file(root + "/old", #{ source: "text", compress: true }),
        files::file(root + "/new", #{ source: "text", compress: true, mode: "0640" }),
        files::file(root + "/noise", #{ source: "noise", compress: true }),
        archives::unpacked(root + "/app", "app", #{ compress: true }),
    ]);
});"#;

fn with_sources(ops: Ops) -> (Ops, Vec<u8>) {
    let text = "2026-11-21T18:00:00Z a line of a log that is much like the others\n".repeat(80_000);
    fs::write(ops.path("root/old"), "old\n").expect("written");
    let ops = ops
        .file("text", &text)
        .file("noise", content(100_000))
        .file("app/text", &text)
        .playbook(COMPRESSED);
    (ops, text.into_bytes())
}

#[test]
fn compresses_files_on_the_network() {
    let programs = [PROGRAMS, &["gzip"]].concat();
    let (ops, text) = with_sources(behind_a_counted_connection(&programs));
    ops.run().ok();
    for name in ["old", "new", "app/text"] {
        assert!(
            fs::read(ops.path("root").join(name)).expect("it exists") == text,
            "{name}"
        );
    }
    assert!(fs::read(ops.path("root/noise")).expect("it exists") == content(100_000));
    let mode = std::os::unix::fs::MetadataExt::mode(
        &fs::metadata(ops.path("root/new")).expect("it exists"),
    );
    assert_eq!(mode & 0o7777, 0o640);
    assert_eq!(left_behind(&ops.path("root")), Vec::<String>::new());
    let sent = fs::metadata(ops.path("wire")).expect("a wire").len();
    assert!(sent < text.len() as u64 / 2, "{sent} bytes were sent");
    let again = ops.args(["--output", "json"]).run().ok();
    assert_eq!(again.outcomes("h"), ["unchanged"; 4]);
}

#[test]
fn names_a_host_without_gzip() {
    let (ops, _) = with_sources(behind_a_counted_connection(PROGRAMS));
    ops.run().code(3).stderr_has("the host has no gzip");
    assert_eq!(fs::read(ops.path("root/old")).expect("it exists"), b"old\n");
    assert_eq!(left_behind(&ops.path("root")), Vec::<String>::new());
}

fn left_behind(directory: &Path) -> Vec<String> {
    fs::read_dir(directory)
        .expect("a directory")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .filter(|name| name.starts_with(".ops-"))
        .collect()
}

#[test]
fn uploads_a_large_directory_unchanged() {
    let ops = hosts(2).playbook(
        r#"each(hosts("all"), |h| h.apply(archives::unpacked(h.vars.root + "/app", "app")));"#,
    );
    fs::create_dir(ops.path("app")).expect("it was created");
    let large = fs::File::create(ops.path("app/large")).expect("it was created");
    large.set_len(9 * MIB as u64).expect("grown");
    large
        .write_all_at(b"the end", 9 * MIB as u64)
        .expect("written");
    fs::write(ops.path("app/small"), "x").expect("written");
    ops.run().ok();
    for host in ["h1/app", "h2/app"] {
        for name in ["large", "small"] {
            let landed = fs::read(ops.path(host).join(name)).expect("it landed");
            let sent = fs::read(ops.path("app").join(name)).expect("it exists");
            assert!(landed == sent, "{host}/{name}");
        }
    }
}
