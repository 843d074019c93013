//! `ProxyJump` and `-J`: the last host connects to the target, the others are hops before it.

use super::value;

/// A parsed `ProxyJump`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Jump {
    /// `none`: later `ProxyJump` lines are ignored. A later `ProxyCommand` is not, as `ssh -G` shows.
    None,
    Through(Hop),
}

/// The jump host next to the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hop {
    pub user: Option<String>,
    pub host: String,
    pub port: Option<u16>,
    /// The hosts before it, as written in the configuration.
    pub through: Option<String>,
}

impl Jump {
    /// # Errors
    /// If `ssh` would refuse it too, or only `ssh` can read it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.eq_ignore_ascii_case("none") {
            return Ok(Self::None);
        }
        let unclear = |what: &str| format!("`ProxyJump` has {what}");
        // Versions treat comments and blanks after it differently. Other characters would reach a shell.
        if let Some(bad) = text
            .chars()
            .find(|c| !(c.is_ascii_alphanumeric() || "@:.,_-[]+".contains(*c)))
        {
            return Err(unclear(&format!("{bad:?}, which is left to ssh")));
        }
        let mut hops = text.split(',').map(hop).collect::<Option<Vec<_>>>();
        let last = hops
            .as_mut()
            .and_then(Vec::pop)
            .ok_or_else(|| unclear(&format!("an invalid host: {text}")))?;
        let through = text.rsplit_once(',').map(|(before, _)| before.to_owned());
        Ok(Self::Through(Hop { through, ..last }))
    }
}

/// Parses `[user@]host[:port]`.
fn hop(text: &str) -> Option<Hop> {
    let (user, rest) = match text.rsplit_once('@') {
        Some((user, rest)) => (Some(user), rest),
        None => (None, text),
    };
    let (host, port) = match rest.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            match rest {
                "" => (host, ""),
                rest => (host, rest.strip_prefix(':')?),
            }
        }
        None => rest.split_once(':').unwrap_or((rest, "")),
    };
    let port = match port {
        "" => None,
        port => Some(value::port(port)?),
    };
    let plain = |name: &str| !name.is_empty() && !name.starts_with('-');
    (plain(host) && user.is_none_or(plain)).then(|| Hop {
        user: user.map(str::to_owned),
        host: host.to_owned(),
        port,
        through: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(text: &str) -> Hop {
        match Jump::parse(text).unwrap() {
            Jump::Through(hop) => hop,
            Jump::None => panic!("{text}"),
        }
    }

    #[test]
    fn the_last_host_is_next_to_the_target() {
        let hop = through("a@first:2222,second,b@[2001:db8::1]:2200");
        assert_eq!(hop.user.as_deref(), Some("b"));
        assert_eq!(hop.host, "2001:db8::1");
        assert_eq!(hop.port, Some(2200));
        assert_eq!(hop.through.as_deref(), Some("a@first:2222,second"));
        assert_eq!(through("bastion").through, None);
        assert_eq!(through("bastion:").port, None);
        assert_eq!(Jump::parse("NONE").unwrap(), Jump::None);
    }

    #[test]
    fn hosts_that_are_invalid_for_ssh_or_special_to_a_shell_are_refused() {
        for text in [
            "a,,b",
            "@a",
            "a:0",
            "a:x",
            "",
            "a b",
            "a # b",
            "ssh://a",
            "-oX",
            "a;b",
            "[a",
            "2001:db8::1",
            "%h",
            "u@-a",
        ] {
            assert!(Jump::parse(text).is_err(), "{text}");
        }
    }
}
