//! The template language of inventories and of `files::template`: minijinja, strict, with the features of
//! Jinja2 that users of Ansible expect.
//!
//! [`environment`] creates the engine, [`Templates`] caches parsed templates, [`explain`] describes what is
//! wrong with one. The filters of Ansible that minijinja lacks are in `filters`, Python's notation of
//! values is in `python`, the limits of a rendering are in `limits`.

mod compiled;
mod environment;
mod explain;
mod filters;
mod header;
mod limits;
mod lookups;
mod methods;
mod percent;
mod plain;
mod predicates;
mod python;
mod rewrite;
mod strict_tests;
#[cfg(test)]
mod tests;
mod tokens;
mod undefined;

pub use compiled::{Compiled, Templates};
pub use environment::environment;
pub use explain::{Explained, REASONS, explain, explain_with};
pub use header::header_lines;
pub use limits::{MAX_STEPS, MAX_TEXT, render, render_value};
pub use plain::{is_omit, plain};
pub use rewrite::{LINK, expression as adapt_expression, template as adapt};
