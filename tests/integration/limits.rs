//! Limits on sizes, memory and time: what exceeds one is visibly cut or refused with its name, and nothing
//! hangs.

use std::fs::{self, File};
use std::path::Path;

use crate::fleet::measure;
use crate::ops::Ops;

/// Hosts that are this machine.
fn local(hosts: usize) -> Ops {
    let lines: String = (1..=hosts)
        .map(|host| format!("h{host} ansible_connection=local\n"))
        .collect();
    Ops::new().inventory_named("hosts.ini", &lines)
}

fn size(path: &Path) -> u64 {
    let metadata = fs::symlink_metadata(path).expect("it exists");
    if !metadata.is_dir() {
        return metadata.len();
    }
    let entries = fs::read_dir(path).expect("a directory");
    entries
        .map(|entry| size(&entry.expect("an entry").path()))
        .sum()
}

#[test]
fn memory_use_is_bounded_whatever_hosts_print() {
    let shapes = r#"
        each(hosts("all"), |h| {
            for shape in [
                "yes | head -c 12000000",
                "head -c 12000000 /dev/zero",
                "head -c 12000000 /dev/urandom >&2",
                "head -c 12000000 /dev/zero | tr '\\0' x",
                "yes 'a longer line of a build' | head -c 12000000; echo the end; echo an error >&2",
            ] {
                h.run(shape, #{ reads: true });
            }
        });
    "#;
    for (output, megabytes) in [("json", 40), ("plain", 40), ("live", 40)] {
        let ops = local(2).playbook(shapes).args(["--output", output, "-v"]);
        let printed = ops.path("printed");
        let mut command = ops.command();
        command.stdout(File::create(&printed).expect("a file"));
        let measured = measure(&mut command);
        assert!(measured.status.success(), "{measured:?}");
        assert!(measured.peak < 100 << 20, "{measured:?}");
        assert!(size(&ops.state()) < 64_000_000);
        assert!(size(&printed) < megabytes << 20, "{}", size(&printed));
    }
}

#[test]
fn reports_a_cut_and_shows_the_last_lines() {
    let ran = local(1)
        .playbook(r#"each(hosts("all"), |h| h.run("seq 100000; echo the end", #{ reads: true }));"#)
        .args(["--output", "json"])
        .run()
        .ok();
    let lines: Vec<String> = ran
        .events_of("task.output")
        .iter()
        .map(|event| event["text"].as_str().expect("a text").to_owned())
        .collect();
    assert_eq!(lines[0], "1");
    let cut =
        "[... output cut: a step shows 8 MiB of output; its last lines follow at the end ...]";
    let at = lines.iter().position(|line| line == cut).expect("a cut");
    // All lines before the cut, and all lines after the omitted part.
    assert_eq!(lines[at - 1], at.to_string());
    assert!(
        lines[at + 1].ends_with(" bytes of output left out ...]"),
        "{}",
        lines[at + 1]
    );
    assert_eq!(lines[lines.len() - 2..], ["100000", "the end"]);
    let left_out: usize = lines[at + 1]
        .split(' ')
        .nth(1)
        .and_then(|number| number.parse().ok())
        .expect("a number");
    let all: usize = (1..=100_000)
        .map(|n: usize| n.to_string().len() + 1)
        .sum::<usize>()
        + 8;
    let shown: usize = lines.iter().map(|line| line.len() + 1).sum();
    let notices = cut.len() + 1 + lines[at + 1].len() + 1;
    assert_eq!(shown - notices + left_out, all);
}

#[test]
fn a_run_that_printed_too_much_still_shows_the_start_of_a_step() {
    let ran = local(1)
        .playbook(
            r#"
            each(hosts("all"), |h| {
                for i in 0..5 { h.run(`head -c 9000000 /dev/zero | tr '\0' x`, #{ reads: true }); }
                h.run("echo first; yes | head -c 100000; echo last", #{ reads: true });
            });
            "#,
        )
        .args(["--output", "json"])
        .run()
        .ok();
    let events = ran.events_of("task.output");
    let step = &events.last().expect("an event")["step"];
    let lines: Vec<&str> = events
        .iter()
        .filter(|event| event["step"] == *step)
        .filter_map(|event| event["text"].as_str())
        .collect();
    let cut =
        "[... output cut: a run shows 28 MiB of output; its last lines follow at the end ...]";
    assert_eq!(lines[0], "first");
    assert!(lines.contains(&cut) && lines.len() < 60, "{lines:?}");
    assert_eq!(lines.last(), Some(&"last"));
}

/// Runs a playbook that must fail, and returns its error output.
fn fails(playbook: &str) -> String {
    let ran = local(2).playbook(playbook).run().code(3);
    format!("{}{}", ran.stdout, ran.stderr)
}

#[test]
fn a_value_nested_too_deep_is_an_error_and_hooks_run() {
    let ran = local(1)
        .playbook(
            r#"
            finally(|| log::info("the hook ran"));
            let m = #{};
            for i in 0..1000 { m = #{a: m}; }
            with_lock("deep", #{ scope: "local" }, || log::info(m));
            "#,
        )
        .run()
        .code(3);
    ran.stderr_has("the value is nested more than 128 levels deep")
        .stdout_has("the hook ran")
        .nothing_left();
    for use_of_it in [
        "print(m)",
        "throw m",
        "files::template(\"/x\", \"x.j2\", #{ vars: m })",
    ] {
        let playbook = format!("let m = #{{}}; for i in 0..1000 {{ m = #{{a: m}}; }} {use_of_it};");
        // Rhai's `print` allows it; all others refuse.
        let ran = local(1).playbook(&playbook).file("x.j2", "{{ a }}").run();
        assert!(
            matches!(ran.exit_code(), Some(0 | 2 | 3)),
            "{use_of_it}: {ran:?}"
        );
    }
}

#[test]
fn values_that_double_are_errors() {
    let text = fails(r#"let s = "x"; loop { s += s; }"#);
    assert!(
        text.contains("a string (or all strings in one value) exceeded 64 MiB"),
        "{text}"
    );
    let text = fails("let a = [1]; loop { a += a; }");
    assert!(
        text.contains("a list has more than 1000000 elements"),
        "{text}"
    );
    let text = fails("let a = []; a.pad(1000000000, 1);");
    assert!(
        text.contains("a list has more than 1000000 elements"),
        "{text}"
    );
    let text = fails(
        r#"let a = []; a.pad(1000, 0); let m = #{ a: a }; for i in 0..20 { m["k" + i] = m; }"#,
    );
    assert!(text.contains("more than 1000000 e"), "{text}");
}

#[test]
fn a_timeout_stops_a_loop_that_only_computes() {
    let text = fails(
        r#"
        each(hosts("h1"), |h| {
            finally(|| { let n = 0; for i in 0..1000 { n += i; } log::warn(`hook ${n}`); });
            timeout("500ms", || loop {});
        });
        "#,
    );
    assert!(text.contains("took longer than 500ms"), "{text}");
    assert!(text.contains("hook 499500"), "{text}");
    let text = fails("timeout(\"500ms\", || each(hosts(\"all\"), |h| { loop {} }));");
    assert!(text.contains("took longer than 500ms"), "{text}");
}

#[test]
fn endless_recursion_is_stopped() {
    let text = fails("fn f() { each(hosts(\"all\"), |h| f()); } f();");
    assert!(text.contains("`each` is nested more than 8 deep"), "{text}");
    let text = fails("fn f() { finally(|| f()); } f();");
    assert!(
        text.contains("too many clean-ups in one frame (the maximum is 1000)"),
        "{text}"
    );
}

#[test]
fn cuts_a_loop_of_messages() {
    let ran = local(1)
        .playbook("for i in 0..200000 { log::info(`message ${i}`); }")
        .run()
        .ok();
    assert!(ran.stdout.len() < 8 << 20, "{}", ran.stdout.len());
    ran.stdout_has("message 0\n")
        .stdout_has("[... messages cut: a run shows 8 MiB of them ...]");
}

#[test]
fn refuses_an_endless_template_with_its_position() {
    let loops = "a\n{% for i in range(99999) %}{% for j in range(99999) %}{% set x = j %}{% endfor %}{% endfor %}\n";
    let playbook = r#"each(hosts("all"), |h| h.apply(files::template("/nosuch/x", "x.j2")));"#;
    local(1)
        .playbook(playbook)
        .file("x.j2", loops)
        .run()
        .code(3)
        .stderr_has("x.j2:2: rendering takes more than 10000000 steps");
    let inventory = format!(
        "[all:vars]\nslow={}\n",
        loops.lines().nth(1).expect("a line")
    );
    Ops::new()
        .inventory_named(
            "hosts.ini",
            &format!("h1 ansible_connection=local\n{inventory}"),
        )
        .playbook(r#"each(hosts("all"), |h| log::info(h.vars.slow));"#)
        .run()
        .code(2)
        .stdout_has(
            "hosts.ini:3: variable `slow` of host h1: rendering takes more than 10000000 steps",
        );
}

#[test]
fn stops_an_endless_probe() {
    let playbook = r#"
        each(hosts("all"), |h| h.apply(task(#{
            name: "endless",
            probe: "PROBE",
            plan: |found| (),
        })));
    "#;
    for probe in ["yes", "yes >&2", "head -c 9000000 /dev/zero; sleep 1000"] {
        local(1)
            .playbook(&playbook.replace("PROBE", probe))
            .run()
            .code(3)
            .stderr_has("its probe printed more than 1 MiB");
    }
}
