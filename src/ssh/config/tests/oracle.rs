//! Compares the output of `ssh -G` with the settings, field by field.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use crate::ssh::config::algorithms::{self, AlgorithmList};
use crate::ssh::config::local::Local;
use crate::ssh::config::resolve::DEFAULT_KEYS;
use crate::ssh::config::target::Target;
use crate::ssh::config::tokens::Tokens;
use crate::ssh::pattern;
use crate::ssh::settings::{AddressFamily, KeepAlive, SshSettings, StrictHostKeyChecking};

/// Keywords in lower case, with their values.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Printed(BTreeMap<String, Vec<String>>);

/// The output of `ssh -G`, or its error.
fn ask(args: impl IntoIterator<Item = impl AsRef<std::ffi::OsStr>>) -> Result<Printed, String> {
    let output = Command::new("ssh").args(args).output().expect("ssh runs");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let mut said: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in String::from_utf8(output.stdout).expect("UTF-8").lines() {
        let (keyword, value) = line.split_once(' ').unwrap_or((line, ""));
        said.entry(keyword.to_lowercase())
            .or_default()
            .push(value.to_owned());
    }
    Ok(Printed(said))
}

/// How `ssh` interprets a target.
pub(crate) fn of(target: &Target<'_>) -> Result<Printed, String> {
    let mut args = ["-G", "-o", "BatchMode=yes"].map(OsString::from).to_vec();
    args.extend(target.arguments());
    args.extend(["--".into(), target.address.into()]);
    ask(args)
}

/// The output for an empty configuration.
fn defaults() -> &'static Printed {
    static DEFAULTS: OnceLock<Printed> = OnceLock::new();
    DEFAULTS.get_or_init(|| ask(["-G", "-F", "none", "h"]).expect("its defaults"))
}

impl Printed {
    fn all(&self, keyword: &str) -> Vec<String> {
        self.0.get(keyword).cloned().unwrap_or_default()
    }

    fn one(&self, keyword: &str) -> Option<&str> {
        self.0.get(keyword)?.first().map(String::as_str)
    }

    /// Whether a command is used as the connection.
    pub(crate) fn has_proxy_command(&self) -> bool {
        self.one("proxycommand")
            .is_some_and(|command| command != "none")
    }

    fn flag(&self, keyword: &str) -> bool {
        matches!(self.one(keyword), Some("yes" | "true"))
    }

    fn list(&self, keyword: &str) -> Vec<String> {
        let words = self.one(keyword).unwrap_or_default();
        words.split(',').map(str::to_owned).collect()
    }

    /// The jump hosts that `ssh` would start, from the first one on, each queried like `ssh` would start it.
    fn jumps(&self, config: Option<&str>) -> Vec<Self> {
        let Some(jump) = self.one("proxyjump") else {
            return Vec::new();
        };
        let (through, last) = match jump.rsplit_once(',') {
            Some((through, last)) => (Some(through), last),
            None => (None, jump),
        };
        let (user, rest) = match last.rsplit_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, last),
        };
        let (host, port) = match rest.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').expect("a bracket");
                (host, port.strip_prefix(':'))
            }
            None => rest
                .split_once(':')
                .map_or((rest, None), |(host, port)| (host, Some(port))),
        };
        let mut args = vec!["-G"];
        for (option, value) in [("-l", user), ("-p", port), ("-J", through), ("-F", config)] {
            args.extend(value.into_iter().flat_map(|value| [option, value]));
        }
        args.push(host);
        let last = ask(args).expect("a jump host");
        let mut jumps = last.jumps(config);
        jumps.push(last);
        jumps
    }

    /// Compares all fields of the settings and of those of the jump hosts.
    pub(crate) fn assert(&self, settings: &SshSettings, config: Option<&str>, signs: bool) {
        self.assert_one(settings, signs);
        let jumps = self.jumps(config);
        assert_eq!(settings.jumps.len(), jumps.len(), "jumps");
        for (jump, said) in settings.jumps.iter().zip(&jumps) {
            said.assert_one(jump, signs);
            assert!(jump.jumps.is_empty());
        }
    }

    fn assert_one(&self, settings: &SshSettings, signs: bool) {
        let local = Local::of_this_process().expect("a user");
        assert_eq!(
            self.one("host"),
            Some(settings.original.as_str()),
            "original"
        );
        assert!(!self.has_proxy_command(), "proxycommand");
        assert_eq!(self.one("hostname"), Some(settings.host.as_str()), "host");
        assert_eq!(
            self.one("port"),
            Some(settings.port.to_string().as_str()),
            "port"
        );
        assert_eq!(self.one("user"), Some(settings.user.as_str()), "user");
        let family = match settings.address_family {
            AddressFamily::Any => "any",
            AddressFamily::Inet => "inet",
            AddressFamily::Inet6 => "inet6",
        };
        assert_eq!(self.one("addressfamily"), Some(family));
        assert_eq!(self.one("bindaddress"), settings.bind_address.as_deref());
        assert_eq!(
            self.flag("identitiesonly"),
            settings.identities_only,
            "identitiesonly"
        );
        assert_eq!(
            self.flag("compression"),
            settings.algorithms.compression,
            "compression"
        );
        let timeout = match self.one("connecttimeout") {
            Some("none") | None => 10,
            Some(seconds) => seconds.parse().expect("seconds"),
        };
        assert_eq!(
            settings.connect_timeout,
            Duration::from_secs(timeout),
            "connecttimeout"
        );
        let number = |keyword| {
            self.one(keyword)
                .and_then(|value| value.parse().ok())
                .expect("a number")
        };
        let alive = (number("serveraliveinterval") > 0).then(|| KeepAlive {
            interval: Duration::from_secs(number("serveraliveinterval")),
            count: u32::try_from(number("serveralivecountmax")).expect("a small number"),
        });
        assert_eq!(settings.keep_alive, alive, "serveralive");
        self.assert_files(settings, &local);
        self.assert_host_key(settings);
        self.assert_algorithms(settings, signs);
        self.assert_environment(settings, &local);
    }

    fn assert_files(&self, settings: &SshSettings, local: &Local) {
        let tokens = Tokens {
            local,
            host: &settings.host,
            original: &settings.original,
            port: settings.port,
            user: &settings.user,
            alias: settings.host_key.alias.as_deref(),
        };
        // `ssh -G` prints these paths as written.
        let files = |keyword: &str| {
            let mut files: Vec<PathBuf> = Vec::new();
            for file in self.all(keyword) {
                let file = tokens.path(&file).expect("a path");
                if file != Path::new("none") && !files.contains(&file) {
                    files.push(file);
                }
            }
            files
        };
        let mut identities = files("identityfile");
        let are_default = self.all("identityfile") == defaults().all("identityfile");
        assert_eq!(
            settings.identity_files_are_set, !are_default,
            "identityfile"
        );
        if are_default {
            // Old versions have more keys.
            identities.retain(|file| DEFAULT_KEYS.iter().any(|name| file.ends_with(name)));
        }
        assert_eq!(settings.identity_files, identities, "identityfile");
        assert_eq!(
            settings.certificate_files,
            files("certificatefile"),
            "certificatefile"
        );
        // It is printed with its tokens expanded, but with `$NAME` as written.
        let of_variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
        let agent = match self.one("identityagent") {
            None | Some("SSH_AUTH_SOCK") => of_variable("SSH_AUTH_SOCK"),
            Some("none") => None,
            Some(said) => match said.strip_prefix('$') {
                Some(name) => of_variable(name),
                None => Some(PathBuf::from(said)),
            },
        };
        assert_eq!(settings.agent, agent, "identityagent");
    }

    fn assert_host_key(&self, settings: &SshSettings) {
        let policy = &settings.host_key;
        let strict = match self.one("stricthostkeychecking") {
            Some("no" | "false" | "off") => StrictHostKeyChecking::No,
            Some("accept-new") => StrictHostKeyChecking::AcceptNew,
            Some("yes" | "true" | "ask") => StrictHostKeyChecking::Yes,
            other => panic!("{other:?}"),
        };
        assert_eq!(policy.strict, strict, "stricthostkeychecking");
        assert_eq!(
            policy.alias.as_deref(),
            self.one("hostkeyalias"),
            "hostkeyalias"
        );
        let joined = |files: &[PathBuf]| -> Option<String> {
            let files: Vec<_> = files
                .iter()
                .map(|file| file.display().to_string())
                .collect();
            Some(files.join(" ")).filter(|files| !files.is_empty())
        };
        let said = |keyword| {
            self.one(keyword)
                .map(str::trim)
                .filter(|value| !value.is_empty() && *value != "none")
        };
        assert_eq!(
            joined(&policy.user_files).as_deref(),
            said("userknownhostsfile")
        );
        assert_eq!(
            joined(&policy.global_files).as_deref(),
            said("globalknownhostsfile")
        );
        let revoked = policy
            .revoked
            .as_ref()
            .map(|file| file.display().to_string());
        assert_eq!(
            revoked.as_deref(),
            said("revokedhostkeys"),
            "revokedhostkeys"
        );
        assert_eq!(
            policy.check_host_ip,
            self.flag("checkhostip"),
            "checkhostip"
        );
        assert_eq!(
            policy.hash_names,
            self.flag("hashknownhosts"),
            "hashknownhosts"
        );
        assert_eq!(
            policy.trust_localhost,
            self.flag("nohostauthenticationforlocalhost"),
            "nohostauthenticationforlocalhost"
        );
        assert_eq!(
            self.one("requiredrsasize"),
            Some(settings.algorithms.required_rsa_bits.to_string().as_str())
        );
    }

    fn assert_algorithms(&self, settings: &SshSettings, signs: bool) {
        let own = &settings.algorithms;
        for (keyword, list, algorithms) in [
            ("kexalgorithms", &own.key_exchange, algorithms::KEY_EXCHANGE),
            ("ciphers", &own.ciphers, algorithms::CIPHERS),
            ("macs", &own.macs, algorithms::MACS),
            ("hostkeyalgorithms", &own.host_keys, algorithms::HOST_KEYS),
            (
                "pubkeyacceptedalgorithms",
                &own.public_keys,
                algorithms::PUBLIC_KEYS,
            ),
            (
                "casignaturealgorithms",
                &own.ca_signatures,
                algorithms::CA_SIGNATURES,
            ),
        ] {
            let (said, default) = (self.list(keyword), defaults().list(keyword));
            match list {
                None => assert_eq!(said, default, "{keyword}"),
                Some(list) if signs => same_change(keyword, list, &said, &default, algorithms),
                Some(list) => {
                    let known = said
                        .iter()
                        .filter(|name| algorithms.known.contains(&name.as_str()));
                    assert_eq!(
                        list.iter().collect::<Vec<_>>(),
                        known.collect::<Vec<_>>(),
                        "{keyword}"
                    );
                }
            }
        }
    }

    fn assert_environment(&self, settings: &SshSettings, local: &Local) {
        let patterns = self.all("sendenv");
        let mut expected: Vec<(String, String)> = local
            .environment
            .iter()
            .map(|(name, value)| {
                let text = |text: &std::ffi::OsStr| text.to_str().expect("UTF-8").to_owned();
                (text(name), text(value))
            })
            .filter(|(name, _)| patterns.iter().any(|said| pattern::matches(name, said)))
            .collect();
        for said in self.all("setenv") {
            let (name, value) = said.split_once('=').expect("a value");
            expected.push((name.to_owned(), value.to_owned()));
        }
        assert_eq!(settings.environment, expected, "environment");
    }
}

/// The defaults differ between versions, but for a list with `+`, `-` or `^`, the names that are added,
/// removed and put first must be the same.
fn same_change(
    keyword: &str,
    list: &[String],
    said: &[String],
    default: &[String],
    algorithms: AlgorithmList,
) {
    let known = |name: &&String| algorithms.known.contains(&name.as_str());
    let own_default = |name: &str| algorithms.default.contains(&name);
    let theirs: Vec<_> = said
        .iter()
        .filter(known)
        .filter(|name| !default.contains(name) && !own_default(name))
        .collect();
    let ours: Vec<_> = list
        .iter()
        .filter(|name| !own_default(name) && !default.contains(name))
        .collect();
    assert_eq!(ours, theirs, "{keyword}: added");
    let both: Vec<_> = default.iter().filter(|name| own_default(name)).collect();
    let gone = |list: &[String]| -> Vec<_> {
        both.iter()
            .filter(|name| !list.contains(name))
            .copied()
            .cloned()
            .collect()
    };
    assert_eq!(gone(list), gone(said), "{keyword}: removed");
    if said[0] != default[0] && said.len() >= default.len() {
        assert_eq!(list[0], said[0], "{keyword}: first");
    }
}
