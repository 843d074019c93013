//! Declares, in one place, what a playbook can call: its arguments, its options and its manual page.
//!
//! | part | contents |
//! |---|---|
//! | [`Value`] | values that a playbook passes, independent of the language |
//! | [`Arguments`] | conversion of values to typed arguments, with errors that name the argument |
//! | [`options!`] | a struct of options: each field with its description |
//! | [`Manual`] | the manual page: text, and a table of options generated from their descriptions |
//! | [`Entry`] | a constructor: a task, or a kind of health check |
//! | [`Function`] | a built-in function |
//!
//! The kit does not know the script language. `script` registers what is declared here, and `ops check` and
//! `ops doc` read the same declarations. docs/adding-things.md goes through an example of each.

mod arguments;
mod entry;
mod function;
mod manual;
mod one_or_many;
mod options;
mod span;
mod value;

pub use arguments::{ArgumentError, Arguments, Place, unknown_option};
pub use entry::{Entry, Parameter, is_optional};
pub use function::{Function, check};
pub use manual::{Field, HasOptions, Manual};
pub use one_or_many::OneOrMany;
pub use span::Span;
pub use value::{Closure, Unfit, Value};

pub(crate) use entry::declare;
pub(crate) use function::function;
pub(crate) use options::options;
