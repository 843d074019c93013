//! What is registered of each task, and how a task's file declares it.

use std::cell::Cell;
use std::ops::RangeInclusive;
use std::sync::Arc;

use serde::de::{Deserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::value::Unfit;
use super::{ArgumentError, Arguments, Surroundings, Value};
use crate::task::Task;

/// A built-in task: what a playbook calls, what the reference prints.
pub struct Entry {
    /// `files`
    pub namespace: &'static str,
    /// `directory`
    pub name: &'static str,
    /// The positional arguments.
    pub parameters: &'static [Parameter],
    /// The manual page, in Markdown: its first line says what the task does.
    pub doc: &'static str,
    pub(super) fields: fn() -> &'static [&'static str],
    pub(super) construct: Construct,
}

type Construct = fn(Arguments, &dyn Surroundings) -> Result<Arc<dyn Task>, ArgumentError>;

/// A positional argument of a task, or of a health check.
pub struct Parameter {
    pub name: &'static str,
    pub optional: fn() -> bool,
}

impl Parameter {
    /// Whether it may be left out.
    #[must_use]
    pub fn is_optional(&self) -> bool {
        (self.optional)()
    }

    /// How many arguments a call with these may have, the map of options counted.
    #[must_use]
    pub fn arities(of: &[Self]) -> RangeInclusive<usize> {
        let least = of.iter().filter(|one| !one.is_optional()).count();
        least..=of.len() + 1
    }

    /// How a call with so many arguments stands in the reference.
    #[must_use]
    pub fn signature(of: &[Self], arity: usize, gives: &str) -> Vec<String> {
        let names = of.iter().map(|one| one.name).chain(["options: Map"]);
        let all = names.take(arity).chain([gives]);
        all.map(ToOwned::to_owned).collect()
    }
}

impl Entry {
    /// As a playbook writes it: `files::directory`.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}::{}", self.namespace, self.name)
    }

    /// The keys of its options, in the order of the manual page.
    #[must_use]
    pub fn options(&self) -> &'static [&'static str] {
        (self.fields)()
    }

    /// How many arguments a call may have, the map of options counted.
    #[must_use]
    pub fn arities(&self) -> RangeInclusive<usize> {
        Parameter::arities(self.parameters)
    }

    /// Makes a task of what a playbook gave.
    pub fn construct(
        &self,
        arguments: Arguments,
        surroundings: &dyn Surroundings,
    ) -> Result<Arc<dyn Task>, ArgumentError> {
        (self.construct)(arguments, surroundings)
    }
}

/// Declares a task: its manual page, its name, its positional arguments and its options (types that
/// serde reads), and the function that makes it of them.
///
/// ```text
/// task! {
///     /// Keeps a directory there.
///     DIRECTORY = files::directory(path: HostPath; Options) => Directory::new
/// }
/// ```
///
/// The function takes the positional arguments, the options and `&dyn Surroundings`. An argument that is
/// an `Option` may be left out.
macro_rules! task {
    (
        $(#[doc = $doc:literal])+
        $entry:ident = $namespace:ident::$name:ident($($parameter:ident: $type:ty),+; $options:ty) => $make:path
    ) => {
        $(#[doc = $doc])+
        pub const $entry: $crate::tasks::Entry = $crate::tasks::Entry {
            namespace: stringify!($namespace),
            name: stringify!($name),
            parameters: &[$($crate::tasks::Parameter {
                name: stringify!($parameter),
                optional: $crate::tasks::entry::is_optional::<$type>,
            }),+],
            doc: concat!($($doc, "\n"),+),
            fields: $crate::tasks::entry::fields::<$options>,
            construct: |mut arguments, surroundings| {
                let mut count = 0;
                $(
                    let $parameter: $type = arguments.parameter(count, stringify!($parameter))?;
                    count += 1;
                )+
                let known = $crate::tasks::entry::fields::<$options>();
                let options: $options = arguments.options(known, count)?;
                let task = $make($($parameter,)+ options, surroundings)?;
                Ok(std::sync::Arc::new(task))
            },
        };
    };
}
pub(super) use task;

/// Whether an argument may be left out: its type takes nothing for an answer.
#[must_use]
pub fn is_optional<T: serde::de::DeserializeOwned>() -> bool {
    T::deserialize(Value::Null).is_ok()
}

/// The names of a struct's fields, as serde's derive hands them to a deserializer.
#[must_use]
pub fn fields<T: serde::de::DeserializeOwned>() -> &'static [&'static str] {
    let seen = Cell::new(&[][..]);
    // Always an error: nothing is read, the names are all that is wanted.
    let _ = T::deserialize(Names(&seen));
    seen.get()
}

struct Names<'a>(&'a Cell<&'static [&'static str]>);

impl<'de> Deserializer<'de> for Names<'_> {
    type Error = Unfit;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Unfit> {
        Err(Unfit("not a struct".to_owned()))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Unfit> {
        self.0.set(fields);
        Err(Unfit("only its names are wanted".to_owned()))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map enum identifier ignored_any option newtype_struct
    }
}
