//! Strings: methods that return a new string where Rhai's own change it in place; joining; regular
//! expressions; hashes.

use std::fmt::Write as _;

use regex::Regex;
use rhai::{
    Array, Blob, Dynamic, Engine, EvalAltResult, ImmutableString, Map, Module, NativeCallContext,
};
use sha2::Digest as _;

use super::declare_plain;
use crate::script::bounded;
use crate::script::error::argument;
use crate::script::frame::Frame;
use crate::script::nesting;

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

const REPLACED: &str = "\
Returns the string with every `find` replaced by `with`. Rhai's own `replace` changes the string in place and
returns nothing.

```rhai
let name = \"a.b\".replaced(\".\", \"-\");
```";

const TRIMMED: &str = "\
Returns the string without whitespace at its ends. Rhai's own `trim` changes the string in place and returns
nothing.

```rhai
let version = read_file(\"VERSION\").trimmed();
```";

const LINES: &str = "\
Returns the lines of a string, without line endings. A newline at the end of the string does not start another
line.

```rhai
for line in read_file(\"names.txt\").lines() { log::info(line); }
```";

const JOIN: &str = "\
Joins all elements of an array to one string, with `separator` between them. An element that is not a string
is converted as `print` would.

```rhai
let list = [\"a\", \"b\", 3].join(\", \");
```";

const MATCHES: &str = "\
Whether a regular expression matches anywhere in a string. Put `^` and `$` around it to match the whole
string. The syntax is that of Rust's `regex`: like Perl, but without look-around and back-references. Between
`#\"` and `\"#`, backslashes need no escaping.

```rhai
if !regex::matches(\"1.4.2\", #\"^\\d+(\\.\\d+)*$\"#) { fail(\"invalid version\"); }
```";

const FIND: &str = "\
Returns the first part of a string that a regular expression matches, or `()`.

```rhai
let number = regex::find(\"nginx/1.22.1\", #\"[0-9.]+\"#) ?? \"unknown\";
```";

const FIND_ALL: &str = "\
Returns all parts of a string that a regular expression matches.

```rhai
let numbers = regex::find_all(\"1, 22 and 333\", \"[0-9]+\");
```";

const CAPTURES: &str = "\
Returns what the groups of a regular expression captured in its first match, as a map, or `()` if it does not
match. `\"0\"` is the whole match, `\"1\"` the first group, and a group `(?<name>...)` also has its name as a
key. A group that did not take part in the match is `()`.

```rhai
let found = regex::captures(\"shop-1.4.2.tar.gz\", #\"^(?<name>\\w+)-(?<version>[0-9.]+)\\.tar\"#);
if found != () { log::info(`${found.name} ${found.version}`); }
```";

const REGEX_REPLACED: &str = "\
Returns the string with every match of a regular expression replaced. In `with`, `$1` or `${name}` is the text
of a captured group, and `$$` is a dollar sign.

```rhai
let text = regex::replaced(\"port = 80\", #\"port\\s*=\\s*\\d+\"#, \"port = 8080\");
```";

const SPLIT: &str = "\
Returns the parts of a string between the matches of a regular expression.

```rhai
let words = regex::split(\"a,  b ,c\", #\"\\s*,\\s*\"#);
```";

const ESCAPE: &str = "\
Returns a regular expression that matches exactly this string.

```rhai
let found = regex::matches(\"a.b\", \"^\" + regex::escape(\"a.b\") + \"$\");
```";

pub(super) fn register(engine: &mut Engine) {
    register_strings(engine);
    register_regex(engine);
    register_hashes(engine);
}

fn register_strings(engine: &mut Engine) {
    let parameters = ["text: &str", "find: &str", "with: &str", "String"];
    declare_plain("replaced", &parameters, REPLACED).register_into_engine(
        engine,
        |context: NativeCallContext, text: &str, find: &str, with: &str| {
            bounded::replaced(&context, text, find, with)
        },
    );
    declare_plain("trimmed", &["text: &str", "String"], TRIMMED)
        .register_into_engine(engine, |text: &str| text.trim().to_owned());
    declare_plain("lines", &["text: &str", "Array"], LINES)
        .register_into_engine(engine, |context: NativeCallContext, text: &str| {
            bounded::list(&context, text.lines())
        });
    let parameters = ["items: Array", "separator: &str", "String"];
    declare_plain("join", &parameters, JOIN).register_into_engine(
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
    let two = |given| ["text: &str", "pattern: &str", given];
    declare_plain("matches", &two("bool"), MATCHES).set_into_module(
        &mut module,
        |context: NativeCallContext, text: &str, pattern: &str| {
            Ok::<_, Box<EvalAltResult>>(regex(&context, pattern)?.is_match(text))
        },
    );
    declare_plain("find", &two("Dynamic"), FIND).set_into_module(
        &mut module,
        |context: NativeCallContext, text: &str, pattern: &str| {
            let found = regex(&context, pattern)?.find(text);
            Ok::<_, Box<EvalAltResult>>(found.map_or(Dynamic::UNIT, |found| string(found.as_str())))
        },
    );
    declare_plain("find_all", &two("Array"), FIND_ALL).set_into_module(
        &mut module,
        |context: NativeCallContext, text: &str, pattern: &str| {
            let pattern = regex(&context, pattern)?;
            bounded::list(
                &context,
                pattern.find_iter(text).map(|found| found.as_str()),
            )
        },
    );
    declare_plain("captures", &two("Dynamic"), CAPTURES).set_into_module(
        &mut module,
        |context: NativeCallContext, text: &str, pattern: &str| {
            let pattern = regex(&context, pattern)?;
            Ok::<_, Box<EvalAltResult>>(captures(&pattern, text))
        },
    );
    let parameters = ["text: &str", "pattern: &str", "with: &str", "String"];
    declare_plain("replaced", &parameters, REGEX_REPLACED).set_into_module(
        &mut module,
        |context: NativeCallContext, text: &str, pattern: &str, with: &str| {
            let pattern = regex(&context, pattern)?;
            regex_replaced(&context, text, &pattern, with)
        },
    );
    declare_plain("split", &two("Array"), SPLIT).set_into_module(
        &mut module,
        |context: NativeCallContext, text: &str, pattern: &str| {
            let pattern = regex(&context, pattern)?;
            bounded::list(&context, pattern.split(text))
        },
    );
    declare_plain("escape", &["text: &str", "String"], ESCAPE)
        .set_into_module(&mut module, |text: &str| regex::escape(text));
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

/// A hash: its function name, its title, and its digest of some bytes in hexadecimal.
type Hash = (&'static str, &'static str, fn(&[u8]) -> String);

const HASHES: [Hash; 3] = [
    ("sha256", "SHA-256", |bytes| {
        hex(&sha2::Sha256::digest(bytes))
    }),
    ("sha512", "SHA-512", |bytes| {
        hex(&sha2::Sha512::digest(bytes))
    }),
    ("sha1", "SHA-1", |bytes| hex(&sha1::Sha1::digest(bytes))),
];

fn register_hashes(engine: &mut Engine) {
    for (name, title, hash) in HASHES {
        let page = format!(
            "Returns the {title} hash of a string or a blob, in hexadecimal.\n\n\
             ```rhai\nlog::info({name}(\"text\"));\n```"
        );
        declare_plain(name, &["text: &str", "String"], &page)
            .register_into_engine(engine, move |text: &str| hash(text.as_bytes()));
        declare_plain(name, &["bytes: Blob", "String"], &page)
            .register_into_engine(engine, move |bytes: Blob| hash(&bytes));
        let of_file = format!("{name}_of_file");
        let page = format!(
            "Returns the {title} hash of a file next to the playbook, in hexadecimal. The file must be one \
             that `read_file` may read, and at most 64 MiB.\n\n\
             ```rhai\nlet sum = {of_file}(\"shop.tar.gz\");\n```"
        );
        declare_plain(&of_file, &["path: &str", "String"], &page).register_into_engine(
            engine,
            move |context: NativeCallContext, path: &str| -> Result<String> {
                let frame = Frame::of(&context)?;
                let bytes = frame.world().read(path).map_err(|error| {
                    argument(&context, format!("failed to read {path}: {error}"))
                })?;
                Ok(hash(&bytes))
            },
        );
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
