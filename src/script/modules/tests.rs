//! Modules and closures as a playbook uses them. Closures across modules depend on details of the pinned
//! version of Rhai: run these tests before changing the version.

use std::path::PathBuf;
use std::sync::Arc;

use rhai::{Dynamic, FnPtr, NativeCallContext};

use crate::model::Failure;
use crate::script::playbook::Playbook;
use crate::script::prepare;
use crate::script::source::Sources;
use crate::script::trace;

struct Book {
    dir: tempfile::TempDir,
}

impl Book {
    fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self { dir }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("main.rhai")
    }

    fn run(&self) -> Result<Dynamic, Vec<Failure>> {
        let mut engine = prepare::complete_engine();
        // A native function that takes a closure, as `each` does.
        engine.register_fn(
            "visit",
            |context: NativeCallContext, f: FnPtr| -> Result<Dynamic, Box<rhai::EvalAltResult>> {
                f.call_within_context(&context, ("host",))
            },
        );
        let sources = Arc::new(Sources::default());
        let book = Playbook::load(&mut engine, &self.path(), &sources)?;
        engine
            .eval_ast::<Dynamic>(&book.ast)
            .map_err(|error| vec![trace::failure(&error, &engine, &sources)])
    }

    /// The value of the script, as text.
    #[track_caller]
    fn value(&self) -> String {
        match self.run() {
            Ok(value) => value.to_string(),
            Err(failures) => panic!("{failures:#?}"),
        }
    }

    /// The only failure, without the directory of the test.
    #[track_caller]
    fn failure(&self) -> (String, String) {
        let failures = self.run().unwrap_err();
        let [failure] = failures.as_slice() else {
            panic!("{failures:#?}")
        };
        let dir = format!("{}/", self.dir.path().display());
        let at = failure.at.as_ref().map(ToString::to_string);
        (
            failure.message.replace(&dir, ""),
            at.unwrap_or_default().replace(&dir, ""),
        )
    }
}

/// The closure of the main script runs in a module, and calls a function that both define.
#[test]
fn a_closure_calls_the_functions_of_its_own_script() {
    let book = Book::new(&[
        (
            "main.rhai",
            r#"
            import "lib" as lib;
            fn helper() { "main" }
            lib::run(|| helper()) + lib::visit_it(|h| helper())
            "#,
        ),
        (
            "lib.rhai",
            r#"
            fn helper() { "lib" }
            fn run(f) { f.call() }
            fn visit_it(f) { visit(f) }
            "#,
        ),
    ]);
    assert_eq!(book.value(), "mainmain");
}

#[test]
fn a_closure_reads_the_constants_of_its_own_script() {
    let book = Book::new(&[
        (
            "main.rhai",
            r#"
            import "lib" as lib;
            const X = "main";
            lib::run(|| global::X)
            "#,
        ),
        (
            "lib.rhai",
            r#"
            const X = "lib";
            fn run(f) { f.call() }
            "#,
        ),
    ]);
    assert_eq!(book.value(), "main");
}

#[test]
fn an_error_in_a_closure_is_placed_in_its_own_file() {
    let book = Book::new(&[
        (
            "main.rhai",
            "import \"lib\" as lib;\n\nlib::run(||\n  throw \"no\"\n)",
        ),
        ("lib.rhai", "fn run(f) { f.call() }"),
    ]);
    assert_eq!(book.failure(), ("no".into(), "main.rhai:4:3".into()));
}

#[test]
fn a_switch_on_a_captured_variable_matches() {
    let book = Book::new(&[(
        "main.rhai",
        r#"
        let x = 2;
        let f = || x;
        switch x { 2 => "two", _ => "other" }
        "#,
    )]);
    assert_eq!(book.value(), "two");
}

#[test]
fn calls_a_closure_from_a_module() {
    let lib = r#"
        import "inner" as inner;
        const GREETING = "hi";
        fn helper(h) { global::GREETING + " " + inner::name(h) }
        export const direct = |h| helper(h);
        fn returned() { |h| helper(h) }
        fn capturing(x) { |h| helper(h) + x }
        fn in_map(x) { #{ act: |h| helper(h) + x, deep: #{ act: |h| helper(h) } } }
        fn nested() { |h| { let inner = |n| helper(n); inner.call(h) } }
        fn method() { #{ name: "m", act: |h| this.name + helper(h) } }
        fn in_array() { [|h| helper(h)] }
    "#;
    for (case, expected) in [
        ("let f = lib::returned(); f.call(\"a\")", "hi <a>"),
        ("visit(lib::returned())", "hi <host>"),
        ("let f = lib::capturing(\"!\"); f.call(\"a\")", "hi <a>!"),
        ("visit(lib::capturing(\"!\"))", "hi <host>!"),
        ("let f = lib::direct; f.call(\"a\")", "hi <a>"),
        ("visit(lib::direct)", "hi <host>"),
        ("let m = lib::in_map(\"!\"); m.act(\"a\")", "hi <a>!"),
        ("let m = lib::in_map(\"!\"); m.deep.act(\"a\")", "hi <a>"),
        (
            "let m = lib::in_map(\"!\"); visit(|h| m.act(h))",
            "hi <host>!",
        ),
        ("let f = lib::nested(); f.call(\"a\")", "hi <a>"),
        ("visit(lib::nested())", "hi <host>"),
        ("let m = lib::method(); m.act(\"a\")", "mhi <a>"),
        ("let a = lib::in_array(); a[0].call(\"a\")", "hi <a>"),
        ("visit(|h| visit(lib::returned()))", "hi <host>"),
        (
            "fn helper(h) { \"wrong\" } let f = lib::returned(); f.call(\"a\")",
            "hi <a>",
        ),
    ] {
        let book = Book::new(&[
            ("main.rhai", &format!("import \"lib\" as lib;\n{case}")),
            ("lib.rhai", lib),
            ("inner.rhai", "fn name(h) { `<${h}>` }"),
        ]);
        assert_eq!(book.value(), expected, "{case}");
    }
}

#[test]
fn an_error_in_a_closure_of_a_module_is_placed_in_the_module() {
    let book = Book::new(&[
        (
            "main.rhai",
            "import \"lib\" as lib;\nlet f = lib::make();\nf.call(1)",
        ),
        ("lib.rhai", "fn make() {\n  |h| {\n    throw \"no\"\n  }\n}"),
    ]);
    assert_eq!(book.failure(), ("no".into(), "lib.rhai:3:5".into()));
}

#[test]
fn a_module_cannot_see_its_importers_functions() {
    let book = Book::new(&[
        (
            "main.rhai",
            "let secret = 1; fn helper() { 1 } import \"lib\" as lib; lib::x",
        ),
        ("lib.rhai", "export const x = helper();"),
    ]);
    assert_eq!(book.failure().0, "unknown function `helper`");
}

#[test]
fn is_evaluated_once() {
    let book = Book::new(&[
        (
            "main.rhai",
            "import \"a\" as a; import \"b\" as b; a::stamp() == b::stamp()",
        ),
        ("a.rhai", "import \"c\" as c; fn stamp() { c::stamp }"),
        ("b.rhai", "import \"./c\" as c; fn stamp() { c::stamp }"),
        ("c.rhai", "export const stamp = timestamp();"),
    ]);
    assert_eq!(book.value(), "true");
}

#[test]
fn refuses_a_cycle_with_its_path() {
    let book = Book::new(&[
        ("main.rhai", "import \"a\" as a;"),
        ("a.rhai", "import \"b\" as b;"),
        ("b.rhai", "\nimport \"a\" as a;"),
    ]);
    let (message, at) = book.failure();
    assert_eq!(
        message,
        "modules import each other: a.rhai → b.rhai → a.rhai"
    );
    assert_eq!(at, "b.rhai:2:8");
    let book = Book::new(&[("main.rhai", "fn f() { import \"main\" as m; }")]);
    let (message, _) = book.failure();
    assert_eq!(message, "modules import each other: main.rhai → main.rhai");
}

#[test]
fn reports_every_import_that_fails() {
    let book = Book::new(&[
        (
            "main.rhai",
            "import \"nothing\" as a;\nlet x = \"lib\";\nimport x as b;\nimport \"broken\" as c;\n\
             import \"../up\" as d;",
        ),
        ("broken.rhai", "let x = ;"),
    ]);
    let failures = book.run().unwrap_err();
    let messages: Vec<_> = failures
        .iter()
        .map(|failure| failure.message.as_str())
        .collect();
    assert_eq!(messages.len(), 4, "{messages:#?}");
    assert!(
        messages[0].starts_with("module `nothing` not found"),
        "{messages:#?}"
    );
    assert_eq!(
        messages[1],
        "the path of an import must be a literal string"
    );
    assert_eq!(failures[2].at.as_ref().unwrap().line, 1);
    assert!(messages[3].contains("is outside the playbook's directory"));
}

#[test]
fn an_error_at_the_top_level_of_a_module_shows_its_importer() {
    let book = Book::new(&[
        ("main.rhai", "\nimport \"lib\" as lib;"),
        ("lib.rhai", "\n\nthrow \"no\";"),
    ]);
    assert_eq!(book.failure(), ("no".into(), "lib.rhai:3:1".into()));
    let failures = book.run().unwrap_err();
    let [(call, at)] = failures[0].trace.as_slice() else {
        panic!("{failures:#?}")
    };
    assert!(call.starts_with("import "), "{call}");
    assert_eq!(at.line, 2);
}

#[test]
fn imports_a_standard_module() {
    let book = Book::new(&[(
        "main.rhai",
        r#"
        import "std/versions" as versions;
        let older = [
            versions::compare("1.9.3", "1.10.0"),
            versions::compare("v2", "2.0.0"),
            versions::compare("1.0-rc1", "1.0"),
            versions::compare("1.0", "1.0-rc1"),
        ];
        `${older} ${versions::at_least("2.36", "2.31")}`
        "#,
    )]);
    assert_eq!(book.value(), "[-1, 0, -1, 1] true");
}

#[test]
fn a_script_without_functions_can_call_a_closure_of_a_module() {
    let book = Book::new(&[
        ("main.rhai", "import \"lib\" as lib; lib::f.call()"),
        ("lib.rhai", "export const f = || 7;"),
    ]);
    assert_eq!(book.value(), "7");
}

#[test]
fn refuses_closures_that_cannot_be_distinguished() {
    let lib = |name: &str| format!("fn make() {{ |h| helper() }}\nfn helper() {{ \"{name}\" }}");
    let book = Book::new(&[
        ("main.rhai", "import \"a\" as a; import \"b\" as b;"),
        ("a.rhai", &lib("a")),
        ("b.rhai", &lib("b")),
    ]);
    let (message, at) = book.failure();
    assert_eq!(
        message,
        "b.rhai and a.rhai have the same closure at the same line and column"
    );
    assert_eq!(at, "main.rhai:1:25");
    let book = Book::new(&[
        (
            "main.rhai",
            "import \"a\" as a; import \"b\" as b; a::make().call(1) + b::make().call(1)",
        ),
        ("a.rhai", &lib("a")),
        ("b.rhai", &format!("\n{}", lib("b"))),
    ]);
    assert_eq!(book.value(), "ab");
}
