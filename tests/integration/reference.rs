//! `ops doc`, `ops inventory` and `ops completions`.

use crate::ops::Ops;

const INVENTORY: &str = "\
[groups.web]
children = [\"edge\"]
vars = { release = \"1.4\", greeting = \"this is {{ release }}\" }

[groups.edge]

[hosts.web1]
groups = [\"web\"]
vars = { release = \"1.5\" }

[hosts.web2]
groups = [\"web\"]

[hosts.edge1]
groups = [\"edge\"]
";

#[test]
fn a_page_is_found_by_its_name() {
    let doc = |args: &[&str]| Ops::new().args(["doc"].iter().chain(args)).run();
    doc(&[])
        .ok()
        .stdout_has("Tasks:")
        .stdout_has("  files::template");
    doc(&["each"])
        .ok()
        .stdout_has("each(hosts: array, closure: closure)");
    doc(&["h.apply"]).ok().stdout_has("host.apply(task: Task)");
    doc(&["files::file", "--markdown"])
        .ok()
        .stdout_has("### `files::file`");
    doc(&["eahc"]).code(2).stderr_has("Did you mean `each`?");
    let ran = doc(&["versions", "--json"]).ok();
    let pages: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert!(
        pages.as_array().is_some_and(|pages| pages.len() > 1),
        "{pages}"
    );
}

#[test]
fn the_inventory_is_listed_drawn_and_explained() {
    let inventory = |args: &[&str]| {
        Ops::new()
            .inventory(INVENTORY)
            .args(["inventory"].iter().chain(args))
            .run()
            .ok()
    };
    insta::assert_snapshot!(inventory(&["list"]).snapshot());
    insta::assert_snapshot!(inventory(&["list", "web:!web2", "--json"]).snapshot());
    insta::assert_snapshot!(inventory(&["graph"]).snapshot());
    insta::assert_snapshot!(inventory(&["show", "web1"]).snapshot());
    insta::assert_snapshot!(inventory(&["show", "web1", "--json"]).snapshot());
}

#[test]
fn a_host_that_is_not_there_is_told() {
    let ops = |args: &[&str]| Ops::new().inventory(INVENTORY).args(args).run().code(2);
    ops(&["inventory", "show", "wbe1"]).stderr_has("Did you mean `web1`?");
    ops(&["inventory", "graph", "wbe"]).stderr_has("Did you mean `web`?");
    ops(&["inventory", "list", "nothing"]).stderr_has("nothing");
}

#[test]
fn completions_are_for_this_program() {
    for shell in ["bash", "zsh", "fish"] {
        Ops::new()
            .args(["completions", shell])
            .run()
            .ok()
            .stdout_has("inventory");
    }
}
