//! For which hosts a line of a `known_hosts` file is: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

/// What `ssh` compares no more of: a longer pattern makes the whole list match nothing.
const LONGEST_PATTERN: usize = 1023;

/// The first field of a line.
#[derive(Debug, Clone)]
pub(super) enum Names {
    /// Names without wildcards and without negation, in lower case.
    Plain(Box<str>),
    /// `*.example.org,!bastion.example.org`, in lower case.
    Patterns(Box<str>),
    /// `|1|salt|hash`.
    Hashed(Box<Hashed>),
    /// None that any name could match.
    Nothing,
}

impl Names {
    pub(super) fn parse(field: &str) -> Self {
        if field.starts_with('|') {
            return Hashed::parse(field)
                .map_or(Self::Nothing, |hashed| Self::Hashed(Box::new(hashed)));
        }
        if field
            .split(',')
            .any(|name| name.strip_prefix('!').unwrap_or(name).len() >= LONGEST_PATTERN)
        {
            return Self::Nothing;
        }
        let lower = field.to_ascii_lowercase().into_boxed_str();
        if lower.contains(['*', '?', '!']) {
            Self::Patterns(lower)
        } else {
            Self::Plain(lower)
        }
    }

    /// Whether the line is for the host that is looked up by this name.
    pub(super) fn contain(&self, name: &str) -> bool {
        match self {
            Self::Plain(names) => names.split(',').any(|own| own == name),
            Self::Patterns(patterns) => list_matches(patterns, name),
            Self::Hashed(hashed) => hashed.is(name),
            Self::Nothing => false,
        }
    }
}

/// A name that can be told from others, but not read.
#[derive(Debug, Clone)]
pub(super) struct Hashed {
    salt: [u8; 20],
    hash: [u8; 20],
    /// What the salt makes of HMAC, as every name begins with it.
    salted: OnceLock<Hmac<Sha1>>,
}

impl Hashed {
    /// Reads `|1|salt|hash`. `ssh` compares the text, so that only the one way to write it counts.
    fn parse(field: &str) -> Option<Self> {
        let (salt, hash) = field.strip_prefix("|1|")?.split_once('|')?;
        let bytes = |text: &str| STANDARD.decode(text).ok()?.try_into().ok();
        Some(Self {
            salt: bytes(salt)?,
            hash: bytes(hash)?,
            salted: OnceLock::new(),
        })
    }

    /// Hashes a name with a salt of its own.
    pub(super) fn new(name: &str, salt: [u8; 20]) -> Self {
        let mut hashed = Self {
            salt,
            hash: [0; 20],
            salted: OnceLock::new(),
        };
        hashed.hash = hashed.mac(name);
        hashed
    }

    fn is(&self, name: &str) -> bool {
        #[cfg(test)]
        HASHED.with(|hashed| hashed.set(hashed.get() + 1));
        self.mac(name) == self.hash
    }

    fn mac(&self, name: &str) -> [u8; 20] {
        let salted = self.salted.get_or_init(|| {
            Hmac::new_from_slice(&self.salt).expect("HMAC takes a key of any length")
        });
        let mut mac = salted.clone();
        mac.update(name.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
thread_local! {
    /// How many names this thread has hashed to compare them.
    pub(super) static HASHED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// As it is written down.
impl std::fmt::Display for Hashed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "|1|{}|{}",
            STANDARD.encode(self.salt),
            STANDARD.encode(self.hash)
        )
    }
}

/// Whether a list of patterns is for a name: one matches, and none that begins with `!` does.
fn list_matches(patterns: &str, name: &str) -> bool {
    let mut found = false;
    for pattern in patterns.split(',') {
        match pattern.strip_prefix('!') {
            Some(pattern) if matches(pattern, name) => return false,
            Some(_) => {}
            None => found |= matches(pattern, name),
        }
    }
    found
}

/// Whether a pattern with `*` and `?` is for a name: ssh_config(5), PATTERNS.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut at, mut next) = (0, 0);
    // The last `*`, and what it has taken so far.
    let mut star: Option<(usize, usize)> = None;
    while next < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, next));
                at += 1;
            }
            Some(letter) if *letter == b'?' || *letter == name[next] => {
                at += 1;
                next += 1;
            }
            _ => match star {
                Some((place, taken)) => {
                    star = Some((place, taken + 1));
                    (at, next) = (place + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|letter| *letter == b'*')
}
