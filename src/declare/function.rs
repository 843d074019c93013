//! Built-in functions.

use super::manual::Manual;

/// A built-in function: its name, the ways to call it, and its manual page. `script` has the function itself.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    pub name: &'static str,
    /// Each way to call it: its parameters as `name: Type`, then the type of what it returns.
    pub forms: &'static [&'static [&'static str]],
    pub manual: Manual,
}

/// Declares a built-in function: its manual page, its options if it has any, and each way to call it.
///
/// ```text
/// function! {
///     /// Calls a closure until it does not throw, and returns its result.
///     RETRY = retry(Options) {
///         (closure: Fn) -> Dynamic,
///         (options: Map, closure: Fn) -> Dynamic,
///     }
/// }
/// ```
macro_rules! function {
    (
        $(#[doc = $doc:literal])+
        $visible:vis $function:ident = $name:ident $(($options:ty))? {
            $(($($parameter:ident: $type:ident),*) -> $returns:tt),+ $(,)?
        }
    ) => {
        $visible const $function: $crate::declare::Function = $crate::declare::Function {
            name: stringify!($name),
            forms: &[$(&[
                $(concat!(stringify!($parameter), ": ", stringify!($type)),)*
                stringify!($returns),
            ]),+],
            manual: $crate::declare::Manual::new(
                concat!($($doc, "\n"),+),
                $crate::declare::function!(@options $($options)?),
            ),
        };
    };
    (@options) => { &[] };
    (@options $options:ty) => { <$options as $crate::declare::HasOptions>::FIELDS };
}
pub(crate) use function;
