//! `tls(address)`: whether a server presents a certificate that is for its name, is trusted, and stays
//! valid for some time.

use serde::Deserialize;

use super::certificate::{Certificate, date, days};
use super::endpoint::{Endpoint, is_host};
use super::output::{Output, need};
use crate::checks::entry::kind;
use crate::checks::observe::{Answer, Observe, StepKind, excerpt};
use crate::checks::verdict::Verdict;
use crate::declare::{ArgumentError, options};
use crate::shell::quote_str;

kind! {
    /// Checks whether a server presents a certificate that is for its name, is trusted, and stays valid for
    /// some time.
    ///
    /// The state is critical if the certificate has expired, is not valid yet, is for another name, is
    /// self-signed, or is signed by an untrusted issuer; the message says which. It is also critical if the
    /// server does not answer or does not speak TLS. The check needs `openssl` on the machine that it runs
    /// on; without it, the state is an error.
    ///
    /// ```rhai
    /// each(hosts("web"), |h| h.check(tls(`${h.name}:443`, #{ days: 21, from: "controller" })));
    /// ```
    tls(address: Endpoint; Options) => Tls::new
}

/// Printed before the output of each program.
const NOW: &str = "ops:now";
const CONNECTION: &str = "ops:connection";
const UNREADABLE: &str = "ops:unreadable";

const DAYS: u32 = 14;
const CRITICAL_DAYS: u32 = 3;

options! {
    #[derive(Debug, Clone, Default)]
    pub(crate) struct Options {
        /// if fewer days are left, the state is a warning; default `14`
        days: Option<u32>,
        /// if fewer days are left, the state is critical; default `3`
        critical_days: Option<u32>,
        /// the name that the certificate must be for, and that is sent to the server; default: the host in
        /// the address
        server_name: Option<String>,
        /// `true`: use the certificates that the machine trusts; `false`: accept any issuer; or the path of
        /// a file with the trusted certificates; default `true`
        chain: Option<Chain>,
        /// the protocol in which TLS is started: `smtp`, `imap`, `pop3`, `ftp`, `xmpp`, `ldap`, `mysql`,
        /// `postgres`
        starttls: Option<StartTls>,
    }
}

/// Which issuers to trust.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "true, false, or the path of a file with certificates"
)]
enum Chain {
    Checked(bool),
    File(String),
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StartTls {
    Smtp,
    Imap,
    Pop3,
    Ftp,
    Xmpp,
    Ldap,
    Mysql,
    Postgres,
}

impl StartTls {
    const fn name(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Imap => "imap",
            Self::Pop3 => "pop3",
            Self::Ftp => "ftp",
            Self::Xmpp => "xmpp",
            Self::Ldap => "ldap",
            Self::Mysql => "mysql",
            Self::Postgres => "postgres",
        }
    }
}

#[derive(Debug)]
pub(crate) struct Tls {
    endpoint: Endpoint,
    days: u32,
    critical_days: u32,
    server_name: String,
    chain: Chain,
    starttls: Option<StartTls>,
}

impl Tls {
    fn new(endpoint: Endpoint, options: Options) -> Result<Self, ArgumentError> {
        let (days, critical_days) = match (options.days, options.critical_days) {
            (Some(days), Some(critical)) if critical > days => {
                let message = format!(
                    "this would never warn: the state is already critical at {critical} days"
                );
                return Err(ArgumentError::option("days", message));
            }
            (None, critical) => {
                let critical = critical.unwrap_or(CRITICAL_DAYS);
                (DAYS.max(critical), critical)
            }
            (Some(days), critical) => (days, critical.unwrap_or(CRITICAL_DAYS.min(days))),
        };
        let server_name = options.server_name.unwrap_or_else(|| endpoint.host.clone());
        if !is_host(&server_name) {
            let message = format!("invalid host name: `{server_name}`");
            return Err(ArgumentError::option("server_name", message));
        }
        let chain = options.chain.unwrap_or(Chain::Checked(true));
        if let Chain::File(file) = &chain
            && (!file.starts_with('/') || file.contains('\0'))
        {
            let message = format!("`{file}` is not an absolute path");
            return Err(ArgumentError::option("chain", message));
        }
        Ok(Self {
            endpoint,
            days,
            critical_days,
            server_name,
            chain,
            starttls: options.starttls,
        })
    }

    fn is_for_address(&self) -> bool {
        self.server_name.parse::<std::net::IpAddr>().is_ok()
    }
}

impl Observe for Tls {
    fn label(&self) -> String {
        format!("tls {}", self.endpoint)
    }

    fn script(&self) -> String {
        let mut script = format!("LC_ALL=C; export LC_ALL\n{}", need("openssl"));
        let mut arguments = format!("-connect {}", quote_str(&self.endpoint.to_string()));
        let name = quote_str(&self.server_name);
        let wanted = if self.is_for_address() {
            format!("-checkip {name}")
        } else {
            arguments.push_str(&format!(" -servername {name}"));
            format!("-checkhost {name}")
        };
        if let Chain::File(file) = &self.chain {
            let file = quote_str(file);
            script.push_str(&format!(
                "[ -r {file} ] || {{ echo {UNREADABLE}; exit 0; }}\n"
            ));
            arguments.push_str(&format!(" -CAfile {file}"));
        }
        if let Some(protocol) = self.starttls {
            arguments.push_str(&format!(" -starttls {}", protocol.name()));
        }
        // The output of openssl about the certificate comes first, so nothing in the connection can be
        // mistaken for it.
        script.push_str(&format!(
            "said=$(openssl s_client {arguments} </dev/null 2>&1)\n\
             date '+{NOW} %s'\n\
             case $said in *'-----BEGIN CERTIFICATE-----'*)\n\
             facts=$(printf '%s\\n' \"$said\" | openssl x509 -noout -dates {wanted})\n\
             printf '%s\\n' \"$facts\"\n\
             case $facts in *'NOT match'*) printf '%s\\n' \"$said\" | openssl x509 -noout -text |\n\
             sed -n '/X509v3 Subject Alternative Name/{{n;s/^ */names=/p;q;}}';; esac;;\n\
             esac\n\
             echo {CONNECTION}\n\
             printf '%s\\n' \"$said\"\n"
        ));
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
        if let (Chain::File(file), Some(UNREADABLE)) = (&self.chain, said.stdout.lines().next()) {
            return Verdict::error(format!(
                "cannot read {file} on the machine that runs the check"
            ));
        }
        let (facts, connection) = said.split(CONNECTION);
        let now = facts
            .lines()
            .find_map(|line| line.strip_prefix(NOW)?.trim().parse::<i64>().ok());
        let (Some(now), Some(connection), 0) = (now, connection, answer.code) else {
            return said.garbled("openssl");
        };
        let Some(certificate) = Certificate::parse(facts, connection) else {
            return if connection.contains("-----BEGIN CERTIFICATE-----") {
                said.garbled("openssl")
            } else {
                Verdict::critical(refusal(connection))
            };
        };
        self.judge(&certificate, now)
    }
}

impl Tls {
    fn judge(&self, certificate: &Certificate, now: i64) -> Verdict {
        let mut wrong = Vec::new();
        let left = certificate.not_after - now;
        if now < certificate.not_before {
            wrong.push(format!("not valid before {}", date(certificate.not_before)));
        }
        if left <= 0 {
            wrong.push(format!(
                "expired {} ago, on {}",
                days(-left),
                date(certificate.not_after)
            ));
        }
        if !certificate.name_fits {
            let names = certificate.names.as_deref().unwrap_or("no name");
            wrong.push(format!(
                "not for {}, but for {}",
                self.server_name,
                excerpt(names.as_bytes())
            ));
        }
        if self.chain != Chain::Checked(false) {
            wrong.extend(certificate.distrust());
        }
        if !wrong.is_empty() {
            return Verdict::critical(wrong.join("; "));
        }
        let text = format!(
            "valid for {} more, until {}",
            days(left),
            date(certificate.not_after)
        );
        let fewer = |days: u32| left < i64::from(days) * 86_400;
        if fewer(self.critical_days) {
            Verdict::critical(text)
        } else if fewer(self.days) {
            Verdict::warning(text)
        } else {
            Verdict::passing(text)
        }
    }
}

/// Why there is no certificate, from the first error of openssl:
/// `id:error:code:library:function:reason:file:line:`. It is only shown; no decision depends on it.
fn refusal(connection: &str) -> String {
    let reason = connection
        .lines()
        .find(|line| line.contains(":error:"))
        .and_then(|line| line.split(':').nth(5))
        .filter(|reason| !reason.is_empty())
        .map(|reason| excerpt(reason.as_bytes()));
    let connected = connection
        .lines()
        .any(|line| line.starts_with("CONNECTED("));
    let what = if connected {
        "the server does not speak TLS"
    } else {
        "cannot connect"
    };
    let why = reason
        .or_else(|| (!connected && !connection.is_empty()).then(|| excerpt(connection.as_bytes())));
    why.map_or_else(|| what.to_owned(), |why| format!("{what}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::output::tests::{case, given};
    use crate::checks::verdict::State;

    /// 2026-11-21 12:00 UTC.
    const TODAY: i64 = 1_795_262_400;

    fn tls(options: &str) -> Tls {
        let endpoint = Endpoint::try_from("shop.test:443".to_owned()).expect("an endpoint");
        Tls::new(endpoint, given(options)).expect("a check")
    }

    fn answer(begin: &str, end: &str, fits: &str, connection: &str) -> Answer {
        let text = format!(
            "ops:now {TODAY}\nnotBefore={begin}\nnotAfter={end}\nHostname shop.test {fits} certificate\n\
             ops:connection\nCONNECTED(00000003)\n-----BEGIN CERTIFICATE-----\n{connection}\n"
        );
        case(0, &text, "")
    }

    const FROM: &str = "Nov  1 00:00:00 2026 GMT";
    const OK: &str = "Verify return code: 0 (ok)";

    #[test]
    fn compares_the_remaining_days_with_both_limits() {
        let state = |options, end| {
            tls(options)
                .verdict(&answer(FROM, end, "does match", OK))
                .state
        };
        assert_eq!(state("{}", "Dec 25 12:00:00 2026 GMT"), State::Passing);
        assert_eq!(
            state("{}", "Dec  5 12:00:00 2026 GMT"),
            State::Passing,
            "14 days"
        );
        assert_eq!(state("{}", "Dec  5 11:59:59 2026 GMT"), State::Warning);
        assert_eq!(
            state(r#"{"days": 13}"#, "Dec  5 11:59:59 2026 GMT"),
            State::Passing
        );
        assert_eq!(state("{}", "Nov 24 11:59:59 2026 GMT"), State::Critical);
        assert_eq!(
            state(r#"{"critical_days": 1}"#, "Nov 24 11:59:59 2026 GMT"),
            State::Warning
        );
        assert_eq!(state("{}", "Dec 31 23:59:59 9999 GMT"), State::Passing);
    }

    #[test]
    fn distinguishes_the_problems() {
        let end = "Dec 25 12:00:00 2026 GMT";
        let says = |begin, end, fits, connection: &str| {
            let verdict = tls("{}").verdict(&answer(begin, end, fits, connection));
            assert_eq!(verdict.state, State::Critical, "{}", verdict.message);
            verdict.message
        };
        let untrusted = |number: u8| {
            format!(
                "depth=0 CN = shop.test\nverify error:num={number}:words\nverify return:1\n\
                 Verify return code: {number} (words)"
            )
        };
        assert_eq!(
            says(
                FROM,
                "Nov 18 12:00:00 2026 GMT",
                "does match",
                &untrusted(10)
            ),
            "expired 3 days ago, on 2026-11-18"
        );
        assert_eq!(
            says("Nov 22 00:00:00 2026 GMT", end, "does match", &untrusted(9)),
            "not valid before 2026-11-22"
        );
        assert_eq!(says(FROM, end, "does match", &untrusted(18)), "self-signed");
        assert_eq!(
            says(FROM, end, "does match", &untrusted(20)),
            "its issuer is not trusted"
        );
        assert_eq!(says(FROM, end, "does match", &untrusted(23)), "words");
        let chain = "depth=1 CN = Middle\nverify error:num=10:certificate has expired\n\
                     Verify return code: 10 (certificate has expired)";
        assert_eq!(
            says(FROM, end, "does match", chain),
            "CN = Middle in its chain: certificate has expired"
        );
        assert_eq!(
            says(FROM, end, "does NOT match", OK),
            "not for shop.test, but for no name"
        );
        let both = says(
            FROM,
            "Nov 20 12:00:00 2026 GMT",
            "does NOT match",
            &untrusted(18),
        );
        assert!(
            both.contains("expired 1 day ago") && both.contains("self-signed"),
            "{both}"
        );
    }

    #[test]
    fn the_issuer_is_ignored_if_requested() {
        let untrusted = "verify error:num=18:self-signed certificate\n\
            Verify return code: 18 (self-signed certificate)";
        let end = "Dec 25 12:00:00 2026 GMT";
        let verdict =
            tls(r#"{"chain": false}"#).verdict(&answer(FROM, end, "does match", untrusted));
        assert_eq!(verdict.state, State::Passing, "{}", verdict.message);
        let verdict =
            tls(r#"{"chain": false}"#).verdict(&answer(FROM, end, "does NOT match", untrusted));
        assert_eq!(
            verdict.state,
            State::Critical,
            "the name counts all the same"
        );
    }

    #[test]
    fn reports_the_names_of_the_certificate() {
        let text = format!(
            "ops:now {TODAY}\nnotBefore={FROM}\nnotAfter=Dec 25 12:00:00 2026 GMT\n\
             Hostname shop.test does NOT match certificate\nnames=DNS:a.test, DNS:*.b.test\nops:connection\n\
             {OK}\n"
        );
        assert_eq!(
            tls("{}").verdict(&case(0, &text, "")).message,
            "not for shop.test, but for DNS:a.test, DNS:*.b.test"
        );
    }

    #[test]
    fn without_a_certificate_there_is_no_tls() {
        let refused = format!(
            "ops:now {TODAY}\nops:connection\n401786C4:error:8000006F:system library:BIO_connect:Connection \
             refused:x.c:117:calling connect()\nconnect:errno=111\n"
        );
        let verdict = tls("{}").verdict(&case(0, &refused, ""));
        assert_eq!(verdict.state, State::Critical);
        assert_eq!(verdict.message, "cannot connect: Connection refused");
        let plain = format!(
            "ops:now {TODAY}\nops:connection\nCONNECTED(00000003)\n\
             4:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:x.c:354:\n\
             no peer certificate available\n"
        );
        assert_eq!(
            tls("{}").verdict(&case(0, &plain, "")).message,
            "the server does not speak TLS: wrong version number"
        );
    }

    #[test]
    fn an_unknown_result_is_an_error() {
        let end = "Dec 25 12:00:00 2026 GMT";
        let mut unjudged = answer(FROM, end, "does match", "");
        assert_eq!(
            tls("{}").verdict(&unjudged).state,
            State::Error,
            "no verify result"
        );
        unjudged = answer(FROM, end, "", OK);
        assert_eq!(
            tls("{}").verdict(&unjudged).state,
            State::Error,
            "no word on the name"
        );
        assert_eq!(
            tls("{}")
                .verdict(&case(0, "ops:missing openssl\n", ""))
                .state,
            State::Error
        );
        let file = tls(r#"{"chain": "/etc/ca.pem"}"#);
        let verdict = file.verdict(&case(0, "ops:unreadable\n", ""));
        assert_eq!(
            verdict.message,
            "cannot read /etc/ca.pem on the machine that runs the check"
        );
        assert_eq!(
            tls("{}").verdict(&case(0, "ops:unreadable\n", "")).state,
            State::Error
        );
        assert_eq!(tls("{}").verdict(&case(1, "", "")).state, State::Error);
    }

    #[test]
    fn refuses_contradictory_options() {
        let endpoint = Endpoint::try_from("a:1".to_owned()).expect("an endpoint");
        for options in [
            r#"{"days": 2, "critical_days": 3}"#,
            r#"{"server_name": "-x"}"#,
            r#"{"chain": "ca.pem"}"#,
        ] {
            assert!(
                Tls::new(endpoint.clone(), given(options)).is_err(),
                "{options}"
            );
        }
        let one = Tls::new(endpoint, given(r#"{"days": 1}"#)).expect("a check");
        assert_eq!((one.days, one.critical_days), (1, 1));
    }
}
