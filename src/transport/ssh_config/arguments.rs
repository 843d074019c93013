//! The command line of `ssh`, as far as it says how a host is reached. What ops itself gives it is in
//! `openssh/arguments.rs`, and stands here in the same order.

use crate::model::{Connection, HostKeys};

use super::file::{self, Content, Line, Place, Setting};
use super::keyword::Keyword;

/// What stands on the command line, in its order.
#[derive(Debug, Default)]
pub(super) struct CommandLine {
    pub items: Vec<Item>,
    /// `-F`.
    pub config: Option<String>,
}

#[derive(Debug)]
pub(super) enum Item {
    /// Counts where nothing was said before.
    First(Line),
    /// Counts whatever was said before: options of one letter that set a switch.
    Now(Line),
    /// `-i`.
    KeyFile(String),
    /// `-J`.
    Jump(String),
}

/// What an option of one letter does.
enum Option_ {
    /// Nothing that matters here.
    Harmless,
    /// Sets a keyword, whatever was said before.
    Sets(Keyword, &'static str),
    /// The same, to its argument.
    SetsTo(Keyword),
    /// Sets a keyword to its argument if nothing was said before.
    Says(Keyword),
    KeyFile,
    Jump,
    Config,
    Keyword,
    /// Has an argument that does not matter.
    Takes,
    /// Only `ssh` can do it, or it does not fit ops.
    Ssh,
}

fn option(letter: char) -> Option_ {
    use Option_::{Config, Harmless, Jump, KeyFile, Says, Sets, SetsTo, Ssh, Takes};
    match letter {
        '2' | 'v' | 'q' | 'T' | 'n' | 'g' | 'M' | 'k' => Harmless,
        '4' => Sets(Keyword::AddressFamily, "inet"),
        '6' => Sets(Keyword::AddressFamily, "inet6"),
        'C' => Sets(Keyword::Compression, "yes"),
        'A' => Sets(Keyword::ForwardAgent, "yes"),
        'a' => Sets(Keyword::ForwardAgent, "no"),
        'X' | 'Y' => Sets(Keyword::ForwardX11, "yes"),
        'x' => Sets(Keyword::ForwardX11, "no"),
        'b' => SetsTo(Keyword::BindAddress),
        'B' => SetsTo(Keyword::BindInterface),
        'c' => SetsTo(Keyword::Ciphers),
        'm' => SetsTo(Keyword::MACs),
        'I' => SetsTo(Keyword::PKCS11Provider),
        'p' => Says(Keyword::Port),
        'l' => Says(Keyword::User),
        'i' => KeyFile,
        'J' => Jump,
        'F' => Config,
        'o' => Option_::Keyword,
        'e' | 'E' | 'S' | 'L' | 'R' | 'D' | 'w' => Takes,
        _ => Ssh,
    }
}

fn set(keyword: Keyword, value: &str, place: Place) -> Line {
    let setting = Setting {
        keyword,
        arguments: vec![value.to_owned()],
        rest: value.to_owned(),
    };
    Line {
        content: Content::Setting(setting),
        place,
    }
}

impl CommandLine {
    /// What ops gives `ssh` for a host.
    ///
    /// # Errors
    /// What only `ssh` can do, or what it would end with.
    pub fn of(connection: &Connection) -> Result<Self, String> {
        let mut line = Self::default();
        let say = |line: &mut Self, keyword, value: &str| {
            line.items
                .push(Item::First(set(keyword, value, Place::Ops)));
        };
        say(&mut line, Keyword::BatchMode, "yes");
        if let Some(port) = connection.port {
            say(&mut line, Keyword::Port, &port.to_string());
        }
        if let Some(user) = &connection.user {
            say(&mut line, Keyword::User, user);
        }
        if let Some(file) = &connection.key_file {
            let file = file.to_str().ok_or("the path of the key is not UTF-8")?;
            line.items.push(Item::KeyFile(file.to_owned()));
        }
        line.read(&connection.ssh_args)?;
        let timeout = connection.connect_timeout.as_secs_f64().ceil();
        say(&mut line, Keyword::ConnectTimeout, &timeout.to_string());
        say(&mut line, Keyword::ServerAliveInterval, "5");
        say(&mut line, Keyword::ServerAliveCountMax, "3");
        match connection.host_keys {
            HostKeys::Strict => say(&mut line, Keyword::StrictHostKeyChecking, "yes"),
            HostKeys::AcceptNew => say(&mut line, Keyword::StrictHostKeyChecking, "accept-new"),
            HostKeys::SshConfig => {}
        }
        Ok(line)
    }

    /// The host of `[user@]host`, whose user counts if nothing else was said.
    ///
    /// # Errors
    /// It is a URI, or nothing.
    pub fn destination(&mut self, text: &str) -> Result<String, String> {
        if text.starts_with("ssh://") {
            return Err("the address is a URI".to_owned());
        }
        let (user, host) = match text.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, text),
        };
        if host.is_empty() || user.is_some_and(str::is_empty) {
            return Err(format!("the address {text:?} names no host"));
        }
        if let Some(user) = user {
            let user = set(Keyword::User, user, Place::Ops);
            self.items.push(Item::First(user));
        }
        Ok(host.to_owned())
    }

    /// What `ssh` gives the `ssh` that it starts for a jump host.
    pub fn of_jump(
        user: Option<&str>,
        port: Option<u16>,
        through: Option<&str>,
        config: Option<&str>,
    ) -> Self {
        let mut line = Self {
            config: config.map(str::to_owned),
            ..Self::default()
        };
        let mut say = |keyword, value: &str| {
            let set = set(keyword, value, Place::CommandLine);
            line.items.push(Item::First(set));
        };
        if let Some(user) = user {
            say(Keyword::User, user);
        }
        if let Some(port) = port {
            say(Keyword::Port, &port.to_string());
        }
        if let Some(through) = through {
            line.items.push(Item::Jump(through.to_owned()));
        }
        line
    }

    fn read(&mut self, words: &[String]) -> Result<(), String> {
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let letters = word.strip_prefix('-').filter(|rest| !rest.is_empty());
            let letters =
                letters.ok_or_else(|| format!("ssh_args has `{word}`, which is no option"))?;
            let mut rest = letters.chars();
            while let Some(letter) = rest.next() {
                let mut argument = || {
                    let inner = std::mem::replace(&mut rest, "".chars()).as_str();
                    let argument = match inner {
                        "" => words.next().map(String::as_str),
                        inner => Some(inner),
                    };
                    argument.ok_or_else(|| format!("`-{letter}` of ssh_args has no value"))
                };
                match option(letter) {
                    Option_::Harmless => {}
                    Option_::Takes => {
                        argument()?;
                    }
                    Option_::Sets(keyword, value) => {
                        self.items
                            .push(Item::Now(set(keyword, value, Place::CommandLine)));
                    }
                    Option_::SetsTo(keyword) => {
                        let line = checked(keyword, argument()?)?;
                        self.items.push(Item::Now(line));
                    }
                    Option_::Says(keyword) => {
                        let line = checked(keyword, argument()?)?;
                        self.items.push(Item::First(line));
                    }
                    Option_::KeyFile => self.items.push(Item::KeyFile(argument()?.to_owned())),
                    Option_::Jump => self.items.push(Item::Jump(argument()?.to_owned())),
                    Option_::Config => self.config = Some(argument()?.to_owned()),
                    Option_::Keyword => {
                        let line = file::option(argument()?, Place::CommandLine)?;
                        self.items.extend(line.map(Item::First));
                    }
                    Option_::Ssh => return Err(format!("ssh_args has `-{letter}`")),
                }
            }
        }
        Ok(())
    }
}

fn checked(keyword: Keyword, value: &str) -> Result<Line, String> {
    super::value::check(keyword, &[value.to_owned()])
        .map_err(|error| format!("`{}` {error}, ssh_args", keyword.name()))?;
    Ok(set(keyword, value, Place::CommandLine))
}
