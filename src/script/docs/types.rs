//! Pages of Rhai's own types: their use in a playbook, and their methods with Rhai's own comments.

use std::collections::BTreeMap;

use rhai::Engine;

use crate::script::names::{METHODS, Names, Signature};

use super::page::{Page, Sort};

/// A type: its name and the beginning of its page.
struct Type {
    name: &'static str,
    /// The subject of the methods in its list.
    subject: &'static str,
    text: &'static str,
}

const TYPES: [Type; 4] = [
    Type {
        name: "string",
        subject: "text",
        text: "\
A string is a text in UTF-8. Between `\"`, it has the escapes `\\n`, `\\t`, `\\\\`, `\\\"` and `\\u0041`.
Between backticks, it may span lines, `${...}` is replaced by its value, and there are no escapes. Between
`#\"` and `\"#`, it is taken literally. `+` concatenates two strings, `==` compares them, and `x in text`
searches for a part.

Many of Rhai's methods change the string in place and return `()`: `replace`, `trim`, `make_upper`, `crop`.
The methods whose names end in `ed` belong to ops and return a new string. For patterns, use `regex::`.

```rhai
let name = \"Shop-1.4\".to_lower().replaced(\".\", \"_\");
let words = \"a b c\".split(\" \");
if name.starts_with(\"shop\") && \"1\" in name { log::info(`${name} has ${name.len()} characters`); }
```",
    },
    Type {
        name: "array",
        subject: "items",
        text: "\
An array is a list of values: `[1, \"two\", #{ three: 3 }]`. `items[0]` is the first element and `items[-1]`
the last; an index out of range is an error. `+` concatenates two arrays, `x in items` searches for a
value, and `for x in items` loops over the elements.

Some methods change the array in place and return `()`: `push`, `sort`, `reverse`, `dedup`. Others return a
new one: `map`, `filter`, `join`.

```rhai
let ports = [443, 80];
ports.push(8080);
ports.sort();
let shown = ports.filter(|port| port < 1000).map(|port| `:${port}`).join(\", \");
```",
    },
    Type {
        name: "map",
        subject: "map",
        text: "\
A map, also called a dictionary or an object, holds values by name: `#{ port: 80, \"host name\": \"web1\" }`.
`map.port` and `map[\"port\"]` return the value of a key; a missing key is an error. `map?.port` and
`map.get(\"port\")` return `()` instead, so `map?.port ?? 80` has a fallback. `\"port\" in map` tests whether
the key exists. `map.keys()` and `map.values()` are arrays in the order of the keys. A key that is a reserved
word of Rhai must be quoted.

```rhai
let settings = #{ port: 80 };
settings.host = \"web1\";
for key in settings.keys() { log::info(`${key} = ${settings[key]}`); }
let user = settings?.user ?? \"www-data\";
```",
    },
    Type {
        name: "blob",
        subject: "bytes",
        text: "\
A blob holds bytes: the result of `h.read(path, #{ bytes: true })`, and a possible content of `files::file`.

```rhai
let bytes = \"text\".to_blob();
log::info(`${bytes.len()} bytes, ${sha256(bytes)}`);
```",
    },
];

/// One page for each type.
pub(crate) fn pages(engine: &Engine) -> Vec<Page> {
    let names = Names::of(engine);
    let own = Names::own(engine).all();
    // A function of ops that takes a string is not a method of strings.
    let is_method = |name: &str| {
        let is_ours = own
            .get(name)
            .is_some_and(|known| known.iter().any(|signature| !signature.doc.is_empty()));
        !HIDDEN.contains(&name) && (!is_ours || OURS.contains(&name) || METHODS.contains(&name))
    };
    let pages = TYPES.iter().map(|of| Page {
        sort: Sort::Type,
        name: of.name.to_owned(),
        signatures: Vec::new(),
        options: Vec::new(),
        text: format!("{}\n\n{}", of.text, methods(&names, of, is_method)),
    });
    pages.collect()
}

/// Internal functions that are not shown.
const HIDDEN: [&str; 7] = [
    "to_debug",
    "debug",
    "print",
    "to_string",
    "chars",
    "eval",
    "get_fn_metadata_list",
];

/// Functions of ops that are also shown as methods.
const OURS: [&str; 3] = ["sha1", "sha256", "sha512"];

/// The list of methods: how to call each, with Rhai's description.
fn methods(names: &Names, of: &Type, is_method: impl Fn(&str) -> bool) -> String {
    let mut listed: BTreeMap<(String, usize), Signature> = BTreeMap::new();
    for (name, signatures) in names.all() {
        let is_name = name.starts_with(char::is_alphabetic) && !name.contains(['$', ':']);
        if !is_name || !is_method(&name) {
            continue;
        }
        for signature in signatures {
            let kind = signature.parameters.first().map(|first| &first.kind);
            if kind.is_none_or(|kind| kind != of.name) || signature.doc.is_empty() {
                continue;
            }
            // A method that takes a string also takes a character.
            let key = (name.clone(), signature.parameters.len());
            let is_first = !listed.contains_key(&key);
            let takes_string = signature.parameters[1..]
                .iter()
                .any(|parameter| parameter.kind == "string");
            if is_first || takes_string {
                listed.insert(key, signature);
            }
        }
    }
    let lines: Vec<String> = listed
        .into_values()
        .map(|signature| {
            let in_place = if signature.returns.is_empty() {
                " Returns `()`."
            } else {
                ""
            };
            format!(
                "- `{}`: {}{in_place}",
                call(of.subject, &signature),
                summary(&signature)
            )
        })
        .collect();
    lines.join("\n")
}

fn call(subject: &str, signature: &Signature) -> String {
    let parameters: Vec<&str> = signature
        .parameters
        .iter()
        .skip(1)
        .map(|parameter| parameter.name.as_str())
        .collect();
    format!("{subject}.{}({})", signature.name, parameters.join(", "))
}

/// The first sentence.
fn summary(signature: &Signature) -> String {
    let first = signature
        .doc
        .split("\n\n")
        .next()
        .unwrap_or_default()
        .replace('\n', " ");
    let first = match first.split_once(". ") {
        Some((sentence, _)) => format!("{sentence}."),
        None => first,
    };
    first.trim().to_owned()
}
