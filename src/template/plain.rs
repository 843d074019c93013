//! Values of a template as plain data, and `omit`.

use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};
use serde_json::{Map, Value as Json};

use super::{python, undefined};

/// The value of `omit`: a list or mapping drops a member with this value.
#[derive(Debug)]
pub(super) struct Omit;

impl Object for Omit {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}

/// Whether this is `omit`.
#[must_use]
pub fn is_omit(value: &Value) -> bool {
    value.downcast_object_ref::<Omit>().is_some()
}

/// What a template has written: the number of values, and the last of them.
#[derive(Default)]
struct Written {
    count: usize,
    last: Value,
}

/// Records a value that is written into the text.
pub(super) fn note_written(state: &mut State<'_, '_>, value: &Value) {
    let written = state.get_or_insert_extension(Written::default());
    written.count += 1;
    written.last = value.clone();
}

/// The value that was written, if there was only one.
pub(super) fn written(state: &State<'_, '_>) -> Option<Value> {
    let written = state.get_extension::<Written>()?;
    (written.count == 1).then(|| written.last.clone())
}

/// Converts the value to plain data.
///
/// # Errors
/// Something in it is undefined, failed, or is not data (a function).
pub fn plain(value: &Value) -> Result<Json, Error> {
    Ok(match value.kind() {
        ValueKind::Undefined | ValueKind::Invalid => {
            undefined::check(value)?;
            Json::Null
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let mut items = Vec::new();
            for item in value.try_iter()? {
                if !is_omit(&item) {
                    items.push(plain(&item)?);
                }
            }
            Json::Array(items)
        }
        ValueKind::Map => {
            let mut map = Map::new();
            for key in value.try_iter()? {
                let item = value.get_item(&key)?;
                if !is_omit(&item) {
                    map.insert(python::str(&key), plain(&item)?);
                }
            }
            Json::Object(map)
        }
        ValueKind::Plain if is_omit(value) => {
            return Err(Error::new(
                ErrorKind::InvalidOperation,
                "`omit` can only be a whole value, not part of a text or an operand",
            ));
        }
        _ => serde_json::to_value(value).map_err(|_| {
            let reason = if value.is_number() {
                "an integer does not fit into 64 bits"
            } else {
                "its value is not plain data"
            };
            Error::new(ErrorKind::InvalidOperation, reason)
        })?,
    })
}
