//! The fleet itself: a test that leans on it must be able to.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::fleet::{
    Container, Delay, DelayProxy, Fleet, Image, PASSWORD, Servers, Settings, measure, process,
};

#[test]
fn plain_ssh_reaches_every_host() {
    let fleet = Fleet::sshd(3);
    for host in fleet.hosts() {
        let output = host.ssh("echo $HOME");
        assert!(output.status.success(), "{output:?}\n{}", host.log());
        assert_eq!(
            String::from_utf8_lossy(&output.stdout).trim(),
            host.home().display().to_string()
        );
    }
}

#[test]
fn nothing_is_left_of_a_host_that_is_dropped() {
    let fleet = Fleet::sshd(1);
    let mark = process::mark(&fleet.dir().join("h1"));
    let output =
        fleet.hosts()[0].ssh("setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo started");
    assert_eq!(output.stdout, b"started\n");
    fleet.hosts()[0].wait_for_process("sleep 1000");
    let address = (
        fleet.hosts()[0].endpoint().address,
        fleet.hosts()[0].endpoint().port,
    );
    drop(fleet);
    assert_eq!(process::marked(&mark), []);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_host_vanishes_and_comes_back() {
    let fleet = Fleet::sshd(1);
    let host = &fleet.hosts()[0];
    std::thread::scope(|scope| {
        let long = scope.spawn(|| host.ssh("echo there >&2; exec sleep 1000"));
        host.wait_for_process("sleep 1000");
        host.vanish();
        assert_eq!(long.join().expect("ssh ends").status.code(), Some(255));
    });
    host.come_back();
    assert!(host.ssh("true").status.success());
}

#[test]
fn sh_is_what_the_settings_say() {
    for (sh, expected) in [
        ("dash", "/dash"),
        ("bash", "/bash"),
        ("busybox", "/busybox"),
    ] {
        let fleet = Fleet::sshd_with(1, &Settings::default().sh(sh));
        let output = fleet.hosts()[0].ssh("exec sh -c 'readlink /proc/$$/exe; :'");
        let program = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        assert!(program.ends_with(expected), "{program} {output:?}");
    }
}

#[test]
fn a_round_trip_through_the_proxy_takes_its_delay() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback address");
    let target = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut byte = [0];
        while stream.read_exact(&mut byte).is_ok() {
            stream.write_all(&byte).expect("the echo");
        }
    });
    let round_trip = Duration::from_millis(40);
    let proxy = DelayProxy::start(Ipv4Addr::LOCALHOST, target, Delay::round_trip(round_trip));
    let began = Instant::now();
    let mut stream = TcpStream::connect(proxy.address()).expect("the proxy");
    for byte in 0..5 {
        let mut echo = [255];
        stream.write_all(&[byte]).expect("a byte");
        stream.read_exact(&mut echo).expect("its echo");
        assert_eq!(echo, [byte]);
    }
    // Five echoes and the handshake of TCP.
    let took = began.elapsed();
    assert!(took >= 6 * round_trip, "{took:?}");
    assert_eq!(proxy.round_trips(), 5);
    assert_eq!(proxy.bytes(), (5, 5));
}

#[test]
fn the_proxy_does_not_limit_throughput() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback address");
    let target = listener.local_addr().expect("its address");
    let total = 16 * 1024 * 1024;
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        stream.write_all(&vec![7; total]).expect("all of it");
    });
    let round_trip = Duration::from_millis(500);
    let proxy = DelayProxy::start(Ipv4Addr::LOCALHOST, target, Delay::round_trip(round_trip));
    let began = Instant::now();
    let mut received = Vec::new();
    TcpStream::connect(proxy.address())
        .expect("the proxy")
        .read_to_end(&mut received)
        .expect("all of it");
    assert_eq!(received.len(), total);
    // A wait for every chunk of 64 KiB would be 256 of them: more than a minute. Copying takes milliseconds.
    assert!(began.elapsed() < 60 * round_trip, "{:?}", began.elapsed());
}

#[test]
fn a_debian_container_has_systemd_and_users_with_and_without_sudo() {
    let Some(host) = Container::shared(Image::Debian) else {
        return;
    };
    assert_eq!(host.look("cat /proc/1/comm"), "systemd\n");
    assert_eq!(host.look("systemctl is-enabled idle || :"), "disabled\n");
    let sudo = |user: &str, args: &str| {
        let output = host.ssh(user, &format!("sudo {args} id -un 2>&1"));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    for user in ["deploy", "dashy", "ashy", "fishy", "zshy"] {
        assert!(sudo(user, "-n").ends_with("root"), "{user}");
    }
    assert_eq!(sudo("plain", "-n"), "sudo: a password is required");
    // The words of a locale: nothing may be read out of them.
    assert_eq!(sudo("asks", "-n"), "sudo: Ein Passwort ist notwendig");
    assert!(sudo("needstty", "-n").contains("tty"));
    let asked = host.ssh("asks", &format!("echo '{PASSWORD}' | sudo -S -p '' id -un"));
    assert_eq!(String::from_utf8_lossy(&asked.stdout).trim(), "root");
}

#[test]
fn a_debian_container_installs_packages_without_a_network() {
    let Some(host) = Container::start(Image::Debian) else {
        return;
    };
    host.look("apt-get update && apt-get install -y ops-hello=1.0");
    assert_eq!(host.look("cat /usr/share/ops-hello/version"), "1.0\n");
    host.look("apt-get install -y ops-needs-hello ops-hello");
    assert_eq!(host.look("cat /usr/share/ops-hello/version"), "2.0\n");
    assert!(!host.exec("apt-get install -y ops-broken").status.success());
}

#[test]
fn a_busybox_container_has_nothing_else() {
    let Some(host) = Container::shared(Image::Busybox) else {
        return;
    };
    let output = host.ssh(
        "root",
        "exec sh -c 'for p in /proc/$$/exe /bin/stat /bin/setsid; do readlink -f $p; done; ls -d /bin/bash'",
    );
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "/usr/bin/busybox\n".repeat(3)
    );
}

#[test]
fn a_container_is_gone_when_it_is_dropped() {
    let Some(host) = Container::start(Image::Busybox) else {
        return;
    };
    let name = host.name().to_owned();
    drop(host);
    let listed = std::process::Command::new("docker")
        .args(["ps", "-aq", "--filter", &format!("name={name}")])
        .output();
    assert_eq!(listed.expect("docker is installed").stdout, b"");
}

#[test]
fn the_tree_of_a_container_tells_what_was_changed_and_nothing_else() {
    let Some(host) = Container::start(Image::Debian) else {
        return;
    };
    let before = host.tree();
    assert!(before.len() > 1000, "{}", before.len());
    assert!(host.ssh("deploy", "sudo -n true").status.success());
    assert_eq!(host.tree().since(&before), Vec::<String>::new());
    host.look("touch /srv/new && chmod 0600 /etc/issue; rm /etc/issue.net");
    let changes = host.tree().since(&before).join("\n");
    for change in [
        "new: /srv/new",
        "changed: /etc/issue ",
        "gone: /etc/issue.net",
    ] {
        assert!(changes.contains(change), "{changes}");
    }
}

#[test]
fn plain_ssh_reaches_the_servers_of_this_process() {
    let servers = Servers::start(3);
    for server in servers.servers() {
        let output = Command::new("ssh")
            .arg("-F")
            .arg(servers.ssh_config())
            .args([server.name(), "cat; echo $HOME; echo out >&2; exit 7"])
            .stdin(Stdio::null())
            .output()
            .expect("ssh is installed");
        assert_eq!(output.status.code(), Some(7), "{output:?}");
        let home = format!("{}\n", server.home().display());
        assert_eq!(String::from_utf8_lossy(&output.stdout), home);
        assert_eq!(output.stderr, b"out\n");
        assert_eq!((server.accepted(), server.let_in()), (1, 1));
    }
}

#[test]
fn the_servers_let_in_one_user_with_one_key() {
    let servers = Servers::start(1);
    let server = &servers.servers()[0];
    let other = Servers::start(0);
    let tries = |key: &Path, user: &str| {
        Command::new("ssh")
            .args(["-F", "none", "-o", "StrictHostKeyChecking=yes", "-o"])
            .arg(format!(
                "UserKnownHostsFile={}",
                servers.known_hosts_file().display()
            ))
            .args(["-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-i"])
            .arg(key)
            .args(["-p", &server.endpoint().port.to_string()])
            .arg(format!("{user}@{}", server.endpoint().address))
            .arg("true")
            .output()
            .expect("ssh is installed")
            .status
            .success()
    };
    let user = &server.endpoint().user;
    assert!(tries(&servers.key(), user));
    assert!(!tries(&other.key(), user));
    assert!(!tries(&servers.key(), "nobody"));
    assert_eq!((server.accepted(), server.let_in()), (3, 1));
}

#[test]
fn nothing_is_left_of_servers_that_are_dropped() {
    let servers = Servers::start(2);
    let mark = format!("{}/", process::mark(servers.dir()));
    let server = &servers.servers()[1];
    let output = Command::new("ssh")
        .arg("-F")
        .arg(servers.ssh_config())
        .args([
            server.name(),
            "setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo started",
        ])
        .output()
        .expect("ssh is installed");
    assert_eq!(output.stdout, b"started\n");
    process::wait_until(
        || !process::with_variable_like(process::MARK, &mark).is_empty(),
        || "nothing runs".to_owned(),
    );
    let address = (server.endpoint().address, server.endpoint().port);
    drop(servers);
    assert!(process::with_variable_like(process::MARK, &mark).is_empty());
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn distance_is_waited_for_by_every_round_trip() {
    let round_trip = Duration::from_millis(200);
    let far = Servers::start_with(1, round_trip);
    let began = Instant::now();
    let output = Command::new("ssh")
        .arg("-F")
        .arg(far.ssh_config())
        .args(["h1", "true"])
        .output()
        .expect("ssh is installed");
    assert!(output.status.success(), "{output:?}");
    // TCP's handshake, versions, keys, service, two of authentication, channel, command.
    assert!(began.elapsed() > round_trip * 7);
}

#[test]
fn what_a_command_takes_is_measured() {
    let mut busy = Command::new("sh");
    busy.args(["-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"]);
    let busy = measure(&mut busy);
    assert!(busy.status.success());
    assert!(busy.cpu >= Duration::from_millis(20), "{busy:?}");
    assert!(
        busy.cpu <= busy.wall + Duration::from_millis(20),
        "{busy:?}"
    );
    // Its child's work is not its own.
    let idle = measure(Command::new("sh").args([
        "-c",
        "sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'; :",
    ]));
    assert!(idle.cpu < busy.cpu, "{idle:?} {busy:?}");
    assert!(idle.peak > 100 << 10, "{idle:?}");
}
