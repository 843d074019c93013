//! What a playbook can read of a host: `h.read`, `h.facts`, `h.vars`, `quote`.

use super::local;
use crate::ops::Ops;

#[test]
fn reads_a_whole_file_or_names_what_it_refuses() {
    let ops = local(1)
        .file("h1/text", "one\ntwo\n\n")
        .file("h1/empty", "")
        .file("h1/binary", b"\0\xff\n\r\n\0")
        .file("h1/most", vec![b'x'; 256 * 1024])
        .file("h1/too-much", vec![b'x'; 256 * 1024 + 1])
        .file("h1/huge", vec![b'x'; 3 << 20])
        .file("h1/quo'te \"$x\"", "odd")
        .playbook(
            r#"
            each(hosts("all"), |h| {
                let root = h.vars.root;
                print(h.read(root + "/text") == "one\ntwo\n\n");
                print(`empty ${h.read(root + "/empty").len()}`);
                print(`bytes ${h.read(root + "/binary", #{ bytes: true })}`);
                print(`most ${h.read(root + "/most").len()}`);
                print(`odd ${h.read(root + "/quo'te \"$x\"")}`);
                for name in ["binary", "too-much", "huge", "missing", ".", "dangling"] {
                    try { h.read(root + "/" + name); print(`read ${name}`); } catch (e) { print(`${name}: ${e.message}`); }
                }
                try { h.read("relative") } catch (e) { print(e.message); }
            });
            "#,
        );
    std::os::unix::fs::symlink("nowhere", ops.path("h1/dangling")).expect("a link");
    let ran = ops
        .run()
        .ok()
        .stdout_has("true")
        .stdout_has("empty 0")
        .stdout_has("bytes [00ff0a0d0a00]")
        .stdout_has("most 262144")
        .stdout_has("odd odd")
        .stdout_has("it is not UTF-8 (use `bytes: true`)")
        .stdout_has("it has 262145 bytes, and the maximum is 262144")
        .stdout_has("missing: it does not exist")
        .stdout_has("it is not a regular file")
        .stdout_has("it is a broken link")
        .stdout_has("`relative` is not an absolute path");
    assert!(!ran.stdout.contains("read huge"), "{ran}");
}

#[test]
fn facts_describe_the_host() {
    let ran = local(1)
        .playbook(
            r#"each(hosts("all"), |h| print(`${h.facts.hostname}/${h.facts.user}/${h.facts.cores > 0}/${h.facts.memory > 0}`));"#,
        )
        .run()
        .ok();
    let user = crate::fleet::current_user();
    assert!(ran.stdout.contains(&format!("/{user}/true/true")), "{ran}");
}

fn with_vars(vars: &str) -> Ops {
    Ops::new().inventory_named(
        "hosts.yml",
        &format!("all:\n  hosts:\n    h1:\n      ansible_connection: local\n{vars}"),
    )
}

#[test]
fn renders_variables_on_use() {
    with_vars("      app: shop\n      port: 8080\n      path: /srv/{{ app }}\n      broken: '{{ nothing }}'\n      list: [1, '{{ app }}']\n")
        .playbook(
            r#"
            each(hosts("all"), |h| {
                print(`${h.vars.path} ${h.vars["port"] + 1} ${h.vars.get("speed", 7)} ${h.vars.list}`);
                try { h.vars.prot } catch (e) { print(`${e.message}. ${e.hint}`); }
                try { h.vars.broken } catch (e) { print(`broken: ${e.message}`); }
                print("port" in h.vars.keys());
            });
            "#,
        )
        .run()
        .ok()
        .stdout_has(r#"/srv/shop 8081 7 [1, "shop"]"#)
        .stdout_has("no variable `prot`. Did you mean `port`?")
        .stdout_has("nothing")
        .stdout_has("true");
}

#[test]
fn a_template_sees_the_same_as_one_in_an_inventory() {
    let ops = local(2).playbook(
        r#"
        each(hosts("h1"), |h| {
            h.apply(files::template(h.vars.root + "/made", "made.j2", #{ vars: #{ root: "mine" } }));
            print(h.read(h.vars.root + "/made"));
        });
        "#,
    );
    ops.file(
        "made.j2",
        "{{ inventory_hostname }}: {{ root }}{% for name in groups.all %} {{ name }}={{ hostvars[name].root[-3:] }}{% endfor %}",
    )
    .run()
    .ok()
    .stdout_has("h1: mine h1=/h1 h2=/h2");
}

/// In check mode, a file that earlier tasks of the same closure would change is not read.
#[test]
fn check_mode_does_not_read_a_file_that_would_have_changed() {
    for (before, read, told) in [
        ("files::file(p, \"new\\n\")", "h.read(p)", "got new"),
        (
            "files::file(p, \"new\\n\")",
            "h.stat(p).exists",
            "the rest is unknown: depends on what `files::file ",
        ),
        ("files::line(p, \"more\")", "h.read(p)", "got old\\nmore"),
        ("files::absent(p)", "h.read(p)", "it does not exist"),
        (
            "files::absent(p)",
            "h.stat(p).exists",
            "the rest is unknown",
        ),
        (
            "files::directory(p + \".d\", #{ mode: \"0700\" })",
            "h.read(p)",
            "got old",
        ),
        ("commands::run(\"make\")", "h.read(p)", "got old"),
        (
            "commands::run(\"make\")",
            "h.read(p + \".made\")",
            "the rest is unknown: depends on what `commands::run make` would change",
        ),
        (
            "commands::run(\"make\")",
            "h.stat(p + \".made\").exists",
            "the rest is unknown",
        ),
    ] {
        let ops = local(1).playbook(&format!(
            "each(hosts(\"all\"), |h| {{ let p = env(\"HOME\") + \"/f\"; h.apply({before}); let got = {read}; \
             log::info(`got ${{got}}`.replaced(\"\\n\", \"\\\\n\")); }});"
        ));
        let home = ops.path("../home");
        std::fs::create_dir_all(&home).expect("a directory");
        std::fs::write(home.join("f"), "old\n").expect("a file");
        let ran = ops.arg("--check").run();
        let printed = format!("{}{}", ran.stdout, ran.stderr);
        assert!(printed.contains(told), "{before} {read}: {printed}");
    }
}
