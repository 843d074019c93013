//! Filters of strings.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use md5::Md5;
use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, Value};
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use super::arguments::{invalid, kwarg, text};
use super::lists::items;
use crate::template::limits;

/// `comment`: prefixes each line with the mark of a style, between a beginning and an end.
pub(super) fn comment(
    value: &Value,
    style: Option<String>,
    options: Kwargs,
) -> Result<String, Error> {
    let style = style
        .or(kwarg(&options, "style")?)
        .unwrap_or_else(|| "plain".to_owned());
    let (beginning, decoration, end) = match style.as_str() {
        "plain" => ("", "# ", ""),
        "erlang" => ("", "% ", ""),
        "c" => ("", "// ", ""),
        "cblock" => ("/*", " * ", " */"),
        "xml" => ("<!--", " - ", "-->"),
        _ => {
            return Err(invalid(format!(
                "comment: unknown style `{style}`; the styles are plain, erlang, c, cblock and xml"
            )));
        }
    };
    let option = |name: &str, usual: &str| -> Result<String, Error> {
        let given = options.get::<Option<Value>>(name)?;
        given.map_or_else(|| Ok(usual.to_owned()), |given| text(&given))
    };
    let decoration = option("decoration", decoration)?;
    let bare = decoration.trim_end();
    let newline = option("newline", "\n")?;
    let beginning = option("beginning", beginning)?;
    let end = option("end", end)?;
    let prefix = option("prefix", bare)?;
    let postfix = option("postfix", bare)?;
    let count = |name: &str| -> Result<usize, Error> {
        Ok(kwarg::<usize>(&options, name)?.unwrap_or(1).min(100))
    };
    let (prefix_count, postfix_count) = (count("prefix_count")?, count("postfix_count")?);
    options.assert_all_used()?;
    let mut out = String::new();
    if !beginning.is_empty() {
        out.push_str(&beginning);
        out.push_str(&newline);
    }
    for _ in 0..prefix_count {
        if !prefix.is_empty() && prefix != newline {
            out.push_str(&prefix);
        }
        if !prefix.is_empty() {
            out.push_str(&newline);
        }
    }
    let decorated = format!(
        "{decoration}{}",
        text(value)?.replace(&newline, &format!("{newline}{decoration}"))
    );
    // A line with only the mark has no space after it.
    out.push_str(&decorated.replace(
        &format!("{decoration}{newline}"),
        &format!("{bare}{newline}"),
    ));
    for _ in 0..postfix_count {
        out.push_str(&newline);
        out.push_str(&postfix);
    }
    if !end.is_empty() {
        out.push_str(&newline);
        out.push_str(&end);
    }
    Ok(out)
}

pub(super) fn b64encode(value: &Value, options: Kwargs) -> Result<String, Error> {
    let url_safe = encoding_options("b64encode", options)?;
    let text = text(value)?;
    Ok(if url_safe {
        URL_SAFE.encode(text)
    } else {
        STANDARD.encode(text)
    })
}

pub(super) fn b64decode(value: &Value, options: Kwargs) -> Result<String, Error> {
    let url_safe = encoding_options("b64decode", options)?;
    let text: String = text(value)?
        .chars()
        .filter(|c| !c.is_whitespace())
        .collect();
    let bytes = if url_safe {
        URL_SAFE.decode(text)
    } else {
        STANDARD.decode(text)
    };
    let bytes = bytes.map_err(|_| invalid("b64decode: the text is not valid base64"))?;
    String::from_utf8(bytes).map_err(|_| invalid("b64decode: the decoded value is not valid UTF-8"))
}

fn encoding_options(filter: &str, options: Kwargs) -> Result<bool, Error> {
    let url_safe = kwarg::<bool>(&options, "urlsafe")?.unwrap_or(false);
    let encoding = kwarg::<String>(&options, "encoding")?;
    options.assert_all_used()?;
    match encoding.as_deref().map(str::to_lowercase).as_deref() {
        None | Some("utf-8" | "utf8" | "ascii") => Ok(url_safe),
        Some(_) => Err(invalid(format!("{filter}: the encoding must be UTF-8"))),
    }
}

/// Quoted for a shell, like Python's `shlex.quote`.
pub(super) fn quote(value: &Value) -> Result<String, Error> {
    let text = text(value)?;
    let safe = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
    Ok(if !text.is_empty() && text.chars().all(safe) {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\"'\"'"))
    })
}

pub(super) fn hash(value: &Value, kind: Option<String>, options: Kwargs) -> Result<String, Error> {
    let kind = kind
        .or(kwarg(&options, "hashtype")?)
        .unwrap_or_else(|| "sha1".to_owned());
    options.assert_all_used()?;
    let text = text(value)?;
    let bytes = match kind.as_str() {
        "md5" => Md5::digest(&text).to_vec(),
        "sha1" => Sha1::digest(&text).to_vec(),
        "sha224" => Sha224::digest(&text).to_vec(),
        "sha256" => Sha256::digest(&text).to_vec(),
        "sha384" => Sha384::digest(&text).to_vec(),
        "sha512" => Sha512::digest(&text).to_vec(),
        other => {
            return Err(invalid(format!(
                "hash: `{other}` is not available; use md5, sha1, sha224, sha256, sha384 or sha512"
            )));
        }
    };
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A UUID of version 5 in Ansible's namespace.
pub(super) fn to_uuid(
    value: &Value,
    namespace: Option<String>,
    options: Kwargs,
) -> Result<String, Error> {
    let namespace = namespace.or(kwarg(&options, "namespace")?);
    options.assert_all_used()?;
    let namespace = namespace.unwrap_or_else(|| "361E6D51-FAEC-444A-9079-341386DA8E2E".to_owned());
    let hex: Vec<u8> = namespace.bytes().filter(u8::is_ascii_hexdigit).collect();
    if hex.len() != 32 {
        return Err(invalid("to_uuid: the namespace is not a UUID"));
    }
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let space = hex
        .chunks_exact(2)
        .filter_map(|pair| Some(digit(pair[0])? * 16 + digit(pair[1])?));
    let mut hasher = Sha1::new();
    hasher.update(space.collect::<Vec<u8>>());
    hasher.update(text(value)?);
    let mut bytes = hasher.finalize()[..16].to_vec();
    bytes[6] = (bytes[6] & 0x0f) | 0x50;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let mut out = String::new();
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        // Writing to a String does not fail.
        let _ = write!(out, "{byte:02x}");
    }
    Ok(out)
}

/// The parts of a URL under Python's names.
pub(super) fn urlsplit(
    value: &Value,
    wanted: Option<String>,
    options: Kwargs,
) -> Result<Value, Error> {
    let wanted = wanted.or(kwarg(&options, "query")?);
    options.assert_all_used()?;
    let url = text(value)?;
    let mut rest = url.as_str();
    let mut scheme = String::new();
    if let Some((before, after)) = rest.split_once(':')
        && before.starts_with(|c: char| c.is_ascii_alphabetic())
        && before
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    {
        scheme = before.to_lowercase();
        rest = after;
    }
    let mut netloc = "";
    if let Some(after) = rest.strip_prefix("//") {
        let end = after.find(['/', '?', '#']).unwrap_or(after.len());
        (netloc, rest) = after.split_at(end);
    }
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (user, place) = match netloc.rsplit_once('@') {
        Some((user, place)) => (Some(user), place),
        None => (None, netloc),
    };
    let (username, password) = match user.map(|user| user.split_once(':')) {
        Some(Some((name, password))) => (Some(name), Some(password)),
        _ => (user, None),
    };
    let (host, port) = match place
        .strip_prefix('[')
        .and_then(|inner| inner.split_once(']'))
    {
        Some((host, after)) => (host, after.strip_prefix(':')),
        None => match place.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    let port = match port.filter(|port| !port.is_empty()) {
        Some(port) => Value::from(
            port.parse::<u16>()
                .map_err(|_| invalid("urlsplit: the port is not a number"))?,
        ),
        None => Value::from(()),
    };
    let or_none = |text: Option<&str>| text.map_or(Value::from(()), Value::from);
    let parts = [
        ("fragment", Value::from(fragment)),
        (
            "hostname",
            or_none(Some(&*host.to_lowercase()).filter(|host| !host.is_empty())),
        ),
        ("netloc", Value::from(netloc)),
        ("password", or_none(password)),
        ("path", Value::from(path)),
        ("port", port),
        ("query", Value::from(query)),
        ("scheme", Value::from(scheme)),
        ("username", or_none(username)),
    ];
    match wanted.filter(|wanted| !wanted.is_empty()) {
        None => Ok(Value::from_pairs(parts)),
        Some(wanted) => parts
            .into_iter()
            .find_map(|(name, value)| (name == wanted).then_some(value))
            .ok_or_else(|| invalid(format!("urlsplit: unknown URL component: {wanted}"))),
    }
}

pub(super) fn urldecode(value: &Value) -> Result<String, Error> {
    let text = text(value)?.replace('+', " ");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = (*first == b'%')
            .then(|| after.get(..2))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = &after[if code.is_some() { 2 } else { 0 }..];
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The units of sizes, the largest first.
const UNITS: [(char, u32); 8] = [
    ('Y', 8),
    ('Z', 7),
    ('E', 6),
    ('P', 5),
    ('T', 4),
    ('G', 3),
    ('M', 2),
    ('K', 1),
];

#[expect(
    clippy::cast_possible_truncation,
    reason = "a size, rounded as Python rounds it"
)]
pub(super) fn human_to_bytes(
    value: &Value,
    default_unit: Option<String>,
    options: Kwargs,
) -> Result<i128, Error> {
    let default_unit = default_unit
        .or(kwarg(&options, "default_unit")?)
        .unwrap_or_default();
    let bits = kwarg::<bool>(&options, "isbits")?.unwrap_or(false);
    options.assert_all_used()?;
    let size = text(value)?;
    let size = size.trim();
    let end = size
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(size.len());
    let refuse = || invalid("human_to_bytes: the value is not a size");
    let number: f64 = size[..end].parse().map_err(|_| refuse())?;
    let unit = size[end..].trim();
    let unit = if unit.is_empty() {
        default_unit.as_str()
    } else {
        unit
    };
    let mut letters = unit.chars();
    let power = match letters.next().map(|c| c.to_ascii_uppercase()) {
        None | Some('B') => 0,
        Some(letter) => UNITS
            .iter()
            .find_map(|(known, power)| (*known == letter).then_some(*power))
            .ok_or_else(refuse)?,
    };
    let (name, short) = if bits { ("bit", "b") } else { ("byte", "B") };
    let after = letters.as_str();
    let known = after.is_empty()
        || after == short
        || after.to_lowercase().starts_with(name)
        || (power == 0);
    if !known {
        return Err(refuse());
    }
    Ok((number * 1024_f64.powi(power.cast_signed())).round() as i128)
}

pub(super) fn human_readable(
    value: f64,
    bits: Option<bool>,
    unit: Option<String>,
    options: Kwargs,
) -> Result<String, Error> {
    let bits = bits.or(kwarg(&options, "isbits")?).unwrap_or(false);
    let unit = unit.or(kwarg(&options, "unit")?);
    options.assert_all_used()?;
    let base = if bits { "bits" } else { "Bytes" };
    let fits = |(letter, power): &(char, u32)| match &unit {
        None => value >= 1024_f64.powi(power.cast_signed()),
        Some(unit) => unit
            .chars()
            .next()
            .is_some_and(|c| c.to_ascii_uppercase() == *letter),
    };
    let (suffix, power) = match UNITS.iter().find(|unit| fits(unit)) {
        Some((letter, power)) => (format!("{letter}{}", if bits { 'b' } else { 'B' }), *power),
        None => (base.to_owned(), 0),
    };
    Ok(format!(
        "{:.2} {suffix}",
        value / 1024_f64.powi(power.cast_signed())
    ))
}

/// Centres with spaces to the given width; if they cannot be even, the left side gets one more.
pub(super) fn center(value: &Value, width: Option<usize>) -> Result<String, Error> {
    let text = text(value)?;
    let width = width.unwrap_or(80).min(10_000);
    let missing = width.saturating_sub(text.chars().count());
    // As in Python.
    let left = missing / 2 + (missing & width & 1);
    Ok(format!(
        "{}{text}{}",
        " ".repeat(left),
        " ".repeat(missing - left)
    ))
}

/// A larger indentation is taken for a mistake.
const MAX_INDENT: usize = 10_000;

/// Indents each line except the first and empty ones, unless requested.
pub(super) fn indent(
    value: &Value,
    width: Option<usize>,
    first: Option<bool>,
    blank: Option<bool>,
    options: Kwargs,
) -> Result<String, Error> {
    let text = text(value)?;
    let width = width.or(kwarg(&options, "width")?).unwrap_or(4);
    let first = first.or(kwarg(&options, "first")?).unwrap_or(false);
    let blank = blank.or(kwarg(&options, "blank")?).unwrap_or(false);
    options.assert_all_used()?;
    if width > MAX_INDENT {
        return Err(invalid(format!(
            "indent: the width must be a number up to {MAX_INDENT}"
        )));
    }
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    limits::fits("indent", text.len(), text.split('\n').count(), width)?;
    let spaces = " ".repeat(width);
    let mut out = String::new();
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            out.push('\n');
        }
        let empty = line.is_empty() || line == "\r";
        if (index > 0 || first) && (blank || !empty) {
            out.push_str(&spaces);
        }
        out.push_str(line);
    }
    Ok(out)
}

pub(super) fn replace(value: &Value, find: &Value, with: &Value) -> Result<String, Error> {
    let (value, find, with) = (text(value)?, text(find)?, text(with)?);
    let count = value.matches(&find).count();
    limits::fits("replace", value.len(), count, with.len())?;
    Ok(value.replace(&find, &with))
}

pub(super) fn wordcount(value: &Value) -> Result<usize, Error> {
    let words = text(value)?;
    let words = words.split(|c: char| !c.is_alphanumeric() && c != '_');
    Ok(words.filter(|word| !word.is_empty()).count())
}

/// Encodes a string, or the fields of a query.
pub(super) fn urlencode(value: &Value) -> Result<String, Error> {
    if let Some(text) = value.as_str() {
        return Ok(percent_encoded(text, "/"));
    }
    let mut fields = Vec::new();
    for item in items(value)? {
        let (key, value) = if value.kind() == ValueKind::Map {
            (item.clone(), value.get_item(&item)?)
        } else {
            (item.get_item_by_index(0)?, item.get_item_by_index(1)?)
        };
        let field =
            |value: &Value| Ok::<_, Error>(percent_encoded(&text(value)?, "").replace("%20", "+"));
        fields.push(format!("{}={}", field(&key)?, field(&value)?));
    }
    Ok(fields.join("&"))
}

fn percent_encoded(text: &str, safe: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        let c = char::from(byte);
        if byte.is_ascii_alphanumeric() || "_.-~".contains(c) || safe.contains(c) {
            out.push(c);
        } else {
            // Writing to a String does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
