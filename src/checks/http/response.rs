//! The result of a request: a response, or why there is none.

use std::time::Duration;

use super::request::{CURL_SAYS, END, LARGEST};
use crate::checks::observe::{Answer, excerpt};
use crate::checks::verdict::Verdict;

/// An HTTP response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    /// In order of arrival.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The body was cut off at [`LARGEST`], or the head was.
    pub is_cut: bool,
    /// From the connection to the end of the body, as reported by curl; for other tools, the time of the
    /// script.
    pub took: Duration,
}

/// What a tool reported when it ended.
struct Ending<'a> {
    tool: &'a str,
    code: i32,
    /// Its message.
    said: String,
    /// Seconds measured by curl.
    took: Option<Duration>,
}

impl Response {
    /// Parses the answer of the script of a [`Request`](super::Request).
    ///
    /// # Errors
    /// A verdict if there is no response: critical if the server is at fault, an error if it was never
    /// asked.
    pub fn read(answer: &Answer) -> Result<Self, Verdict> {
        let stderr = String::from_utf8_lossy(&answer.stderr);
        let Some(ending) = Ending::read(&stderr) else {
            let said = answer.said();
            return Err(Verdict::error(format!("the request was cut short: {said}")));
        };
        // The pipe limits the size, and ends a tool with more output.
        let is_cut = answer.stdout.len() >= LARGEST;
        if !is_cut {
            ending.judge()?;
        }
        let raw = ending.tool == "perl";
        let took = ending.took.unwrap_or(answer.duration);
        let (status, headers, body) = parse(&answer.stdout).ok_or_else(|| {
            let message = match excerpt(&answer.stdout) {
                empty if empty.is_empty() && ending.said.is_empty() => {
                    "the connection was closed without a response".to_owned()
                }
                empty if empty.is_empty() => ending.said.clone(),
                other => format!("the response is not HTTP: {other:?}"),
            };
            Verdict::critical(message)
        })?;
        let chunked = headers.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("transfer-encoding")
                && value.to_ascii_lowercase().contains("chunked")
        });
        Ok(Self {
            status,
            body: if raw && chunked {
                joined(body)
            } else {
                body.to_vec()
            },
            headers,
            is_cut,
            took,
        })
    }

    /// The values of a header; the case of its name is ignored.
    pub fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers
            .iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

impl<'a> Ending<'a> {
    fn read(stderr: &'a str) -> Option<Self> {
        let last = stderr.lines().rfind(|line| line.starts_with(END))?;
        let (tool, code) = last.strip_prefix(END)?.split_once(' ')?;
        let curl = stderr
            .lines()
            .rfind(|line| line.starts_with(CURL_SAYS))
            .and_then(|line| line.split(' ').nth(2));
        let said = stderr
            .lines()
            .filter(|line| !line.starts_with(END) && !line.starts_with(CURL_SAYS))
            .collect::<Vec<_>>()
            .join(" ");
        Some(Self {
            tool,
            code: code.trim().parse().ok()?,
            said: plain(&said),
            // Some locales use a comma; ops sets C.
            took: curl
                .and_then(|seconds| seconds.parse().ok())
                .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
        })
    }

    /// Why there is no response, according to the exit code. For the codes see curl(1), wget(1), and the
    /// perl program.
    fn judge(&self) -> Result<(), Verdict> {
        let said = if self.said.is_empty() {
            format!("{} exited with code {}", self.tool, self.code)
        } else {
            self.said.clone()
        };
        Err(match (self.tool, self.code) {
            // GNU wget's 8: the server returned an error, which was saved.
            (_, 0) | ("wget", 8) => return Ok(()),
            // curl's 1: the server does not speak a version of HTTP with a status. wget does not
            // distinguish a name that does not resolve from a closed port.
            ("curl", 1 | 7 | 16 | 18 | 28 | 47 | 52 | 55 | 56 | 61 | 92)
            | ("perl", 7)
            | ("wget", 4 | 7) => Verdict::critical(said),
            ("curl", 35 | 51 | 60 | 83 | 90 | 91) | ("wget", 5) => {
                Verdict::critical(format!("TLS: {said}"))
            }
            ("curl", 77) => {
                Verdict::error(said).hint("Is `ca` a file on the machine that runs the check?")
            }
            ("none", _) => Verdict::error("no program that could send the request is installed")
                .hint(
                    "Install curl there, or run the check from elsewhere: `from: \"controller\"`.",
                ),
            // This includes curl's and perl's 6: the name does not resolve.
            _ => Verdict::error(said),
        })
    }
}

/// The message of a tool as part of ours: `curl: (7) Failed to connect` becomes `failed to connect`.
fn plain(said: &str) -> String {
    let said = excerpt(said.as_bytes());
    let said = said.strip_prefix("curl: ").unwrap_or(&said);
    let said = match said
        .strip_prefix('(')
        .and_then(|rest| rest.split_once(") "))
    {
        Some((number, rest)) if number.parse::<u8>().is_ok() => rest,
        _ => said,
    };
    let said = said.strip_prefix("wget: ").unwrap_or(said);
    let mut letters = said.chars();
    match (letters.next(), letters.next()) {
        (Some(first), Some(second))
            if first.is_ascii_uppercase() && second.is_ascii_lowercase() =>
        {
            format!("{}{}", first.to_ascii_lowercase(), &said[1..])
        }
        _ => said.to_owned(),
    }
}

type Parsed<'a> = (u16, Vec<(String, String)>, &'a [u8]);

/// The last response: earlier ones are interim (RFC 9110: 1xx) or redirects that were followed.
fn parse(mut bytes: &[u8]) -> Option<Parsed<'_>> {
    loop {
        let (status, headers, rest) = parse_one(bytes)?;
        let on_the_way = (100..200).contains(&status) && status != 101
            || (300..400).contains(&status) && rest.starts_with(b"HTTP/");
        if !on_the_way {
            return Some((status, headers, rest));
        }
        bytes = rest;
    }
}

fn parse_one(bytes: &[u8]) -> Option<Parsed<'_>> {
    let mut rest = bytes;
    let first = take_line(&mut rest)?;
    let mut words = first.split(' ');
    words.next().filter(|word| word.starts_with("HTTP/"))?;
    let status = words.next()?.trim().parse().ok()?;
    let mut headers = Vec::new();
    while let Some(line) = take_line(&mut rest) {
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
    Some((status, headers, rest))
}

/// A line without its line ending.
fn take_line(rest: &mut &[u8]) -> Option<String> {
    let end = rest.iter().position(|&byte| byte == b'\n')?;
    let (line, after) = rest.split_at(end);
    *rest = after.get(1..).unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    Some(String::from_utf8_lossy(line).into_owned())
}

/// Decodes a chunked body (RFC 9112, 7.1), as far as possible.
fn joined(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(line) = take_line(&mut rest) {
        let size = line.split(';').next().unwrap_or_default().trim();
        let Ok(size) = usize::from_str_radix(size, 16) else {
            break;
        };
        if size == 0 {
            break;
        }
        let (chunk, after) = rest.split_at(size.min(rest.len()));
        body.extend_from_slice(chunk);
        rest = after.strip_prefix(b"\r\n").unwrap_or(after);
    }
    body
}
