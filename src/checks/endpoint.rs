//! The address of a service: `host:port`.

use std::fmt;

use serde::Deserialize;

/// A host name or an address, and a port.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Endpoint {
    /// A host name, or an address without brackets.
    pub host: String,
    pub port: u16,
}

impl TryFrom<String> for Endpoint {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = |why: &str| {
            format!(
                "invalid address `{text}`: {why}\nWrite \"db1:5432\", \"10.0.0.7:5432\" or \"[::1]:5432\"."
            )
        };
        let (host, port) = text
            .rsplit_once(':')
            .ok_or_else(|| wrong("the port is missing"))?;
        let host = match host.strip_prefix('[') {
            Some(inner) => inner
                .strip_suffix(']')
                .filter(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok())
                .ok_or_else(|| wrong("the part in brackets must be an IPv6 address"))?,
            None if host.contains(':') => {
                return Err(wrong("an IPv6 address must be in brackets"));
            }
            None => host,
        };
        if !is_host(host) {
            return Err(wrong("the host is missing or invalid"));
        }
        match port.parse() {
            Ok(0) | Err(_) => Err(wrong("the port must be a number from 1 to 65535")),
            Ok(port) => Ok(Self {
                host: host.to_owned(),
                port,
            }),
        }
    }
}

/// Whether a program can be given this as a host name: it must not look like an option, and must be a
/// single word.
#[must_use]
pub(crate) fn is_host(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%'))
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_and_a_port() {
        for text in [
            "db1:5432",
            "10.0.0.7:1",
            "[::1]:65535",
            "my_db.example.com:80",
        ] {
            let endpoint = Endpoint::try_from(text.to_owned()).expect("an endpoint");
            assert_eq!(endpoint.to_string(), text);
        }
        for text in [
            "",
            "db1",
            "db1:",
            "db1:0",
            "db1:70000",
            ":80",
            "::1:80",
            "[::1]",
            "[x]:80",
            "-o:80",
            "a b:80",
            "$(id):80",
            "a\n:80",
        ] {
            assert!(Endpoint::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
