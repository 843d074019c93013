//! `http`: what a web server answers. [`Request`] asks with whatever tool the asking machine has, [`Response`] reads the answer; other kinds
//! that speak HTTP use them too.

mod json;
mod request;
mod response;
mod status;
mod url;

use std::time::Duration;

use indexmap::IndexMap;
use regex::Regex;

use super::endpoint::is_host;
use crate::checks::entry::kind;
use crate::checks::observe::{Answer, Observe, excerpt};
use crate::checks::verdict::Verdict;
use crate::declare::{ArgumentError, Span, options};
use json::Expectation;
use status::Statuses;

pub use request::{LARGEST, Request};
pub use response::Response;
pub use url::Url;

kind! {
    /// Whether a web server gives the answer that is expected.
    ///
    /// A redirect is an answer like any other, so it does not pass unless `status` has it or `follow` is
    /// set. The comparisons of `json` are `is`, `not`, `below`, `at_most`, `above`, `at_least` and
    /// `contains`. The first 256 KiB are looked at. Proxies are not used.
    ///
    /// No connection, no answer in time, a certificate that does not verify: critical. A name that does not
    /// resolve, or no program that could ask: an error. It uses curl, else perl for plain HTTP,
    /// else GNU wget if no headers are sent.
    ///
    /// ```rhai
    /// let healthy = http("http://127.0.0.1:8080/healthz", #{ body: "1.4.2", max_latency: "1s" });
    /// each(hosts("web"), |h| {
    ///     h.check(healthy);
    ///     h.check(http("https://127.0.0.1/", #{ host: "shop.example", from: "controller", insecure: true }));
    /// });
    /// ```
    http(url: String; Options) => Http::new
}

options! {
    #[derive(Default)]
    pub struct Options {
        /// the status that is expected: `200`, `"2xx"`, `"200-299"`, or a list of these; `"2xx"`
        status: Option<Statuses>,
        /// a text that the body must contain
        body: Option<String>,
        /// an expression that the body must match
        regex: Option<String>,
        /// what must stand in a JSON body: `#{ "status.db": "ok", "queue[0].length": #{ below: 100 } }`
        json: Option<IndexMap<String, serde_json::Value>>,
        /// headers that must be in the answer, and what they must contain: `#{ "x-version": "1.4.2" }`
        header: Option<IndexMap<String, String>>,
        /// headers to send, for example `#{ Authorization: token }`
        headers: Option<IndexMap<String, String>>,
        /// `"GET"`, `"HEAD"`, or another; `"GET"`
        method: Option<String>,
        /// the name to ask for, in the `Host` header and in the handshake of TLS, where the URL has an
        /// address
        host: Option<String>,
        /// follows redirects, ten at most; `false`
        follow: Option<bool>,
        /// critical when it takes longer: `"500ms"`
        max_latency: Option<Span>,
        /// a warning when it takes longer
        warn_latency: Option<Span>,
        /// takes any certificate; `false`
        insecure: Option<bool>,
        /// a file with the certificates to trust, on the machine that asks
        ca: Option<String>,
    }
}

/// A request, and what is expected of the response.
pub struct Http {
    request: Request,
    expected: Expected,
}

/// What is expected of a response.
#[derive(Default)]
struct Expected {
    status: Statuses,
    body: Option<String>,
    regex: Option<Regex>,
    json: Vec<Expectation>,
    header: Vec<(String, String)>,
    max_latency: Option<Duration>,
    warn_latency: Option<Duration>,
}

impl Http {
    fn new(url: String, options: Options) -> Result<Self, ArgumentError> {
        let method = options.method.unwrap_or_else(|| "GET".to_owned());
        if !is_token(&method) {
            let message = format!("{method:?} is no method");
            return Err(ArgumentError::option("method", message));
        }
        if let Some(host) = options
            .host
            .as_deref()
            .filter(|host| !is_host(host) || !host.is_ascii())
        {
            let message = format!("{host:?} is no name of a host");
            return Err(ArgumentError::option("host", message));
        }
        let headers: Vec<_> = options.headers.unwrap_or_default().into_iter().collect();
        for (name, value) in &headers {
            if !is_token(name) {
                let message = format!("{name:?} is no name of a header");
                return Err(ArgumentError::option("headers", message));
            }
            // A line more would be another header.
            if value.chars().any(char::is_control) {
                let message =
                    format!("the value of {name} holds a line break or another control character");
                return Err(ArgumentError::option("headers", message));
            }
        }
        let url = Url::parse(&url)?;
        for (key, given) in [
            ("insecure", options.insecure == Some(true)),
            ("ca", options.ca.is_some()),
        ] {
            if given && !url.secure {
                let message = "there is no certificate where the URL is not https";
                return Err(ArgumentError::option(key, message));
            }
        }
        if let Some(ca) = options.ca.as_deref()
            && (!ca.starts_with('/') || ca.chars().any(char::is_control))
        {
            return Err(ArgumentError::option("ca", "it is no absolute path"));
        }
        Ok(Self {
            request: Request {
                url,
                method,
                headers,
                host: options.host,
                follow: options.follow.unwrap_or(false),
                insecure: options.insecure.unwrap_or(false),
                ca: options.ca,
            },
            expected: Expected {
                status: options.status.unwrap_or_default(),
                body: options.body,
                regex: expression(options.regex.as_deref())?,
                json: options
                    .json
                    .unwrap_or_default()
                    .into_iter()
                    .map(|(path, value)| {
                        Expectation::new(&path, value).map_err(|reason| in_json(&path, &reason))
                    })
                    .collect::<Result<_, _>>()?,
                header: options.header.unwrap_or_default().into_iter().collect(),
                max_latency: options.max_latency.map(|span| span.0),
                warn_latency: options.warn_latency.map(|span| span.0),
            },
        })
    }
}

/// A GET of another kind's, held against the same rules.
///
/// # Errors
/// What is wrong with the URL, which is the first argument, or with the option of that name.
pub fn request(
    url: String,
    headers: Option<IndexMap<String, String>>,
    insecure: Option<bool>,
    ca: Option<String>,
) -> Result<Request, ArgumentError> {
    let options = Options {
        headers,
        insecure,
        ca,
        ..Options::default()
    };
    Ok(Http::new(url, options)?.request)
}

fn expression(text: Option<&str>) -> Result<Option<Regex>, ArgumentError> {
    text.map(Regex::new)
        .transpose()
        .map_err(|error| ArgumentError::option("regex", error.to_string()))
}

/// An error about a path in `json`; a hint may stand behind a line break.
fn in_json(path: &str, reason: &str) -> ArgumentError {
    let (message, hint) = reason.split_once('\n').unwrap_or((reason, ""));
    let error = ArgumentError::option("json", format!("{path:?}: {message}"));
    if hint.is_empty() {
        error
    } else {
        error.hint(hint)
    }
}

/// A token of RFC 9110, 5.6.2: what a method and the name of a header are.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))
}

impl Observe for Http {
    fn label(&self) -> String {
        let url = self.request.url.shown();
        match self.request.method.as_str() {
            "GET" => format!("http {url}"),
            method => format!("http {method} {url}"),
        }
    }

    fn script(&self) -> String {
        self.request.script()
    }

    fn verdict(&self, answer: &Answer) -> Verdict {
        match Response::read(answer) {
            Ok(response) => self.expected.judge(&response),
            Err(verdict) => verdict,
        }
    }
}

impl Expected {
    fn judge(&self, response: &Response) -> Verdict {
        let status = response.status;
        if !self.status.has(status) {
            let said = excerpt(&response.body);
            let body = match said.as_str() {
                "" => String::new(),
                said => format!(": {said:?}"),
            };
            let place = response.header("location").next();
            let place = place.map_or_else(String::new, |place| format!(" to {place}"));
            let expected = self.status.shown();
            return Verdict::critical(format!("{status}{place}, expected {expected}{body}"));
        }
        if let Err(reason) = self.content(response) {
            return Verdict::critical(format!("{status}, but {reason}"));
        }
        let took = response.took;
        let slower = |bound: &Option<Duration>| bound.is_some_and(|bound| took > bound);
        let seen = format!("{status} in {}", rounded(took));
        let late = |bound: Option<Duration>| {
            format!(
                "{seen}, expected within {}",
                rounded(bound.unwrap_or_default())
            )
        };
        if slower(&self.max_latency) {
            Verdict::critical(late(self.max_latency))
        } else if slower(&self.warn_latency) {
            Verdict::warning(late(self.warn_latency))
        } else {
            Verdict::passing(seen)
        }
    }

    /// What is wrong with headers and body, if anything is.
    fn content(&self, response: &Response) -> Result<(), String> {
        for (name, expected) in &self.header {
            let mut values = response.header(name).peekable();
            if values.peek().is_none() {
                return Err(format!("there is no header {name}"));
            }
            let mut wrong = "";
            let found = values.any(|value| {
                wrong = value;
                value.contains(expected)
            });
            if !found {
                return Err(format!("{name} is {wrong:?}, expected {expected:?}"));
            }
        }
        let text = String::from_utf8_lossy(&response.body);
        let cut = if response.is_cut {
            " (only its beginning was looked at)"
        } else {
            ""
        };
        let said = || excerpt(&response.body);
        if let Some(body) = &self.body
            && !text.contains(body)
        {
            return Err(format!("{body:?} is not in the body{cut}: {:?}", said()));
        }
        if let Some(regex) = &self.regex
            // The end of a line is none of the text.
            && !regex.is_match(text.trim_end_matches(['\n', '\r']))
        {
            return Err(format!(
                "the body does not match `{regex}`{cut}: {:?}",
                said()
            ));
        }
        if self.json.is_empty() {
            return Ok(());
        }
        let document = serde_json::from_str(text.trim_start_matches('\u{feff}'))
            .map_err(|_| format!("the body is no JSON{cut}: {:?}", said()))?;
        self.json
            .iter()
            .try_for_each(|expectation| expectation.test(&document))
    }
}

/// In whole milliseconds.
fn rounded(time: Duration) -> humantime::FormattedDuration {
    let millis = u64::try_from(time.as_micros().div_ceil(1000)).unwrap_or(u64::MAX);
    humantime::format_duration(Duration::from_millis(millis))
}

#[cfg(test)]
mod tests;
