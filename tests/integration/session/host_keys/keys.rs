//! Keys and certificates of the tests, made by `ssh-keygen`.

use std::net::UdpSocket;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::cases;
use crate::fleet::Sshd;

/// Each with its type and its size.
const KEYS: &[(&str, &[&str])] = &[
    ("key", &["ed25519"]),
    ("other", &["ed25519"]),
    ("ecdsa", &["ecdsa", "-b", "256"]),
    ("rsa", &["rsa", "-b", "2048"]),
    ("other_rsa", &["rsa", "-b", "2048"]),
    ("ca", &["ed25519"]),
    ("other_ca", &["ed25519"]),
    ("rsa_ca", &["rsa", "-b", "2048"]),
];

/// Certificates by name: who signs, and with which options.
const CERTIFICATES: &[(&str, &str, &[&str])] = &[
    ("good", "ca", &["-h", "-n", "web0,{address}", "-z", "7"]),
    (
        "expired",
        "ca",
        &["-h", "-n", "web0,{address}", "-V", "-2d:-1d"],
    ),
    (
        "future",
        "ca",
        &["-h", "-n", "web0,{address}", "-V", "+1d:+2d"],
    ),
    ("elsewhere", "ca", &["-h", "-n", "web9.example.org,10.*"]),
    ("everywhere", "ca", &["-h"]),
    ("pattern", "ca", &["-h", "-n", "127.*"]),
    ("alias", "ca", &["-h", "-n", "web1,db1"]),
    (
        "critical",
        "ca",
        &[
            "-h",
            "-n",
            "web0,{address}",
            "-O",
            "critical:verify-required",
        ],
    ),
    (
        "rsa_sha1",
        "rsa_ca",
        &["-h", "-n", "web0,{address}", "-t", "ssh-rsa"],
    ),
    ("rsa_sha2", "rsa_ca", &["-h", "-n", "web0,{address}"]),
];

pub(crate) struct Keys {
    dir: tempfile::TempDir,
}

impl Keys {
    pub(crate) fn new() -> Self {
        let keys = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        for (name, kind) in KEYS {
            keys.keygen(&[&["-q", "-N", "", "-C", "", "-f", name, "-t"], *kind].concat());
        }
        std::fs::copy(keys.path("key.pub"), keys.path("filled.pub")).unwrap();
        keys.keygen(&[
            "-q",
            "-s",
            "ca",
            "-I",
            "filled",
            "-h",
            "-n",
            "web1",
            "filled.pub",
        ]);
        for (name, what) in cases::REVOCATION_LISTS {
            keys.revocation_list(&format!("{name}.krl"), &keys.fill_keys(what));
        }
        let whole = std::fs::read(keys.path("key.krl")).unwrap();
        std::fs::write(keys.path("damaged.krl"), &whole[..whole.len() - 1]).unwrap();
        keys
    }

    fn keygen(&self, args: &[&str]) {
        let status = Command::new("ssh-keygen")
            .args(args)
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .status()
            .expect("ssh-keygen is installed");
        assert!(status.success(), "ssh-keygen {args:?}");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Signs a key of a host; the certificate is `{file}-cert.pub`.
    pub(crate) fn certify(&self, key: &str, certificate: &str, file: &str, host: &Sshd) {
        let found = CERTIFICATES.iter().find(|(name, ..)| *name == certificate);
        let (_, authority, options) = found.expect("a certificate of the table");
        let public = self.path(file).with_extension("pub");
        std::fs::copy(self.path(key).with_extension("pub"), &public).unwrap();
        let id = format!("id-{certificate}");
        let options: Vec<_> = options
            .iter()
            .map(|option| self.fill(option, host))
            .collect();
        let mut args = vec!["-q", "-s", authority, "-I", &id];
        args.extend(options.iter().map(String::as_str));
        args.push(public.to_str().unwrap());
        self.keygen(&args);
    }

    /// `ssh-ed25519 AAAA...`.
    pub(crate) fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name).with_extension("pub"))
            .unwrap()
            .trim()
            .to_owned()
    }

    /// A key revocation list of what the text says (ssh-keygen(1), KEY REVOCATION LISTS).
    fn revocation_list(&self, name: &str, specification: &str) {
        std::fs::write(self.path("specification"), specification).unwrap();
        self.keygen(&["-q", "-k", "-s", "ca.pub", "-f", name, "specification"]);
    }

    /// Puts names and keys into a text.
    pub(crate) fn fill(&self, text: &str, host: &Sshd) -> String {
        let endpoint = host.endpoint();
        let name = format!("[{}]:{}", endpoint.address, endpoint.port);
        let mut text = text
            .replace("{name}", &name)
            .replace("{address}", &endpoint.address.to_string())
            .replace("{usual}", &usual_address())
            .replace("{own}", &own_address().unwrap_or_default())
            .replace("{port}", &endpoint.port.to_string())
            .replace("{keys}", &self.dir.path().display().to_string());
        for plain in [name.as_str(), &endpoint.address.to_string(), "web1"] {
            let place = format!("{{hashed {plain}}}");
            if text.contains(&place) {
                text = text.replace(&place, &self.hashed(plain));
            }
        }
        if text.contains("{certificate}") {
            text = text.replace("{certificate}", &self.text("filled-cert"));
        }
        let rsa = self.text("rsa");
        self.fill_keys(&text.replace("{rsa body}", rsa.split(' ').nth(1).unwrap()))
    }

    /// Puts keys into a text.
    fn fill_keys(&self, text: &str) -> String {
        KEYS.iter().fold(text.to_owned(), |text, (key, _)| {
            text.replace(&format!("{{{key}}}"), &self.text(key))
        })
    }

    /// A name as `ssh-keygen -H` hides it.
    fn hashed(&self, name: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("names");
        std::fs::write(&file, format!("{name} {}\n", self.text("key"))).unwrap();
        let output = Command::new("ssh-keygen")
            .arg("-Hqf")
            .arg(&file)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = std::fs::read_to_string(&file).unwrap();
        text.split(' ').next().unwrap().to_owned()
    }
}

/// Where a host listens at port 22: an address of this process alone.
pub(crate) fn usual_address() -> String {
    let [_, _, high, low] = std::process::id().to_be_bytes();
    format!("127.{}.{low}.22", 0x90 | (high & 0x0f))
}

/// An address of this machine that is not a loopback one. (Nothing is sent to find it.)
pub(crate) fn own_address() -> Option<String> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback()).then(|| address.to_string())
}
