//! The filters of the engine, but they refuse undefined values, as Ansible does, and name them.
//!
//! Many filters of the engine take an undefined value for an empty string or list, and an item without the
//! attribute to sort by for one that has a value.

use minijinja::value::{Kwargs, Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, State, Value, filters};

use super::lists::{attribute, undefined_attribute};
use crate::template::undefined;

/// Which part of the value must be defined.
#[derive(Clone, Copy)]
enum Depth {
    /// The value itself: its members may be undefined, and are not rendered.
    Value,
    /// Each item of it.
    Items,
    /// Everything in it.
    All,
}

pub(super) fn add(environment: &mut Environment<'_>) {
    for (depth, name, filter) in [
        (Depth::Value, "abs", Value::from_function(filters::abs)),
        (Depth::Value, "attr", Value::from_function(filters::attr)),
        (Depth::Value, "batch", Value::from_function(filters::batch)),
        (Depth::Value, "count", Value::from_function(filters::length)),
        (
            Depth::Value,
            "dictsort",
            Value::from_function(filters::dictsort),
        ),
        (Depth::Value, "first", Value::from_function(filters::first)),
        (Depth::Value, "items", Value::from_function(filters::items)),
        (Depth::Value, "last", Value::from_function(filters::last)),
        (
            Depth::Value,
            "length",
            Value::from_function(filters::length),
        ),
        (
            Depth::Value,
            "reverse",
            Value::from_function(filters::reverse),
        ),
        (Depth::Value, "slice", Value::from_function(filters::slice)),
        (
            Depth::Items,
            "groupby",
            Value::from_function(filters::groupby),
        ),
        (Depth::Items, "max", Value::from_function(filters::max)),
        (Depth::Items, "min", Value::from_function(filters::min)),
        (Depth::Items, "sort", Value::from_function(filters::sort)),
        (
            Depth::All,
            "capitalize",
            Value::from_function(filters::capitalize),
        ),
        (Depth::All, "e", Value::from_function(filters::escape)),
        (Depth::All, "escape", Value::from_function(filters::escape)),
        (Depth::All, "indent", Value::from_function(filters::indent)),
        (Depth::All, "lines", Value::from_function(filters::lines)),
        (Depth::All, "lower", Value::from_function(filters::lower)),
        (
            Depth::All,
            "replace",
            Value::from_function(filters::replace),
        ),
        (Depth::All, "safe", Value::from_function(filters::safe)),
        (Depth::All, "split", Value::from_function(filters::split)),
        (Depth::All, "title", Value::from_function(filters::title)),
        (Depth::All, "tojson", Value::from_function(filters::tojson)),
        (Depth::All, "trim", Value::from_function(filters::trim)),
        (Depth::All, "upper", Value::from_function(filters::upper)),
        (
            Depth::All,
            "truncate",
            Value::from_function(minijinja_contrib::filters::truncate),
        ),
        (
            Depth::All,
            "striptags",
            Value::from_function(minijinja_contrib::filters::striptags),
        ),
        (
            Depth::All,
            "filesizeformat",
            Value::from_function(minijinja_contrib::filters::filesizeformat),
        ),
    ] {
        environment.add_filter(
            name,
            move |state: &mut State<'_, '_>, value: &Value, args: Rest<ValueOrKwargs>| {
                let args = args.into_values();
                defined(depth, value)?;
                args.iter().try_for_each(defined_argument)?;
                if matches!(depth, Depth::Items) {
                    attributes(value, &args)?;
                }
                let all: Vec<Value> = std::iter::once(value.clone()).chain(args).collect();
                filter.call(state, &all)
            },
        );
    }
}

fn itself(value: &Value) -> Result<(), Error> {
    match value.kind() {
        ValueKind::Undefined | ValueKind::Invalid => undefined::check(value),
        _ => Ok(()),
    }
}

fn defined(depth: Depth, value: &Value) -> Result<(), Error> {
    match depth {
        Depth::All => undefined::check(value),
        Depth::Items if value.kind() == ValueKind::Seq => {
            value.try_iter()?.try_for_each(|item| itself(&item))
        }
        Depth::Items | Depth::Value => itself(value),
    }
}

fn defined_argument(argument: &Value) -> Result<(), Error> {
    let Ok(options) = Kwargs::try_from(argument.clone()) else {
        return itself(argument);
    };
    let mut names = options.args();
    names.try_for_each(|name| itself(&options.get::<Value>(name)?))
}

/// Every item must have the attribute that items are compared by.
fn attributes(value: &Value, args: &[Value]) -> Result<(), Error> {
    let options = args.last().cloned().map(Kwargs::try_from);
    let options = options.and_then(Result::ok);
    let option = |name: &str| {
        let options = options.as_ref()?;
        options.get::<Option<Value>>(name).ok().flatten()
    };
    let path = args.first().filter(|first| first.as_str().is_some());
    let Some(paths) = path.cloned().or_else(|| option("attribute")) else {
        return Ok(());
    };
    if option("default").is_some() || !matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable)
    {
        return Ok(());
    }
    let parts: Vec<Value> = match paths.as_str() {
        Some(text) => text.split(',').map(|part| part.trim().into()).collect(),
        None => vec![paths.clone()],
    };
    for item in value.try_iter()? {
        for part in &parts {
            if attribute(&item, part).is_undefined() {
                return Err(undefined_attribute(&paths));
            }
        }
    }
    Ok(())
}
