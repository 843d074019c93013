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
fn finds_a_page_by_its_name() {
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
fn finds_pages_by_words_of_other_tools_and_by_any_word() {
    let doc = |word: &str| Ops::new().args(["doc", word]).run();
    doc("lineinfile").ok().stdout_has(
        "For what Ansible calls `lineinfile`, see `files::line`.\n\nfiles::line(path, line)",
    );
    doc("service")
        .ok()
        .stdout_has(
            "For what Ansible calls `service`, see `services::running`, `services::stopped`",
        )
        .stdout_has("Checks whether a systemd unit is active.");
    doc("git")
        .ok()
        .stdout_has("ops has no task for working copies");
    doc("user").ok().stdout_has("users::present");
    doc("lineinfil")
        .code(2)
        .stderr_has("Did you mean `lineinfile`?");
    doc("sysctl").ok().stdout_has("ops has no task for it");
    doc("append_keys")
        .ok()
        .stdout_has("No page is called `append_keys`. These mention it:")
        .stdout_has("users::present");
    doc("facts")
        .ok()
        .stdout_has("`os_codename`")
        .stdout_has("`virtualization`");
    doc("string").ok().stdout_has("- `text.trimmed()`: ");
    doc("nothingwhatever")
        .code(2)
        .stderr_has("no page is called `nothingwhatever`");
}

#[test]
fn lists_draws_and_explains_the_inventory() {
    let inventory = |args: &[&str]| {
        Ops::new()
            .inventory(INVENTORY)
            .args(["inventory"].iter().chain(args))
            // The rest depends on the configuration of the user who runs the tests.
            .env("OPS_TRANSPORT", "openssh")
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
fn shows_how_a_host_is_reached_and_why() {
    let ops = Ops::new()
        .file(
            "ssh",
            "Host far\n  User amy\n  ProxyCommand nc %h %p\nHost *\n  Port 2222\n",
        )
        .inventory_named(
            "hosts.ini",
            "near\nfar\nhere ansible_connection=local\nbox ops_exec='docker exec -i box'\n\
             [all:vars]\nansible_ssh_common_args='-F ssh'\nops_transport=auto\n",
        );
    let shown = |args: &[&str]| {
        let args = ["inventory", "show"].iter().chain(args);
        ops.again(args).run().ok().stdout
    };
    let transport = |args: &[&str]| {
        let text = shown(args);
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("transport: "));
        line.expect("a line").to_owned()
    };
    assert_eq!(transport(&["near"]), "native");
    assert_eq!(
        transport(&["far"]),
        "openssh (`ProxyCommand` is set, ssh:3)"
    );
    assert_eq!(transport(&["here"]), "local");
    assert_eq!(transport(&["box"]), "docker exec -i box");
    assert_eq!(transport(&["near", "--transport", "openssh"]), "openssh");
    assert_eq!(
        transport(&["far", "--transport", "native"]),
        "! `ProxyCommand` is set, ssh:3"
    );
    let json: serde_json::Value = serde_json::from_str(&shown(&["far", "--json"])).expect("JSON");
    assert_eq!(json["transport"], "openssh");
    assert_eq!(json["transport_reason"], "`ProxyCommand` is set, ssh:3");
    let native = ops.clone().env("OPS_TRANSPORT", "native");
    let json = native
        .again(["inventory", "show", "far", "--json"])
        .run()
        .ok()
        .stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert!(json.get("transport").is_none(), "{json}");
}

/// Nothing is contacted: the host does not even have an address.
#[test]
fn native_is_an_error_of_a_host_that_needs_ssh() {
    let ops = Ops::new()
        .file("ssh", "ProxyCommand nc %h %p\n")
        .inventory_named(
            "hosts.ini",
            "far.invalid ansible_ssh_common_args='-F ssh'\n",
        );
    let ping = |transport: &str| ops.again(["ping", "--transport", transport]).run();
    ping("native")
        .code(4)
        .stderr_has(
            "the native transport cannot reach it as ssh would: `ProxyCommand` is set, ssh:1",
        )
        .stderr_has("ops_transport");
    ping("telnet")
        .code(2)
        .stderr_has("[possible values: auto, native, openssh]");
}

#[test]
fn reports_an_unknown_host() {
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
