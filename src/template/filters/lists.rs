//! Filters of lists: those of Jinja2 that select and map, sets, and those of itertools.

use minijinja::value::{Kwargs, Rest, Tuple, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};

use super::arguments::{invalid, kwarg, text};
use crate::template::{rewrite, undefined};

/// Filters and tests that accept undefined values.
const LENIENT: [&str; 5] = ["default", "d", "mandatory", "defined", "undefined"];

/// The items of a list, none of them undefined.
pub(in crate::template) fn items(value: &Value) -> Result<Vec<Value>, Error> {
    undefined::check(value)?;
    Ok(value.try_iter()?.collect())
}

/// The items of a list, some of which may be undefined.
fn raw_items(value: &Value) -> Result<Vec<Value>, Error> {
    if value.is_undefined() {
        undefined::check(value)?;
    }
    Ok(value.try_iter()?.collect())
}

/// Looks up `a.b.0` in an item.
pub(super) fn attribute(item: &Value, path: &Value) -> Value {
    let Some(path) = path.as_str() else {
        return item.get_item(path).unwrap_or_default();
    };
    let mut value = item.clone();
    for part in path.split('.') {
        let next = match part.parse::<usize>() {
            Ok(index) if value.kind() != ValueKind::Map => value.get_item_by_index(index),
            _ => value.get_attr(part),
        };
        match next {
            Ok(next) => value = next,
            Err(_) => return Value::UNDEFINED,
        }
    }
    value
}

/// The error of an item without the attribute.
pub(super) fn undefined_attribute(path: &Value) -> Error {
    Error::new(
        ErrorKind::UndefinedError,
        format!("`{}` is undefined", path.as_str().unwrap_or("item")),
    )
}

pub(super) fn map(
    state: &mut State<'_, '_>,
    value: &Value,
    args: Rest<Value>,
    options: Kwargs,
) -> Result<Vec<Value>, Error> {
    let items = raw_items(value)?;
    if let Some(path) = options.get::<Option<Value>>("attribute")? {
        let default = options.get::<Option<Value>>("default")?;
        options.assert_all_used()?;
        let of = |item: &Value| {
            let found = attribute(item, &path);
            match &default {
                Some(default) if found.is_undefined() => default.clone(),
                _ => found,
            }
        };
        return Ok(items.iter().map(of).collect());
    }
    let Some((name, rest)) = args.split_first() else {
        return Err(invalid("map: needs the name of a filter, or `attribute=`"));
    };
    let name = rewrite::short_name(&text(name)?).to_owned();
    let named: Vec<(String, Value)> = options
        .args()
        .map(|key| Ok((key.to_owned(), options.get::<Value>(key)?)))
        .collect::<Result<_, Error>>()?;
    let named = (!named.is_empty()).then(|| Value::from(Kwargs::from_iter(named)));
    let apply = |item: Value| {
        if item.is_undefined() && !LENIENT.contains(&name.as_str()) {
            return Err(undefined_attribute(&Value::from("item")));
        }
        let args: Vec<Value> = std::iter::once(item)
            .chain(rest.iter().cloned())
            .chain(named.clone())
            .collect();
        state
            .apply_filter(&name, &args)
            .map_err(|error| with_name(error, ErrorKind::UnknownFilter, "filter", &name))
    };
    items.into_iter().map(apply).collect()
}

/// The engine does not report which one is unknown.
fn with_name(error: Error, kind: ErrorKind, noun: &str, name: &str) -> Error {
    if error.kind() == kind && error.detail().is_none() {
        Error::new(kind, format!("{noun} `{name}` is unknown"))
    } else {
        error
    }
}

fn choose(
    state: &mut State<'_, '_>,
    wanted: bool,
    value: &Value,
    path: Option<&Value>,
    args: &[Value],
) -> Result<Vec<Value>, Error> {
    let test = match args.first() {
        Some(name) => Some(rewrite::short_name(&text(name)?).to_owned()),
        None => None,
    };
    args.iter().try_for_each(undefined::check)?;
    let mut kept = Vec::new();
    for item in raw_items(value)? {
        let tested = path.map_or_else(|| item.clone(), |path| attribute(&item, path));
        let lenient = test.as_deref().is_some_and(|name| LENIENT.contains(&name));
        if tested.is_undefined() && !lenient {
            return Err(undefined_attribute(path.unwrap_or(&Value::from("item"))));
        }
        let passed = match &test {
            None => tested.is_true(),
            Some(name) => {
                let args: Vec<Value> = std::iter::once(tested)
                    .chain(args.iter().skip(1).cloned())
                    .collect();
                state
                    .perform_test(name, &args)
                    .map_err(|error| with_name(error, ErrorKind::UnknownTest, "test", name))?
            }
        };
        if passed == wanted {
            kept.push(item);
        }
    }
    Ok(kept)
}

pub(super) fn select(
    state: &mut State<'_, '_>,
    value: &Value,
    args: Rest<Value>,
) -> Result<Vec<Value>, Error> {
    choose(state, true, value, None, &args)
}

pub(super) fn reject(
    state: &mut State<'_, '_>,
    value: &Value,
    args: Rest<Value>,
) -> Result<Vec<Value>, Error> {
    choose(state, false, value, None, &args)
}

pub(super) fn selectattr(
    state: &mut State<'_, '_>,
    value: &Value,
    path: &Value,
    args: Rest<Value>,
) -> Result<Vec<Value>, Error> {
    choose(state, true, value, Some(path), &args)
}

pub(super) fn rejectattr(
    state: &mut State<'_, '_>,
    value: &Value,
    path: &Value,
    args: Rest<Value>,
) -> Result<Vec<Value>, Error> {
    choose(state, false, value, Some(path), &args)
}

pub(super) fn list(value: &Value) -> Result<Vec<Value>, Error> {
    if let Some(text) = value.as_str() {
        return Ok(text.chars().map(|c| Value::from(c.to_string())).collect());
    }
    raw_items(value)
}

fn distinct(items: impl IntoIterator<Item = Value>) -> Vec<Value> {
    let mut kept: Vec<Value> = Vec::new();
    for item in items {
        if !kept.contains(&item) {
            kept.push(item);
        }
    }
    kept
}

pub(super) fn unique(value: &Value, options: Kwargs) -> Result<Vec<Value>, Error> {
    let path = options.get::<Option<Value>>("attribute")?;
    // Ansible's filter is case-sensitive only if requested.
    let exact = options
        .get::<Option<bool>>("case_sensitive")?
        .unwrap_or(false);
    options.assert_all_used()?;
    let mut seen: Vec<Value> = Vec::new();
    let mut kept = Vec::new();
    for item in items(value)? {
        let mut key = path
            .as_ref()
            .map_or_else(|| item.clone(), |path| attribute(&item, path));
        if let (Some(path), true) = (&path, key.is_undefined()) {
            return Err(undefined_attribute(path));
        }
        if let Some(text) = key.as_str().filter(|_| !exact) {
            key = Value::from(text.to_lowercase());
        }
        if !seen.contains(&key) {
            seen.push(key);
            kept.push(item);
        }
    }
    Ok(kept)
}

pub(super) fn union(a: &Value, b: &Value) -> Result<Vec<Value>, Error> {
    Ok(distinct(items(a)?.into_iter().chain(items(b)?)))
}

pub(super) fn intersect(a: &Value, b: &Value) -> Result<Vec<Value>, Error> {
    let b = items(b)?;
    Ok(distinct(
        items(a)?.into_iter().filter(|item| b.contains(item)),
    ))
}

pub(super) fn difference(a: &Value, b: &Value) -> Result<Vec<Value>, Error> {
    let b = items(b)?;
    Ok(distinct(
        items(a)?.into_iter().filter(|item| !b.contains(item)),
    ))
}

pub(super) fn symmetric_difference(a: &Value, b: &Value) -> Result<Vec<Value>, Error> {
    let mut only = difference(a, b)?;
    only.extend(difference(b, a)?);
    Ok(only)
}

pub(super) fn flatten(
    value: &Value,
    levels: Option<usize>,
    options: Kwargs,
) -> Result<Vec<Value>, Error> {
    let levels = levels.or(kwarg(&options, "levels")?);
    let skip_nulls = kwarg(&options, "skip_nulls")?.unwrap_or(true);
    options.assert_all_used()?;
    flat(value, levels, skip_nulls)
}

fn flat(value: &Value, levels: Option<usize>, skip_nulls: bool) -> Result<Vec<Value>, Error> {
    let mut result = Vec::new();
    for item in items(value)? {
        let null = item.is_none() || matches!(item.as_str(), Some("None" | "null"));
        if skip_nulls && null {
            continue;
        }
        if matches!(item.kind(), ValueKind::Seq | ValueKind::Iterable) && levels != Some(0) {
            result.extend(flat(&item, levels.map(|levels| levels - 1), skip_nulls)?);
        } else {
            result.push(item);
        }
    }
    Ok(result)
}

fn tuple(items: Vec<Value>) -> Value {
    Value::from(Tuple::from(items))
}

pub(super) fn zip(first: &Value, more: Rest<Value>) -> Result<Vec<Value>, Error> {
    let mut lists = vec![items(first)?];
    for list in more.iter() {
        lists.push(items(list)?);
    }
    let length = lists.iter().map(Vec::len).min().unwrap_or(0);
    let row = |at: usize| tuple(lists.iter().map(|list| list[at].clone()).collect());
    Ok((0..length).map(row).collect())
}

pub(super) fn zip_longest(
    first: &Value,
    more: Rest<Value>,
    options: Kwargs,
) -> Result<Vec<Value>, Error> {
    let fill = options
        .get::<Option<Value>>("fillvalue")?
        .unwrap_or(Value::from(()));
    options.assert_all_used()?;
    let mut lists = vec![items(first)?];
    for list in more.iter() {
        lists.push(items(list)?);
    }
    let length = lists.iter().map(Vec::len).max().unwrap_or(0);
    let row = |at: usize| {
        let cell = |list: &Vec<Value>| list.get(at).unwrap_or(&fill).clone();
        tuple(lists.iter().map(cell).collect())
    };
    Ok((0..length).map(row).collect())
}

/// The maximum number of combinations; more are taken for a mistake.
const MAX_ROWS: usize = 100_000;

fn bounded(rows: Option<usize>, filter: &str) -> Result<(), Error> {
    match rows {
        Some(rows) if rows <= MAX_ROWS => Ok(()),
        _ => Err(invalid(format!(
            "{filter}: the result would have more than {MAX_ROWS} items"
        ))),
    }
}

/// As in the engine, but too many parts are refused.
pub(super) fn slice(
    state: &mut State<'_, '_>,
    value: Value,
    count: usize,
    filler: Option<Value>,
) -> Result<Value, Error> {
    bounded(Some(count), "slice")?;
    minijinja::filters::slice(state, value, count, filler)
}

/// As in the engine, but filling up a part to too many items is refused.
pub(super) fn batch(
    state: &mut State<'_, '_>,
    value: Value,
    count: usize,
    filler: Option<Value>,
) -> Result<Value, Error> {
    bounded(Some(count), "batch")?;
    minijinja::filters::batch(state, value, count, filler)
}

pub(super) fn product(
    first: &Value,
    more: Rest<Value>,
    options: Kwargs,
) -> Result<Vec<Value>, Error> {
    let repeat = kwarg::<usize>(&options, "repeat")?.unwrap_or(1);
    options.assert_all_used()?;
    let mut lists = vec![items(first)?];
    for list in more.iter() {
        lists.push(items(list)?);
    }
    let size = lists
        .iter()
        .try_fold(1_usize, |size, list| size.checked_mul(list.len()));
    let power = u32::try_from(repeat).ok();
    // Each row has as many items as there are lists.
    bounded(
        lists
            .len()
            .checked_mul(repeat)
            .and_then(|length| length.checked_mul(100)),
        "product",
    )?;
    bounded(
        size.zip(power)
            .and_then(|(size, power)| size.checked_pow(power)),
        "product",
    )?;
    let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
    for list in lists.iter().cycle().take(lists.len() * repeat) {
        rows = rows
            .iter()
            .flat_map(|row| {
                list.iter()
                    .map(|item| [row.as_slice(), std::slice::from_ref(item)].concat())
            })
            .collect();
    }
    Ok(rows.into_iter().map(tuple).collect())
}

pub(super) fn permutations(value: &Value, length: Option<usize>) -> Result<Vec<Value>, Error> {
    arrange(value, length, "permutations", |used, at, _| {
        !used.contains(&at)
    })
}

pub(super) fn combinations(value: &Value, length: usize) -> Result<Vec<Value>, Error> {
    arrange(value, Some(length), "combinations", |_, at, last| {
        last.is_none_or(|last| at > last)
    })
}

fn arrange(
    value: &Value,
    length: Option<usize>,
    filter: &str,
    may: impl Fn(&[usize], usize, Option<usize>) -> bool,
) -> Result<Vec<Value>, Error> {
    let items = items(value)?;
    let mut rows: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..length.unwrap_or(items.len()) {
        let mut longer = Vec::new();
        for row in &rows {
            for at in 0..items.len() {
                if may(row, at, row.last().copied()) {
                    longer.push([row.as_slice(), &[at]].concat());
                }
            }
            bounded(Some(longer.len()), filter)?;
        }
        if longer.is_empty() {
            return Ok(Vec::new());
        }
        rows = longer;
    }
    let values = |row: Vec<usize>| tuple(row.into_iter().map(|at| items[at].clone()).collect());
    Ok(rows.into_iter().map(values).collect())
}

pub(super) fn subelements(
    value: &Value,
    path: &Value,
    skip_missing: Option<bool>,
    options: Kwargs,
) -> Result<Vec<Value>, Error> {
    let skip = skip_missing
        .or(kwarg(&options, "skip_missing")?)
        .unwrap_or(false);
    options.assert_all_used()?;
    let elements: Vec<Value> = if value.kind() == ValueKind::Map {
        items(value)?
            .iter()
            .map(|key| value.get_item(key))
            .collect::<Result<_, _>>()?
    } else {
        items(value)?
    };
    let shown = text(path)?;
    let path: Vec<String> = match path.as_str() {
        Some(path) => path.split('.').map(str::to_owned).collect(),
        None => items(path)?.iter().map(text).collect::<Result<_, _>>()?,
    };
    let mut rows = Vec::new();
    for element in elements {
        let mut found = Some(element.clone());
        for part in &path {
            let next = found
                .as_ref()
                .map(|found| found.get_attr(part))
                .transpose()?;
            match next.filter(|next| !next.is_undefined()) {
                None if !skip => {
                    return Err(invalid(format!("subelements: an item has no `{shown}`")));
                }
                next => found = next,
            }
        }
        let Some(found) = found else { continue };
        if !matches!(found.kind(), ValueKind::Seq | ValueKind::Iterable) {
            return Err(invalid(format!("subelements: `{shown}` is not a list")));
        }
        for item in items(&found)? {
            rows.push(tuple(vec![element.clone(), item]));
        }
    }
    Ok(rows)
}
