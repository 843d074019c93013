//! `http`: the response of a web server. [`Request`] sends the request with a tool that the machine has,
//! [`Response`] parses the answer; other kinds that use HTTP share them.

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
    /// Checks whether a web server returns the expected response.
    ///
    /// A redirect is a response like any other, so it passes only if `status` lists it or `follow` is set.
    /// The comparisons for `json` are `is`, `not`, `below`, `at_most`, `above`, `at_least` and `contains`.
    /// Only the first 256 KiB are read. Proxies are not used.
    ///
    /// The state is critical if the connection fails, the response times out, or the certificate cannot be
    /// verified. It is an error if the name does not resolve, or if no program that could send the request
    /// is installed. The check uses curl, else perl for plain HTTP, else GNU wget if no headers are sent.
    ///
    /// ```rhai
    /// let healthy = http("http://127.0.0.1:8080/healthz", #{ body: "1.4.2", max_latency: "1s" });
    /// let tls = #{ host: "shop.example", from: "controller", insecure: true };
    /// each(hosts("web"), |h| {
    ///     h.check(healthy);
    ///     h.check(http("https://127.0.0.1/", tls));
    /// });
    /// ```
    http(url: String; Options) => Http::new
}

options! {
    #[derive(Default)]
    pub struct Options {
        /// the expected status: `200`, `"2xx"`, `"200-299"`, or a list of these; default `"2xx"`
        status: Option<Statuses>,
        /// a string that the body must contain
        body: Option<String>,
        /// a regular expression that the body must match
        regex: Option<String>,
        /// expected values in a JSON body: `#{ "status.db": "ok", "queue[0].length": #{ below: 100 } }`
        json: Option<IndexMap<String, serde_json::Value>>,
        /// headers that the response must have, and what they must contain: `#{ "x-version": "1.4.2" }`
        header: Option<IndexMap<String, String>>,
        /// headers to send, such as `#{ Authorization: token }`
        headers: Option<IndexMap<String, String>>,
        /// the HTTP method, such as `"HEAD"`; default `"GET"`
        method: Option<String>,
        /// the host name for the `Host` header and the TLS handshake, if the URL contains an address
        host: Option<String>,
        /// whether to follow redirects, ten at most; default `false`
        follow: Option<bool>,
        /// if the response takes longer, the state is critical: `"500ms"`
        max_latency: Option<Span>,
        /// if the response takes longer, the state is a warning
        warn_latency: Option<Span>,
        /// whether any certificate is accepted; default `false`
        insecure: Option<bool>,
        /// a file with the trusted certificates, on the machine that runs the check
        ca: Option<String>,
    }
}

/// A request and the expected response.
pub struct Http {
    request: Request,
    expected: Expected,
}

/// The expected response.
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
            let message = format!("invalid HTTP method: {method:?}");
            return Err(ArgumentError::option("method", message));
        }
        if let Some(host) = options
            .host
            .as_deref()
            .filter(|host| !is_host(host) || !host.is_ascii())
        {
            let message = format!("invalid host name: {host:?}");
            return Err(ArgumentError::option("host", message));
        }
        let headers: Vec<_> = options.headers.unwrap_or_default().into_iter().collect();
        for (name, value) in &headers {
            if !is_token(name) {
                let message = format!("invalid header name: {name:?}");
                return Err(ArgumentError::option("headers", message));
            }
            // A line break would start another header.
            if value.chars().any(char::is_control) {
                let message = format!(
                    "the value of {name} contains a line break or another control character"
                );
                return Err(ArgumentError::option("headers", message));
            }
        }
        let url = Url::parse(&url)?;
        for (key, given) in [
            ("insecure", options.insecure == Some(true)),
            ("ca", options.ca.is_some()),
        ] {
            if given && !url.secure {
                let message = "applies only to an https URL";
                return Err(ArgumentError::option(key, message));
            }
        }
        if let Some(ca) = options.ca.as_deref()
            && (!ca.starts_with('/') || ca.chars().any(char::is_control))
        {
            return Err(ArgumentError::option("ca", "must be an absolute path"));
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

/// A GET request for another kind, validated by the same rules.
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

/// An error about a path in `json`; a hint may follow a line break.
fn in_json(path: &str, reason: &str) -> ArgumentError {
    let (message, hint) = reason.split_once('\n').unwrap_or((reason, ""));
    let error = ArgumentError::option("json", format!("{path:?}: {message}"));
    if hint.is_empty() {
        error
    } else {
        error.hint(hint)
    }
}

/// A token of RFC 9110, 5.6.2: a method or a header name.
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

    /// What is wrong with headers and body, if anything.
    fn content(&self, response: &Response) -> Result<(), String> {
        for (name, expected) in &self.header {
            let mut values = response.header(name).peekable();
            if values.peek().is_none() {
                return Err(format!("the header {name} is missing"));
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
            " (only its beginning was read)"
        } else {
            ""
        };
        let said = || excerpt(&response.body);
        if let Some(body) = &self.body
            && !text.contains(body)
        {
            return Err(format!(
                "the body does not contain {body:?}{cut}: {:?}",
                said()
            ));
        }
        if let Some(regex) = &self.regex
            // The final line ending is not part of the text.
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
            .map_err(|_| format!("the body is not valid JSON{cut}: {:?}", said()))?;
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
