//! Filters that make one mapping or list of several.

use minijinja::value::{Kwargs, Rest, Serde, ValueKind};
use minijinja::{Error, Value};

use super::invalid;

pub(super) fn combine(
    first: Serde<serde_json::Value>,
    more: Rest<Serde<serde_json::Value>>,
    options: Kwargs,
) -> Result<Value, Error> {
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
    let mut all = Vec::new();
    for value in std::iter::once(first.0).chain(more.0.into_iter().map(|value| value.0)) {
        match value {
            serde_json::Value::Array(maps) => all.extend(maps),
            value => all.push(value),
        }
    }
    let mut result = serde_json::Map::new();
    for value in all {
        let serde_json::Value::Object(map) = value else {
            return Err(invalid("combine: it takes mappings only"));
        };
        merge(&mut result, map, recursive, &lists);
    }
    Ok(Value::from(Serde(result)))
}

type Map = serde_json::Map<String, serde_json::Value>;

fn merge(into: &mut Map, from: Map, recursive: bool, lists: &str) {
    use serde_json::Value as Json;
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Json::Object(old)), Json::Object(new)) if recursive => {
                merge(old, new, recursive, lists)
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
    let key_name = options
        .get::<Option<String>>("key_name")?
        .unwrap_or_else(|| "key".to_owned());
    let value_name = options
        .get::<Option<String>>("value_name")?
        .unwrap_or_else(|| "value".to_owned());
    options.assert_all_used()?;
    if map.kind() != ValueKind::Map {
        return Err(invalid(format!(
            "dict2items: it takes a mapping, not {}",
            map.kind()
        )));
    }
    let item = |key: Value| {
        let value = map.get_item(&key)?;
        Ok([(key_name.clone(), key), (value_name.clone(), value)]
            .into_iter()
            .collect())
    };
    map.try_iter()?.map(item).collect()
}

pub(super) fn items2dict(items: Vec<Value>, options: Kwargs) -> Result<Value, Error> {
    let key_name = options
        .get::<Option<String>>("key_name")?
        .unwrap_or_else(|| "key".to_owned());
    let value_name = options
        .get::<Option<String>>("value_name")?
        .unwrap_or_else(|| "value".to_owned());
    options.assert_all_used()?;
    items
        .iter()
        .map(|item| {
            let (key, value) = (item.get_attr(&key_name)?, item.get_attr(&value_name)?);
            if key.is_undefined() || value.is_undefined() {
                return Err(invalid(format!(
                    "items2dict: each item must have `{key_name}` and `{value_name}`"
                )));
            }
            Ok((key, value))
        })
        .collect()
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
