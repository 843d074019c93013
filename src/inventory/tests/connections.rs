//! How hosts are reached, from what an inventory says.

use std::path::PathBuf;
use std::time::Duration;

use super::load_text;
use crate::inventory::{Inventory, InventoryError, Overrides};
use crate::model::{Connection, Elevation, HostKeys, SshClient, Via};

fn connect(inventory: &Inventory, host: &str) -> Result<Connection, InventoryError> {
    inventory.connection(inventory.host(host).unwrap(), &Overrides::default())
}

/// Of one host, with these variables in INI.
fn of(vars: &str) -> Result<Connection, InventoryError> {
    connect(&load_text("hosts", &format!("h {vars}\n")).unwrap(), "h")
}

fn words(line: &str) -> Via {
    Via::Exec(line.split(' ').map(str::to_owned).collect())
}

#[test]
fn a_host_without_settings_is_reached_by_its_name() {
    let expected = Connection::new(Via::Ssh, "h");
    assert_eq!(of("").unwrap(), expected);
}

#[test]
fn the_variables_of_ansible_are_honoured() {
    let connection = of("ansible_host=10.0.0.1 ansible_port=2222 ansible_user=deploy \
                         ansible_ssh_private_key_file=/k/id ansible_ssh_common_args='-o ProxyJump=b -o \"X=a b\"' ansible_ssh_extra_args=-4 \
                         ansible_become=yes ansible_become_user=app ansible_become_pass=hunter22 ansible_host_key_checking=False \
                         ansible_timeout=30 ops_state_dir=/var/tmp/ops ops_transport=native")
    .unwrap();
    assert_eq!(connection.address, "10.0.0.1");
    assert_eq!(connection.port, Some(2222));
    assert_eq!(connection.user.as_deref(), Some("deploy"));
    assert_eq!(connection.key_file, Some(PathBuf::from("/k/id")));
    assert_eq!(
        connection.ssh_args,
        ["-o", "ProxyJump=b", "-o", "X=a b", "-4"]
    );
    assert_eq!(connection.host_keys, HostKeys::AcceptNew);
    let password = Some("hunter22".to_owned());
    let elevation = Elevation {
        user: "app".to_owned(),
        method: "sudo".to_owned(),
        password: password.clone(),
    };
    assert_eq!(connection.elevation, Some(elevation));
    assert_eq!(connection.become_password, password);
    assert_eq!(connection.connect_timeout, Duration::from_secs(30));
    assert_eq!(connection.retry_for, Duration::from_secs(30));
    assert_eq!(connection.state_dir.as_deref(), Some("/var/tmp/ops"));
    assert_eq!(connection.ssh_client, SshClient::Native);
}

#[test]
fn a_password_to_log_in_has_three_names() {
    for name in [
        "ansible_password",
        "ansible_ssh_pass",
        "ansible_ssh_password",
    ] {
        let connection = of(&format!("{name}=hunter22")).unwrap();
        assert_eq!(connection.password.as_deref(), Some("hunter22"), "{name}");
    }
    assert_eq!(of("ansible_password=").unwrap().password, None);
}

#[test]
fn other_ways_than_ssh() {
    assert_eq!(of("ansible_connection=local").unwrap().via, Via::Local);
    assert_eq!(of("ansible_connection=smart").unwrap().via, Via::Ssh);
    assert_eq!(
        of("ansible_connection=docker ansible_user=app")
            .unwrap()
            .via,
        words("docker exec -i -u app h")
    );
    assert_eq!(
        of("ansible_connection=containers.podman.podman ansible_host=c1")
            .unwrap()
            .via,
        words("podman exec -i c1")
    );
    assert_eq!(
        of("ansible_connection=kubectl ansible_kubectl_namespace=shop ansible_kubectl_container=web").unwrap().via,
        words("kubectl -n shop exec -i h -c web --")
    );
    assert_eq!(
        of("ops_exec='incus exec web1 --'").unwrap().via,
        words("incus exec web1 --")
    );
    let local = load_text("hosts", "web1\n").unwrap();
    assert_eq!(connect(&local, "localhost").unwrap().via, Via::Local);
}

#[test]
fn the_command_line_wins() {
    let inventory = load_text(
        "hosts",
        "h ansible_user=a ansible_password=written ansible_become_user=b ansible_become_password=inventory ops_transport=openssh\n",
    )
    .unwrap();
    let overrides = Overrides {
        user: Some("u".to_owned()),
        elevate: true,
        become_password: Some("typed".to_owned()),
        password: Some("asked".to_owned()),
        key_file: Some("/k".into()),
        connect_timeout: Some(Duration::from_secs(3)),
        ssh_client: Some(SshClient::Native),
        ..Overrides::default()
    };
    let connection = inventory
        .connection(inventory.host("h").unwrap(), &overrides)
        .unwrap();
    assert_eq!(connection.user.as_deref(), Some("u"));
    let elevation = Elevation {
        user: "b".to_owned(),
        method: "sudo".to_owned(),
        password: Some("typed".to_owned()),
    };
    assert_eq!(connection.elevation, Some(elevation));
    assert_eq!(connection.password.as_deref(), Some("asked"));
    assert_eq!(connection.key_file, Some("/k".into()));
    assert_eq!(connection.connect_timeout, Duration::from_secs(3));
    assert_eq!(connection.ssh_client, SshClient::Native);
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    for (vars, message) in [
        (
            "ansible_host=-oProxyCommand=id",
            "the address \"-oProxyCommand=id\" starts with a dash",
        ),
        ("ansible_host='a b'", "the address \"a b\" holds ' '"),
        ("ansible_host='a;id'", "the address \"a;id\" holds ';'"),
        ("ansible_host='$(id)'", "the address \"$(id)\" holds '$'"),
        ("ansible_user=-l", "the user \"-l\" starts with a dash"),
        ("ansible_user='`id`'", "the user \"`id`\" holds '`'"),
        (
            "ansible_port=0",
            "`ansible_port` of host h must be a number from 1 to 65535",
        ),
        (
            "ansible_port=ssh",
            "`ansible_port` of host h must be a number from 1 to 65535",
        ),
        (
            "ansible_become=perhaps",
            "`ansible_become` of host h must be true or false",
        ),
        (
            "ansible_become=true ansible_become_method=su",
            "`ansible_become_method` of host h is `su`, a way that ops does not have",
        ),
        (
            "ansible_become=true ansible_become_user=-x",
            "the user to become \"-x\" starts with a dash",
        ),
        (
            "ansible_connection=winrm",
            "`ansible_connection` of host h is `winrm`, a kind that ops does not have",
        ),
        (
            "ansible_connection=docker ansible_host=--privileged",
            "the address \"--privileged\" starts with a dash",
        ),
        (
            "ansible_connection=kubectl ansible_kubectl_namespace=--as=root",
            "`ansible_connection` of host h leads to \"--as=root\", which starts with a dash",
        ),
        (
            "ansible_ssh_common_args=\"-o 'x\"",
            "`ansible_ssh_common_args` of host h has a quote that is not closed",
        ),
        (
            "ops_host_keys=off",
            "`ops_host_keys` of host h must be `strict`, `accept-new` or `ssh-config`",
        ),
        (
            "ops_transport=telnet",
            "`ops_transport` of host h must be `auto`, `native` or `openssh`",
        ),
        (
            "ops_connect_timeout=soon",
            "`ops_connect_timeout` of host h must be a time, in seconds or like `10s`",
        ),
        (
            "ops_state_dir=here",
            "`ops_state_dir` of host h must be an absolute path",
        ),
        (
            "ansible_host='{{ nosuch }}'",
            "variable `ansible_host` of host h: `nosuch` is not defined",
        ),
    ] {
        let error = of(vars).expect_err(vars);
        assert_eq!(error.message, message);
        assert_eq!(error.at.and_then(|at| at.line), Some(1), "{vars}");
    }
}

/// The example of docs/inventory.md says what the page says.
#[test]
fn the_documented_example_is_read() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/inventory.md");
    let page = std::fs::read_to_string(page).unwrap();
    let example = page
        .split("```toml\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let inventory = load_text("hosts.toml", example).unwrap();
    let names = |pattern: &str| -> Vec<String> {
        inventory
            .select(pattern)
            .unwrap()
            .iter()
            .map(|host| host.name.clone())
            .collect()
    };
    assert_eq!(
        names("web"),
        [
            "web01.example.com",
            "web02.example.com",
            "web03.example.com"
        ]
    );
    assert_eq!(
        names("db"),
        ["db-a.example.com", "db-b.example.com", "db-c.example.com"]
    );
    assert_eq!(names("production").len(), 7);
    let web = connect(&inventory, "web01.example.com").unwrap();
    assert_eq!(web.user.as_deref(), Some("deploy"));
    assert_eq!(web.elevation.unwrap().user, "root");
    assert_eq!(
        connect(&inventory, "db-c.example.com").unwrap().address,
        "10.0.0.13"
    );
    assert_eq!(
        connect(&inventory, "bastion.example.com").unwrap().port,
        Some(2222)
    );
    let host = inventory.host("web02.example.com").unwrap();
    assert_eq!(
        inventory.var(host, "url").unwrap(),
        Some("http://web02.example.com:9090/".into())
    );
    assert_eq!(
        inventory.var(host, "domain").unwrap(),
        Some("example.com".into())
    );
}
