//! `prometheus(url, query)`: whether a number from a Prometheus server is within limits.

use std::time::Duration;

use indexmap::IndexMap;
use serde::Deserialize;

use super::http::{Request, Response, request};
use crate::checks::entry::kind;
use crate::checks::observe::{Answer, Observe, StepKind, excerpt};
use crate::checks::verdict::Verdict;
use crate::declare::{ArgumentError, Span, options};

kind! {
    /// Checks whether a number from a Prometheus server is within limits. The check never passes if there
    /// is no such number.
    ///
    /// At least one limit is required. The URL is that of the server, without `/api`. Anything with the
    /// same HTTP API works too: Thanos, Mimir, VictoriaMetrics.
    ///
    /// | result | state |
    /// |---|---|
    /// | one number within the limits | `passing` |
    /// | one number outside a limit | `critical` |
    /// | nothing: no such series, or no sample in the last five minutes | `error` |
    /// | several series, whatever their values: combine them with `sum(...)` or `max(...)` | `error` |
    /// | not a number, or infinite (`0 / 0`, `1 / 0`) | `error` |
    /// | a sample older than `max_age` | `error` |
    /// | no answer, or a rejected query | `error` |
    ///
    /// ```rhai
    /// let errors = "sum(rate(http_requests_total{job=\"shop\",code=~\"5..\"}[1m])) or vector(0)";
    /// let few = prometheus("http://127.0.0.1:9090", errors, #{ below: 0.5, from: "controller" });
    /// each(hosts("web")[0], |h| h.check(few));
    /// ```
    prometheus(url: String, query: String; Options) => Prometheus::new
}

/// A label that distinguishes the age of the samples from their value.
const LABEL: &str = "ops";
const AGE: &str = "age";

options! {
    #[derive(Debug, Clone, Default)]
    pub(crate) struct Options {
        /// the number must be greater than this
        above: Option<f64>,
        /// the number must be greater than or equal to this
        at_least: Option<f64>,
        /// the number must be less than this
        below: Option<f64>,
        /// the number must be less than or equal to this
        at_most: Option<f64>,
        /// the maximum age of the newest sample, such as `"2m"`; only for a query that selects a metric,
        /// since the result of a computation has no age
        max_age: Option<Span>,
        /// headers to send, such as `#{ Authorization: token }`
        headers: Option<IndexMap<String, String>>,
        /// whether any certificate is accepted; default `false`
        insecure: Option<bool>,
        /// a file with the trusted certificates, on the machine that runs the check
        ca: Option<String>,
    }
}

pub(crate) struct Prometheus {
    request: Request,
    query: String,
    bounds: Vec<Bound>,
    max_age: Option<Duration>,
}

#[derive(Debug, Clone, Copy)]
enum Bound {
    Above(f64),
    AtLeast(f64),
    Below(f64),
    AtMost(f64),
}

impl Bound {
    fn is_met(self, number: f64) -> bool {
        match self {
            Self::Above(bound) => number > bound,
            Self::AtLeast(bound) => number >= bound,
            Self::Below(bound) => number < bound,
            Self::AtMost(bound) => number <= bound,
        }
    }

    fn shown(self) -> String {
        match self {
            Self::Above(bound) => format!("above {bound}"),
            Self::AtLeast(bound) => format!("at least {bound}"),
            Self::Below(bound) => format!("below {bound}"),
            Self::AtMost(bound) => format!("at most {bound}"),
        }
    }
}

impl Prometheus {
    fn new(url: String, query: String, options: Options) -> Result<Self, ArgumentError> {
        let query = query.trim().to_owned();
        if query.is_empty() {
            return Err(ArgumentError::parameter(1, "`query`: must not be empty"));
        }
        let mut bounds = Vec::new();
        for (key, number, bound) in [
            ("above", options.above, Bound::Above as fn(f64) -> Bound),
            ("at_least", options.at_least, Bound::AtLeast),
            ("below", options.below, Bound::Below),
            ("at_most", options.at_most, Bound::AtMost),
        ] {
            let Some(number) = number else { continue };
            if !number.is_finite() {
                return Err(ArgumentError::option(key, "must be a finite number"));
            }
            bounds.push(bound(number));
        }
        if bounds.is_empty() {
            return Err(ArgumentError::call("no limit is given")
                .hint("Set at least one of `below`, `at_most`, `above` and `at_least`."));
        }
        let mut request = request(url, options.headers, options.insecure, options.ca)?;
        let path = request.url.target.trim_end_matches('/');
        if path.contains('?') {
            let message = "`url`: must be the URL of the server, without a query";
            return Err(ArgumentError::parameter(0, message));
        }
        let max_age = options.max_age.map(|span| span.0);
        let asked = match max_age {
            // Both in one request: the age is returned beside the value, distinguished by a label.
            Some(_) => format!(
                "label_replace(({query}\n),\"{LABEL}\",\"value\",\"\",\"\") or \
                 label_replace(time()-max(timestamp({query}\n)),\"{LABEL}\",\"{AGE}\",\"\",\"\")"
            ),
            None => query.clone(),
        };
        request.url.target = format!("{path}/api/v1/query?query={}", encoded(&asked));
        Ok(Self {
            request,
            query,
            bounds,
            max_age,
        })
    }
}

/// Percent-encodes every byte that is not unreserved (RFC 3986, 2.3).
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

impl Observe for Prometheus {
    fn label(&self) -> String {
        format!("prometheus {}", excerpt(self.query.as_bytes()))
    }

    fn script(&self) -> String {
        self.request.script()
    }

    fn runs_as(&self) -> StepKind {
        StepKind::Command
    }

    fn verdict(&self, answer: &Answer) -> Verdict {
        let response = match Response::read(answer) {
            Ok(response) => response,
            // An unknown state does not mean that anything is unhealthy.
            Err(verdict) => {
                let verdict = Verdict {
                    state: super::State::Error,
                    ..verdict
                };
                return verdict;
            }
        };
        let cut = |what: &str| {
            let body = excerpt(&response.body);
            Verdict::error(format!("{what}: {} {body}", response.status))
        };
        let Ok(reply) = serde_json::from_slice::<QueryResponse>(&response.body) else {
            return cut("the answer is not from Prometheus");
        };
        match reply {
            QueryResponse::Error { error, error_type } => {
                let error = excerpt(error.as_bytes());
                Verdict::error(format!("the query was rejected: {error_type}: {error}"))
            }
            QueryResponse::Success { .. } if response.status != 200 => {
                cut("the answer contradicts itself")
            }
            QueryResponse::Success { data } => self.judge(data),
        }
    }
}

/// An answer of the HTTP API: <https://prometheus.io/docs/prometheus/latest/querying/api/>.
#[derive(Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
enum QueryResponse {
    Success {
        data: Data,
    },
    Error {
        error: String,
        #[serde(rename = "errorType")]
        error_type: String,
    },
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Vector(Vec<Series>),
    Scalar(Sample),
    Matrix(serde::de::IgnoredAny),
    String(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
struct Series {
    metric: IndexMap<String, String>,
    value: Sample,
}

/// The time in seconds since 1970, and the value: a number as text, because JSON has no NaN.
#[derive(Deserialize)]
struct Sample(
    #[expect(dead_code, reason = "the time at which the query was evaluated")] f64,
    String,
);

impl Sample {
    /// `None` if it is not a number that can be compared.
    fn number(&self) -> Option<f64> {
        self.1
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite())
    }
}

impl Prometheus {
    fn judge(&self, data: Data) -> Verdict {
        let mut series = match data {
            Data::Vector(series) => series,
            Data::Scalar(sample) => vec![Series {
                metric: IndexMap::new(),
                value: sample,
            }],
            Data::Matrix(_) | Data::String(_) => {
                return Verdict::error("the query returned a range or a string, not a number");
            }
        };
        if let Some(most) = self.max_age {
            let at = series
                .iter()
                .position(|one| one.metric.get(LABEL).is_some_and(|label| label == AGE));
            match at.map(|at| series.remove(at).value.number()) {
                Some(Some(age)) if age > most.as_secs_f64() => {
                    let most = humantime::format_duration(most);
                    return Verdict::error(format!(
                        "the newest sample is {age:.0} s old, more than {most}"
                    ));
                }
                Some(Some(_)) => {}
                Some(None) => return Verdict::error("the age of the sample is not a number"),
                None if series.is_empty() => {}
                None => return Verdict::error("the answer does not contain the age of the sample"),
            }
        }
        let one = match series.as_slice() {
            [] => {
                return Verdict::error("the query returned nothing").hint(
                    "Give a series that may be missing a default value: `... or vector(0)`.",
                );
            }
            [one] => one,
            several => {
                return Verdict::error(format!("the query returned {} series", several.len()))
                    .hint("Reduce them to one number: `sum(...)`, `max(...)`, `min(...)`.");
            }
        };
        let Some(number) = one.value.number() else {
            return Verdict::error(format!(
                "the query returned {}",
                excerpt(one.value.1.as_bytes())
            ));
        };
        let beyond: Vec<_> = self
            .bounds
            .iter()
            .filter(|bound| !bound.is_met(number))
            .map(|bound| bound.shown())
            .collect();
        if beyond.is_empty() {
            Verdict::passing(number.to_string())
        } else {
            Verdict::critical(format!("{number}, expected {}", beyond.join(" and ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::output::tests::{case, given};
    use crate::checks::verdict::State;

    fn prometheus(options: &str) -> Prometheus {
        Prometheus::new("http://p:9090".to_owned(), "up".to_owned(), given(options))
            .expect("a check")
    }

    fn said(options: &str, status: u16, body: &str) -> Verdict {
        let head = format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n\r\n{body}");
        prometheus(options).verdict(&case(0, &head, "ops-end perl 0\n"))
    }

    fn vector(series: &[(&str, &str)]) -> String {
        let series = series.iter().map(|(labels, value)| {
            format!(r#"{{"metric":{{{labels}}},"value":[1795262400.123,"{value}"]}}"#)
        });
        let series = series.collect::<Vec<_>>().join(",");
        format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{series}]}}}}"#)
    }

    fn state(options: &str, body: &str) -> State {
        said(options, 200, body).state
    }

    #[test]
    fn compares_a_number_with_every_limit() {
        let one = |value| vector(&[("", value)]);
        assert_eq!(state(r#"{"below": 2}"#, &one("1.5")), State::Passing);
        assert_eq!(state(r#"{"below": 2}"#, &one("2")), State::Critical);
        assert_eq!(state(r#"{"at_most": 2}"#, &one("2")), State::Passing);
        assert_eq!(state(r#"{"above": 2}"#, &one("2")), State::Critical);
        assert_eq!(state(r#"{"at_least": 2}"#, &one("2e0")), State::Passing);
        assert_eq!(
            state(r#"{"at_least": 1, "below": 2}"#, &one("0")),
            State::Critical
        );
        assert_eq!(
            said(r#"{"at_least": 1, "below": 2}"#, 200, &one("3")).message,
            "3, expected below 2"
        );
        let scalar = r#"{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}"#;
        assert_eq!(state(r#"{"below": 2}"#, scalar), State::Passing);
    }

    #[test]
    fn a_result_without_a_number_is_an_error() {
        for options in [
            r#"{"below": 2}"#,
            r#"{"above": -1}"#,
            r#"{"at_least": 0, "at_most": 9}"#,
        ] {
            for body in [
                vector(&[]),
                vector(&[("", "NaN")]),
                vector(&[("", "+Inf")]),
                vector(&[("", "-Inf")]),
                vector(&[("", "")]),
                vector(&[(r#""a":"1""#, "1"), (r#""a":"2""#, "1")]),
                r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#.to_owned(),
                r#"{"status":"success","data":{"resultType":"string","result":[1,"1"]}}"#
                    .to_owned(),
                r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#.to_owned(),
                "<html>1</html>".to_owned(),
                String::new(),
            ] {
                assert_eq!(state(options, &body), State::Error, "{body}");
            }
        }
        let refused = r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#;
        assert_eq!(said(r#"{"below": 2}"#, 400, refused).state, State::Error);
        assert_eq!(
            said(r#"{"below": 2}"#, 503, &vector(&[("", "1")])).state,
            State::Error
        );
    }

    #[test]
    fn a_server_that_is_down_is_an_error() {
        let verdict = prometheus(r#"{"below": 2}"#).verdict(&case(
            0,
            "",
            "Connection refused\nops-end perl 7\n",
        ));
        assert_eq!(verdict.state, State::Error, "{}", verdict.message);
    }

    #[test]
    fn an_old_sample_is_an_error() {
        let aged = |age: &str| vector(&[(r#""ops":"value""#, "1"), (r#""ops":"age""#, age)]);
        let options = r#"{"below": 2, "max_age": "2m"}"#;
        assert_eq!(state(options, &aged("119.5")), State::Passing);
        assert_eq!(
            said(options, 200, &aged("121")).message,
            "the newest sample is 121 s old, more than 2m"
        );
        assert_eq!(state(options, &aged("NaN")), State::Error);
        assert_eq!(
            state(options, &vector(&[(r#""ops":"value""#, "1")])),
            State::Error
        );
        assert_eq!(state(options, &vector(&[])), State::Error);
    }

    #[test]
    fn the_query_is_sent_unchanged() {
        let check = Prometheus::new(
            "https://p/prom/".to_owned(),
            "sum(x{a=\"b c\"}) > 1".to_owned(),
            given(r#"{"below": 1}"#),
        );
        assert_eq!(
            check.expect("a check").request.url.shown(),
            "https://p/prom/api/v1/query?query=sum%28x%7Ba%3D%22b%20c%22%7D%29%20%3E%201"
        );
        let refused = |url: &str, query: &str, options: &str| {
            Prometheus::new(url.to_owned(), query.to_owned(), given(options)).is_err()
        };
        assert!(refused("http://p", "up", "{}"), "no bound");
        assert!(refused("http://p", " ", r#"{"below": 1}"#));
        assert!(refused("http://p?x=1", "up", r#"{"below": 1}"#));
        assert!(refused("p:9090", "up", r#"{"below": 1}"#));
    }
}
