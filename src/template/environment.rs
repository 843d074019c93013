//! The engine, configured for the templates of inventories and files.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior};

use super::{
    filters, limits, lookups, methods, plain, predicates, python, strict_tests, undefined,
};

/// Creates an environment in which an undefined name is an error, values are written as Python writes them,
/// and the usual filters of Ansible exist.
#[must_use]
pub fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_debug(true);
    environment.set_fuel(Some(limits::MAX_STEPS));
    // With the usual delimiters this cannot fail. Ansible drops the newline after a `{% %}`.
    let syntax = SyntaxConfig::builder()
        .keep_trailing_newline(true)
        .trim_blocks(true)
        .build();
    environment.set_syntax(syntax.unwrap_or_default());
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_unknown_method_callback(methods::call);
    environment.set_formatter(|out, state, value| {
        if value.kind() == ValueKind::Invalid {
            return minijinja::escape_formatter(out, state, value);
        }
        undefined::check(value)?;
        plain::note_written(state, value);
        out.write_str(&python::finalize(value)).map_err(Error::from)
    });
    filters::add(&mut environment);
    strict_tests::add(&mut environment);
    predicates::add(&mut environment);
    environment.add_function("lookup", lookups::lookup);
    environment.add_function("query", lookups::query);
    environment.add_function("q", lookups::query);
    environment.add_function("dict", filters::dict);
    environment.add_function("now", filters::now);
    environment.add_function("undef", undefined::undef);
    environment.add_global("omit", minijinja::Value::from_object(plain::Omit));
    environment.add_global("ansible_managed", "Ansible managed");
    environment
}
