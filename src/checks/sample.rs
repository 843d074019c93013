//! Checks for the tests of the kinds.

use std::sync::Arc;

use super::entry::Entry;
use super::observe::Observe;
use crate::declare::{Arguments, Value};

/// A check with these arguments.
pub(crate) fn sample(
    entry: &Entry,
    mut values: Vec<Value>,
    options: &[(&str, Value)],
) -> Arc<dyn Observe> {
    let options = options
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()));
    values.push(Value::Map(options.collect()));
    match (entry.make)(Arguments::new(values), ()) {
        Ok(observe) => observe,
        Err(error) => panic!("{}: {error}", entry.name),
    }
}
