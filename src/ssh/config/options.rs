//! The options of one host from the command line and the files: the first value of a keyword wins.

use super::arguments::{CommandLine, Item};
use super::condition::{Asked, Condition, criteria_met, host_matches};
use super::file::{Content, File, Line, Place, Setting};
use super::jump::Jump;
use super::keyword::Keyword;
use super::local::Local;
use super::tokens;
use crate::ssh::pattern;

/// The limit of `ssh` (`SSH_MAX_IDENTITY_FILES`, `SSH_MAX_CERTIFICATE_FILES`).
const MAX_FILES: usize = 100;

/// A file, and the location of the setting that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub path: String,
    pub place: Place,
}

#[derive(Debug)]
pub(super) struct Options<'a> {
    local: &'a Local,
    /// The host as passed to the program.
    pub original: &'a str,
    /// The name that `Host` is compared with: `original`, and in the second pass the `HostName`.
    pub host: String,
    last: bool,
    wants_last: bool,
    set: [Option<(&'a Setting, &'a Place)>; Keyword::COUNT],
    pub identity_files: Vec<Named>,
    pub certificate_files: Vec<Named>,
    pub send_env: Vec<&'a str>,
    pub jump: Option<(Jump, Place)>,
}

impl<'a> Options<'a> {
    /// # Errors
    /// If `ssh` would refuse it too, or only `ssh` can read it.
    pub(crate) fn read(
        local: &'a Local,
        original: &'a str,
        line: &'a CommandLine,
        files: &[&'a File],
    ) -> Result<Self, String> {
        let mut options = Self {
            local,
            original,
            host: original.to_owned(),
            last: false,
            wants_last: false,
            set: [None; Keyword::COUNT],
            identity_files: Vec::new(),
            certificate_files: Vec::new(),
            send_env: Vec::new(),
            jump: None,
        };
        for item in &line.items {
            options.item(item)?;
        }
        for file in files {
            options.file(file, true, false)?;
        }
        options.host = options.connected()?;
        if options.wants_last {
            options.last = true;
            for file in files {
                options.file(file, true, false)?;
            }
        }
        Ok(options)
    }

    /// The effective setting, and its location.
    pub(crate) fn get(&self, keyword: Keyword) -> Option<(&'a Setting, &'a Place)> {
        self.set[keyword as usize]
    }

    /// The first argument of the effective setting.
    pub(crate) fn value(&self, keyword: Keyword) -> Option<&'a str> {
        self.get(keyword).map(|(setting, _)| setting.first())
    }

    /// The name to connect to: `HostName` in lower case, or an address in its canonical form.
    fn connected(&self) -> Result<String, String> {
        let host = match self.value(Keyword::HostName) {
            Some(name) => tokens::host_name(name, self.original)?,
            None => self.original.to_owned(),
        };
        if let Ok(address) = host.parse::<std::net::IpAddr>() {
            let usual = address.to_string();
            // An address that differs only in case is kept.
            let same = usual.eq_ignore_ascii_case(&host);
            return Ok(if same { host } else { usual });
        }
        let unusual = host.contains([':', '%', '/'])
            || host.bytes().all(|b| b.is_ascii_digit() || b == b'.')
            || host
                .rsplit('.')
                .any(|part| part.starts_with("0x") || part.starts_with("0X"));
        if unusual || host.is_empty() {
            return Err(format!("the address {host:?} is left to ssh"));
        }
        Ok(host.to_ascii_lowercase())
    }

    fn item(&mut self, item: &'a Item) -> Result<(), String> {
        match item {
            Item::First(line) => self.line(line),
            Item::Now(line) => {
                if let Content::Setting(setting) = &line.content {
                    self.set[setting.keyword as usize] = Some((setting, &line.place));
                }
                Ok(())
            }
            Item::KeyFile(path) => {
                let path = self.local.expand_home(path);
                let path = path.ok_or("a key is in the home of another user")?;
                // `ssh` skips a missing key file with a warning.
                if std::fs::metadata(&path).is_ok() {
                    let named = Named {
                        path,
                        place: Place::CommandLine,
                    };
                    add(&mut self.identity_files, named)?;
                }
                Ok(())
            }
            Item::Jump(text) => {
                if self.jump.is_some() || self.get(Keyword::ProxyCommand).is_some() {
                    return Err("`-J` is combined with another proxy, ssh_args".to_owned());
                }
                self.jump = Some((Jump::parse(text)?, Place::CommandLine));
                Ok(())
            }
        }
    }

    /// Evaluates a file. `outer`: whether lines before the first `Host` apply. `never`: no lines apply, the
    /// file is only checked.
    fn file(&mut self, file: &'a File, outer: bool, never: bool) -> Result<(), String> {
        for block in &file.blocks {
            let active = match &block.condition {
                Condition::Outer => outer,
                Condition::Host(patterns) => !never && host_matches(patterns, &self.host),
                Condition::Match(criteria) => {
                    self.matches(criteria, never)
                        .map_err(|error| format!("{error}, {}", block.place))?
                        && !never
                }
            };
            if active || block.always {
                for line in &block.lines {
                    if active {
                        self.line(line)?;
                    } else {
                        self.check_line(line)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn matches(
        &mut self,
        criteria: &[super::condition::Criterion],
        never: bool,
    ) -> Result<bool, String> {
        let host = match self.value(Keyword::HostName) {
            Some(name) if !self.last => tokens::host_name(name, self.original)?,
            _ => self.host.clone(),
        };
        let user = self.value(Keyword::User);
        let asked = Asked {
            host: &host,
            original: self.original,
            user: user.unwrap_or(&self.local.user),
            local_user: &self.local.user,
            last: self.last,
        };
        let mut wants_last = false;
        let met = criteria_met(criteria, &asked, &mut wants_last, never);
        self.wants_last |= wants_last;
        met
    }

    /// Checks a line that does not apply: `ssh` may still refuse it.
    fn check_line(&mut self, line: &'a Line) -> Result<(), String> {
        match &line.content {
            Content::Setting(_) => Ok(()),
            Content::Include(files) => files
                .iter()
                .try_for_each(|file| self.file(file, false, true)),
            Content::Unknown(word) => self.unknown(word, &line.place),
        }
    }

    fn line(&mut self, line: &'a Line) -> Result<(), String> {
        match &line.content {
            Content::Include(files) => files
                .iter()
                .try_for_each(|file| self.file(file, true, false)),
            Content::Unknown(word) => self.unknown(word, &line.place),
            Content::Setting(setting) => self
                .setting(setting, &line.place)
                .map_err(|error| format!("{error}, {}", line.place)),
        }
    }

    fn unknown(&self, word: &str, place: &Place) -> Result<(), String> {
        let ignored = self.value(Keyword::IgnoreUnknown);
        if ignored.is_some_and(|list| pattern::list_matches(word, &list.to_ascii_lowercase())) {
            return Ok(());
        }
        Err(format!("`{word}` is an unknown keyword, {place}"))
    }

    fn setting(&mut self, setting: &'a Setting, place: &'a Place) -> Result<(), String> {
        let named = || Named {
            path: setting.first().to_owned(),
            place: place.clone(),
        };
        match setting.keyword {
            Keyword::IdentityFile => return add(&mut self.identity_files, named()),
            Keyword::CertificateFile => return add(&mut self.certificate_files, named()),
            Keyword::SendEnv => {
                self.send_env(setting);
                return Ok(());
            }
            // `ProxyJump none` is not considered here: versions of ssh differ, and the installed one decides.
            Keyword::ProxyCommand if matches!(self.jump, Some((Jump::Through(_), _))) => {
                return Ok(());
            }
            Keyword::ProxyJump => {
                if self.jump.is_none() && self.get(Keyword::ProxyCommand).is_none() {
                    self.jump = Some((Jump::parse(setting.command())?, place.clone()));
                }
                return Ok(());
            }
            // Not a value: a later line is used.
            Keyword::ConnectTimeout | Keyword::ServerAliveInterval if setting.first() == "none" => {
                return Ok(());
            }
            _ => {}
        }
        let slot = &mut self.set[setting.keyword as usize];
        if slot.is_none() {
            *slot = Some((setting, place));
        }
        Ok(())
    }

    /// Adds names; `-X*` removes earlier ones.
    fn send_env(&mut self, setting: &'a Setting) {
        for name in &setting.arguments {
            match name.strip_prefix('-') {
                Some(name) => self.send_env.retain(|said| !pattern::matches(said, name)),
                None => self.send_env.push(name),
            }
        }
    }
}

fn add(files: &mut Vec<Named>, named: Named) -> Result<(), String> {
    if files.len() >= MAX_FILES {
        return Err("too many keys".to_owned());
    }
    if !files.iter().any(|known| known.path == named.path) {
        files.push(named);
    }
    Ok(())
}
