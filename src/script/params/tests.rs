//! Declarations and values, as a user writes them.

use std::path::PathBuf;

use crate::model::Failure;
use crate::script::{engine, source::Sources};

use super::{Kind, Param, Resolved, collect, resolve};

fn collected(text: &str) -> Result<Vec<Param>, Vec<Failure>> {
    let mut ast = engine::base().compile(text).expect("it parses");
    ast.set_source("x.rhai");
    collect(&ast, &Sources::default())
}

#[track_caller]
fn params(text: &str) -> Vec<Param> {
    collected(text).unwrap_or_else(|failures| panic!("{failures:#?}"))
}

/// The mistakes, as `line:column message`, followed by ` | ` and the hint.
#[track_caller]
fn mistakes(text: &str) -> Vec<String> {
    lines(collected(text).map(|params| format!("{params:?}")))
}

#[track_caller]
fn lines<T: std::fmt::Debug>(result: Result<T, Vec<Failure>>) -> Vec<String> {
    let line = |failure: Failure| {
        let at = failure
            .at
            .map_or(String::new(), |at| format!("{}:{} ", at.line, at.column));
        let hint = failure
            .hint
            .map_or(String::new(), |hint| format!(" | {hint}"));
        format!("{at}{}{hint}", failure.message)
    };
    result.unwrap_err().into_iter().map(line).collect()
}

fn given(params: &[Param], vars: &[(&str, &str)]) -> Result<Resolved, Vec<Failure>> {
    let vars: Vec<_> = vars
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    resolve(params, &vars, &[])
}

#[test]
fn collects_declarations() {
    let params = params(
        r#"
        let version = param("version", "the release");
        const BATCH = param("batch", "hosts at a time", #{ fallback: "25%" });
        let config = #{ port: param("port", "where it listens", #{ fallback: 80, min: 1, max: 65535 }) };
        param("hosts_list", "names", #{ fallback: ["a", "b"] });
        let wait = param("wait", "how long", #{ type: "duration", fallback: "5m", max: "1h" });
        let env = param("env", "where", #{ one_of: ["dev", "prod"], pattern: "[a-z]+" });
        let token = param("token", "for the API", #{ secret: true });
        let ratio = param("ratio", "share", #{ fallback: -1.5 });
        let sum = param("sum", "checksum", #{ optional: true, pattern: "[0-9a-f]+" });
        "#,
    );
    let seen: Vec<_> = params
        .iter()
        .map(|param| format!("{} {} {}", param.name, param.kind.name(), param.notes()))
        .collect();
    assert_eq!(
        seen,
        [
            "version string [required]",
            "batch string [default: 25%]",
            "port int [default: 80] [1 to 65535]",
            "hosts_list list [default: a,b]",
            "wait duration [default: 5m] [at most 1h]",
            "env string [required] [one of: dev, prod] [matches: [a-z]+]",
            "token string [required] [secret]",
            "ratio float [default: -1.5]",
            "sum string [optional] [matches: [0-9a-f]+]",
        ]
    );
    assert_eq!(params[0].kind, Kind::String);
    assert_eq!(params[2].at.as_ref().unwrap().line, 4);
}

#[test]
fn reports_all_mistakes_in_declarations() {
    assert_eq!(
        mistakes(
            r#"if true { let a = param("a", "x"); }
fn f() { param("b", "x") }
let g = || param("c", "x");
let d = param("d" + "d", "x");
let e = param("e", "x", #{ regex: "x", fallbak: "1" });
let f = param("f", "x", #{ type: "integer", fallback: env("X") });
let h = param("h", "x"); let h2 = param("h", "x");
let i = param("i", "x", #{ type: "int", fallback: "1" });
let j = param("j", "x", #{ one_of: ["a"], fallback: "b" });
let k = param("k", "x", #{ pattern: "(" });
let l = param("l", "x", #{ type: "list", min: 1 });
let m = param("m");
let n = param("no name", "x");
let o = param("o", "x", #{ optional: true, fallback: "x" });
let p = param("p", "x", #{ optional: "yes" });"#
        ),
        [
            "1:19 a parameter must be declared at the top level of the playbook | \
             Parameters are read before the playbook \
             runs, so the call cannot depend on anything: `let x = param(...);`.",
            "2:10 a parameter must be declared at the top level of the playbook | \
             Parameters are read before the playbook \
             runs, so the call cannot depend on anything: `let x = param(...);`.",
            "3:12 a parameter must be declared at the top level of the playbook | \
             Parameters are read before the playbook \
             runs, so the call cannot depend on anything: `let x = param(...);`.",
            "4:19 the name of a parameter must be a literal string",
            "5:28 `param` has no option `regex` | This option is called `pattern`.",
            "5:40 `param` has no option `fallbak` | Did you mean `fallback`?",
            "6:28 unknown type `integer` | The types are \
             `string`, `int`, `float`, `bool`, `list`, `duration`, `path`.",
            "6:55 `fallback` of a parameter must be a literal",
            "7:35 the parameter `h` is declared twice: first in line 7",
            "8:41 `fallback` must be an integer, not `1`",
            "9:43 `fallback` must be one of a, not `b`",
            "10:28 `pattern` is not a valid regular expression: unclosed group",
            "11:42 `min` requires an int, a float or a duration",
            "12:9 `param` takes a name, a help text and options | For example: \
             `param(\"version\", \"the release to roll out\")`.",
            "13:15 invalid parameter name: `no name` | \
             A name consists of letters, digits and `_`, and does not start with a digit.",
            "14:44 a parameter with a `fallback` is already optional",
            "15:28 `optional` must be true or false",
        ]
        .map(ToOwned::to_owned)
    );
}

#[test]
fn values_are_typed_by_the_declaration() {
    let params = params(
        r#"
        param("s", "x", #{ fallback: "" });
        param("i", "x", #{ fallback: 0 });
        param("f", "x", #{ fallback: 0.5 });
        param("b", "x", #{ fallback: false });
        param("l", "x", #{ fallback: [] });
        param("j", "x", #{ fallback: [] });
        param("d", "x", #{ type: "duration", fallback: "1s" });
        "#,
    );
    let resolved = given(
        &params,
        &[
            ("s", "1"),
            ("i", "-7"),
            ("f", "2"),
            ("b", "true"),
            ("l", "a, b,c"),
            ("j", "[1, \"a,b\"]"),
            ("d", "1h 30m"),
        ],
    )
    .unwrap();
    let value = |name: &str| resolved.values[name].clone();
    assert_eq!(value("s").into_string().unwrap(), "1");
    assert_eq!(value("i").as_int(), Ok(-7));
    assert_eq!(value("f").as_float(), Ok(2.0));
    assert_eq!(value("b").as_bool(), Ok(true));
    assert_eq!(value("l").to_string(), r#"["a", "b", "c"]"#);
    assert_eq!(value("j").to_string(), r#"[1, "a,b"]"#);
    assert_eq!(resolved.shown["l"], "a,b,c");
    assert_eq!(resolved.shown["d"], "1h 30m");
    let resolved = given(&params, &[]).unwrap();
    assert_eq!(resolved.values["i"].as_int(), Ok(0));
}

#[test]
fn an_optional_parameter_without_a_value_is_unit() {
    let params = params(
        r#"param("sum", "x", #{ optional: true, pattern: "[0-9]+" });
param("port", "x", #{ optional: true, type: "int" });"#,
    );
    let resolved = given(&params, &[("port", "80")]).unwrap();
    assert!(resolved.values["sum"].is_unit());
    assert_eq!(resolved.values["port"].as_int(), Ok(80));
    assert_eq!(resolved.shown.keys().collect::<Vec<_>>(), ["port"]);
    let wrong = given(&params, &[("sum", "")]);
    assert_eq!(
        lines(wrong),
        ["1:1 the parameter `sum` must match `[0-9]+`, not ``"]
    );
}

#[test]
fn reports_all_wrong_values_at_once() {
    let params = params(
        r#"param("version", "the release", #{ pattern: "\\d+\\.\\d+" });
param("env", "where", #{ one_of: ["dev", "prod"] });
param("port", "x", #{ fallback: 80, max: 65535 });
param("wait", "x", #{ type: "duration", fallback: "1s", min: "1s" });
param("tags", "x", #{ fallback: [], one_of: ["a", "b"] });
param("missing", "it is needed");"#,
    );
    let wrong = given(
        &params,
        &[
            ("version", "1.2.3"),
            ("env", "live"),
            ("port", "70000"),
            ("wait", "10ms"),
            ("tags", "a,c"),
            ("vresion", "1.2"),
        ],
    );
    assert_eq!(
        lines(wrong),
        [
            "the playbook has no parameter `vresion` | Did you mean `version`?",
            "1:1 the parameter `version` must match `\\d+\\.\\d+`, not `1.2.3`",
            "2:1 the parameter `env` must be one of dev, prod, not `live`",
            "3:1 the parameter `port` must be at most 65535, not `70000`",
            "4:1 the parameter `wait` must be at least 1s, not `10ms`",
            "5:1 the parameter `tags` must be one of a, b, not `c`",
            "6:1 the parameter `missing` is missing: it is needed | Set it with `--var missing=...`.",
        ]
    );
}

#[test]
fn never_shows_a_secret() {
    let params = params(
        r#"param("token", "x", #{ secret: true, type: "int" });
param("keys", "x", #{ secret: true, pattern: "k.*", fallback: ["kept-hidden"] });
param("json", "x", #{ secret: true, fallback: [] });"#,
    );
    let wrong = given(
        &params,
        &[
            ("token", "hunter2"),
            ("keys", "hunter2"),
            ("json", "[hunter2"),
        ],
    );
    let text = format!(
        "{wrong:?} {:?}",
        params.iter().map(Param::notes).collect::<Vec<_>>()
    );
    assert_eq!(wrong.unwrap_err().len(), 3);
    assert!(!text.contains("hunter2"), "{text}");
    let resolved = given(&params, &[("token", "123456")]).unwrap();
    assert_eq!(resolved.shown["token"], "[secret]");
    assert_eq!(resolved.shown["keys"], "[secret]");
    let secret = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        resolved.secrets,
        [secret("token", "123456"), secret("keys", "kept-hidden")]
    );
}

#[test]
fn no_error_shows_a_wrong_secret() {
    let dir = tempfile::tempdir().unwrap();
    for (options, value, error) in [
        (
            r#"type: "path""#,
            "/no/hunter2",
            "names a file that cannot be read: No such file or directory (os error 2)",
        ),
        (r#"type: "int""#, "hunter2", "must be an integer"),
        (r#"type: "float""#, "hunter2", "must be a float"),
        (r#"type: "bool""#, "hunter2", "must be true or false"),
        (r#"type: "duration""#, "hunter2", "must be a duration"),
        (r#"one_of: ["a", "b"]"#, "hunter2", "must be one of a, b"),
        (r#"pattern: "k.*""#, "hunter2", "must match `k.*`"),
    ] {
        let params = params(&format!(
            r#"param("p", "x", #{{ secret: true, {options} }});"#
        ));
        let file = dir.path().join("vars.json");
        std::fs::write(&file, format!(r#"{{"p": "{value}"}}"#)).unwrap();
        for wrong in [
            given(&params, &[("p", value)]),
            resolve(&params, &[], &[file]),
        ] {
            let wrong = format!("{:?}", wrong.unwrap_err());
            assert!(!wrong.contains("hunter2"), "{wrong}");
            assert!(
                wrong.contains(&format!("the parameter `p` {error}")),
                "{wrong}"
            );
        }
    }
}

#[test]
fn reads_values_from_files() {
    let params = params(
        r#"param("version", "x"); param("port", "x", #{ type: "int" });
param("tags", "x", #{ type: "list" });"#,
    );
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| -> PathBuf {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let vars = [("version".to_owned(), "3".to_owned())];
    for path in [
        file("a.toml", "version = \"2\"\nport = 1\ntags = [\"x\"]\n"),
        file("a.yaml", "version: \"2\"\nport: 1\ntags: [x]\n"),
        file("a.json", r#"{"version": "2", "port": 1, "tags": ["x"]}"#),
    ] {
        let resolved = resolve(&params, &vars, std::slice::from_ref(&path)).unwrap();
        assert_eq!(resolved.shown["version"], "3", "{}", path.display());
        assert_eq!(resolved.values["port"].as_int(), Ok(1));
        assert_eq!(resolved.shown["tags"], "x");
    }
    let ten = |name: &str| vec![name; 1000].join(",");
    let bomb = format!(
        "tags: &a [{}]\nport: &b [{}]\nversion: [{}]\n",
        ten("1"),
        ten("*a"),
        ten("*b")
    );
    let wrong = resolve(
        &params,
        &[],
        &[
            file("b.yaml", "version: 1.40\nprot: 1\ntags: x\n"),
            file("c.toml", "\nport = hunter2\n"),
            file("d.txt", ""),
            file("e.yaml", &bomb),
            dir.path().join("none.json"),
        ],
    );
    let wrong = lines(wrong)
        .join("\n")
        .replace(&format!("{}/", dir.path().display()), "");
    for expected in [
        "the parameter `version` must be a string: put it in quotes",
        "b.yaml: the playbook has no parameter `prot` | Did you mean `port`?",
        "the parameter `tags` must be a list, not `x`",
        "c.toml: line 2: ",
        "invalid YAML, or too many aliases or levels",
        "d.txt must be a .toml, .yaml, .yml or .json file",
        "cannot read none.json",
    ] {
        assert!(wrong.contains(expected), "{expected} is not in\n{wrong}");
    }
}
