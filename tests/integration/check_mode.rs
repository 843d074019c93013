//! A check writes nothing to a host, and never claims to know what it does not.

use crate::fleet::{Container, Image};

/// One of every task, each with something to do. Each alone: behind a package that may bring anything, what
/// follows would be unknown.
const EVERY_TASK: &str = r#"
    each(hosts("all"), |h| {
        let root = h.become("root");
        for task in [
            files::directory("/srv/check"),
            files::file("/srv/check/file", "content\n", #{ mode: "0600" }),
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
        ] {
            root.apply(task);
        }
    });
"#;

#[test]
fn a_check_of_every_task_leaves_the_file_tree_as_it_was() {
    let Some(host) = Container::start(Image::Debian) else {
        return;
    };
    let ops = host
        .ops(&["deploy"])
        .file("hello.j2", "hello {{ name }}\n")
        .playbook(EVERY_TASK);
    let ops = ops.args(["--check", "--output", "json"]);
    // Whatever a first connection leaves is there before.
    assert!(host.ssh("deploy", "sudo -n true").status.success());
    let before = host.tree();
    let ran = ops.run().ok().nothing_left();
    assert_eq!(host.tree().since(&before), Vec::<String>::new(), "{ran}");
    let mut outcomes = ran.outcomes("deploy");
    assert_eq!(outcomes.pop().as_deref(), Some("unknown"), "{ran}");
    assert_eq!(outcomes, vec!["would_change"; 15], "{ran}");
    ops.arg("--fail-on-change").run().code(8);
}
