//! Built-in functions.

use serde::de::DeserializeOwned;

use super::arguments::{ArgumentError, Arguments};
use super::manual::{HasOptions, Manual};

/// A built-in function: its name, its signatures, and its manual page. `script` has the function itself.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    pub name: &'static str,
    /// Each signature: the parameters as `name: Type`, then the return type.
    pub forms: &'static [&'static [&'static str]],
    pub manual: Manual,
    /// Whether these options are valid.
    pub check: fn(Arguments) -> Result<(), ArgumentError>,
}

/// Checks options for a function with the options `T`.
pub fn check<T: DeserializeOwned + HasOptions>(
    mut options: Arguments,
) -> Result<(), ArgumentError> {
    options.options::<T>().map(drop)
}

/// Declares built-in functions: of each its manual page, its options if it has any, and each signature.
///
/// ```text
/// function! {
///     /// Calls a closure until it succeeds, and returns its result.
///     RETRY = retry(Options) {
///         (closure: Fn) -> Dynamic,
///         (options: Map, closure: Fn) -> Dynamic,
///     }
/// }
/// ```
macro_rules! function {
    ($(
        $(#[doc = $doc:expr])+
        $visible:vis $function:ident = $name:ident $(($options:ty))? {
            $(($($parameter:ident: $type:ident $(| $other:ident)*),*) -> $returns:tt),+ $(,)?
        }
    )+) => {$(
        $visible const $function: $crate::declare::Function = $crate::declare::Function {
            name: stringify!($name),
            forms: &[$(&[
                $(concat!(
                    stringify!($parameter),
                    ": ",
                    stringify!($type)
                    $(, " | ", stringify!($other))*
                ),)*
                stringify!($returns),
            ]),+],
            manual: $crate::declare::Manual::new(
                concat!($($doc, "\n"),+),
                $crate::declare::function!(@fields $($options)?),
            ),
            check: $crate::declare::function!(@check $($options)?),
        };
    )+};
    (@fields) => { &[] };
    (@fields $options:ty) => { <$options as $crate::declare::HasOptions>::FIELDS };
    (@check) => { |_| Ok(()) };
    (@check $options:ty) => { $crate::declare::check::<$options> };
}
pub(crate) use function;
