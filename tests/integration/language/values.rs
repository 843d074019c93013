//! Maps, strings and what else a playbook computes with on the controller.

use super::local;

#[test]
fn a_key_or_a_variable_that_may_be_missing_is_asked_for_with_a_question_mark() {
    let ops = local(1)
        .file("lib.rhai", "fn port(m) { m?.port ?? 80 }")
        .playbook(
            r#"
            import "lib" as lib;
            let m = #{ inner: #{} };
            let h = hosts("h1")[0];
            print(`${m?.missing ?? "a"} ${m.inner?.missing ?? "b"} ${lib::port(m)} ${h.vars?.missing ?? "c"}`);
            print(h.vars?.root != ());
            m.inner.missing
            "#,
        );
    ops.run()
        .code(3)
        .stdout_has("a b 80 c")
        .stdout_has("true")
        .stderr_has("the map has no key `missing`")
        .stderr_has("`map?.missing` is `()` where the key is missing.");
    local(1)
        .playbook("let m = #{};\nm[\"a b\"]")
        .run()
        .code(3)
        .stderr_has("`map.get(\"a b\")` is `()` where the key is missing.");
    local(1)
        .playbook("let h = hosts(\"h1\")[0];\nh?.nam")
        .run()
        .code(3)
        .stderr_has(":2:4")
        .stderr_has("a Host has no property `nam`");
}
