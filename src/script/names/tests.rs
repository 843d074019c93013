//! What the engine reports about its functions.

use rhai::{FuncRegistration, Module};

use super::*;

#[test]
fn knows_registered_and_builtin_functions() {
    let mut engine = crate::script::engine::base();
    let mut files = Module::new();
    FuncRegistration::new("file")
        .with_params_info(["path: &str", "content: &str", "Task"])
        .with_comments(["/// Puts a text into a file.", "///", "/// More."])
        .set_into_module(&mut files, |_: &str, _: &str| 1_i64);
    engine.register_static_module("files", files.into());
    let names = Names::of(&engine);
    let [signature] = &names.of_name("files::file")[..] else {
        panic!("{:?}", names.of_name("files::file"));
    };
    assert_eq!(
        signature.shown(),
        "files::file(path: string, content: string)"
    );
    assert_eq!(signature.doc, "Puts a text into a file.\n\nMore.");
    assert_eq!(names.within("files").collect::<Vec<_>>(), ["file"]);
    assert!(names.namespaces().contains(&"files"));
    assert!(names.plain().any(|name| name == "parse_int"));
    // Rhai knows only the number of arguments of these.
    assert!(names.arities("to_float").all(|arity| arity == 1));
    assert_eq!(names.of_name("to_float")[0].shown(), "to_float(_)");
    assert!(!names.plain().any(|name| name.contains('+')));
}
