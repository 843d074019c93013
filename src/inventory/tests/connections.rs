//! How hosts are reached, according to their variables.

use std::path::PathBuf;
use std::time::Duration;

use super::load_text;
use crate::inventory::{Inventory, InventoryError, Overrides};
use crate::model::{Connection, Elevation, HostKeys, SshClient, Via};

fn connect(inventory: &Inventory, host: &str) -> Result<Connection, InventoryError> {
    inventory.connection(inventory.host(host).unwrap(), &Overrides::default())
}

/// The connection of one host with these INI variables.
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
fn the_variables_of_ansible_are_supported() {
    let connection = of("ansible_host=10.0.0.1 ansible_port=2222 ansible_user=deploy \
                         ansible_ssh_private_key_file=/k/id ansible_ssh_common_args='-o ProxyJump=b -o \
                         \"X=a b\"' ansible_ssh_extra_args=-4 \
                         ansible_become=yes ansible_become_user=app ansible_become_pass=hunter22 \
                         ansible_host_key_checking=False \
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
fn a_login_password_has_three_names() {
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
fn connections_other_than_ssh() {
    assert_eq!(of("ansible_connection=local").unwrap().via, Via::Local);
    assert_eq!(of("ansible_connection=smart").unwrap().via, Via::Ssh);
    assert_eq!(
        of("ansible_connection=docker ansible_user=app")
            .unwrap()
            .via,
        words("docker exec -i -u app h")
    );
    assert_eq!(
        of("ansible_connection=docker ansible_docker_extra_args='-H tcp://d:2376'")
            .unwrap()
            .via,
        words("docker -H tcp://d:2376 exec -i h")
    );
    assert_eq!(of("ansible_connection=paramiko").unwrap().via, Via::Ssh);
    assert_eq!(
        of("ansible_connection=containers.podman.podman ansible_host=c1")
            .unwrap()
            .via,
        words("podman exec -i c1")
    );
    assert_eq!(
        of("ansible_connection=kubectl ansible_kubectl_namespace=shop \
             ansible_kubectl_container=web")
        .unwrap()
        .via,
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
        "h ansible_user=a ansible_password=written ansible_become_user=b \
         ansible_become_password=inventory ops_transport=openssh\n",
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
fn invalid_values_are_refused_by_name() {
    for (vars, message) in [
        (
            "ansible_host=-oProxyCommand=id",
            "the address \"-oProxyCommand=id\" starts with a dash",
        ),
        ("ansible_host='a b'", "the address \"a b\" contains ' '"),
        ("ansible_host='a;id'", "the address \"a;id\" contains ';'"),
        ("ansible_host='$(id)'", "the address \"$(id)\" contains '$'"),
        ("ansible_user=-l", "the user \"-l\" starts with a dash"),
        ("ansible_user='`id`'", "the user \"`id`\" contains '`'"),
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
            "`ansible_become_method` of host h is `su`, which ops does not support",
        ),
        (
            "ansible_become=true ansible_become_user=-x",
            "the user to become \"-x\" starts with a dash",
        ),
        (
            "ansible_connection=winrm",
            "`ansible_connection` of host h is `winrm`, which ops does not support",
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
            "`ansible_ssh_common_args` of host h has an unclosed quote",
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
            "`ops_connect_timeout` of host h must be a duration, in seconds or like `10s`",
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
        refused(vars, message);
    }
}

fn refused(vars: &str, message: &str) {
    let error = of(vars).expect_err(vars);
    assert_eq!(error.message, message);
    assert_eq!(error.at.and_then(|at| at.line), Some(1), "{vars}");
}

/// The host would be reached in another way than its inventory asks for.
#[test]
fn unsupported_variables_are_refused_by_name() {
    for (vars, message) in [
        (
            "ansible_ssh_args=\"-o 'x\"",
            "`ansible_ssh_args` of host h has an unclosed quote",
        ),
        (
            "ansible_ssh_executable=/opt/ssh/bin/ssh",
            "`ansible_ssh_executable` of host h is `/opt/ssh/bin/ssh`, but ops runs the `ssh` in PATH",
        ),
        (
            "ansible_ssh_private_key_passphrase=hunter22",
            "`ansible_ssh_private_key_passphrase` of host h is set, but ops does not support it",
        ),
        (
            "ansible_pkcs11_provider=/usr/lib/x.so",
            "`ansible_pkcs11_provider` of host h is set, but ops does not support it",
        ),
        (
            "ansible_shell_type=powershell",
            "`ansible_shell_type` of host h is `powershell`, which ops does not support",
        ),
        (
            "ansible_become=yes ansible_become_exe='sudo su -'",
            "`ansible_become_exe` of host h is `sudo su -`, but ops runs `sudo` from the PATH of the host",
        ),
        (
            "ansible_become=yes ansible_become_flags=-i",
            "`ansible_become_flags` of host h is `-i`, but ops does not pass extra flags to sudo",
        ),
        (
            "ansible_become=yes ansible_become_method=doas",
            "`ansible_become_method` of host h is `doas`, which ops does not support",
        ),
        (
            "ansible_connection=docker ansible_docker_privileged=yes",
            "`ansible_docker_privileged` of host h is set, but ops does not support it",
        ),
        (
            "ansible_connection=kubectl ansible_kubectl_token=abcdefgh",
            "`ansible_kubectl_token` of host h is set, but ops does not support it",
        ),
    ] {
        refused(vars, message);
    }
}

/// These variables tune features that ops does not have, or ask for what it does anyway.
#[test]
fn variables_without_effect_are_ignored() {
    for vars in [
        "ansible_python_interpreter=/usr/bin/python3",
        "ansible_pipelining=True ansible_ssh_pipelining=True",
        "ansible_ssh_transfer_method=scp ansible_scp_if_ssh=True",
        "ansible_remote_tmp=/tmp/a ansible_ssh_retries=3",
        "ansible_shell_executable=/bin/bash ansible_shell_type=fish",
        "ansible_ssh_executable=ssh ansible_control_path=/tmp/x",
        "ansible_become_exe=sudo ansible_become_flags='-H -S -n'",
        "ansible_docker_privileged=yes ansible_private_key_passphrase=''",
    ] {
        assert_eq!(of(vars).unwrap(), Connection::new(Via::Ssh, "h"), "{vars}");
    }
}

#[test]
fn a_command_that_ends_in_a_shell_is_recognized() {
    for (command, shell) in [
        ("docker exec -i web1", None),
        ("docker exec -i web1 /bin/bash", Some("/bin/bash")),
        ("docker exec -i web1 sh", Some("sh")),
    ] {
        let via = of(&format!("ops_exec='{command}'")).unwrap().via;
        assert_eq!(via.last_shell(), shell, "{command}");
    }
}

/// A playbook may become another user even if the inventory does not.
#[test]
fn another_become_method_is_not_replaced_by_sudo() {
    for (vars, refusal) in [
        ("", None),
        ("ansible_become_method=ansible.builtin.sudo", None),
        (
            "ansible_become_method=community.general.doas",
            Some(
                "hosts:1: `ansible_become_method` of host h is `community.general.doas`, which ops does \
                 not support",
            ),
        ),
        (
            "ansible_become_flags=-i",
            Some(
                "hosts:1: `ansible_become_flags` of host h is `-i`, but ops does not pass extra flags to \
                 sudo",
            ),
        ),
        (
            "ansible_become_exe='sudo su -'",
            Some(
                "hosts:1: `ansible_become_exe` of host h is `sudo su -`, but ops runs `sudo` from the \
                 PATH of the host",
            ),
        ),
    ] {
        let found = of(vars).unwrap().become_refusal;
        let same = match (&found, refusal) {
            (Some(found), Some(refusal)) => found.ends_with(refusal),
            (found, refusal) => found.is_none() && refusal.is_none(),
        };
        assert!(same, "{vars}: {found:?}");
    }
}

/// The order in which Ansible passes them to `ssh`, which uses the first of two values.
#[test]
fn arguments_of_ssh_keep_their_order() {
    let connection = of(
        "ansible_ssh_extra_args='-o C=3' ansible_ssh_args='-o A=1' ansible_ssh_common_args='-o B=2'",
    );
    assert_eq!(
        connection.unwrap().ssh_args,
        ["-o", "A=1", "-o", "B=2", "-o", "C=3"]
    );
}

/// The code that redacts output learns of it before it is used.
#[test]
fn a_plain_text_password_is_a_secret() {
    let text = "[web]\nh ansible_become_password=hunter22 ansible_sudo_pass=12345678 pw=swordfish \
                ansible_su_pass='{{ pw }}'\n\
                [web:vars]\nansible_become_pass=of-the-group\n";
    let inventory = load_text("hosts", text).unwrap();
    let host = inventory.host("h").unwrap();
    let known = inventory.secrets();
    for secret in ["hunter22", "12345678", "of-the-group"] {
        assert!(known.iter().any(|known| known == secret), "{secret}");
    }
    assert!(!known.iter().any(|known| known == "swordfish"));
    inventory.var(host, "ansible_su_pass").unwrap();
    assert!(inventory.secrets().iter().any(|known| known == "swordfish"));
    let shown = inventory.show(host);
    let secret: Vec<&str> = shown
        .iter()
        .filter(|var| var.secret)
        .map(|var| var.name.as_str())
        .collect();
    assert_eq!(
        secret,
        [
            "ansible_become_pass",
            "ansible_become_password",
            "ansible_su_pass",
            "ansible_sudo_pass",
            "pw"
        ]
    );
}

/// The example in docs/inventory.md means what the page says.
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
