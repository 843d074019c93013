//! What is registered of each kind of check, and how a kind's file declares it.

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::Observe;
use super::check::{self, Check, Vantage};
use crate::tasks::{ArgumentError, Arguments, Parameter};

/// A kind of check: what a playbook calls, what the reference prints.
pub struct Entry {
    /// `http`
    pub name: &'static str,
    /// The positional arguments.
    pub parameters: &'static [Parameter],
    /// The manual page, in Markdown: its first line says what it looks at.
    pub doc: &'static str,
    pub(super) fields: fn() -> &'static [&'static str],
    pub(super) construct: Construct,
}

type Construct = fn(Arguments, &[&str]) -> Result<Arc<dyn Observe>, ArgumentError>;

impl Entry {
    /// The options that this kind alone has, in the order of the manual page.
    #[must_use]
    pub fn own_options(&self) -> &'static [&'static str] {
        (self.fields)()
    }

    /// All of its options: its own, and those of every check.
    #[must_use]
    pub fn options(&self) -> Vec<&'static str> {
        let mut options = self.own_options().to_vec();
        options.extend(check::options());
        options
    }

    /// How many arguments a call may have, the map of options counted.
    #[must_use]
    pub fn arities(&self) -> RangeInclusive<usize> {
        Parameter::arities(self.parameters)
    }

    /// Makes a check of what a playbook gave. `from` is no plain value and comes apart from the others.
    pub fn construct(
        &self,
        mut arguments: Arguments,
        vantage: Vantage,
    ) -> Result<Check, ArgumentError> {
        let known = self.options();
        let (name, timing) = check::common(&mut arguments)?;
        Ok(Check {
            kind: self.name,
            observe: (self.construct)(arguments, &known)?,
            name,
            timing,
            vantage,
        })
    }
}

/// Declares a kind of check: its manual page, its name, its positional arguments and its options (types that serde reads), and the
/// function that makes it of them.
///
/// ```text
/// kind! {
///     /// Whether something listens on a port of the host.
///     PORT = port(port: u16; Options) => Port::new
/// }
/// ```
///
/// The function takes the positional arguments and the options. An argument that is an `Option` may be left out.
macro_rules! kind {
    (
        $(#[doc = $doc:literal])+
        $entry:ident = $name:ident($($parameter:ident: $type:ty),*; $options:ty) => $make:path
    ) => {
        $(#[doc = $doc])+
        pub const $entry: $crate::deploy::health::Entry = $crate::deploy::health::Entry {
            name: stringify!($name),
            parameters: &[$($crate::tasks::Parameter {
                name: stringify!($parameter),
                optional: $crate::tasks::is_optional::<$type>,
            }),*],
            doc: concat!($($doc, "\n"),+),
            fields: $crate::tasks::fields::<$options>,
            construct: |arguments, known| {
                // A kind without positional arguments takes none.
                #[allow(unused_mut)]
                let (mut arguments, mut count) = (arguments, 0);
                $(
                    let $parameter: $type = arguments.parameter(count, stringify!($parameter))?;
                    count += 1;
                )*
                let options: $options = arguments.options(known, count)?;
                Ok(std::sync::Arc::new($make($($parameter,)* options)?))
            },
        };
    };
}
pub(super) use kind;
