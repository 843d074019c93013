//! The configurations of `tests/ssh_config/`, each for the hosts and arguments in its first lines.
//!
//! `# ask: ARGUMENTS HOST`: this client can reach the host, with the same result as `ssh -G`. `# ssh:
//! ARGUMENTS HOST => REASON`: the host needs `ssh` for this reason. `@` at the start of a path is the
//! directory of the corpus.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::super::reader::Reader;
use super::{oracle, target};
use crate::ssh::config::target::Target;
use crate::ssh::settings::StrictHostKeyChecking as Strict;

/// A copy of the corpus with permissions that `ssh` accepts.
struct Corpus {
    dir: tempfile::TempDir,
}

impl Corpus {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ssh_config");
        let corpus = Self { dir };
        corpus.copy(&from, &corpus.path(""));
        std::os::unix::fs::symlink("nowhere", corpus.path("inc/dangling")).unwrap();
        let everybody = std::fs::Permissions::from_mode(0o666);
        std::fs::set_permissions(corpus.path("inc/writable"), everybody).unwrap();
        corpus
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn copy(&self, from: &Path, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
            let to = to.join(entry.file_name());
            if entry.path().is_dir() {
                self.copy(&entry.path(), &to);
                continue;
            }
            let text = std::fs::read_to_string(entry.path()).unwrap();
            let here = format!(" {}/", self.dir.path().display());
            std::fs::write(&to, text.replace(" @/", &here)).unwrap();
            std::fs::set_permissions(&to, std::fs::Permissions::from_mode(0o644)).unwrap();
        }
    }
}

/// Arguments, a host, and the reason if it needs `ssh`.
struct Case {
    arguments: Vec<String>,
    host: String,
    reason: Option<String>,
}

fn cases(text: &str) -> Vec<Case> {
    text.lines()
        .filter_map(|line| {
            let (words, reason) = if let Some(words) = line.strip_prefix("# ask: ") {
                (words, None)
            } else {
                let (words, reason) = line.strip_prefix("# ssh: ")?.split_once(" => ").unwrap();
                (words, Some(reason.trim().to_owned()))
            };
            let mut arguments = shlex::split(words).unwrap();
            let host = arguments.pop().unwrap();
            Some(Case {
                arguments,
                host,
                reason,
            })
        })
        .collect()
}

#[test]
fn the_corpus_is_interpreted_like_ssh_does() {
    let corpus = Corpus::new();
    let (mut configurations, mut compared, mut refused) = (0, 0, 0);
    let mut wrong = Vec::new();
    let mut files: Vec<_> = std::fs::read_dir(corpus.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "conf")
        })
        .collect();
    files.sort();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let signs = ["s +", "s -", "s ^"].iter().any(|sign| text.contains(sign));
        let reader = Reader::default();
        configurations += 1;
        for case in cases(&text) {
            let config = file.to_str().unwrap().to_owned();
            let mut arguments = vec!["-F".to_owned(), config.clone()];
            arguments.extend(case.arguments.clone());
            let host = target(&case.host, &arguments);
            let here = format!("{}/", corpus.path("").display());
            let here = here.replace("//", "/");
            let settings = reader
                .settings(&host)
                .map_err(|reason| reason.replace(&here, ""));
            let name = format!(
                "{} {:?} {}",
                file.file_name().unwrap().display(),
                case.arguments,
                case.host
            );
            match (settings, case.reason) {
                (Err(said), Some(reason)) if said.contains(&reason) => refused += 1,
                (Ok(settings), None) => {
                    let said = oracle::of(&host).unwrap_or_else(|error| panic!("{name}: {error}"));
                    let same = std::panic::catch_unwind(|| {
                        said.assert(&settings, Some(&config), signs);
                    });
                    if same.is_err() {
                        wrong.push(name);
                    }
                    compared += 1;
                }
                (settings, reason) => {
                    let settings = settings.map(|settings| settings.host);
                    wrong.push(format!("{name}: {settings:?} instead of {reason:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        configurations >= 60 && compared >= 120 && refused >= 30,
        "{configurations} configurations, {compared} compared, {refused} for ssh"
    );
}

/// Without `-F`: uses the files of this machine, whatever they contain.
#[test]
fn the_files_of_the_system_are_interpreted_like_ssh_does() {
    for arguments in [&[][..], &["-C", "-l", "amy"], &["-F", "none"]] {
        let arguments: Vec<_> = arguments.iter().map(|&word| word.to_owned()).collect();
        let host = target("host.example.com", &arguments);
        let config = arguments
            .first()
            .filter(|first| *first == "-F")
            .map(|_| "none");
        match Reader::default().settings(&host) {
            Ok(settings) => oracle::of(&host).unwrap().assert(&settings, config, false),
            // If the configuration of this machine needs ssh, there is nothing to test here. Without a
            // configuration, that is impossible.
            Err(reason) => assert!(config.is_none(), "{reason}"),
        }
    }
}

/// The program's own values win over `ssh_args`, these over the program's defaults, and all of them over the
/// files.
#[test]
fn values_have_the_precedence_of_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config");
    let text = "User of_file\nPort 9\nServerAliveInterval 99\nConnectTimeout 99\nStrictHostKeyChecking no\n\
                IdentityFile /file\nMatch user own\nCompression yes\n";
    std::fs::write(&file, text).unwrap();
    let config = file.to_str().unwrap();
    let args = [
        "-F",
        config,
        "-l",
        "args",
        "-p",
        "8",
        "-i",
        config,
        "-o",
        "StrictHostKeyChecking=no",
    ];
    let args: Vec<_> = args.iter().map(|&word| word.to_owned()).collect();
    let own = |ssh_args, strict_host_keys| Target {
        user: Some("own"),
        port: Some(2222),
        key_file: Some(Path::new("/etc/hostname")),
        strict_host_keys,
        connect_timeout: std::time::Duration::from_secs(4),
        ..target("h", ssh_args)
    };
    for target in [
        own(&args, Some(Strict::Yes)),
        own(&args[..2], Some(Strict::Yes)),
        own(&args[..2], Some(Strict::AcceptNew)),
        own(&args[..2], None),
        target("h", &args),
    ] {
        let settings = Reader::default().settings(&target).unwrap();
        oracle::of(&target)
            .unwrap()
            .assert(&settings, Some(config), false);
        if target.port.is_some() {
            assert_eq!((settings.port, settings.user.as_str()), (2222, "own"));
            assert!(
                settings.algorithms.compression,
                "`Match user` sees the program's user"
            );
        }
    }
}

#[test]
fn a_file_is_parsed_once() {
    let corpus = Corpus::new();
    let file = corpus.path("first_wins.conf");
    let arguments = ["-F".to_owned(), file.to_str().unwrap().to_owned()];
    let reader = Reader::default();
    let user = |reader: &Reader| reader.settings(&target("web1", &arguments)).unwrap().user;
    assert_eq!(user(&reader), "amy");
    std::fs::write(&file, "User eve\n").unwrap();
    assert_eq!(user(&reader), "amy");
    assert_eq!(user(&Reader::default()), "eve");
}
