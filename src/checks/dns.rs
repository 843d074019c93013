//! `dns(name)`: whether a name resolves, and to the expected addresses.

use std::net::IpAddr;

use serde::Deserialize;

use super::endpoint::{Endpoint, is_host};
use super::output::Output;
use super::resolver::{dig, getent, nslookup};
use crate::checks::entry::kind;
use crate::checks::observe::{Answer, Observe, StepKind, excerpt};
use crate::checks::verdict::Verdict;
use crate::declare::{ArgumentError, options};
use crate::shell::quote_str;

kind! {
    /// Checks whether a name resolves, and to the expected addresses or values.
    ///
    /// Without `type` and `server`, the name is resolved as programs on that machine do, by `/etc/hosts`
    /// and whatever else is configured (`getent`, else `nslookup`). With either of them, a name server is
    /// queried with `dig`, else `nslookup`, which can only query addresses. If neither is installed, the
    /// state is an error. It is critical if the name does not resolve, if the answer lacks a value listed
    /// in `address`, or if the server does not answer.
    ///
    /// ```rhai
    /// each(hosts("web"), |h| h.check([
    ///     dns("db.example.com", #{ address: "10.0.0.13" }),
    ///     dns("example.com", #{ type: "MX", address: "10 mail.example.com", server: "10.0.0.2" }),
    /// ]));
    /// ```
    dns(name: String; Options) => Dns::new
}

/// Printed before the name of the program that was used, and before its exit code.
const WITH: &str = "ops:with ";
const CODE: &str = "ops:code ";

options! {
    #[derive(Debug, Clone, Default)]
    pub(crate) struct Options {
        /// a value that the answers must include, or a list of values that they must all include:
        /// addresses, or values of another `type`
        address: Option<Wanted>,
        /// the name server to query, such as `"10.0.0.2"` or `"10.0.0.2:5353"`
        server: Option<Server>,
        /// the type of record: `A`, `AAAA`, `CAA`, `CNAME`, `MX`, `NS`, `PTR`, `SOA`, `SRV`, `TXT`
        r#type: Option<Type>,
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "a string, or a list of strings")]
enum Wanted {
    One(String),
    Many(Vec<String>),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
struct Server {
    host: String,
    port: Option<u16>,
}

impl TryFrom<String> for Server {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if is_host(&text) && (!text.contains(':') || text.parse::<IpAddr>().is_ok()) {
            return Ok(Self {
                host: text,
                port: None,
            });
        }
        let endpoint = Endpoint::try_from(text)?;
        Ok(Self {
            host: endpoint.host,
            port: Some(endpoint.port),
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Type {
    A,
    Aaaa,
    Caa,
    Cname,
    Mx,
    Ns,
    Ptr,
    Soa,
    Srv,
    Txt,
}

impl Type {
    const fn name(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Caa => "CAA",
            Self::Cname => "CNAME",
            Self::Mx => "MX",
            Self::Ns => "NS",
            Self::Ptr => "PTR",
            Self::Soa => "SOA",
            Self::Srv => "SRV",
            Self::Txt => "TXT",
        }
    }

    const fn is_address(self) -> bool {
        matches!(self, Self::A | Self::Aaaa)
    }
}

#[derive(Debug)]
pub(crate) struct Dns {
    name: String,
    wanted: Vec<String>,
    server: Option<Server>,
    kind: Option<Type>,
}

impl Dns {
    fn new(name: String, options: Options) -> Result<Self, ArgumentError> {
        if !is_host(&name) || name.contains(':') {
            return Err(ArgumentError::parameter(
                0,
                format!("invalid host name: `{name}`"),
            ));
        }
        let wanted = match options.address {
            None => Vec::new(),
            Some(Wanted::One(one)) => vec![one],
            Some(Wanted::Many(many)) => many,
        };
        if options.r#type.is_none_or(Type::is_address)
            && let Some(wrong) = wanted.iter().find(|text| text.parse::<IpAddr>().is_err())
        {
            let message = format!("invalid address: `{wrong}`");
            return Err(ArgumentError::option("address", message));
        }
        Ok(Self {
            name,
            wanted,
            server: options.server,
            kind: options.r#type,
        })
    }

    fn asks_a_server(&self) -> bool {
        self.server.is_some() || self.kind.is_some()
    }

    fn dig(&self) -> String {
        let kind = self.kind.unwrap_or(Type::A).name();
        let mut command = format!("dig +noall +comments +answer +tries=2 +time=2 -t {kind}");
        if let Some(server) = &self.server {
            if let Some(port) = server.port {
                command.push_str(&format!(" -p {port}"));
            }
            command.push_str(&format!(" @{}", quote_str(&server.host)));
        }
        format!("{command} -q {}", quote_str(&self.name))
    }

    fn nslookup(&self) -> String {
        let mut command = "nslookup".to_owned();
        if let Some(kind) = self.kind {
            command.push_str(&format!(" -type={}", kind.name()));
        }
        let port = self.server.as_ref().and_then(|server| server.port);
        if let Some(port) = port {
            command.push_str(&format!(" -port={port}"));
        }
        command.push(' ');
        command.push_str(&quote_str(&self.name));
        if let Some(server) = &self.server {
            command.push(' ');
            command.push_str(&quote_str(&server.host));
        }
        command
    }
}

impl Observe for Dns {
    fn label(&self) -> String {
        let kind = self.kind.map(|kind| format!(" {}", kind.name()));
        format!("dns {}{}", self.name, kind.unwrap_or_default())
    }

    fn script(&self) -> String {
        let mut ways = Vec::new();
        if self.asks_a_server() {
            ways.push(("dig", self.dig()));
        } else {
            ways.push(("getent", format!("getent ahosts {}", quote_str(&self.name))));
        }
        if self.kind.is_none_or(Type::is_address) {
            ways.push(("nslookup", self.nslookup()));
        }
        let mut script = "LC_ALL=C; export LC_ALL\n".to_owned();
        for (program, command) in &ways {
            script.push_str(&format!(
                "if command -v {program} >/dev/null 2>&1; then echo '{WITH}{program}'; {command} 2>&1; \
                 echo \"{CODE}$?\"; exit 0; fi\n"
            ));
        }
        let programs: Vec<&str> = ways.iter().map(|(program, _)| *program).collect();
        script.push_str(&format!("echo 'ops:missing {}'\n", programs.join(" or ")));
        script
    }

    fn runs_as(&self) -> StepKind {
        StepKind::Command
    }

    fn verdict(&self, answer: &Answer) -> Verdict {
        let said = Output::of(answer);
        if let Some(verdict) = said.missing() {
            return verdict;
        }
        let parts = said.stdout.strip_prefix(WITH).and_then(|rest| {
            let (program, rest) = rest.split_once('\n')?;
            let (text, code) = rest.rsplit_once(CODE)?;
            Some((program, text, code.trim_end().parse::<i32>().ok()?))
        });
        let (Some((program, text, code)), 0) = (parts, answer.code) else {
            return said.garbled("the resolver");
        };
        let found = match program {
            "getent" => getent(text, code),
            "dig" => dig(text, code, self.kind.unwrap_or(Type::A).name()),
            "nslookup" => nslookup(text, code),
            _ => None,
        };
        match found {
            None => Verdict::error(format!(
                "cannot read what {program} said: {}",
                excerpt(text.as_bytes())
            )),
            Some(Err(why)) => Verdict::critical(why),
            Some(Ok(values)) => self.compare(&values),
        }
    }
}

impl Dns {
    fn compare(&self, values: &[String]) -> Verdict {
        let listed = excerpt(values.join(", ").as_bytes());
        let missing: Vec<&str> = self
            .wanted
            .iter()
            .filter(|wanted| !values.iter().any(|value| alike(value, wanted)))
            .map(String::as_str)
            .collect();
        if missing.is_empty() {
            Verdict::passing(listed)
        } else {
            Verdict::critical(format!("{listed}, expected {}", missing.join(", ")))
        }
    }
}

/// Whether two values are the same: compared as addresses, or else as text without differences in notation
/// only. The priority of a record may be omitted.
fn alike(value: &str, wanted: &str) -> bool {
    if let (Ok(value), Ok(wanted)) = (value.parse::<IpAddr>(), wanted.parse::<IpAddr>()) {
        return value == wanted;
    }
    let plain = |text: &str| text.trim_matches('"').trim_end_matches('.').to_lowercase();
    let last = value.rsplit_once(' ').map(|(_, last)| plain(last));
    plain(value) == plain(wanted) || last == Some(plain(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::output::tests::{case, given};
    use crate::checks::verdict::State;

    fn dns(options: &str) -> Dns {
        Dns::new("a.test".to_owned(), given(options)).expect("a check")
    }

    fn verdict(options: &str, program: &str, text: &str, code: i32) -> Verdict {
        let text = format!("ops:with {program}\n{text}ops:code {code}\n");
        dns(options).verdict(&case(0, &text, ""))
    }

    const GETENT: &str = "10.0.0.1        STREAM a.test\n10.0.0.1        DGRAM\n::2 STREAM\n";
    const DIG: &str = "\
;; Got answer:
;; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 4711
;; flags: qr aa rd ra; QUERY: 1, ANSWER: 2, AUTHORITY: 0, ADDITIONAL: 1

;; ANSWER SECTION:
a.test.\t\t0\tIN\tCNAME\tb.test.
b.test.\t\t0\tIN\tA\t10.0.0.1
";
    const MX: &str = "\
;; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 1
a.test.\t\t0\tIN\tMX\t10 Mail.a.test.
";
    const NSLOOKUP: &str = "Server:\t\t10.0.0.9\nAddress:\t10.0.0.9#53\n\nName:\ta.test\nAddress: 10.0.0.1\n\
        Name:\ta.test\nAddress: ::2\n";
    const OLD_BUSYBOX: &str = "Server:    10.0.0.9\nAddress 1: 10.0.0.9\n\nName:      a.test\n\
        Address 1: 10.0.0.1 a.test\n";

    #[test]
    fn reads_addresses_from_every_program() {
        for (program, text) in [
            ("getent", GETENT),
            ("dig", DIG),
            ("nslookup", NSLOOKUP),
            ("nslookup", OLD_BUSYBOX),
        ] {
            let state = |options| verdict(options, program, text, 0).state;
            assert_eq!(state("{}"), State::Passing, "{program}");
            assert_eq!(
                state(r#"{"address": "10.0.0.1"}"#),
                State::Passing,
                "{program}"
            );
            assert_eq!(
                state(r#"{"address": ["10.0.0.1", "10.0.0.9"]}"#),
                State::Critical,
                "{program}"
            );
        }
        assert_eq!(verdict("{}", "getent", GETENT, 0).message, "10.0.0.1, ::2");
        assert_eq!(
            verdict(
                r#"{"address": ["0:0::2", "10.0.0.3"]}"#,
                "getent",
                GETENT,
                0
            )
            .message,
            "10.0.0.1, ::2, expected 10.0.0.3"
        );
    }

    #[test]
    fn other_records_are_compared_as_text() {
        let state = |address: &str| {
            let options = format!(r#"{{"type": "MX", "address": "{address}"}}"#);
            verdict(&options, "dig", MX, 0).state
        };
        assert_eq!(state("10 mail.a.test"), State::Passing);
        assert_eq!(state("mail.a.test."), State::Passing);
        assert_eq!(state("20 mail.a.test"), State::Critical);
        assert_eq!(
            verdict(r#"{"type": "TXT"}"#, "dig", MX, 0).message,
            "there is no TXT record"
        );
    }

    #[test]
    fn a_name_that_does_not_resolve_is_critical() {
        let refused =
            |status: &str| format!(";; ->>HEADER<<- opcode: QUERY, status: {status}, id: 1\n");
        for (program, text, code, says) in [
            ("getent", String::new(), 2, "does not resolve"),
            (
                "nslookup",
                "** server can't find a.test: NXDOMAIN\n".to_owned(),
                1,
                "does not resolve",
            ),
            ("dig", refused("NXDOMAIN"), 0, "the name does not exist"),
            (
                "dig",
                refused("SERVFAIL"),
                0,
                "the name server answered SERVFAIL",
            ),
            ("dig", refused("NOERROR"), 0, "there is no A record"),
            (
                "dig",
                ";; connection timed out\n".to_owned(),
                9,
                "the name server does not answer",
            ),
        ] {
            let verdict = verdict("{}", program, &text, code);
            assert_eq!(
                (verdict.state, verdict.message.as_str()),
                (State::Critical, says)
            );
        }
    }

    #[test]
    fn invalid_output_is_an_error() {
        for (program, text, code) in [
            ("getent", "", 0),
            ("getent", "hm\n", 0),
            ("getent", GETENT, 1),
            ("dig", "", 1),
            ("dig", "", 0),
            ("dig", DIG, 10),
            ("nslookup", "", 0),
            ("nslookup", "Server: 10.0.0.9\nAddress: 10.0.0.9#53\n", 0),
            ("other", GETENT, 0),
        ] {
            assert_eq!(
                verdict("{}", program, text, code).state,
                State::Error,
                "{program}: {text}"
            );
        }
        assert_eq!(dns("{}").verdict(&case(0, "", "")).state, State::Error);
        assert_eq!(
            dns("{}").verdict(&case(0, "ops:missing dig\n", "")).state,
            State::Error
        );
    }

    #[test]
    fn queries_a_server_only_if_needed() {
        assert!(dns("{}").script().contains("getent ahosts"));
        let script = dns(r#"{"server": "127.0.0.1:5353", "type": "AAAA"}"#).script();
        assert!(script.contains("-t AAAA -p 5353 @127.0.0.1"), "{script}");
        assert!(
            script.contains("nslookup -type=AAAA -port=5353"),
            "{script}"
        );
        assert!(!dns(r#"{"type": "MX"}"#).script().contains("nslookup"));
        for wrong in [
            r#"{"address": "a.test"}"#,
            r#"{"type": "A", "address": "x"}"#,
        ] {
            assert!(Dns::new("a.test".to_owned(), given(wrong)).is_err());
        }
        assert!(Dns::new("-h".to_owned(), given("{}")).is_err());
    }
}
