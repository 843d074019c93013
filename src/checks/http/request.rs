//! A request, as a script for `sh` that sends it with the tools of the host.
//!
//! curl is used if it is installed. Otherwise, perl sends plain HTTP requests: its base package is part of
//! every Debian system, and it gets the text of the request. GNU wget sends HTTPS requests, but only a GET
//! without headers: wget takes headers only on its command line, which every user can read. BusyBox's wget
//! is not used: it does not verify certificates and does not print the body of an error.
//!
//! The content of a request is passed on standard input, never on a command line.

use super::url::{Url, bracketed};
use crate::shell::quote_str;

/// The maximum number of bytes of an answer that are read, including its head. The rest is not fetched.
pub const LARGEST: usize = 256 * 1024;

/// The start of the line in which a script reports which tool it used, and its exit code.
pub(crate) const END: &str = "ops-end ";

/// The start of the line in which curl reports the status and the seconds.
pub(crate) const CURL_SAYS: &str = "ops-curl ";

/// An HTTP request.
#[derive(Debug, Clone)]
pub struct Request {
    pub url: Url,
    pub method: String,
    /// In order; their values have been validated.
    pub headers: Vec<(String, String)>,
    /// The host name to use in the header and in the TLS handshake, if the URL contains another.
    pub host: Option<String>,
    pub follow: bool,
    pub insecure: bool,
    /// A file with certificates on the machine that runs the check.
    pub ca: Option<String>,
}

/// Reads the host, the port and the request; connects to the first address that accepts.
const PERL: &str = concat!(
    r#"use Socket qw(getaddrinfo SOCK_STREAM);my($h,$p)=split " ",<STDIN>;local $/;my $q=<STDIN>;"#,
    r#"$SIG{PIPE}="IGNORE";my($e,@a)=getaddrinfo($h,$p,{socktype=>SOCK_STREAM});"#,
    r#"if($e){print STDERR "$h: $e\n";exit 6}for(@a){"#,
    r#"socket(S,$_->{family},SOCK_STREAM,0)&&connect(S,$_->{addr})||next;syswrite S,$q;my $n=0;"#,
    r#"while($n<LARGEST&&(my $r=sysread S,my $b,16384)){$n+=$r;syswrite STDOUT,$b}exit 0}"#,
    r#"print STDERR "$!\n";exit 7"#,
);

impl Request {
    /// The script: it prints head and body as they arrive, and on stderr the messages of the tools and
    /// [`END`].
    #[must_use]
    pub fn script(&self) -> String {
        let has = |tool: &str| format!("command -v {tool} >/dev/null 2>&1");
        let mut script = format!("if {}; then {}\n", has("curl"), self.curl());
        if !self.url.secure && !self.follow {
            script.push_str(&format!("elif {}; then {}\n", has("perl"), self.perl()));
        }
        if self.suits_wget() {
            // BusyBox's wget identifies itself differently.
            let gnu = "case $(wget --version 2>/dev/null) in 'GNU Wget '*) ;; *) false;; esac";
            script.push_str(&format!("elif {gnu}; then {}\n", self.wget()));
        }
        script.push_str(&format!("else echo '{END}none 9' >&2\nfi"));
        script
    }

    fn suits_wget(&self) -> bool {
        self.method == "GET" && self.fields().is_empty() && self.host.is_none()
    }

    /// The requested headers, and the one that the URL implies.
    fn fields(&self) -> Vec<(&str, &str)> {
        let mut fields: Vec<_> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        if let Some(authorization) = &self.url.authorization
            && !self.names("authorization")
        {
            fields.push(("Authorization", authorization));
        }
        fields
    }

    fn names(&self, header: &str) -> bool {
        self.headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case(header))
    }

    /// A file with options for `curl --config`. Head and body are written to a separate descriptor, so that
    /// a pipe can cut them off without losing curl's report.
    fn curl_config(&self) -> String {
        let mut config = String::new();
        let mut flag = |name: &str| config.push_str(&format!("{name}\n"));
        flag("silent");
        flag("show-error");
        flag("globoff");
        flag("include");
        if self.follow {
            flag("location");
        }
        if self.insecure {
            flag("insecure");
        }
        if self.method == "HEAD" {
            flag("head");
        }
        let mut set = |name: &str, value: &str| {
            config.push_str(&format!("{name} = {}\n", curl_quoted(value)));
        };
        match &self.host {
            // The name also applies to the handshake; the address to connect to is separate.
            Some(host) if self.url.secure => {
                let named = Url {
                    host: host.clone(),
                    ..self.url.clone()
                };
                set("url", &named.shown());
                let place = format!("{}:{}", bracketed(&self.url.host), self.url.port());
                set("connect-to", &format!("::{place}"));
                set("header", &format!("Host: {host}"));
            }
            Some(host) => {
                set("url", &self.url.shown());
                set("header", &format!("Host: {host}"));
            }
            None => set("url", &self.url.shown()),
        }
        if !matches!(self.method.as_str(), "GET" | "HEAD") {
            set("request", &self.method);
        }
        for (name, value) in self.fields() {
            // Without a value, curl would omit the header.
            let line = if value.is_empty() {
                format!("{name};")
            } else {
                format!("{name}: {value}")
            };
            set("header", &line);
        }
        if !self.names("user-agent") {
            set("user-agent", AGENT);
        }
        if let Some(ca) = &self.ca {
            set("cacert", ca);
        }
        set("noproxy", "*");
        set("proto-redir", "=http,https");
        set("max-redirs", "10");
        set("output", "/dev/fd/4");
        set(
            "write-out",
            &format!("\n{CURL_SAYS}%{{http_code}} %{{time_total}}\n"),
        );
        config
    }

    fn curl(&self) -> String {
        let config = quote_str(&self.curl_config());
        piped(&config, "curl -q -K - 4>&1 >&2", "curl")
    }

    fn perl(&self) -> String {
        let program = quote_str(&PERL.replace("LARGEST", &LARGEST.to_string()));
        let input = format!("{} {}\n{}", self.url.host, self.url.port(), self.text());
        piped(&quote_str(&input), &format!("perl -e {program}"), "perl")
    }

    fn wget(&self) -> String {
        let mut ask =
            "wget --no-config -nv --save-headers --content-on-error --tries=1 --no-proxy --no-hsts -O - -i -"
                .to_owned();
        ask.push_str(&format!(" --user-agent={AGENT}"));
        ask.push_str(&format!(
            " --max-redirect={}",
            if self.follow { 10 } else { 0 }
        ));
        if self.insecure {
            ask.push_str(" --no-check-certificate");
        }
        if let Some(ca) = &self.ca {
            ask.push_str(&format!(" --ca-certificate={}", quote_str(ca)));
        }
        piped(&quote_str(&format!("{}\n", self.url.shown())), &ask, "wget")
    }

    /// The request as sent over the wire (RFC 9112).
    fn text(&self) -> String {
        let host = self.host.clone().unwrap_or_else(|| self.url.authority());
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.url.target);
        if !self.names("host") {
            text.push_str(&format!("Host: {host}\r\n"));
        }
        if !self.names("user-agent") {
            text.push_str(&format!("User-Agent: {AGENT}\r\n"));
        }
        if !self.names("accept") {
            text.push_str("Accept: */*\r\n");
        }
        for (name, value) in self.fields() {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("Connection: close\r\n\r\n");
        text
    }
}

const AGENT: &str = concat!("ops/", env!("CARGO_PKG_VERSION"));

/// Passes a tool its input, limits its output, and reports how it ended.
fn piped(input: &str, ask: &str, tool: &str) -> String {
    format!("printf %s {input} | {{ {ask}; echo \"{END}{tool} $?\" >&2; }} | head -c {LARGEST}")
}

/// A value in a curl configuration.
fn curl_quoted(value: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in value.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
