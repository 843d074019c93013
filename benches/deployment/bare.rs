//! The minimum of work, on the same SSH library: connect, authenticate, run `sh`, send it a script, read the
//! answer. All connections stay open until the last host has answered, as they do in a run.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use russh::client::{self, Handle};
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{ChannelMsg, Disconnect};
use tokio::sync::Semaphore;

use crate::fleet::Servers;

/// In the fleet's directory: one host per line, with its address, its key, the login user, and its directory.
const HOSTS: &str = "bare.tsv";

/// Writes the list of hosts for the loop.
pub(crate) fn describe(servers: &Servers) {
    let lines: String = servers
        .servers()
        .iter()
        .map(|server| {
            let endpoint = server.endpoint();
            let line = server.known_hosts_line();
            let (_, key) = line.trim().split_once(' ').expect("a name and a key");
            let address = SocketAddr::from((endpoint.address, endpoint.port));
            let root = server.root();
            format!("{address}\t{key}\t{}\t{}\n", endpoint.user, root.display())
        })
        .collect();
    std::fs::write(servers.dir().join(HOSTS), lines).expect("a file in the fleet's directory");
}

struct Client {
    known: Arc<HashMap<SocketAddr, PublicKey>>,
    address: SocketAddr,
}

impl client::Handler for Client {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        key: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        let known = self.known.get(&self.address);
        Ok(
            matches!(key, PublicKeyOrCertificate::PublicKey { key, .. } if known.is_some_and(|known| known.key_data() == key.key_data())),
        )
    }
}

/// Ensures the content on every host, this many at a time.
pub(crate) fn run(dir: &Path, at_a_time: usize, content: &str) {
    let text = std::fs::read_to_string(dir.join(HOSTS)).expect("the hosts");
    let key = std::fs::read_to_string(dir.join("id")).expect("the private key");
    let key = Arc::new(PrivateKey::from_openssh(&key).expect("a private key"));
    let hosts: Vec<[&str; 4]> = text
        .lines()
        .map(|line| {
            let words: Vec<&str> = line.split('\t').collect();
            words.try_into().expect("four words a line")
        })
        .collect();
    let known: HashMap<SocketAddr, PublicKey> = hosts
        .iter()
        .map(|[address, key, ..]| {
            let key = PublicKey::from_openssh(key).expect("a host key");
            (address.parse().expect("an address"), key)
        })
        .collect();
    let known = Arc::new(known);
    let config = Arc::new(client::Config {
        nodelay: true,
        ..client::Config::default()
    });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("threads");
    runtime.block_on(async {
        let permits = Arc::new(Semaphore::new(at_a_time));
        let mut tasks = Vec::new();
        for [address, _, user, root] in hosts {
            let client = Client {
                known: known.clone(),
                address: address.parse().expect("an address"),
            };
            let login = (user.to_owned(), key.clone());
            let script = format!(
                "[ \"$(cat {root}/file 2>/dev/null)\" = {:?} ] || printf '%s' '{content}' >{root}/file; echo done\n",
                content.trim_end()
            );
            let (permits, config) = (permits.clone(), config.clone());
            tasks.push(tokio::spawn(async move {
                let _permit = permits.acquire().await.expect("it is never closed");
                one(config, client, login, script).await
            }));
        }
        let mut open = Vec::new();
        for task in tasks {
            open.push(task.await.expect("no panic"));
        }
        for Connected(handle) in open {
            let _ = handle
                .disconnect(Disconnect::ByApplication, "", "")
                .await;
        }
    });
}

/// A connection that stays open until all hosts are done.
struct Connected(Handle<Client>);

async fn one(
    config: Arc<client::Config>,
    client: Client,
    (user, key): (String, Arc<PrivateKey>),
    script: String,
) -> Connected {
    let address = client.address;
    let mut handle = client::connect(config, address, client)
        .await
        .expect("the server answers");
    let key = PrivateKeyWithHashAlg::new(key, None);
    let auth = handle.authenticate_publickey(user, key).await;
    assert!(auth.expect("an answer").success(), "not let in");
    let mut channel = handle.channel_open_session().await.expect("a channel");
    channel.exec(true, "exec sh").await.expect("a command");
    channel
        .data(script.as_bytes())
        .await
        .expect("the script goes through");
    let mut answer = Vec::new();
    while !answer.ends_with(b"done\n") {
        match channel.wait().await {
            Some(ChannelMsg::Data { data }) => answer.extend_from_slice(&data),
            Some(_) => {}
            None => panic!("the channel was closed: {answer:?}"),
        }
    }
    Connected(handle)
}
