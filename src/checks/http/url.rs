//! The URL of a check, parsed as far as a request needs it (RFC 3986).

use base64::Engine as _;

use crate::checks::endpoint::is_host;
use crate::declare::ArgumentError;

/// An absolute HTTP URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    pub secure: bool,
    /// A name or an address; an IPv6 address without its brackets.
    pub host: String,
    pub port: Option<u16>,
    /// The path with its query; at least `/`.
    pub target: String,
    /// `Basic ...`, from a user and a password in the URL. It is not shown.
    pub authorization: Option<String>,
}

impl Url {
    /// # Errors
    /// A reason, with a hint.
    pub fn parse(text: &str) -> Result<Self, ArgumentError> {
        let wrong = |message: &str| ArgumentError::parameter(0, format!("`url`: {message}"));
        if let Some(odd) = text.chars().find(|c| !c.is_ascii_graphic()) {
            let hint = "Percent-encode it: `%` and two hex digits for each byte in UTF-8. A space is `%20`.";
            return Err(wrong(&format!("a URL cannot contain {odd:?}")).hint(hint));
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(|| {
            wrong("the scheme is missing")
                .hint("Write it whole: \"http://127.0.0.1:8080/healthz\".")
        })?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            other => {
                return Err(wrong(&format!(
                    "the scheme must be http or https, not `{other}`"
                )));
            }
        };
        // The part after `#` is not sent to the server.
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        let (login, place) = match authority.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, authority),
        };
        let (host, port) = place_of(place)
            .ok_or_else(|| wrong(&format!("`{place}` is not a host, or a host and a port")))?;
        Ok(Self {
            secure,
            host,
            port,
            target: if target.starts_with('/') {
                target.to_owned()
            } else {
                format!("/{target}")
            },
            authorization: login.map(|login| {
                let plain = base64::engine::general_purpose::STANDARD.encode(decoded(login));
                format!("Basic {plain}")
            }),
        })
    }

    #[must_use]
    pub const fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }

    /// The port to connect to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(if self.secure { 443 } else { 80 })
    }

    /// `example.org:8080`, with the brackets of an IPv6 address, without the default port.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = bracketed(&self.host);
        self.port
            .map_or_else(|| host.clone(), |port| format!("{host}:{port}"))
    }

    /// The whole URL, as shown and requested: without a password.
    #[must_use]
    pub fn shown(&self) -> String {
        format!("{}://{}{}", self.scheme(), self.authority(), self.target)
    }
}

/// An IPv6 address in brackets, anything else as it is.
#[must_use]
pub(crate) fn bracketed(host: &str) -> String {
    if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

fn place_of(place: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = if let Some(rest) = place.strip_prefix('[') {
        let (address, rest) = rest.split_once(']')?;
        address.parse::<std::net::Ipv6Addr>().ok()?;
        (
            address,
            rest.strip_prefix(':').or(rest.is_empty().then_some("")),
        )
    } else {
        match place.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, Some("")),
        }
    };
    let port = match port? {
        "" => None,
        port => Some(port.parse().ok().filter(|port| *port != 0)?),
    };
    is_host(host).then(|| (host.to_owned(), port))
}

/// Decodes percent-encoding.
fn decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = bytes.get(at + 1..at + 3).filter(|_| byte == b'%');
        let code = hex
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        plain.push(code.unwrap_or(byte));
        at += if code.is_some() { 3 } else { 1 };
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_a_url() {
        let url = |text| Url::parse(text).expect(text);
        let plain = url("http://127.0.0.1:8080/healthz?full=1#top");
        assert_eq!((plain.host.as_str(), plain.port()), ("127.0.0.1", 8080));
        assert_eq!(plain.target, "/healthz?full=1");
        assert_eq!(url("https://shop.example").target, "/");
        assert_eq!(url("https://shop.example").port(), 443);
        assert_eq!(url("HTTP://shop?x").shown(), "http://shop/?x");
        let six = url("http://[::1]:8080/");
        assert_eq!((six.host.as_str(), six.port()), ("::1", 8080));
        assert_eq!(six.shown(), "http://[::1]:8080/");
        let login = url("http://amy:p%40ss@shop/");
        assert_eq!(login.authorization.as_deref(), Some("Basic YW15OnBAc3M="));
        assert_eq!(login.shown(), "http://shop/");
    }

    #[test]
    fn refuses_an_invalid_url() {
        for wrong in [
            "127.0.0.1:8080",
            "ftp://x/",
            "http://",
            "http://x:0/",
            "http://x:99999/",
            "http://-x/",
            "http://a b/",
            "http://x/\n",
            "http://[::1/",
            "http://[zz]/",
            "http://x;y/",
            "http://bücher/",
        ] {
            assert!(Url::parse(wrong).is_err(), "{wrong}");
        }
    }
}
