//! Inventories as a user sees them: warnings, `ansible.cfg`, passwords, `--var`, `--limit`.

use crate::ops::Ops;

const LOOK: &str =
    "let h = hosts(\"web1\")[0];\nlog::info(`colour ${h.vars.color}, ` + h.vars.line);\n";

fn count(text: &str, part: &str) -> usize {
    text.matches(part).count()
}

/// On stderr, for each subcommand that reads the inventory.
#[test]
fn reports_a_warning_once_with_its_position() {
    let ops = Ops::new()
        .inventory_named(
            "hosts.ini",
            "[web]\nweb1 secret=ab#cd ansible_connection=local\n",
        )
        .playbook("log::info(\"hello\");\n");
    let warning = "hosts.ini:2: the value of `secret` ends at the `#`";
    for args in [
        &["run", "playbook.rhai"][..],
        &["run", "playbook.rhai", "--output", "json"],
        &["check", "playbook.rhai"],
        &["inventory", "show", "web1"],
        &["inventory", "list"],
    ] {
        let ran = ops.again(args).run().ok();
        assert_eq!(count(&ran.stderr, warning), 1, "{args:?}\n{}", ran.stderr);
        assert_eq!(count(&ran.stdout, "ends at"), 0, "{args:?}");
        assert!(!ran.stderr.contains("cd"), "{}", ran.stderr);
    }
}

#[test]
fn honours_settings_of_ansible() {
    let ops = Ops::new()
        .file("hosts", "[web]\nweb1 ansible_user=amy\nweb2\n")
        .file("pass", "opensesame\n")
        .file(
            "ansible.cfg",
            "[defaults]\ninventory = hosts\nremote_user = deploy\nprivate_key_file = id\n\
             vault_password_file = pass\n[privilege_escalation]\nbecome = True\nbecome_ask_pass = True\n",
        )
        .env("OPS_TRANSPORT", "openssh");
    let ran = ops.again(["inventory", "show", "web2"]).run().ok();
    insta::assert_snapshot!(ran.snapshot());
    ops.again(["inventory", "show", "web1"])
        .run()
        .ok()
        .stdout_has("\"amy\"   hosts:2");
    // A named inventory takes precedence, and an inventory of ops beside it is not ignored.
    ops.again(["inventory", "list", "-i", "other,"])
        .run()
        .ok()
        .stdout_has("other");
    ops.file("inventory.toml", "")
        .again(["inventory", "list"])
        .run()
        .code(2)
        .stderr_has("there are two inventories: inventory.toml, and hosts of ansible.cfg");
}

#[test]
fn does_not_show_a_plain_text_password() {
    let ops = Ops::new()
        .inventory_named(
            "hosts.ini",
            "web1 ansible_connection=local ansible_become_password=hunter22 url='http://amy:{{ ansible_become_password }}@x/'\n",
        )
        .playbook("let h = hosts(\"web1\")[0];\nlog::info(h.vars.url);\n");
    for args in [&["show", "web1"][..], &["show", "web1", "--json"]] {
        let args: Vec<&str> = ["inventory"].iter().chain(args).copied().collect();
        let ran = ops.again(&args).run().ok();
        assert!(!ran.stdout.contains("hunter22"), "{}", ran.stdout);
        let shown = ops.again(args.iter().chain(&["--show-secrets"])).run().ok();
        assert_eq!(count(&shown.stdout, "hunter22"), 2, "{}", shown.stdout);
    }
    let ran = ops.again(["run", "playbook.rhai"]).run().ok();
    assert!(!ran.stdout.contains("hunter22"), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("http://amy:[secret]@x/"),
        "{}",
        ran.stdout
    );
}

/// Like extra variables in Ansible.
#[test]
fn a_parameter_of_the_command_line_overrides_the_inventory() {
    let ops = Ops::new()
        .inventory_named(
            "hosts.ini",
            "web1 ansible_connection=local color=blue line='it is {{ color }}'\n",
        )
        .file("vars.toml", "color = \"green\"\n")
        .playbook(&format!(
            "let color = param(\"color\", \"a colour\", #{{ fallback: \"red\" }});\n{LOOK}"
        ));
    let run = |args: &[&str]| {
        let args = ["run", "playbook.rhai"].iter().chain(args);
        ops.again(args).run().ok()
    };
    run(&["--var", "color=cli"]).stdout_has("colour cli, it is cli");
    run(&["--vars-file", "vars.toml"]).stdout_has("colour green, it is green");
    // The fallback of a parameter does not apply to hosts.
    run(&[]).stdout_has("colour blue, it is blue");
}

#[test]
fn a_limit_that_excludes_hosts_keeps_localhost() {
    let ops = Ops::new()
        .inventory_named("hosts.ini", "web1\nweb2\n")
        .file("done.txt", "\u{feff}# yesterday\r\nweb1 # fine\r\n")
        .playbook(
            "log::info(`${hosts(\"localhost\").len()} here, ${hosts(\"all\").len()} there`);\n",
        );
    let run = |limit: &str| ops.again(["run", "playbook.rhai", "--limit", limit]).run();
    run("!web1").ok().stdout_has("1 here, 1 there");
    run("!@done.txt").ok().stdout_has("1 here, 1 there");
    run("@done.txt").ok().stdout_has("0 here, 1 there");
    run("web[1-2]")
        .code(2)
        .stderr_has("may be a slice or a range of names");
}

#[test]
fn names_an_unsupported_become_method() {
    Ops::new()
        .inventory_named(
            "hosts.ini",
            "web1 ansible_connection=local ansible_become_method=doas\n",
        )
        .playbook("hosts(\"web1\")[0].become(\"nobody\").run(\"id\");\n")
        .run()
        .code(3)
        .stderr_has("hosts.ini:1: `ansible_become_method` of host web1 is `doas`, which ops does not support");
}

#[test]
fn check_finds_an_unsupported_become_method() {
    let ops = Ops::new()
        .inventory_named(
            "hosts.ini",
            "web1\nweb2 ansible_become=yes ansible_become_flags=-i\n",
        )
        .file("one.rhai", "hosts(\"web1\")[0].run(\"id\");\n")
        .file("both.rhai", "hosts(\"web*\")[0].run(\"id\");\n");
    ops.again(["check", "one.rhai"]).run().ok();
    ops.again(["check", "both.rhai"])
        .run()
        .code(2)
        .stderr_has("hosts.ini:2: `ansible_become_flags` of host web2 is `-i`");
}

/// Counts the hosts that are used, not the whole inventory, and not the controller.
#[test]
fn counts_the_hosts_that_a_playbook_uses() {
    let look = "controller().run(\"true\", #{ reads: true });\nhosts(\"web1\")[0].run(\"true\", #{ reads: true });\n";
    let ops =
        Ops::new().inventory_named("hosts.ini", "web1 ansible_connection=local\nweb2\nweb3\n");
    let ran = ops.playbook(look).run().ok();
    assert!(
        ran.stdout.starts_with("playbook.rhai, 1 host (run "),
        "{}",
        ran.stdout
    );
    let totals = ran.stdout.lines().last().unwrap_or_default();
    assert!(totals.starts_with("web1 in "), "{totals}");
    assert!(
        totals.ends_with(": 1 unchanged; controller: 1 unchanged"),
        "{totals}"
    );
    // Only the run knows which of several are used.
    let some =
        "let all = hosts(\"all\");\neach([all[0]], |h| h.run(\"true\", #{ reads: true }));\n";
    let ran = Ops::new()
        .inventory_named("hosts.ini", "web1 ansible_connection=local\nweb2\n")
        .playbook(some)
        .run()
        .ok();
    assert!(
        ran.stdout.starts_with("playbook.rhai (run "),
        "{}",
        ran.stdout
    );
}

/// The directory of an inventory may contain other files.
#[test]
fn ignores_other_files_in_the_directory() {
    let ops = Ops::new()
        .file("inv/hosts", "[web]\nweb1\n")
        .file("inv/list.csv", "a\nb\n")
        .file("inv/Makefile", "Z\n")
        .file("inv/settings.yml", "retries: 3\nregion: eu\n")
        .file("inv/hosts.yml.example", "all:\n  hosts:\n    sample:\n")
        .file("inv/aws.yml", "# all of them\nplugin: amazon.aws.aws_ec2\n")
        .file("inv/empty.yml", "# nothing yet\n");
    let ran = ops.again(["inventory", "list", "-i", "inv"]).run().ok();
    insta::assert_snapshot!(ran.snapshot());
    // A file that is named explicitly is read.
    ops.again(["inventory", "list", "-i", "inv/aws.yml"])
        .run()
        .code(2)
        .stderr_has("inv/aws.yml:2: this configures an inventory plugin");
}
