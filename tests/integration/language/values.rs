//! Maps, strings and other values that a playbook computes with on the controller.

use super::local;

#[test]
fn a_question_mark_reads_a_key_or_variable_that_may_be_missing() {
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
        .stderr_has("`map?.missing` is `()` if the key is missing.");
    local(1)
        .playbook("let m = #{};\nm[\"a b\"]")
        .run()
        .code(3)
        .stderr_has("`map.get(\"a b\")` is `()` if the key is missing.");
    local(1)
        .playbook("let h = hosts(\"h1\")[0];\nh?.nam")
        .run()
        .code(3)
        .stderr_has(":2:4")
        .stderr_has("a Host has no property `nam`");
}

#[test]
fn a_task_that_a_closure_returns_unapplied_is_a_failure() {
    let ops = local(1).playbook(
        r#"
        let made = |h| if h.name == "h1" { [files::absent("/nowhere/x")] };
        each(hosts("all"), made);
        "#,
    );
    ops.run()
        .code(3)
        .stderr_has("`files::absent /nowhere/x` was created but not applied")
        .stderr_has("h.apply(...)");
    let ops = local(1).playbook("let look = |h| tcp(\"localhost:1\"); each(hosts(\"all\"), look);");
    ops.run()
        .code(3)
        .stderr_has("a check was created but not run");
}

#[test]
fn joins_trims_and_replaces_strings_without_changing_them() {
    let ops = local(1).playbook(
        r#"
        let text = " a.b ";
        print(`<${text.trimmed()}> <${text.replaced(".", "-")}> <${text}>`);
        print([1, "two", hosts("h1")[0], 3.5].join("|"));
        print("one\r\ntwo\n".lines().join(","));
        "#,
    );
    ops.run()
        .ok()
        .stdout_has("<a.b> < a-b > < a.b >")
        .stdout_has("1|two|h1|3.5")
        .stdout_has("one,two");
}

#[test]
fn regular_expressions_match_find_capture_replace_and_split_text() {
    let ops = local(1).playbook(
        r##"
        print(`${regex::matches("1.4.2", #"^\d+(\.\d+)*$"#)} ${regex::matches("x1", "^[0-9]")}`);
        print(`${regex::find("nginx/1.22.1", "[0-9.]+")} ${regex::find("x", "[0-9]") ?? "none"}`);
        print(regex::find_all("1, 22 and 333", "[0-9]+").join("+"));
        let found = regex::captures("shop-1.4.tar", #"^(?<name>\w+)-([0-9.]+)\.(x)?"#);
        print(`${found.name} ${found["2"]} ${found["3"] == ()} ${regex::captures("x", "y") == ()}`);
        print(regex::replaced("a1b2", "([a-z])([0-9])", "$2$1"));
        print(regex::split("a,  b ,c", #"\s*,\s*"#).join("|"));
        print(regex::matches("a.b", regex::escape("a.b")));
        regex::find("x", "(");
        "##,
    );
    ops.run()
        .code(3)
        .stdout_has("true false")
        .stdout_has("1.22.1 none")
        .stdout_has("1+22+333")
        .stdout_has("shop 1.4 true true")
        .stdout_has("1a2b")
        .stdout_has("a|b|c")
        .stderr_has("invalid regular expression `(`: unclosed group");
}

#[test]
fn reads_and_writes_json_yaml_and_toml() {
    let ops = local(1)
        .file("x.toml", "port = 80\nday = 2026-11-28\n[a]\nb = [1.5, true]\n")
        .playbook(
            r#"
            let toml = toml::parse(read_file("x.toml"));
            print(`${toml.port} ${toml.day} ${toml.a.b}`);
            print(json::format(#{ a: [1, (), "x"] }).replaced("\n", "~"));
            print(yaml::format(#{ a: [1, "yes"] }).replaced("\n", "~"));
            print(toml::format(#{ a: #{ b: 1.5 } }).replaced("\n", "~"));
            for text in [json::format(toml), yaml::format(toml)] {
                print(if yaml::parse(text) == toml { "same" } else { "different" });
            }
            for wrong in [|| json::parse("{"), || yaml::parse("a: ["), || toml::parse("a = 1\nb"), || toml::format(1), || json::format(hosts("h1")[0])] {
                try { wrong.call(); } catch (e) { print(e.message); }
            }
            "#,
        );
    ops.run()
        .ok()
        .stdout_has("80 2026-11-28 [1.5, true]")
        .stdout_has("{~  \"a\": [~    1,~    null,~    \"x\"~  ]~}~")
        .stdout_has("a:~")
        .stdout_has("[a]~b = 1.5~")
        .stdout_has("same")
        .nowhere("different")
        .stdout_has("failed to parse JSON: EOF while parsing an object at line 1 column 1")
        .stdout_has("failed to parse YAML: ")
        .stdout_has("failed to parse TOML: key with no value, expected `=` at line 2")
        .stdout_has("failed to write TOML: ")
        .stdout_has("failed to write JSON: ");
}

#[test]
fn parses_compares_shifts_and_formats_dates() {
    let ops = local(1).playbook(
        r#"
        let date = dates::parse("2026-11-28T23:30:05Z");
        print(`${date} ${date.year} ${date.weekday} ${date.seconds} ${date.zone}`);
        print(date.plus("1h 30m").format("%F %T %A"));
        print(date.minus("28days") == dates::parse("2026-10-31T23:30:05Z"));
        print(date.in_zone("Europe/Berlin").format("%F %T %Z"));
        print(dates::parse("2026-11-28T12:00:00+02:00").in_zone("UTC"));
        print(dates::parse("28.11.2026", "%d.%m.%Y"));
        print(dates::parse("2026-11-28") < date && dates::now() > date.minus("3650days"));
        print(date.since(dates::from_seconds(date.seconds - 90)));
        print(type_of(dates::now("UTC")));
        for wrong in [|| dates::parse("soon"), || dates::now("Mars"), || dates::parse("1", "%Y-%m")] {
            try { wrong.call(); } catch (e) { print(e.message); }
        }
        "#,
    );
    ops.run()
        .ok()
        .stdout_has("2026-11-28T23:30:05Z 2026 6 1795908605 UTC")
        .stdout_has("2026-11-29 01:00:05 Sunday")
        .stdout_has("2026-11-29 00:30:05 CET")
        .stdout_has("2026-11-28T10:00:00Z")
        .stdout_has("2026-11-28T00:00:00Z")
        .stdout_has("90.0")
        .stdout_has("Date")
        .stdout_has("true")
        .nowhere("false")
        .stdout_has("invalid date: `soon`")
        .stdout_has("unknown time zone: `Mars`")
        .stdout_has("`1` does not match the date format `%Y-%m`: ");
}

#[test]
fn finds_and_hashes_files_beside_the_playbook() {
    let ops = local(1)
        .file("conf.d/b.conf", "b")
        .file("conf.d/a.conf", "abc")
        .playbook(
            r#"
            print(glob("conf.d/*.conf").join(" "));
            print(sha256("abc"));
            print(sha256("abc") == sha256_of_file("conf.d/a.conf"));
            print(sha1("abc"));
            print(sha512("abc").len());
            glob("../*");
            "#,
        );
    ops.run()
        .code(3)
        .stdout_has("conf.d/a.conf conf.d/b.conf")
        .stdout_has("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        .stdout_has("true")
        .stdout_has("a9993e364706816aba3e25717850c26c9cd0d89d")
        .stdout_has("128")
        .stderr_has("`../*`: it is outside the playbook's directory");
}

#[test]
fn imports_modules_beside_the_playbooks_directory() {
    let ops = local(1)
        .file("inventory.toml", "[hosts.h1]\n")
        .file(
            "shared/names.rhai",
            "import \"more\" as more;\nfn name() { more::name }",
        )
        .file("shared/more.rhai", "export const name = \"shared\";")
        .file(
            "books/site.rhai",
            "import \"../shared/names\" as names;\nprint(names::name());",
        );
    ops.again(["run", "books/site.rhai", "-o", "plain"])
        .run()
        .ok()
        .stdout_has("shared");
    ops.file("books/far.rhai", "import \"../../x\" as x;")
        .again(["check", "books/far.rhai"])
        .run()
        .code(2)
        .stderr_has("`../../x` is outside the project ")
        .stderr_has("books/far.rhai:1:8");
}

#[test]
fn facts_include_mounts_and_virtualization() {
    let ops = local(1).playbook(
        r#"
        each(hosts("all"), |h| {
            let root = h.mounts.filter(|mount| mount.path == "/");
            print(`${root.len() > 0} ${type_of(root[0].options)} ${type_of(h.facts.virtualization)} <${h.facts.os_codename}>`);
        });
        "#,
    );
    ops.run().ok().stdout_has("true array string <");
}

#[test]
fn facts_query_addresses_only_on_use() {
    let ops = local(1).playbook(
        r#"
        each(hosts("all"), |h| {
            let loopback = h.addresses.filter(|a| a == "::1" || a.starts_with("127."));
            print(`${type_of(h.addresses)} ${loopback.len()} ${"addresses" in h.facts}`);
        });
        "#,
    );
    ops.run().ok().stdout_has("array 0 false");
}

#[test]
fn a_command_does_not_see_the_functions_of_its_request() {
    let ops = local(1).playbook(
        r#"
        let dir = env("HOME");
        each(hosts("all"), |h| h.apply([
            files::file(`${dir}/a`, "one"),
            files::file(`${dir}/a`, "two", #{ mode: "0600" }),
            commands::run("if command -v failed_at || command -v keep_dir || command -v move_over; then exit 7; fi", #{ reads: ["/x"], writes: ["/x"] }),
        ]));
        "#,
    );
    ops.run().ok().stdout_has("3 changed");
}
