//! A state directory that several login users share: one lock excludes all of them, and no user can touch the
//! files of another.

use crate::fleet::{Container, Image};
use crate::ops::{Ops, Running};

/// Where the users of a test share a directory, and the properties of that machine.
struct Shared<'c> {
    container: &'c Container,
    dir: String,
}

impl<'c> Shared<'c> {
    fn new(container: &'c Container, name: &str) -> Self {
        let dir = format!("/srv/{name}");
        container.look(&format!("mkdir -m 1777 {dir}"));
        Self { container, dir }
    }

    fn ops(&self, user: &str) -> Ops {
        self.container.ops(&[user]).file(
            "group_vars/all.yml",
            format!("ops_state_dir: {}\n", self.dir),
        )
    }

    /// Holds the lock until the file `go` of the user exists, and then changes a file of the user.
    fn holding(&self, user: &str) -> Running {
        let dir = format!("{}.{user}", self.dir);
        self.container.look(&format!(
            "mkdir {dir}; chown {user} {dir}; echo old >{dir}/file; chown {user} {dir}/file"
        ));
        let ops = self.ops(user).playbook(&format!(
            r#"
            let all = hosts("all");
            with_lock("deploy/shop", || each(all, |h| {{
                log::info("has it");
                h.run("while [ ! -e {dir}/go ]; do sleep 0.02; done", #{{ reads: true }});
                h.apply(files::file("{dir}/file", "new\n"));
                h.undo();
            }}));
            "#
        ));
        let mut running = ops.args(["--output", "json"]).start();
        running.wait_for("has it");
        running
    }

    fn go(&self, user: &str) {
        self.container
            .look(&format!("touch {}.{user}/go", self.dir));
    }

    fn take(&self, user: &str) -> Ops {
        self.ops(user)
            .playbook(r#"let all = hosts("all"); with_lock("deploy/shop", || print("has it"));"#)
    }
}

/// Both orders, on both kinds of machine: held, waited for, released, taken over, broken, fenced.
#[test]
fn users_of_one_directory_exclude_each_other() {
    for image in [Image::Debian, Image::Busybox] {
        let Some(container) = Container::shared(image) else {
            return;
        };
        for (one, other) in [
            ("deploy", "plain"),
            ("plain", "deploy"),
            ("root", "plain"),
            ("plain", "root"),
        ] {
            let name = format!("excl-{one}-{other}");
            let shared = Shared::new(container, &name);

            let first = shared.holding(one);
            shared.take(other).run().code(5).stderr_has("is held");
            shared.go(one);
            first.wait().ok();
            shared.take(other).run().ok();
            shared.take(one).run().ok();

            let second = shared.holding(other);
            let list = shared.ops(one).args(["lock", "list", "--json"]).run().ok();
            let held: serde_json::Value = serde_json::from_str(&list.stdout).expect("one lock");
            assert_eq!(held["holder"]["lock"], "deploy/shop", "{list}");
            let id = held["holder"]["id"].as_str().expect("an id");
            shared
                .ops(one)
                .args(["lock", "break", id, "--yes"])
                .run()
                .ok()
                .stdout_has("broken");
            shared.take(one).run().ok();
            shared.go(other);
            let ran = second.wait().code(5);
            assert_eq!(ran.events_of("lock.lost").len(), 1, "{ran}");
            for user in [one, other] {
                assert_eq!(
                    container.look(&format!("cat /srv/{name}.{user}/file")),
                    "old\n",
                    "{one}, {other}: {user}"
                );
            }
            shared
                .ops(other)
                .args(["lock", "list"])
                .run()
                .ok()
                .stdout_has("No locks are held.");
        }
    }
}

/// What a user keeps for an undo is private to that user, and another user cannot replace or remove anything
/// of it.
#[test]
fn kept_files_are_private() {
    let Some(container) = Container::shared(Image::Debian) else {
        return;
    };
    let shared = Shared::new(container, "private");
    for user in ["deploy", "plain", "root"] {
        let running = shared.holding(user);
        shared.go(user);
        running.wait().ok();
    }
    let dir = &shared.dir;
    let modes = container.look(&format!("stat -c '%a %U %n' {dir}/ops-*"));
    assert_eq!(modes.matches("700 ").count(), 3, "{modes}");
    for user in ["deploy", "plain", "root"] {
        let kept = container.look(&format!(
            "find {dir}/ops-$(id -u {user})/kept -name '*.copy'"
        ));
        assert_eq!(kept.lines().count(), 1, "{user}: {kept}");
    }
    // Everyone can read the entries of the lock, but only their owners can write, rename or remove them.
    let entries = container.look(&format!("find {dir} -maxdepth 1 -type f ! -perm 0644"));
    assert_eq!(entries, "");
    for attempt in ["rm -f", "mv -t /tmp", "truncate -s 0"] {
        let done = container.exec(&format!(
            "for f in {dir}/*; do [ -O $f ] && su plain -c \"{attempt} $f\" && echo DONE $f; done"
        ));
        let said = String::from_utf8_lossy(&done.stdout);
        assert!(!said.contains("DONE"), "{attempt}: {said}");
    }
}

/// Another user prepared the path so that it would lead a writer astray.
#[test]
fn does_not_follow_what_another_user_planted() {
    const SAID: &str = "belongs to another user";
    let Some(container) = Container::shared(Image::Debian) else {
        return;
    };
    for (name, plant) in [
        ("link", "mkdir -m 0777 /tmp/planted; ln -s /tmp/planted "),
        ("dir", "mkdir -m 0777 "),
        ("own", "ln -s ~deploy "),
    ] {
        let shared = Shared::new(container, &format!("planted-{name}"));
        let dir = &shared.dir;
        container.look(&format!(
            "su plain -c '{plant}{dir}/ops-'$(id -u deploy); mkdir {dir}.d; echo old >{dir}.d/file; chown -R deploy {dir}.d"
        ));
        let tree = format!("find ~deploy {dir}/ /tmp/planted 2>/dev/null | sort");
        let before = container.look(&tree);
        shared.take("deploy").run().code(3).stderr_has(SAID);
        shared
            .ops("deploy")
            .playbook(&format!(
                r#"each(hosts("all"), |h| h.apply(files::file("{dir}.d/file", "new\n")));"#
            ))
            .run()
            .code(3)
            .stderr_has(SAID);
        assert_eq!(container.look(&tree), before, "{name}");
    }
    // Anything that is not a file is ignored.
    let shared = Shared::new(container, "planted-entry");
    let log = format!("{}/lock.deploy%2Fshop", shared.dir);
    container.look(&format!(
        "echo precious >~deploy/victim; chown deploy ~deploy/victim; \
         su plain -c 'ln -s ~deploy/victim {log}.1000000007; mkfifo {log}.1000000009; \
         for i in $(seq 100 999); do ln -s ~deploy/victim {log}.new.$i; done'"
    ));
    shared.take("deploy").run().ok();
    shared.take("deploy").run().ok();
    assert_eq!(container.look("cat ~deploy/victim"), "precious\n");
}
