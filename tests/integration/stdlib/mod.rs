//! The modules that are part of ops, on real hosts.

mod app;
mod environment;
mod release;
mod requirements;
mod systemd;

use crate::ops::Ops;

/// Every playbook on the page passes `ops check`, and its inventory is valid.
#[test]
fn the_page_is_correct() {
    let page = include_str!("../../../docs/stdlib.md");
    let blocks = |language: &str| -> Vec<String> {
        page.split(&format!("```{language}\n"))
            .skip(1)
            .map(|rest| rest.split("```").next().expect("the block ends").to_owned())
            .collect()
    };
    let inventory = blocks("toml").concat()
        + "[groups.web]\nhosts = [\"web1\"]\n[groups.lb]\nhosts = [\"lb1\"]\n";
    let playbooks = blocks("rhai");
    assert!(playbooks.len() > 4);
    for playbook in playbooks {
        Ops::new()
            .inventory(&inventory)
            .file("page.rhai", playbook)
            .args(["check", "page.rhai"])
            .run()
            .ok();
    }
}
