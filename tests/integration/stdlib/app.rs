//! `std/app`: one declaration installs, updates and rolls back the shop, behind a real HAProxy and a real
//! nginx, under load.

use std::os::unix::fs::symlink;

use crate::balancer::{self, Nginx, UPSTREAM};
use crate::language::local;
use crate::ops::Ops;
use crate::playbooks::{self, project, vars};
use crate::shop::Load;

/// The shop on the hosts of `examples/shop/fleet`, for any version. They have no systemd.
const SHOP: &str = r#"
import "std/haproxy" as haproxy;

fn shop(version) {
    #{
        name: "shop",
        version: version,
        hosts: hosts("web"),
        root: |h| h.vars.app_root,
        env: "templates/env.j2",
        env_file: |h| `${h.vars.app_root}/shared/env`,
        restart: |h| h.vars.app_restart,
        health: |h, version| http(`${h.vars.app_url}/healthz`, #{ body: version }),
        balancer: haproxy::backend(hosts("lb", #{ limit: false }), "shop"),
        rollout: #{ batch: "50%", min_healthy: "200ms", healthy_deadline: "20s" },
    }
}
"#;

const DEPLOY: &str = r#"
import "std/app" as app;
import "lib/shop" as shop;
let version = param("version", "the release");
app::deploy(shop::shop(version) + #{
    artifact: param("artifact", "its tar file", #{ type: "path" }),
    sha256: param("sha256", "its checksum", #{ optional: true }),
});
"#;

const ROLLBACK: &str = r#"
import "std/app" as app;
import "lib/shop" as shop;
app::rollback(shop::shop(param("version", "the release", #{ optional: true })));
"#;

#[test]
fn behind_haproxy_deploys_and_rolls_back_without_a_failed_request() {
    let site = playbooks::Site::start();
    let env = project("examples/shop/templates/env.j2");
    let env = std::fs::read_to_string(env).expect("the template");
    let ops = site
        .ops
        .clone()
        .file("templates/env.j2", env)
        .file("lib/shop.rhai", SHOP)
        .file("rollback.rhai", ROLLBACK)
        .playbook(DEPLOY);
    let deploy = |version: &str| ops.clone().args(site.release(version));
    let load = site.load();

    // In check mode nothing changes, and nothing is unknown but the health of what does not exist.
    deploy("1.1.0")
        .arg("--check")
        .run()
        .ok()
        .stdout_has("restart shop (restarts shop: ")
        .stdout_has("would process each host in 2 batches: drain it, update it");
    site.health("1.0.0").run().ok();

    deploy("1.1.0").run().ok();
    site.health("1.1.0").run().ok();
    deploy("1.1.0")
        .run()
        .ok()
        .stdout_has("`update` would change nothing, and it is healthy")
        .nowhere("unpacks")
        .nowhere("restarts")
        .nowhere("drained");

    // 1.2.0 is healthy on app1 only, so all hosts go back.
    deploy("1.2.0")
        .run()
        .code(6)
        .stderr_has("cannot read the price table");
    site.health("1.1.0").run().ok();

    let back = ops.again(["run", "rollback.rhai"]);
    back.run().ok().stdout_has("runs 1.1.0, goes back to 1.0.0");
    site.health("1.0.0").run().ok();
    back.run()
        .code(3)
        .stderr_has("no good release of shop to go back to");
    // A version that is given explicitly need not be good.
    back.clone().args(vars(&[("version", "1.1.0")])).run().ok();
    site.health("1.1.0").run().ok();

    let summary = load.finish().ok();
    assert!(summary.answered_by("1.1.0") > 0, "{:#}", summary.json);
}

const BEHIND_NGINX: &str = r#"
import "std/app" as app;
import "std/nginx" as nginx;
let version = param("version", "the release");
app::deploy(#{
    name: "shop",
    version: version,
    artifact: `releases/${version}`,
    hosts: hosts("web"),
    root: |h| `${h.vars.root}/app`,
    env: |h| #{ SHOP_NAME: h.name, MOTTO: "it's 50% off" },
    env_file: |h| `${h.vars.root}/app/shared/env`,
    restart: |h| `sh ${h.vars.root}/restart`,
    health: |h, version| http(`http://${h.vars.shop}/healthz`, #{ body: version }),
    balancer: nginx::upstream(hosts("lb", #{ limit: false }), "shop", #{ UPSTREAM }),
    release: #{ share: ["log"], keep: 2 },
    rollout: #{ batch: 2, max_unavailable: 2, min_healthy: "200ms", healthy_deadline: "10s", interval: "50ms" },
});
"#;

/// Also the first deployment: the shops run a version that is not a release on the host.
#[test]
fn behind_nginx_deploys_a_first_release_and_updates_it_without_a_failed_request() {
    let site = balancer::Site::new(1, 4);
    let nginx = Nginx::start(&site, 0);
    for shop in site.shops() {
        let release = shop.root().join("release");
        std::fs::remove_dir_all(&release).expect("the release of the fleet");
        symlink("app/current", release).expect("a link");
    }
    let ops = site
        .ops()
        .file("releases/2.0.0/VERSION", "2.0.0\n")
        .file("releases/3.0.0/VERSION", "3.0.0\n")
        .file("releases/3.0.0/shop.toml", "broken = \"no stock\"\n")
        .file("releases/4.0.0/VERSION", "4.0.0\n")
        .playbook(&BEHIND_NGINX.replace("UPSTREAM", UPSTREAM));
    let deploy = |version: &str| -> Ops { ops.clone().args(vars(&[("version", version)])) };
    let load = Load::start(
        &nginx.url(),
        &["--rate", "100", "--slow-share", "0.03", "--timeout", "30"],
    );

    deploy("2.0.0").run().ok();
    assert_eq!(site.versions(), ["2.0.0"; 4]);
    let root = site.shops()[0].root();
    let read = |path: &str| std::fs::read_to_string(root.join(path)).expect(path);
    assert_eq!(
        read("app/shared/env"),
        format!(
            "MOTTO='it'\\''s 50% off'\nSHOP_NAME={}\n",
            site.shops()[0].name()
        )
    );
    assert!(root.join("app/current/log").is_dir());

    deploy("3.0.0").run().code(6).stderr_has("no stock");
    assert_eq!(site.versions(), ["2.0.0"; 4]);
    deploy("4.0.0").run().ok();
    assert_eq!(site.versions(), ["4.0.0"; 4]);
    assert_eq!(read("app/releases/.history"), "2.0.0 good\n4.0.0 good\n");
    assert!(!nginx.file().contains("down"), "{}", nginx.file());
    deploy("4.0.0").run().ok().nowhere("changed ");

    let summary = load.finish().ok();
    assert!(summary.answered_by("2.0.0") > 0, "{:#}", summary.json);
}

#[test]
fn an_incomplete_declaration_is_an_error_at_the_call() {
    let declare = |options: &str| {
        let text = format!(
            "import \"std/app\" as app;\nlet more = #{{ {options} }};\napp::deploy(#{{ name: \"shop\", hosts: hosts(\"all\") }} + more);"
        );
        local(1).playbook(&text)
    };
    for (options, message) in [
        (
            "version: \"1\"",
            "option `health` of `app::deploy` is missing",
        ),
        (
            "health: \"http://localhost\"",
            "option `version` of `app::deploy` is missing",
        ),
        (
            "version: \"1\", health: \"http://localhost\", unit: 7",
            "option `unit` of `app::deploy` must be a map or a string, not `7`",
        ),
        (
            "version: \"1\", healthy: \"http://localhost\"",
            "Did you mean `health`?",
        ),
    ] {
        let ran = declare(options).run().code(3);
        ran.stderr_has(message).stderr_has("playbook.rhai:3:6");
    }
}
