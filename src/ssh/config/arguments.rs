//! The command line of `ssh`: everything in it that affects how a host is reached.

use super::file::{self, Content, Line, Place, Setting};
use super::jump::Hop;
use super::keyword::Keyword;
use super::target::Target;
use super::value;

/// The items of a command line, in order.
#[derive(Debug, Default)]
pub(super) struct CommandLine {
    pub items: Vec<Item>,
    /// `-F`.
    pub config: Option<String>,
}

#[derive(Debug)]
pub(super) enum Item {
    /// Used if nothing was set before.
    First(Line),
    /// Replaces what was set before: single-letter options that set a switch.
    Now(Line),
    /// `-i`.
    KeyFile(String),
    /// `-J`.
    Jump(String),
}

/// The effect of a single-letter option.
enum Letter {
    /// None that matters here.
    Harmless,
    /// Sets a keyword, even if it was set before.
    Sets(Keyword, &'static str),
    /// Sets a keyword to the option's argument, even if it was set before.
    SetsTo(Keyword),
    /// Sets a keyword to the option's argument if nothing was set before.
    SetsIfUnset(Keyword),
    KeyFile,
    Jump,
    Config,
    Keyword,
    /// Takes an argument that does not matter.
    TakesArgument,
    /// Supported only by `ssh`, or unsuitable for a program that runs commands.
    Ssh,
}

fn option(letter: char) -> Letter {
    use Letter::{Config, Harmless, Jump, KeyFile, Sets, SetsIfUnset, SetsTo, Ssh, TakesArgument};
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
        'p' => SetsIfUnset(Keyword::Port),
        'l' => SetsIfUnset(Keyword::User),
        'i' => KeyFile,
        'J' => Jump,
        'F' => Config,
        'o' => Letter::Keyword,
        'e' | 'E' | 'S' | 'L' | 'R' | 'D' | 'w' => TakesArgument,
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
    /// The command line for a host.
    ///
    /// # Errors
    /// If `ssh` would refuse it too, or only `ssh` supports it.
    pub(crate) fn of(target: &Target<'_>) -> Result<Self, String> {
        let mut line = Self::default();
        let mut say = |keyword, value: &str| {
            let set = set(keyword, value, Place::Program);
            line.items.push(Item::First(set));
        };
        if let Some(port) = target.port {
            say(Keyword::Port, &port.to_string());
        }
        if let Some(user) = target.user {
            say(Keyword::User, user);
        }
        if let Some(file) = target.key_file {
            let file = file.to_str().ok_or("the path of the key is not UTF-8")?;
            line.items.push(Item::KeyFile(file.to_owned()));
        }
        line.read(target.ssh_args)?;
        for option in target.options() {
            let option = file::option(&option, Place::Program)?;
            line.items.extend(option.map(Item::First));
        }
        Ok(line)
    }

    /// Returns the host of `[user@]host`. The user is used if none was set before.
    ///
    /// # Errors
    /// If it is a URI, or contains no host.
    pub(crate) fn destination(&mut self, text: &str) -> Result<String, String> {
        if text.starts_with("ssh://") {
            return Err("the address is a URI".to_owned());
        }
        let (user, host) = match text.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, text),
        };
        if host.is_empty() || user.is_some_and(str::is_empty) {
            return Err(format!("the address {text:?} contains no host"));
        }
        if let Some(user) = user {
            let user = set(Keyword::User, user, Place::Program);
            self.items.push(Item::First(user));
        }
        Ok(host.to_owned())
    }

    /// The command line of the `ssh` process that `ssh` starts for a jump host, except for `-F`.
    pub(crate) fn of_jump(hop: &Hop) -> Self {
        let setting = |keyword, value: &str| Item::First(set(keyword, value, Place::CommandLine));
        let user = hop.user.as_ref().map(|user| setting(Keyword::User, user));
        let port = hop
            .port
            .map(|port| setting(Keyword::Port, &port.to_string()));
        let through = hop.through.clone().map(Item::Jump);
        Self {
            items: user.into_iter().chain(port).chain(through).collect(),
            config: None,
        }
    }

    fn read(&mut self, words: &[String]) -> Result<(), String> {
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let letters = word.strip_prefix('-').filter(|rest| !rest.is_empty());
            let letters =
                letters.ok_or_else(|| format!("ssh_args has `{word}`, which is not an option"))?;
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
                    Letter::Harmless => {}
                    Letter::TakesArgument => {
                        argument()?;
                    }
                    Letter::Sets(keyword, value) => {
                        self.items
                            .push(Item::Now(set(keyword, value, Place::CommandLine)));
                    }
                    Letter::SetsTo(keyword) => {
                        let line = checked(keyword, argument()?)?;
                        self.items.push(Item::Now(line));
                    }
                    Letter::SetsIfUnset(keyword) => {
                        let line = checked(keyword, argument()?)?;
                        self.items.push(Item::First(line));
                    }
                    Letter::KeyFile => self.items.push(Item::KeyFile(argument()?.to_owned())),
                    Letter::Jump => self.items.push(Item::Jump(argument()?.to_owned())),
                    Letter::Config => self.config = Some(argument()?.to_owned()),
                    Letter::Keyword => {
                        let line = file::option(argument()?, Place::CommandLine)?;
                        self.items.extend(line.map(Item::First));
                    }
                    Letter::Ssh => return Err(format!("ssh_args has `-{letter}`")),
                }
            }
        }
        Ok(())
    }
}

fn checked(keyword: Keyword, value: &str) -> Result<Line, String> {
    value::check(keyword, &[value.to_owned()])
        .map_err(|error| format!("`{}` {error}, ssh_args", keyword.name()))?;
    Ok(set(keyword, value, Place::CommandLine))
}
