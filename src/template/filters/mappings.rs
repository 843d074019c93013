//! Filters that combine several mappings or lists into one.

use minijinja::value::{Kwargs, Rest, Serde, ValueKind};
use minijinja::{Error, Value};

use super::arguments::{invalid, kwarg, text};
use super::lists::items;
use crate::template::{plain, undefined};

pub(super) fn combine(first: &Value, more: Rest<Value>, options: Kwargs) -> Result<Value, Error> {
    let recursive = options.get::<Option<bool>>("recursive")?.unwrap_or(false);
    let lists = options
        .get::<Option<String>>("list_merge")?
        .unwrap_or_else(|| "replace".to_owned());
    options.assert_all_used()?;
    if ![
        "replace",
        "keep",
        "append",
        "prepend",
        "append_rp",
        "prepend_rp",
    ]
    .contains(&lists.as_str())
    {
        return Err(invalid(format!(
            "combine: list_merge=\"{lists}\" is not replace, keep, append, prepend, append_rp or prepend_rp"
        )));
    }
    let mut result = Map::new();
    for value in std::iter::once(first).chain(more.iter()) {
        // A list of mappings is expanded to its items.
        let maps = match plain(value)? {
            serde_json::Value::Array(maps) => maps,
            map => vec![map],
        };
        for map in maps {
            let serde_json::Value::Object(map) = map else {
                return Err(invalid("combine: accepts only mappings"));
            };
            merge(&mut result, map, recursive, &lists);
        }
    }
    Ok(Value::from(Serde(result)))
}

type Map = serde_json::Map<String, serde_json::Value>;

fn merge(into: &mut Map, from: Map, recursive: bool, lists: &str) {
    use serde_json::Value as Json;
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Json::Object(old)), Json::Object(new)) if recursive => {
                merge(old, new, recursive, lists);
            }
            (Some(Json::Array(old)), Json::Array(mut new)) if lists != "replace" => match lists {
                "append" => old.append(&mut new),
                // Without duplicates, of which the new one is kept.
                "append_rp" => {
                    old.retain(|item| !new.contains(item));
                    old.append(&mut new);
                }
                "prepend_rp" => {
                    old.retain(|item| !new.contains(item));
                    new.append(old);
                    *old = new;
                }
                "prepend" => {
                    new.append(old);
                    *old = new;
                }
                _ => {}
            },
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

pub(super) fn dict2items(map: &Value, options: Kwargs) -> Result<Vec<Value>, Error> {
    let (key_name, value_name) = item_names(&options)?;
    undefined::check(map)?;
    if map.kind() != ValueKind::Map {
        return Err(invalid(format!(
            "dict2items: needs a mapping, not {}",
            map.kind()
        )));
    }
    let item = |key: Value| {
        let value = map.get_item(&key)?;
        Ok(Value::from_pairs([
            (key_name.as_str(), key),
            (value_name.as_str(), value),
        ]))
    };
    map.try_iter()?.map(item).collect()
}

pub(super) fn items2dict(list: &Value, options: Kwargs) -> Result<Value, Error> {
    let (key_name, value_name) = item_names(&options)?;
    let list = items(list)?;
    let mut pairs = Vec::with_capacity(list.len());
    for item in list {
        let (key, value) = (item.get_attr(&key_name)?, item.get_attr(&value_name)?);
        if key.is_undefined() || value.is_undefined() {
            return Err(invalid(format!(
                "items2dict: each item must have `{key_name}` and `{value_name}`"
            )));
        }
        pairs.push((key, value));
    }
    Ok(Value::from_pairs(pairs))
}

/// The names of the two parts of an item.
fn item_names(options: &Kwargs) -> Result<(String, String), Error> {
    let key = options
        .get::<Option<String>>("key_name")?
        .unwrap_or_else(|| "key".to_owned());
    let value = options
        .get::<Option<String>>("value_name")?
        .unwrap_or_else(|| "value".to_owned());
    options.assert_all_used()?;
    Ok((key, value))
}

/// `dict(pairs)`, `dict(a=1)`.
pub(in crate::template) fn dict(pairs: Option<&Value>, options: Kwargs) -> Result<Value, Error> {
    let mut made: Vec<(Value, Value)> = Vec::new();
    match pairs {
        None => {}
        Some(map) if map.kind() == ValueKind::Map => {
            for key in items(map)? {
                let value = map.get_item(&key)?;
                made.push((key, value));
            }
        }
        Some(pairs) => {
            for pair in items(pairs)? {
                match items(&pair)?.as_slice() {
                    [key, value] => made.push((key.clone(), value.clone())),
                    _ => return Err(invalid("dict: needs pairs")),
                }
            }
        }
    }
    for name in options.args() {
        made.push((Value::from(name), options.get(name)?));
    }
    Ok(Value::from_pairs(made))
}

/// Turns mappings into a mapping of them, keyed by one of their members.
pub(super) fn rekey_on_member(data: &Value, key: &Value, options: Kwargs) -> Result<Value, Error> {
    let duplicates = kwarg::<String>(&options, "duplicates")?.unwrap_or_else(|| "error".to_owned());
    options.assert_all_used()?;
    let items: Vec<Value> = if data.kind() == ValueKind::Map {
        let keys = items(data)?;
        keys.iter()
            .map(|key| data.get_item(key))
            .collect::<Result<_, _>>()?
    } else {
        items(data)?
    };
    let mut keyed: Vec<(Value, Value)> = Vec::new();
    for item in items {
        let name = item.get_item(key)?;
        if name.is_undefined() {
            let key = text(key)?;
            return Err(invalid(format!("rekey_on_member: an item has no `{key}`")));
        }
        match keyed.iter_mut().find(|(known, _)| *known == name) {
            Some(known) if duplicates == "overwrite" => known.1 = item,
            Some(_) => {
                let key = text(key)?;
                return Err(invalid(format!(
                    "rekey_on_member: two items have the same `{key}`"
                )));
            }
            None => keyed.push((name, item)),
        }
    }
    Ok(Value::from_pairs(keyed))
}
