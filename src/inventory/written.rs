//! Properties of a value that can be determined before it is rendered.

use std::borrow::Cow;

use serde_json::Value as Json;

use super::node::{self, SEALED_KEY, UNSAFE_KEY, VAULT_KEY};

pub(super) fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

/// Whether nothing in the value needs to be rendered or decrypted.
pub(super) fn is_plain(value: &Json) -> bool {
    match value {
        Json::String(text) => !is_template(text),
        Json::Array(items) => items.iter().all(is_plain),
        Json::Object(map) => {
            ![VAULT_KEY, UNSAFE_KEY, SEALED_KEY]
                .iter()
                .any(|tag| map.contains_key(*tag))
                && map.values().all(is_plain)
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => true,
    }
}

/// Marks texts that look like templates in a value from an encrypted file.
pub(super) fn seal(value: &mut Json) {
    match value {
        Json::String(text) if is_template(text) => *value = node::tagged(SEALED_KEY, &**text),
        Json::Array(items) => items.iter_mut().for_each(seal),
        Json::Object(map)
            if tagged(map, VAULT_KEY).is_none() && tagged(map, UNSAFE_KEY).is_none() =>
        {
            map.values_mut().for_each(seal);
        }
        _ => {}
    }
}

/// The text under this key, if it is the only key of the mapping.
pub(super) fn tagged<'v>(map: &'v serde_json::Map<String, Json>, key: &str) -> Option<&'v str> {
    if map.len() == 1 {
        map.get(key).and_then(Json::as_str)
    } else {
        None
    }
}

/// Escapes backslashes in string literals of expressions, so that they are kept as in Ansible's variables: a
/// regular expression is written without extra backslashes.
pub(super) fn keep_backslashes(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    let mut quote = None;
    let mut inside = false;
    while let Some(c) = rest.chars().next() {
        let mut length = c.len_utf8();
        match quote {
            Some(_) if c == '\\' => {
                // An escaped quote stays escaped.
                let escaped = rest[1..].chars().next().filter(|next| Some(*next) == quote);
                out.push_str(if escaped.is_some() { "\\" } else { "\\\\" });
                if let Some(escaped) = escaped {
                    out.push(escaped);
                    length += escaped.len_utf8();
                }
            }
            Some(open) => {
                out.push(c);
                if c == open {
                    quote = None;
                }
            }
            None => {
                if rest.starts_with("{{") {
                    inside = true;
                } else if rest.starts_with("}}") {
                    inside = false;
                } else if inside && matches!(c, '"' | '\'') {
                    quote = Some(c);
                }
                out.push(c);
            }
        }
        rest = &rest[length..];
    }
    Cow::Owned(out)
}

/// The first label of a host name. An address is returned unchanged.
pub(super) fn short_name(name: &str) -> &str {
    if name.parse::<std::net::IpAddr>().is_ok() {
        return name;
    }
    name.split('.').next().unwrap_or(name)
}
