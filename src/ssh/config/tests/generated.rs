//! Generated configurations.

use proptest::prelude::*;

use super::super::reader::Reader;
use super::{oracle, target};

const HOSTS: [&str; 5] = ["a", "ab", "b.example.com", "10.0.0.1", "B"];

fn pattern() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "a", "ab", "a*", "*", "?", "b.*", "*.com", "10.0.0.?", "B", "c",
    ]);
    (prop::bool::weighted(0.2), name)
        .prop_map(|(negated, name)| format!("{}{name}", if negated { "!" } else { "" }))
}

fn words() -> impl Strategy<Value = String> {
    let quote = prop::sample::select(vec!["", "\"", "'"]);
    prop::collection::vec((pattern(), quote), 1..4).prop_map(|patterns| {
        let quoted = patterns
            .iter()
            .map(|(pattern, quote)| format!("{quote}{pattern}{quote}"));
        quoted.collect::<Vec<_>>().join(" ")
    })
}

fn list() -> impl Strategy<Value = String> {
    prop::collection::vec(pattern(), 1..3).prop_map(|patterns| patterns.join(","))
}

fn criterion() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "host",
        "originalhost",
        "user",
        "localuser",
        "Host",
        "USER",
    ]);
    let negated = prop::bool::weighted(0.2);
    let between = prop::sample::select(vec![" ", "=", "  "]);
    (negated, name, between, list(), prop::bool::ANY).prop_map(
        |(negated, name, between, list, quoted)| {
            let list = list.replace('c', "root");
            let quote = if quoted { "\"" } else { "" };
            format!(
                "{}{name}{between}{quote}{list}{quote}",
                if negated { "!" } else { "" }
            )
        },
    )
}

fn condition() -> impl Strategy<Value = String> {
    prop_oneof![
        5 => words().prop_map(|words| format!("Host {words}")),
        1 => words().prop_map(|words| format!("host={words}")),
        4 => prop::collection::vec(criterion(), 1..3).prop_map(|all| format!("Match {}", all.join(" "))),
        1 => Just("Match all".to_owned()),
        1 => criterion().prop_map(|criterion| format!("Match final {criterion}")),
        1 => Just("Match final all".to_owned()),
        1 => Just("Match canonical all".to_owned()),
    ]
}

fn setting() -> impl Strategy<Value = String> {
    let any = |lines: &'static [&'static str]| prop::sample::select(lines);
    let line = prop_oneof![
        any(&["User a", "User root", "User \"ab\"", "user=c"]),
        any(&[
            "HostName %h.example.com",
            "HostName 10.0.0.1",
            "HostName B",
            "hostname = a"
        ]),
        any(&["Port 1", "Port=2", "Port \"3\"", "PORT 4 # four"]),
        any(&[
            "IdentityFile ~/.ssh/%r",
            "IdentityFile /k/%h",
            "IdentityFile none",
            "IdentityFile '/k 1'"
        ]),
        any(&[
            "IdentitiesOnly yes",
            "IdentitiesOnly no",
            "Compression yes",
            "AddressFamily inet6"
        ]),
        any(&[
            "CertificateFile /c/%n",
            "UserKnownHostsFile ~/k /l",
            "UserKnownHostsFile none",
            "HostKeyAlias X"
        ]),
        any(&[
            "StrictHostKeyChecking no",
            "StrictHostKeyChecking accept-new",
            "CheckHostIP yes",
            "HashKnownHosts yes"
        ]),
        any(&[
            "ServerAliveInterval 1m",
            "ServerAliveCountMax 7",
            "ConnectTimeout 3",
            "ConnectTimeout none"
        ]),
        any(&[
            "Ciphers aes128-ctr",
            "MACs hmac-sha2-256",
            "HostKeyAlgorithms ssh-ed25519",
            "RequiredRSASize 2048"
        ]),
        any(&[
            "IdentityAgent none",
            "IdentityAgent ~/%u",
            "BindAddress 127.0.0.1",
            "ProxyCommand none",
            "ProxyCommand /tmp/pc %h %p"
        ]),
        any(&[
            "ProxyJump none",
            "SendEnv HOME",
            "SendEnv -H*",
            "SetEnv A=1 B=\"2 3\""
        ]),
        any(&["ProxyJump jump", "ProxyJump u@jump:7", "ProxyJump j1,j2:8"]),
        any(&[
            "",
            "# User nobody",
            "\t",
            "LocalForward 1 a:2",
            "Protocol 2"
        ]),
    ];
    let indent = prop::sample::select(vec!["", "  ", "\t"]);
    (indent, line).prop_map(|(indent, line)| format!("{indent}{line}"))
}

/// Lines, and the lines of a file that one of them may include.
fn configuration() -> impl Strategy<Value = (Vec<String>, Vec<String>)> {
    let line = || prop_oneof![3 => condition(), 8 => setting()];
    let outer = prop_oneof![12 => line(), 1 => Just("Include @".to_owned())];
    (
        prop::collection::vec(outer, 1..18),
        prop::collection::vec(line(), 0..6),
    )
}

proptest! {
    #![proptest_config(crate::generation::config(64, file!()))]

    #[test]
    fn generated_files_are_interpreted_like_ssh_does(
        (lines, inner) in configuration(),
        user in prop::option::of(prop::sample::select(vec!["a", "root"])),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (file, included) = (dir.path().join("config"), dir.path().join("included"));
        let join = |lines: &[String]| -> String {
            let lines = lines.iter().map(|line| match line.as_str() {
                "Include @" => format!("Include {}\n", included.display()),
                line => format!("{line}\n"),
            });
            lines.collect()
        };
        std::fs::write(&file, join(&lines)).unwrap();
        std::fs::write(&included, join(&inner)).unwrap();
        let config = file.to_str().unwrap();
        let reader = Reader::default();
        for host in HOSTS {
            let mut arguments = vec!["-F".to_owned(), config.to_owned()];
            arguments.extend(user.iter().flat_map(|user| ["-l".to_owned(), (*user).to_owned()]));
            let host = target(host, &arguments);
            let said = oracle::of(&host);
            match reader.settings(&host) {
                Ok(settings) => said.unwrap().assert(&settings, Some(config), false),
                // Nothing else that needs ssh is generated. `ssh -G` accepts the host itself as its jump
                // host.
                Err(reason) => prop_assert!(
                    reason.contains("jump host")
                        || said.as_ref().map_or(true, |said| {
                            reason.contains("`ProxyCommand`") && said.has_proxy_command()
                        }),
                    "{reason}\n{}", join(&lines)
                ),
            }
        }
    }
}
