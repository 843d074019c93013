//! Parsers for the output of programs that resolve names.

use std::net::IpAddr;

use crate::checks::observe::excerpt;

/// What a name resolves to, or why it does not. `None` if the output is invalid.
pub(crate) type Found = Option<Result<Vec<String>, String>>;

/// `10.0.0.1  STREAM name`, and exit code 2 if the name is not found.
pub(crate) fn getent(text: &str, code: i32) -> Found {
    match code {
        0 => addresses(
            text.lines()
                .filter_map(|line| line.split_whitespace().next()),
        )
        .map(Ok),
        2 => Some(Err("does not resolve".to_owned())),
        _ => None,
    }
}

/// A header with the status, then `name ttl class type value`. Exit code 9 means no answer at all.
pub(crate) fn dig(text: &str, code: i32, kind: &str) -> Found {
    let header = text.lines().find_map(|line| {
        line.strip_prefix(";; ->>HEADER<<- ")?
            .split_once("status: ")
    });
    let Some((_, rest)) = header else {
        return (code == 9).then(|| Err("the name server does not answer".to_owned()));
    };
    let status = rest.split(',').next().unwrap_or_default();
    match status {
        "NOERROR" if code == 0 => {}
        "NXDOMAIN" => return Some(Err("the name does not exist".to_owned())),
        "" | "NOERROR" => return None,
        status => {
            return Some(Err(format!(
                "the name server answered {}",
                excerpt(status.as_bytes())
            )));
        }
    }
    let values: Vec<String> = text
        .lines()
        .filter(|line| !line.starts_with(';'))
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            // The name and its time to live.
            let (_, ttl) = (words.next()?, words.next()?);
            ttl.parse::<u32>().ok()?;
            let (class, found) = (words.next()?, words.next()?);
            let value = words.collect::<Vec<_>>().join(" ");
            (class == "IN" && found == kind && !value.is_empty()).then_some(value)
        })
        .collect();
    if values.is_empty() {
        return Some(Err(format!("there is no {kind} record")));
    }
    if matches!(kind, "A" | "AAAA") {
        return addresses(values.iter().map(String::as_str)).map(Ok);
    }
    Some(Ok(values))
}

/// `Address: 10.0.0.1` after a `Name:`, so that the address of the server does not count. Older versions of
/// BusyBox numbered them.
pub(crate) fn nslookup(text: &str, code: i32) -> Found {
    if code != 0 {
        return Some(Err("does not resolve".to_owned()));
    }
    let answers = text.lines().skip_while(|line| !line.starts_with("Name:"));
    let values = answers
        .filter_map(|line| line.strip_prefix("Address")?.split_once(':'))
        .filter_map(|(_, value)| value.split_whitespace().next());
    addresses(values).map(Ok)
}

/// Each address once. `None` if there is none, or if one is not an address.
fn addresses<'t>(words: impl Iterator<Item = &'t str>) -> Option<Vec<String>> {
    let mut found: Vec<String> = Vec::new();
    for word in words {
        let address = word.parse::<IpAddr>().ok()?.to_string();
        if !found.contains(&address) {
            found.push(address);
        }
    }
    (!found.is_empty()).then_some(found)
}
