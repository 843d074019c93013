//! Turns the options of a host into the settings of this client, or into the reason why the host needs `ssh`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::algorithms::{self, AlgorithmList};
use super::file::Place;
use super::keyword::{Effect, Keyword};
use super::local::Local;
use super::options::{Named, Options};
use super::tokens::{self, Tokens};
use super::{kerberos, value};
use crate::ssh::pattern;
use crate::ssh::settings::{
    AddressFamily, Algorithms, HostKeyPolicy, KeepAlive, LoginMethod, LoginSettings, SshSettings,
    StrictHostKeyChecking,
};

/// The input for a host's settings, besides its options.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    pub local: &'a Local,
    /// The file of `-F`.
    pub config: Option<&'a str>,
    /// Used if the configuration does not set a timeout.
    pub connect_timeout: Duration,
    /// Whether there is a password to log in with. Without one, `ssh` has more ways to log in than this
    /// client.
    pub has_password: bool,
    /// The number of hosts behind this one: 0 for the target itself.
    pub depth: usize,
}

/// The settings without the jump hosts, which have settings of their own.
pub(super) fn settings(given: &Given<'_>, options: &Options<'_>) -> Result<SshSettings, String> {
    refuse(options, given.has_password)?;
    let host = options.host.clone();
    let port = options.value(Keyword::Port).and_then(value::port);
    let port = port.unwrap_or(22);
    let user = user(given.local, options)?;
    let alias = options
        .value(Keyword::HostKeyAlias)
        .map(str::to_ascii_lowercase);
    let tokens = Tokens {
        local: given.local,
        host: &host,
        original: options.original,
        port,
        user: &user,
        alias: alias.as_deref(),
    };
    let resolved = Resolved { options, tokens };
    refuse_local(given, &resolved)?;
    if given.depth > 0 {
        resolved.refuse_master()?;
    }
    Ok(SshSettings {
        original: options.original.to_owned(),
        config: given.config.map(str::to_owned),
        address_family: match options.value(Keyword::AddressFamily) {
            Some(family) if family.eq_ignore_ascii_case("inet") => AddressFamily::Inet,
            Some(family) if family.eq_ignore_ascii_case("inet6") => AddressFamily::Inet6,
            _ => AddressFamily::Any,
        },
        bind_address: options.value(Keyword::BindAddress).map(str::to_owned),
        identity_files: resolved.identities()?,
        identity_files_are_set: !options.identity_files.is_empty(),
        certificate_files: resolved.files(&options.certificate_files)?,
        identities_only: resolved.flag(Keyword::IdentitiesOnly),
        login: LoginSettings {
            methods: resolved.login_methods()?,
            ..LoginSettings::default()
        },
        agent: resolved.agent()?,
        environment: resolved.environment(given.local)?,
        host_key: resolved.host_key(alias.clone())?,
        algorithms: resolved.algorithms()?,
        jumps: Vec::new(),
        keep_alive: resolved.keep_alive(),
        connect_timeout: resolved.connect_timeout(given.connect_timeout),
        host: host.clone(),
        port,
        user: user.clone(),
    })
}

/// The keys that `ssh` uses by default, in its order.
pub(super) const DEFAULT_KEYS: [&str; 5] = [
    "id_rsa",
    "id_ecdsa",
    "id_ecdsa_sk",
    "id_ed25519",
    "id_ed25519_sk",
];

fn at(what: impl std::fmt::Display, place: &Place) -> String {
    format!("{what}, {place}")
}

/// Leaves to `ssh` the settings that need it according to the table of keywords.
fn refuse(options: &Options<'_>, has_password: bool) -> Result<(), String> {
    for keyword in Keyword::all() {
        if keyword == Keyword::PubkeyAuthentication && has_password {
            continue;
        }
        let Some((setting, place)) = options.get(keyword) else {
            continue;
        };
        if let Effect::Openssh(unless) = keyword.effect() {
            let value = match setting.arguments.as_slice() {
                [value] => value.as_str(),
                _ => setting.command(),
            };
            if !unless.iter().any(|fine| fine.eq_ignore_ascii_case(value)) {
                return Err(at(shown(keyword, value), place));
            }
        }
    }
    Ok(())
}

/// A setting for a message, without its value if that is long.
fn shown(keyword: Keyword, value: &str) -> String {
    let name = keyword.name();
    if value.len() <= 24 && !value.contains([' ', '/']) {
        format!("`{name} {value}` is set")
    } else {
        format!("`{name}` is set")
    }
}

/// Leaves to `ssh` the settings whose effect depends on this machine or on several settings.
fn refuse_local(given: &Given<'_>, resolved: &Resolved<'_>) -> Result<(), String> {
    let options = resolved.options;
    if let Some((setting, place)) = options.get(Keyword::ProxyCommand)
        && !setting.command().eq_ignore_ascii_case("none")
    {
        return Err(at("`ProxyCommand` is set", place));
    }
    if resolved.flag(Keyword::PermitLocalCommand)
        && let Some((setting, place)) = options.get(Keyword::LocalCommand)
        && !setting.command().eq_ignore_ascii_case("none")
    {
        return Err(at("`LocalCommand` is set", place));
    }
    for keyword in [Keyword::GSSAPIAuthentication, Keyword::GSSAPIKeyExchange] {
        if let Some((_, place)) = options.get(keyword)
            && resolved.flag(keyword)
            && kerberos::may_have_ticket(given.local)
        {
            let said = format!(
                "`{} yes` is set, and there may be a Kerberos ticket",
                keyword.name()
            );
            return Err(at(said, place));
        }
    }
    if let Some((_, place)) = options.get(Keyword::ForwardX11)
        && resolved.flag(Keyword::ForwardX11)
        && given.local.variable("DISPLAY").is_some()
    {
        return Err(at("`ForwardX11 yes` is set, and DISPLAY too", place));
    }
    if let Some((setting, place)) = options.get(Keyword::PreferredAuthentications)
        && !given.has_password
        && !setting.first().split(',').any(|way| way == "publickey")
    {
        return Err(at(
            "`PreferredAuthentications` does not include `publickey`",
            place,
        ));
    }
    if let Some((setting, place)) = options.get(Keyword::RekeyLimit)
        && setting
            .arguments
            .iter()
            .any(|limit| !["default", "none", "0"].contains(&limit.as_str()))
    {
        return Err(at("`RekeyLimit` is set", place));
    }
    if options
        .value(Keyword::ConnectionAttempts)
        .and_then(value::number)
        == Some(0)
    {
        return Err("`ConnectionAttempts 0` is invalid".to_owned());
    }
    Ok(())
}

/// The login name. Newer versions of `ssh` expand tokens here, older versions do not.
fn user(local: &Local, options: &Options<'_>) -> Result<String, String> {
    match options.get(Keyword::User) {
        Some((setting, place)) if setting.first().contains(['%', '$']) => Err(at(
            "`User` has a token, which versions of ssh interpret differently",
            place,
        )),
        Some((setting, _)) => Ok(setting.first().to_owned()),
        None => Ok(local.user.clone()),
    }
}

/// The options of a host, and the values of their tokens.
struct Resolved<'a> {
    options: &'a Options<'a>,
    tokens: Tokens<'a>,
}

impl Resolved<'_> {
    fn flag(&self, keyword: Keyword) -> bool {
        self.options.value(keyword).and_then(value::flag) == Some(true)
    }

    fn path(&self, text: &str, place: &Place) -> Result<PathBuf, String> {
        self.tokens.path(text).map_err(|error| at(error, place))
    }

    /// The named files, without `none`.
    fn files(&self, named: &[Named]) -> Result<Vec<PathBuf>, String> {
        let mut files = Vec::with_capacity(named.len());
        for Named { path, place } in named {
            if path.eq_ignore_ascii_case("none") {
                continue;
            }
            let path = self.path(path, place)?;
            if !files.contains(&path) {
                files.push(path);
            }
        }
        Ok(files)
    }

    /// The named key files, or those that `ssh` uses by default.
    fn identities(&self) -> Result<Vec<PathBuf>, String> {
        if self.options.identity_files.is_empty() {
            let ssh = self.tokens.local.home.join(".ssh");
            return Ok(DEFAULT_KEYS.iter().map(|name| ssh.join(name)).collect());
        }
        self.files(&self.options.identity_files)
    }

    /// The login methods, in the configured order.
    fn login_methods(&self) -> Result<Vec<LoginMethod>, String> {
        let preferred = self.options.value(Keyword::PreferredAuthentications);
        let mut methods: Vec<LoginMethod> = match preferred {
            Some(names) => names
                .split(',')
                .filter_map(|name| LoginMethod::ALL.into_iter().find(|way| way.name() == name))
                .collect(),
            None => LoginMethod::ALL.to_vec(),
        };
        for (keyword, method) in [
            (Keyword::PubkeyAuthentication, LoginMethod::PublicKey),
            (
                Keyword::KbdInteractiveAuthentication,
                LoginMethod::KeyboardInteractive,
            ),
            (Keyword::PasswordAuthentication, LoginMethod::Password),
        ] {
            let said = self.options.value(keyword);
            if said == Some("host-bound") {
                return Err("`PubkeyAuthentication host-bound` is set".to_owned());
            }
            if said.and_then(value::flag) == Some(false) {
                methods.retain(|known| *known != method);
            }
        }
        Ok(methods)
    }

    fn agent(&self) -> Result<Option<PathBuf>, String> {
        let local = self.tokens.local;
        let of_variable = |name: &str| local.variable(name).filter(|path| !path.is_empty());
        let Some((setting, place)) = self.options.get(Keyword::IdentityAgent) else {
            return Ok(of_variable("SSH_AUTH_SOCK").map(PathBuf::from));
        };
        let said = setting.first();
        let path = match said {
            "none" => None,
            "SSH_AUTH_SOCK" => of_variable(said).map(PathBuf::from),
            _ => match tokens::legacy_variable(said).ok().flatten() {
                Some(name) => of_variable(name).map(PathBuf::from),
                None => Some(self.path(said, place)?),
            },
        };
        Ok(path)
    }

    /// The variables of this process that `SendEnv` selects, then those of `SetEnv`.
    fn environment(&self, local: &Local) -> Result<Vec<(String, String)>, String> {
        let mut sent = BTreeMap::new();
        if !self.options.send_env.is_empty() {
            for (name, value) in &local.environment {
                let Some(name) = name.to_str() else { continue };
                if self
                    .options
                    .send_env
                    .iter()
                    .any(|said| pattern::matches(name, said))
                {
                    let value = value.to_str();
                    let value = value
                        .ok_or_else(|| format!("`SendEnv` sends `{name}`, which is not UTF-8"))?;
                    sent.insert(name.to_owned(), value.to_owned());
                }
            }
        }
        let mut environment: Vec<_> = sent.into_iter().collect();
        if let Some((setting, place)) = self.options.get(Keyword::SetEnv) {
            for said in &setting.arguments {
                let (name, value) = said.split_once('=').unwrap_or((said, ""));
                if value.contains(['%', '$']) {
                    return Err(at(
                        "`SetEnv` has a token, which versions of ssh interpret differently",
                        place,
                    ));
                }
                if !environment.iter().any(|(known, _)| known == name) {
                    environment.push((name.to_owned(), value.to_owned()));
                }
            }
        }
        Ok(environment)
    }

    fn host_key(&self, alias: Option<String>) -> Result<HostKeyPolicy, String> {
        let strict = self.options.value(Keyword::StrictHostKeyChecking);
        let strict = strict.map(str::to_ascii_lowercase);
        let known_hosts = |keyword, default: [&str; 2]| -> Result<Vec<PathBuf>, String> {
            let Some((setting, place)) = self.options.get(keyword) else {
                return default.iter().map(|path| self.tokens.path(path)).collect();
            };
            let files = setting
                .arguments
                .iter()
                .filter(|path| !path.eq_ignore_ascii_case("none"));
            files
                .map(|path| match keyword {
                    Keyword::GlobalKnownHostsFile => as_it_stands(keyword, path, place),
                    _ => self.path(path, place),
                })
                .collect()
        };
        Ok(HostKeyPolicy {
            strict: match strict.as_deref() {
                Some("no" | "off" | "false") => StrictHostKeyChecking::No,
                Some("accept-new") => StrictHostKeyChecking::AcceptNew,
                _ => StrictHostKeyChecking::Yes,
            },
            alias,
            user_files: known_hosts(
                Keyword::UserKnownHostsFile,
                ["~/.ssh/known_hosts", "~/.ssh/known_hosts2"],
            )?,
            global_files: known_hosts(
                Keyword::GlobalKnownHostsFile,
                ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"],
            )?,
            revoked: match self.options.get(Keyword::RevokedHostKeys) {
                Some((setting, place)) => match setting.arguments.as_slice() {
                    [file] if file.eq_ignore_ascii_case("none") => None,
                    [file] => Some(as_it_stands(Keyword::RevokedHostKeys, file, place)?),
                    _ => return Err(at("`RevokedHostKeys` names several files", place)),
                },
                None => None,
            },
            check_host_ip: self.flag(Keyword::CheckHostIP),
            hash_names: self.flag(Keyword::HashKnownHosts),
            trust_localhost: self.flag(Keyword::NoHostAuthenticationForLocalhost),
        })
    }

    fn algorithms(&self) -> Result<Algorithms, String> {
        let read = |keyword: Keyword, list: AlgorithmList| {
            let Some((setting, place)) = self.options.get(keyword) else {
                return Ok(None);
            };
            list.read(setting.first())
                .map(Some)
                .map_err(|error| at(format!("`{}`: {error}", keyword.name()), place))
        };
        let compression = self.options.value(Keyword::Compression);
        Ok(Algorithms {
            key_exchange: read(Keyword::KexAlgorithms, algorithms::KEY_EXCHANGE)?,
            host_keys: read(Keyword::HostKeyAlgorithms, algorithms::HOST_KEYS)?,
            host_keys_known_first: self
                .options
                .value(Keyword::HostKeyAlgorithms)
                .is_some_and(|said| said.starts_with(['+', '-'])),
            ciphers: read(Keyword::Ciphers, algorithms::CIPHERS)?,
            macs: read(Keyword::MACs, algorithms::MACS)?,
            public_keys: read(Keyword::PubkeyAcceptedAlgorithms, algorithms::PUBLIC_KEYS)?,
            ca_signatures: read(Keyword::CASignatureAlgorithms, algorithms::CA_SIGNATURES)?,
            required_rsa_bits: match self.options.get(Keyword::RequiredRSASize) {
                Some((setting, place)) => setting
                    .first()
                    .parse()
                    .map_err(|_| at("`RequiredRSASize` is larger than any key", place))?,
                None => 1024,
            },
            compression: compression.is_some_and(|value| value.eq_ignore_ascii_case("yes")),
        })
    }

    fn keep_alive(&self) -> Option<KeepAlive> {
        let interval = self.options.value(Keyword::ServerAliveInterval);
        let interval = interval
            .and_then(value::seconds)
            .filter(|&seconds| seconds > 0)?;
        let count = self.options.value(Keyword::ServerAliveCountMax);
        Some(KeepAlive {
            interval: Duration::from_secs(interval),
            count: count.and_then(value::number).unwrap_or(3),
        })
    }

    /// Leaves a jump host to `ssh` if the user has a running master for it: `ssh` would use it.
    fn refuse_master(&self) -> Result<(), String> {
        let Some((setting, place)) = self.options.get(Keyword::ControlPath) else {
            return Ok(());
        };
        let is_none = setting.first().eq_ignore_ascii_case("none");
        if is_none || !self.path(setting.first(), place)?.exists() {
            return Ok(());
        }
        let host = self.options.original;
        Err(at(
            format!("the connection to {host} is shared by `ControlPath`"),
            place,
        ))
    }

    /// Here the timeout is exact. For `ssh`, the program rounds its own timeout up to seconds.
    fn connect_timeout(&self, default: Duration) -> Duration {
        match self.options.get(Keyword::ConnectTimeout) {
            Some((setting, place)) if *place != Place::Program => value::seconds(setting.first())
                .filter(|&seconds| seconds > 0)
                .map_or(default, Duration::from_secs),
            _ => default,
        }
    }
}

/// A path in which newer versions of `ssh` expand tokens and older versions do not.
fn as_it_stands(keyword: Keyword, path: &str, place: &Place) -> Result<PathBuf, String> {
    if path.starts_with('~') || path.contains(['%', '$']) {
        let name = keyword.name();
        return Err(at(
            format!("`{name}` has a `~` or a token, which versions of ssh interpret differently"),
            place,
        ));
    }
    Ok(PathBuf::from(path))
}
