//! Private keys in files. Each is read and decrypted once per run, for all hosts.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use russh::keys::ssh_key::public::KeyData;
use russh::keys::ssh_key::{self, Algorithm, Certificate, PrivateKey, PublicKey};
use tokio::sync::OnceCell;

use super::signing_key::{SigningKey, Unusable};
use crate::ssh::settings::AskPassphrase;

/// How many times a user may enter a passphrase: `NumberOfPasswordPrompts` of ssh.
const MAX_TRIES: u32 = 3;

/// The result of reading a key file: `None` if it does not exist.
type FileCell = OnceCell<Option<Arc<KeyFile>>>;

/// The key files of a run.
#[derive(Default)]
pub(crate) struct KeyFiles {
    files: Mutex<HashMap<PathBuf, Arc<FileCell>>>,
    ask: Option<Arc<AskPassphrase>>,
    /// The number of open prompts. A login that waits for an answer is not considered late.
    asking: AtomicUsize,
}

/// A key file, with what is known without its passphrase.
pub(crate) struct KeyFile {
    pub path: PathBuf,
    /// `None` if it is only known after entering the passphrase, or not at all.
    pub public: Option<PublicKey>,
    /// The certificate in `PATH-cert.pub`.
    pub certificate: Option<Certificate>,
    secret: Secret,
}

enum Secret {
    Open(SigningKey),
    Locked {
        text: String,
        opened: OnceCell<Result<SigningKey, Unusable>>,
    },
    None(Unusable),
}

impl KeyFiles {
    pub(crate) fn asking(ask: Arc<AskPassphrase>) -> Self {
        Self {
            ask: Some(ask),
            ..Self::default()
        }
    }

    /// Whether the user is being asked for a passphrase.
    pub(crate) fn is_asking(&self) -> bool {
        self.asking.load(Ordering::Acquire) > 0
    }

    /// The key in a file; `None` if the file does not exist.
    pub(crate) async fn load(&self, path: &Path) -> Option<Arc<KeyFile>> {
        let cell = self.cell(path);
        let load = || async {
            let path = path.to_owned();
            let read = tokio::task::spawn_blocking(move || KeyFile::read(&path));
            read.await.ok().flatten().map(Arc::new)
        };
        cell.get_or_init(load).await.clone()
    }

    /// The same, for a caller that cannot wait asynchronously.
    pub(crate) fn look(&self, path: &Path) -> Option<Arc<KeyFile>> {
        let cell = self.cell(path);
        if let Some(known) = cell.get() {
            return known.clone();
        }
        let read = KeyFile::read(path).map(Arc::new);
        // Another caller may have read the same file in the meantime.
        let _ = cell.set(read.clone());
        read
    }

    fn cell(&self, path: &Path) -> Arc<OnceCell<Option<Arc<KeyFile>>>> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(files.entry(path.to_owned()).or_default())
    }

    /// Returns the key for signing. The user is asked for its passphrase if it has one.
    pub(super) async fn open<'a>(&self, file: &'a KeyFile) -> Result<&'a SigningKey, Unusable> {
        match &file.secret {
            Secret::Open(key) => Ok(key),
            Secret::None(why) => Err(why.clone()),
            Secret::Locked { text, opened } => opened
                .get_or_init(|| self.unlock(&file.path, text))
                .await
                .as_ref()
                .map_err(Clone::clone),
        }
    }

    async fn unlock(&self, path: &Path, text: &str) -> Result<SigningKey, Unusable> {
        let Some(ask) = self.ask.clone() else {
            return Err(Unusable::Encrypted);
        };
        let (path, text) = (path.to_owned(), text.to_owned());
        let open = Asking::begin(&self.asking);
        let unlocked = tokio::task::spawn_blocking(move || {
            for number in 0..MAX_TRIES {
                let Some(passphrase) = ask(&path, number) else {
                    return Err(if number == 0 {
                        Unusable::Encrypted
                    } else {
                        Unusable::WrongPassphrase
                    });
                };
                match russh::keys::decode_secret_key(&text, Some(&passphrase)) {
                    Ok(key) => return SigningKey::new(key),
                    Err(error) => {
                        tracing::debug!(path = %path.display(), %error, "cannot decrypt the key");
                    }
                }
            }
            Err(Unusable::WrongPassphrase)
        });
        let unlocked = unlocked.await;
        drop(open);
        unlocked.unwrap_or(Err(Unusable::WrongPassphrase))
    }
}

impl fmt::Debug for KeyFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyFiles")
    }
}

/// Counts an open prompt while it exists.
struct Asking<'a>(&'a AtomicUsize);

impl<'a> Asking<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(count)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl KeyFile {
    /// Reads a key file. Returns `None` if neither it nor a public key beside it exists.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // The public key is enough if an agent holds the private key.
                return public_beside(path).map(|public| Self {
                    path: path.to_owned(),
                    public: Some(public),
                    certificate: certificate_beside(path),
                    secret: Secret::None(Unusable::Public),
                });
            }
            Err(error) => {
                return Some(Self {
                    path: path.to_owned(),
                    public: public_beside(path),
                    certificate: None,
                    secret: Secret::None(Unusable::Unknown(error.to_string())),
                });
            }
        };
        let text = String::from_utf8_lossy(&text).into_owned();
        let (public, secret) = if let Some(mode) = too_open(path) {
            (None, Secret::None(Unusable::Permissions(mode)))
        } else {
            parse(text)
        };
        Some(Self {
            path: path.to_owned(),
            public: public.or_else(|| public_beside(path)),
            certificate: certificate_beside(path),
            secret,
        })
    }

    /// Whether the file contains this key.
    pub(super) fn has(&self, key: &KeyData) -> bool {
        let public = self.public.as_ref();
        public.is_some_and(|public| public.key_data() == key)
    }

    /// Whether it can sign without asking the user.
    pub(crate) fn is_open(&self) -> bool {
        match &self.secret {
            Secret::Open(_) => true,
            Secret::Locked { opened, .. } => opened.get().is_some_and(Result::is_ok),
            Secret::None(_) => false,
        }
    }

    /// Why it cannot sign with any passphrase; `None` as long as it may be able to.
    pub(super) fn unusable(&self) -> Option<&Unusable> {
        match &self.secret {
            Secret::Open(_) => None,
            Secret::Locked { opened, .. } => opened.get().and_then(|opened| opened.as_ref().err()),
            Secret::None(why) => Some(why),
        }
    }
}

/// Reads what a text reveals about a key without its passphrase.
fn parse(text: String) -> (Option<PublicKey>, Secret) {
    if text.contains("-----BEGIN OPENSSH PRIVATE KEY-----") {
        let key = match PrivateKey::from_openssh(text.trim()) {
            Ok(key) => key,
            Err(error) => return (None, Secret::None(Unusable::Unknown(error.to_string()))),
        };
        let public = key.public_key().clone();
        let secret = match key.algorithm() {
            // A passphrase would not help.
            Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256 => {
                Secret::None(Unusable::SecurityKey)
            }
            _ if key.is_encrypted() => locked(text),
            _ => signing(key),
        };
        return (Some(public), secret);
    }
    if text.contains("PRIVATE KEY-----") {
        if text.contains("ENCRYPTED") {
            return (None, locked(text));
        }
        return match russh::keys::decode_secret_key(&text, None) {
            Ok(key) => (Some(key.public_key().clone()), signing(key)),
            Err(error) => (None, Secret::None(Unusable::Unknown(error.to_string()))),
        };
    }
    if let Ok(public) = PublicKey::from_openssh(text.trim()) {
        return (Some(public), Secret::None(Unusable::Public));
    }
    let why = "not a private key in a known format".to_owned();
    (None, Secret::None(Unusable::Unknown(why)))
}

fn locked(text: String) -> Secret {
    Secret::Locked {
        text,
        opened: OnceCell::new(),
    }
}

fn signing(key: PrivateKey) -> Secret {
    match SigningKey::new(key) {
        Ok(key) => Secret::Open(key),
        Err(why) => Secret::None(why),
    }
}

/// The mode of a file of this user if others may access it. `ssh` refuses such a key as well: anyone who can
/// read it can log in with it.
fn too_open(path: &Path) -> Option<u32> {
    let metadata = std::fs::metadata(path).ok()?;
    let mode = metadata.permissions().mode() & 0o777;
    let own = metadata.uid() == rustix::process::getuid().as_raw();
    let text = std::fs::read_to_string(path).unwrap_or_default();
    (own && mode & 0o077 != 0 && text.contains("PRIVATE KEY-----")).then_some(mode)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

fn public_beside(path: &Path) -> Option<PublicKey> {
    let text = std::fs::read_to_string(beside(path, ".pub")).ok()?;
    PublicKey::from_openssh(text.trim()).ok()
}

fn certificate_beside(path: &Path) -> Option<Certificate> {
    certificate(&beside(path, "-cert.pub"))
}

/// Reads the certificate in a file.
pub(super) fn certificate(path: &Path) -> Option<Certificate> {
    let text = std::fs::read_to_string(path).ok()?;
    Certificate::from_openssh(text.trim())
        .inspect_err(|error: &ssh_key::Error| {
            tracing::debug!(path = %path.display(), %error, "not a certificate");
        })
        .ok()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn string(bytes: &[u8]) -> Vec<u8> {
        let length = u32::try_from(bytes.len()).unwrap();
        [&length.to_be_bytes(), bytes].concat()
    }

    /// A key file for this kind of key, whose private part has a passphrase.
    fn locked_key(name: &str, public: &[&[u8]]) -> String {
        let public: Vec<Vec<u8>> = public.iter().map(|field| string(field)).collect();
        let public = [string(name.as_bytes()), public.concat()].concat();
        let blob = [
            b"openssh-key-v1\0".to_vec(),
            string(b"aes256-ctr"),
            string(b"bcrypt"),
            string(&[string(&[7; 16]), vec![0, 0, 0, 16]].concat()),
            vec![0, 0, 0, 1],
            string(&public),
            string(&[7; 160]),
        ];
        format!(
            "-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----\n",
            STANDARD.encode(blob.concat())
        )
    }

    #[test]
    fn a_security_key_is_recognized_by_its_public_key() {
        let dir = tempfile::tempdir().unwrap();
        let file = |text: &str| {
            let path = dir.path().join("key");
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            KeyFile::read(&path).unwrap()
        };
        let token = file(&locked_key(
            "sk-ssh-ed25519@openssh.com",
            &[&[7; 32], b"ssh:"],
        ));
        assert_eq!(token.unusable(), Some(&Unusable::SecurityKey));
        assert!(token.public.is_some(), "an agent may hold it");
        let usual = file(&locked_key("ssh-ed25519", &[&[7; 32]]));
        assert_eq!(usual.unusable(), None);
        let public = file("sk-ssh-ed25519@openssh.com AAAA amy");
        assert!(matches!(public.unusable(), Some(Unusable::Unknown(_))));
        assert!(KeyFile::read(Path::new("/not/there")).is_none());
    }
}
