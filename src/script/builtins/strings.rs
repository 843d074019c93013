//! Strings: methods that return a new string where Rhai's own change it in place; joining; regular
//! expressions.

use regex::Regex;
use rhai::{
    Array, Dynamic, Engine, EvalAltResult, ImmutableString, Map, Module, NativeCallContext,
};

use super::declare;
use crate::declare::function;
use crate::script::bounded;
use crate::script::error::argument;
use crate::script::nesting;

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

function! {
    /// Returns the string with every `find` replaced by `with`. Rhai's own `replace` changes the string in
    /// place and returns nothing.
    ///
    /// ```rhai
    /// let name = "a.b".replaced(".", "-");
    /// ```
    REPLACED = replaced {
        (text: String, find: String, with: String) -> String,
    }
}

function! {
    /// Returns the string without whitespace at its ends. Rhai's own `trim` changes the string in place and
    /// returns nothing.
    ///
    /// ```rhai
    /// let version = read_file("VERSION").trimmed();
    /// ```
    TRIMMED = trimmed {
        (text: String) -> String,
    }
}

function! {
    /// Returns the lines of a string, without line endings. A newline at the end of the string does not start
    /// another line.
    ///
    /// ```rhai
    /// for line in read_file("names.txt").lines() { log::info(line); }
    /// ```
    LINES = lines {
        (text: String) -> Array,
    }
}

function! {
    /// Joins all elements of an array to one string, with `separator` between them. An element that is not a
    /// string is converted as `print` would.
    ///
    /// ```rhai
    /// let list = ["a", "b", 3].join(", ");
    /// ```
    JOIN = join {
        (items: Array, separator: String) -> String,
    }
}

function! {
    /// Whether a regular expression matches anywhere in a string. Put `^` and `$` around it to match the
    /// whole string. The syntax is that of Rust's `regex`: like Perl, but without look-around and
    /// back-references. Between `#"` and `"#`, backslashes need no escaping.
    ///
    /// ```rhai
    /// if !regex::matches("1.4.2", #"^\d+(\.\d+)*$"#) { fail("invalid version"); }
    /// ```
    MATCHES = matches {
        (text: String, pattern: String) -> bool,
    }
}

function! {
    /// Returns the first part of a string that a regular expression matches, or `()`.
    ///
    /// ```rhai
    /// let number = regex::find("nginx/1.22.1", #"[0-9.]+"#) ?? "unknown";
    /// ```
    FIND = find {
        (text: String, pattern: String) -> Dynamic,
    }
}

function! {
    /// Returns all parts of a string that a regular expression matches.
    ///
    /// ```rhai
    /// let numbers = regex::find_all("1, 22 and 333", "[0-9]+");
    /// ```
    FIND_ALL = find_all {
        (text: String, pattern: String) -> Array,
    }
}

function! {
    /// Returns what the groups of a regular expression captured in its first match, as a map, or `()` if it
    /// does not match. `"0"` is the whole match, `"1"` the first group, and a group `(?<name>...)` also has
    /// its name as a key. A group that did not take part in the match is `()`.
    ///
    /// ```rhai
    /// let found = regex::captures("shop-1.4.2.tar.gz", #"^(?<name>\w+)-(?<version>[0-9.]+)\.tar"#);
    /// if found != () { log::info(`${found.name} ${found.version}`); }
    /// ```
    CAPTURES = captures {
        (text: String, pattern: String) -> Dynamic,
    }
}

function! {
    /// Returns the string with every match of a regular expression replaced. In `with`, `$1` or `${name}` is
    /// the text of a captured group, and `$$` is a dollar sign.
    ///
    /// ```rhai
    /// let text = regex::replaced("port = 80", #"port\s*=\s*\d+"#, "port = 8080");
    /// ```
    REGEX_REPLACED = replaced {
        (text: String, pattern: String, with: String) -> String,
    }
}

function! {
    /// Returns the parts of a string between the matches of a regular expression.
    ///
    /// ```rhai
    /// let words = regex::split("a,  b ,c", #"\s*,\s*"#);
    /// ```
    SPLIT = split {
        (text: String, pattern: String) -> Array,
    }
}

function! {
    /// Returns a regular expression that matches exactly this string.
    ///
    /// ```rhai
    /// let found = regex::matches("a.b", "^" + regex::escape("a.b") + "$");
    /// ```
    ESCAPE = escape {
        (text: String) -> String,
    }
}

pub(super) fn register(engine: &mut Engine) {
    register_strings(engine);
    register_regex(engine);
}

fn register_strings(engine: &mut Engine) {
    declare(&REPLACED, 0).register_into_engine(
        engine,
        |context: NativeCallContext, text: &str, find: &str, with: &str| {
            bounded::replaced(&context, text, find, with)
        },
    );
    declare(&TRIMMED, 0).register_into_engine(engine, |text: &str| text.trim().to_owned());
    declare(&LINES, 0).register_into_engine(engine, |context: NativeCallContext, text: &str| {
        bounded::list(&context, text.lines())
    });
    declare(&JOIN, 0).register_into_engine(
        engine,
        |context: NativeCallContext, items: &mut Array, separator: &str| -> Result<String> {
            let mut text = bounded::Text::default();
            for (index, item) in items.iter().enumerate() {
                nesting::check(item).map_err(|why| argument(&context, why))?;
                if index > 0 {
                    text.push(&context, separator)?;
                }
                text.push(&context, &shown(&context, item))?;
            }
            Ok(text.into_string())
        },
    );
}

fn shown(context: &NativeCallContext<'_>, item: &Dynamic) -> String {
    let plain = item.to_string();
    context
        .call_native_fn::<ImmutableString>("to_string", (item.clone(),))
        .map_or(plain, Into::into)
}

fn register_regex(engine: &mut Engine) {
    let mut module = Module::new();
    declare(&MATCHES, 0).set_into_module(
        &mut module,
        |context: NativeCallContext, text: &str, pattern: &str| {
            Ok::<_, Box<EvalAltResult>>(regex(&context, pattern)?.is_match(text))
        },
    );
    declare(&FIND, 0).set_into_module(
        &mut module,
        |context: NativeCallContext, text: &str, pattern: &str| {
            let found = regex(&context, pattern)?.find(text);
            Ok::<_, Box<EvalAltResult>>(found.map_or(Dynamic::UNIT, |found| string(found.as_str())))
        },
    );
    declare(&FIND_ALL, 0).set_into_module(
        &mut module,
        |context: NativeCallContext, text: &str, pattern: &str| {
            let pattern = regex(&context, pattern)?;
            bounded::list(
                &context,
                pattern.find_iter(text).map(|found| found.as_str()),
            )
        },
    );
    declare(&CAPTURES, 0).set_into_module(
        &mut module,
        |context: NativeCallContext, text: &str, pattern: &str| {
            let pattern = regex(&context, pattern)?;
            Ok::<_, Box<EvalAltResult>>(captures(&pattern, text))
        },
    );
    declare(&REGEX_REPLACED, 0).set_into_module(
        &mut module,
        |context: NativeCallContext, text: &str, pattern: &str, with: &str| {
            let pattern = regex(&context, pattern)?;
            regex_replaced(&context, text, &pattern, with)
        },
    );
    declare(&SPLIT, 0).set_into_module(
        &mut module,
        |context: NativeCallContext, text: &str, pattern: &str| {
            let pattern = regex(&context, pattern)?;
            bounded::list(&context, pattern.split(text))
        },
    );
    declare(&ESCAPE, 0).set_into_module(&mut module, |text: &str| regex::escape(text));
    engine.register_static_module("regex", module.into());
}

fn string(text: &str) -> Dynamic {
    Dynamic::from(text.to_owned())
}

fn regex(context: &NativeCallContext<'_>, pattern: &str) -> Result<Regex> {
    Regex::new(pattern).map_err(|error| {
        // The last line describes the mistake; those before it show the pattern.
        let error = error.to_string();
        let why = error.lines().last().unwrap_or_default();
        let why = why.trim_start_matches("error: ");
        argument(
            context,
            format!("invalid regular expression `{pattern}`: {why}"),
        )
    })
}

/// Like [`Regex::replace_all`], up to the limit of a string.
fn regex_replaced(
    context: &NativeCallContext<'_>,
    text: &str,
    pattern: &Regex,
    with: &str,
) -> Result<String> {
    let mut out = bounded::Text::default();
    let mut part = String::new();
    let mut end = 0;
    for found in pattern.captures_iter(text) {
        let whole = found.get_match();
        out.push(context, &text[end..whole.start()])?;
        part.clear();
        found.expand(with, &mut part);
        out.push(context, &part)?;
        end = whole.end();
    }
    out.push(context, &text[end..])?;
    Ok(out.into_string())
}

fn captures(pattern: &Regex, text: &str) -> Dynamic {
    let Some(found) = pattern.captures(text) else {
        return Dynamic::UNIT;
    };
    let mut map = Map::new();
    for (index, name) in pattern.capture_names().enumerate() {
        let value = found
            .get(index)
            .map_or(Dynamic::UNIT, |part| string(part.as_str()));
        if let Some(name) = name {
            map.insert(name.into(), value.clone());
        }
        map.insert(index.to_string().into(), value);
    }
    map.into()
}
