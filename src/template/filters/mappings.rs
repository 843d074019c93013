//! Filters that make one mapping or list of several.

use minijinja::value::{Kwargs, Rest, Serde, ValueKind};
use minijinja::{Error, Value};

use super::invalid;

pub(super) fn combine(first: &Value, more: Rest<Value>, options: Kwargs) -> Result<Value, Error> {
    let recursive = options.get::<Option<bool>>("recursive")?.unwrap_or(false);
    let lists = options
        .get::<Option<String>>("list_merge")?
        .unwrap_or_else(|| "replace".to_owned());
    options.assert_all_used()?;
    if !["replace", "keep", "append", "prepend"].contains(&lists.as_str()) {
        return Err(invalid(format!(
            "combine: list_merge=\"{lists}\" is not replace, keep, append or prepend"
        )));
    }
    let mut result = Map::new();
    for value in std::iter::once(first).chain(more.iter()) {
        // A list of mappings stands for each of them.
        let maps = match serde_json::to_value(value)
            .map_err(|error| invalid(format!("combine: {error}")))?
        {
            serde_json::Value::Array(maps) => maps,
            map => vec![map],
        };
        for map in maps {
            let serde_json::Value::Object(map) = map else {
                return Err(invalid("combine: it takes mappings only"));
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
    if map.kind() != ValueKind::Map {
        return Err(invalid(format!(
            "dict2items: it takes a mapping, not {}",
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

pub(super) fn items2dict(items: Vec<Value>, options: Kwargs) -> Result<Value, Error> {
    let (key_name, value_name) = item_names(&options)?;
    let mut pairs = Vec::with_capacity(items.len());
    for item in items {
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

/// What the two parts of an item are called.
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

pub(super) fn flatten(items: &Value, levels: Option<usize>) -> Result<Vec<Value>, Error> {
    let mut flat = Vec::new();
    for item in items.try_iter()? {
        if item.kind() == ValueKind::Seq && levels != Some(0) {
            flat.extend(flatten(&item, levels.map(|levels| levels - 1))?);
        } else if !item.is_none() {
            flat.push(item);
        }
    }
    Ok(flat)
}
