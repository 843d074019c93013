//! Check mode writes nothing to a host, and never claims to know what it does not.

use crate::fleet::{Container, Image};
use crate::ops::Ops;

/// One of every task, each with something to do, and each on a separate host: after a package that may change
/// anything, the outcome of later tasks would be unknown.
const EVERY_TASK: &str = r#"
    each(hosts("all"), |h| {
        let tasks = [
            files::directory("/srv/check"),
            files::file("/srv/file", "content\n", #{ mode: "0600" }),
            files::template("/srv/template", "hello.j2", #{ vars: #{ name: "you" } }),
            files::link("/srv/link", "/etc/hostname"),
            files::absent("/etc/issue"),
            files::line("/etc/hosts", "192.0.2.1 elsewhere"),
            packages::installed("ops-hello"),
            packages::absent("fish"),
            services::running("idle"),
            services::stopped("ssh"),
            services::enabled("idle"),
            services::disabled("ssh"),
            users::present("newcomer"),
            users::absent("zshy"),
            commands::run("touch /srv/never", #{ creates: "/srv/never" }),
            commands::run("touch /srv/never"),
        ];
        h.become("root").apply(tasks[h.vars.task]);
    });
"#;

/// The number of tasks.
const TASKS: usize = 16;

#[test]
fn checking_every_task_leaves_the_file_tree_unchanged() {
    let Some(host) = Container::start(Image::Debian) else {
        return;
    };
    // The same machine under a different name for each task.
    let at = host.endpoint("deploy");
    let inventory: String = (0..TASKS)
        .map(|task| {
            format!(
                "task{task} task={task} ansible_host={} ansible_port={} ansible_user=deploy \
                 ansible_ssh_private_key_file={} ansible_ssh_common_args='{}'\n",
                at.address,
                at.port,
                at.key.display(),
                host.ssh_args()
            )
        })
        .collect();
    let ops = Ops::new()
        .inventory_named("hosts.ini", &inventory)
        .file("hello.j2", "hello {{ name }}\n")
        .playbook(EVERY_TASK);
    let ops = ops.args(["--check", "--output", "json"]);
    assert!(host.exec("apt-get update -qq").status.success());
    // Whatever a first connection creates exists before the comparison.
    assert!(host.ssh("deploy", "sudo -n true").status.success());
    let before = host.tree();
    let ran = ops.run().ok().nothing_left();
    assert_eq!(host.tree().since(&before), Vec::<String>::new(), "{ran}");
    for task in 0..TASKS - 1 {
        let outcomes = ran.outcomes(&format!("task{task}"));
        assert_eq!(outcomes, ["would_change"], "task {task}\n{ran}");
    }
    // The last one is a command with an unknown effect.
    let outcomes = ran.outcomes(&format!("task{}", TASKS - 1));
    assert_eq!(outcomes, ["unknown"], "{ran}");
    ops.arg("--fail-on-change").run().code(8);
}

#[test]
fn checking_sends_no_command_that_may_write() {
    let Some(host) = Container::start(Image::Debian) else {
        return;
    };
    let playbook = r#"
        each(hosts("all"), |h| {
            let root = h.become("root");
            root.apply([
                files::directory("/srv/run"),
                packages::installed("ops-hello"),
                files::file("/srv/run/file", "content\n"),
                users::present("newcomer"),
            ]);
            root.run("touch /srv/run-by-command");
            root.apply(files::directory("/srv/never"));
        });
    "#;
    let ops = host
        .ops(&["deploy"])
        .playbook(playbook)
        .args(["--check", "--output", "json"]);
    assert!(host.exec("apt-get update -qq").status.success());
    assert!(host.ssh("deploy", "sudo -n true").status.success());
    let before = host.tree();
    let ran = ops.run().ok().nothing_left();
    assert_eq!(host.tree().since(&before), Vec::<String>::new(), "{ran}");
    assert_eq!(
        ran.outcomes("deploy"),
        [
            "would_change",
            "would_change",
            "would_change",
            "would_change",
            "unknown"
        ],
        "{ran}"
    );
    ran.stdout_has("as things stand: `packages::installed ops-hello` might change that");
}

/// The less is known of packages, the less is claimed.
#[test]
fn a_package_is_unknown_without_lists_or_with_old_lists() {
    let Some(host) = Container::start(Image::Debian) else {
        return;
    };
    let check = |name: &str, options: &str| {
        let playbook = format!(
            r#"each(hosts("all"), |h| h.become("root").apply(packages::installed("{name}"{options})));"#
        );
        let ops = host.ops(&["deploy"]).playbook(&playbook);
        ops.args(["--check", "--output", "json"]).run()
    };
    for name in ["nosuchpkg", "ops-hello"] {
        let ran = check(name, "").ok();
        assert_eq!(ran.outcomes("deploy"), ["unknown"], "{ran}");
        ran.stdout_has("the host has no package lists yet");
    }
    let never = check("nosuchpkg", ", #{ update: false }").code(3);
    never.stdout_has("apt would refuse: Unable to locate package nosuchpkg");
    for age in ["", "find /var/lib/apt -exec touch -d '3 days ago' {} +"] {
        assert!(
            host.exec(&format!("apt-get update -qq; {age}"))
                .status
                .success()
        );
        let ran = check("nosuchpkg", "").ok();
        assert_eq!(ran.outcomes("deploy"), ["unknown"], "{ran}");
        ran.stdout_has(
            "apt would refuse: Unable to locate package nosuchpkg, but a run would update the package lists first",
        );
        let ran = check("ops-hello", "").ok();
        assert_eq!(ran.outcomes("deploy"), ["would_change"], "{ran}");
    }
}

/// `/etc/issue` exists with another content; only then does the check read the content.
#[test]
fn a_file_with_other_content_is_known_to_change() {
    let Some(host) = Container::shared(Image::Debian) else {
        return;
    };
    let playbook = r#"
        each(hosts("all"), |h| {
            h.become("root").apply([
                files::directory("/srv/other"),
                files::file("/etc/issue", "another\n"),
            ]);
            h.run("cat /srv/other/made-later", #{ reads: true });
        });
    "#;
    let ran = host
        .ops(&["deploy"])
        .playbook(playbook)
        .args(["--check", "--output", "json"])
        .run()
        .ok();
    assert_eq!(
        ran.outcomes("deploy"),
        ["would_change", "would_change", "unknown"],
        "{ran}"
    );
    ran.stdout_has("earlier tasks would change this host first");
}

/// The run would report this too; check mode used not to.
#[test]
fn a_check_fails_if_the_run_certainly_would() {
    let Some(host) = Container::shared(Image::Debian) else {
        return;
    };
    for (task, reason) in [
        (
            r#"files::file("/tmp/k/no/such/x", "x")"#,
            "there is no directory /tmp/k/no/such",
        ),
        (
            r#"files::file("/srv/x", "x", #{ owner: "nosuchuser" })"#,
            "there is no user nosuchuser",
        ),
        (
            r#"packages::installed("nosuchpkg", #{ update: false })"#,
            "apt would refuse: Unable to locate package nosuchpkg",
        ),
        (
            r#"commands::run("make", #{ cwd: "/srv/gone" })"#,
            "there is no directory /srv/gone",
        ),
        (
            r#"users::present("u9", #{ uid: 0 })"#,
            "the id 0 belongs to the user root",
        ),
        (
            r#"groups::present("root", #{ gid: 5 })"#,
            "the id 5 belongs to the group tty",
        ),
        (
            r#"groups::absent("root")"#,
            "root is the primary group of the user root",
        ),
        (
            r#"users::present("rz", #{ home: "/etc/motd" })"#,
            "/etc/motd is not a directory",
        ),
        (
            r#"commands::run(["nosuchprog"], #{ creates: "/srv/x" })"#,
            "there is no program nosuchprog",
        ),
        (
            r#"files::file("/srv/x", "x", #{ validate: "nosuchprog -c %s" })"#,
            "there is no program nosuchprog",
        ),
        (
            r#"files::file("/proc/x", "1")"#,
            "/proc/x is in the pseudo file system /proc",
        ),
    ] {
        let playbook = format!(r#"each(hosts("all"), |h| {{ h.become("root").apply({task}); }});"#);
        let ops = host
            .ops(&["deploy"])
            .playbook(&playbook)
            .args(["--output", "json"]);
        let ran = ops.run().code(3);
        // A message that the program itself prints is not repeated.
        if !reason.starts_with("the id")
            && !reason.contains("primary")
            && !reason.contains("program")
        {
            ran.stdout_has(reason.trim_start_matches("apt would refuse: "));
        }
        let ran = ops.arg("--check").run().code(3);
        assert_eq!(ran.outcomes("deploy"), ["failed"], "{ran}");
        ran.stdout_has(reason);
    }
}

/// A user cannot be become before the task that creates it has run; and for a user without a home, replaced
/// files are kept elsewhere.
#[test]
fn a_user_created_in_a_list_can_be_become_in_it() {
    let Some(host) = Container::start(Image::Debian) else {
        return;
    };
    let playbook = r#"
        each(hosts("all"), |h| {
            let root = h.become("root");
            root.apply([
                users::present("newbie", #{ system: true }),
                commands::run("id -un >/tmp/who", #{ become: "newbie", creates: "/tmp/who", undo: "rm -f /tmp/who" }),
                files::file("/tmp/who", "replaced\n", #{ become: "newbie" }),
            ]);
            root.apply(files::file("/tmp/another", "x\n", #{ become: "newbie" }));
            let s = h.become("newbie").stat("/tmp/another", #{ hash: true });
            log::info(`${s.kind} ${s.mode} ${s.owner} ${s.size} ${s.hash.sub_string(0, 6)}`);
            h.undo();
        });
    "#;
    let ops = host
        .ops(&["deploy"])
        .playbook(playbook)
        .args(["--output", "json"]);
    let checked = ops.arg("--check").run().ok();
    assert_eq!(
        checked.outcomes("deploy"),
        ["would_change", "unknown", "unknown", "unknown"],
        "{checked}"
    );
    checked.stdout_has(
        "there is no user newbie yet: depends on what `users::present newbie` would change",
    );
    let ops = host
        .ops(&["deploy"])
        .playbook(playbook)
        .args(["--output", "json"]);
    let ran = ops.run().ok().nothing_left();
    assert_eq!(ran.outcomes("deploy")[..4], ["changed"; 4], "{ran}");
    ran.stdout_has("file 0644 newbie 2 73cb38");
    assert_eq!(
        host.look(
            "id -un newbie 2>/dev/null || echo gone; ls /tmp/another 2>/dev/null || echo gone"
        ),
        "gone\ngone\n"
    );
}

#[test]
fn a_pipe_fails_if_any_of_its_commands_fails() {
    let Some(host) = Container::shared(Image::Debian) else {
        return;
    };
    let playbook = r#"
        each(hosts("all"), |h| {
            h.run("false | gzip >/dev/null");
            let ran = h.run("sh -c 'exit 7' | gzip >/dev/null", #{ pipefail: true, ok: [0, 7] });
            log::info(`ended with ${ran.code}`);
            h.apply(commands::run("false | gzip >/dev/null", #{ pipefail: true, name: "dump the shop" }));
        });
    "#;
    let ran = host.ops(&["deploy"]).playbook(playbook).run().code(3);
    ran.stdout_has("ended with 7")
        .stdout_has("commands::run dump the shop");
}
