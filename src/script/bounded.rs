//! Replacements for Rhai's methods that turn a string into many values. They check the engine's limits before
//! memory is allocated.
//!
//! Rhai checks a value only after the method has built it: splitting a string of 60 MB into characters takes
//! gigabytes by then. The methods here replace those of Rhai under the same names. Our own built-ins that do
//! something similar use [`list`] and [`Text`].

use rhai::{
    Array, Dynamic, Engine, EvalAltResult, FuncRegistration, ImmutableString, NativeCallContext,
};

use super::error::Halt;
use super::frame::Frame;
use super::limits::{MAX_ARRAY, MAX_TEXT};

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

pub(super) fn register(engine: &mut Engine) {
    register_splits(engine);
    register_replacements(engine);
}

/// A list of at most [`MAX_ARRAY`] elements.
pub(super) fn list<T: Into<Dynamic>>(
    context: &NativeCallContext<'_>,
    items: impl Iterator<Item = T>,
) -> Result<Array> {
    let mut found = Array::new();
    for item in items {
        if found.len() == MAX_ARRAY {
            return Err(too_large("Size of array", context));
        }
        found.push(item.into());
        go_on(context, found.len())?;
    }
    Ok(found)
}

/// A string that grows to at most [`MAX_TEXT`] bytes.
#[derive(Default)]
pub(super) struct Text {
    text: String,
    parts: usize,
}

impl Text {
    pub(super) fn push(&mut self, context: &NativeCallContext<'_>, part: &str) -> Result<()> {
        if self.text.len() + part.len() > MAX_TEXT {
            return Err(too_large("Length of string", context));
        }
        self.text.push_str(part);
        self.parts += 1;
        go_on(context, self.parts)?;
        Ok(())
    }

    pub(super) fn into_string(self) -> String {
        self.text
    }
}

/// Replaces every `find` in a text.
pub(super) fn replaced(
    context: &NativeCallContext<'_>,
    text: &str,
    find: &str,
    with: &str,
) -> Result<String> {
    let mut out = Text::default();
    let mut end = 0;
    for (at, found) in text.match_indices(find) {
        out.push(context, &text[end..at])?;
        out.push(context, with)?;
        end = at + found.len();
    }
    out.push(context, &text[end..])?;
    Ok(out.into_string())
}

/// Fails if the script is to stop. Rhai checks this only between its own operations, and a search for all
/// matches of a regular expression may take long.
fn go_on(context: &NativeCallContext<'_>, count: usize) -> Result<()> {
    let is_stopped = || Frame::of(context).is_ok_and(|frame| frame.world().is_stopped());
    if count.is_multiple_of(16) && is_stopped() {
        let halt = Dynamic::from(Halt::Cancelled);
        return Err(EvalAltResult::ErrorTerminated(halt, context.call_position()).into());
    }
    Ok(())
}

/// Rhai's own kind of error, which is reported with the limit.
fn too_large(kind: &str, context: &NativeCallContext<'_>) -> Box<EvalAltResult> {
    EvalAltResult::ErrorDataTooLarge(kind.to_owned(), context.call_position()).into()
}

fn method(name: &str, parameters: &[&str]) -> FuncRegistration {
    FuncRegistration::new(name).with_params_info(parameters)
}

fn register_splits(engine: &mut Engine) {
    type Context<'a> = NativeCallContext<'a>;
    method("to_chars", &["string: &str", "Array"])
        .register_into_engine(engine, |context: Context, text: &str| {
            list(&context, text.chars())
        });
    method("split", &["string: &str", "Array"]).register_into_engine(
        engine,
        |context: Context, text: &str| {
            if text.is_empty() {
                return Ok(vec![Dynamic::from(String::new())]);
            }
            list(&context, text.split_whitespace())
        },
    );
    let by_text = ["string: &str", "delimiter: &str", "Array"];
    let by_char = ["string: &str", "delimiter: char", "Array"];
    let limited_text = ["string: &str", "delimiter: &str", "segments: int", "Array"];
    let limited_char = ["string: &str", "delimiter: char", "segments: int", "Array"];
    method("split", &by_text)
        .register_into_engine(engine, |context: Context, text: &str, by: &str| {
            split(&context, text, by)
        });
    method("split", &by_char)
        .register_into_engine(engine, |context: Context, text: &str, by: char| {
            split(&context, text, by.encode_utf8(&mut [0; 4]))
        });
    method("split", &limited_text).register_into_engine(
        engine,
        |context: Context, text: &str, by: &str, most: i64| {
            list(&context, text.splitn(segments(most), by))
        },
    );
    method("split", &limited_char).register_into_engine(
        engine,
        |context: Context, text: &str, by: char, most: i64| {
            list(&context, text.splitn(segments(most), by))
        },
    );
    method("split_rev", &by_text)
        .register_into_engine(engine, |context: Context, text: &str, by: &str| {
            split_rev(&context, text, by)
        });
    method("split_rev", &by_char).register_into_engine(
        engine,
        |context: Context, text: &str, by: char| {
            split_rev(&context, text, by.encode_utf8(&mut [0; 4]))
        },
    );
    method("split_rev", &limited_text).register_into_engine(
        engine,
        |context: Context, text: &str, by: &str, most: i64| {
            list(&context, text.rsplitn(segments(most), by))
        },
    );
    method("split_rev", &limited_char).register_into_engine(
        engine,
        |context: Context, text: &str, by: char, most: i64| {
            list(&context, text.rsplitn(segments(most), by))
        },
    );
}

/// Rhai returns an empty string unchanged, whatever the separator.
fn split(context: &NativeCallContext<'_>, text: &str, by: &str) -> Result<Array> {
    if text.is_empty() {
        return Ok(vec![Dynamic::from(String::new())]);
    }
    list(context, text.split(by))
}

fn split_rev(context: &NativeCallContext<'_>, text: &str, by: &str) -> Result<Array> {
    if text.is_empty() {
        return Ok(vec![Dynamic::from(String::new())]);
    }
    list(context, text.rsplit(by))
}

/// The number of segments, at least one.
fn segments(most: i64) -> usize {
    usize::try_from(most.max(1)).unwrap_or(usize::MAX)
}

fn register_replacements(engine: &mut Engine) {
    method(
        "replace",
        &["string: &mut String", "find: &str", "with: &str", "()"],
    )
    .register_into_engine(
        engine,
        |context: NativeCallContext, text: &mut ImmutableString, find: &str, with: &str| {
            *text = replaced(&context, text, find, with)?.into();
            Ok::<_, Box<EvalAltResult>>(())
        },
    );
    method(
        "replace",
        &["string: &mut String", "find: char", "with: &str", "()"],
    )
    .register_into_engine(
        engine,
        |context: NativeCallContext, text: &mut ImmutableString, find: char, with: &str| {
            *text = replaced(&context, text, find.encode_utf8(&mut [0; 4]), with)?.into();
            Ok::<_, Box<EvalAltResult>>(())
        },
    );
    method(
        "pad",
        &["string: &mut String", "len: int", "padding: &str", "()"],
    )
    .register_into_engine(
        engine,
        |context: NativeCallContext, text: &mut ImmutableString, len: i64, padding: &str| {
            pad(&context, text, len, padding)
        },
    );
}

/// Rhai's own version does not terminate with empty padding.
fn pad(
    context: &NativeCallContext<'_>,
    text: &mut ImmutableString,
    len: i64,
    padding: &str,
) -> Result<()> {
    let len = usize::try_from(len).unwrap_or(0);
    let missing = len.saturating_sub(text.chars().count());
    if missing == 0 || padding.is_empty() {
        return Ok(());
    }
    if len > MAX_TEXT {
        return Err(too_large("Length of string", context));
    }
    text.make_mut()
        .extend(padding.chars().cycle().take(missing));
    Ok(())
}

#[cfg(test)]
mod tests;
