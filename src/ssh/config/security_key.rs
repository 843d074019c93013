//! Keys on a security key: `ssh` asks the token to sign, this client cannot.

use std::io::Read as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The public part is near the start of a private key's file, even if the rest has a passphrase.
const HEAD: usize = 1024;

/// Whether the file, private or public, holds such a key. A missing file does not.
pub(super) fn holds(path: &Path) -> bool {
    let mut head = Vec::with_capacity(HEAD);
    let read =
        std::fs::File::open(path).and_then(|file| file.take(HEAD as u64).read_to_end(&mut head));
    read.is_ok() && is_one(&head)
}

fn is_one(head: &[u8]) -> bool {
    if head.starts_with(b"sk-") {
        return true;
    }
    let Some(body) = std::str::from_utf8(head).ok().and_then(|text| {
        text.trim_start()
            .strip_prefix("-----BEGIN OPENSSH PRIVATE KEY-----")
    }) else {
        return false;
    };
    let mut body: String = body
        .chars()
        .take_while(|&c| c != '-')
        .filter(|c| !c.is_whitespace() && *c != '=')
        .collect();
    body.truncate(body.len() / 4 * 4);
    STANDARD.decode(body).is_ok_and(|bytes| {
        let has = |name: &[u8]| bytes.windows(name.len()).any(|part| part == name);
        has(b"sk-ssh-ed25519@openssh.com") || has(b"sk-ecdsa-sha2-nistp256@openssh.com")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_security_key_is_recognized_by_its_public_part() {
        let private = |name: &str| {
            let mut blob = b"openssh-key-v1\0\0\0\0\x04none\0\0\0\x04none\0\0\0\0".to_vec();
            blob.extend(b"\0\0\0\x01\0\0\0\x4a\0\0\0\x1a");
            blob.extend(name.as_bytes());
            blob.extend([7; 90]);
            format!(
                "-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----\n",
                STANDARD.encode(blob)
            )
        };
        assert!(is_one(private("sk-ssh-ed25519@openssh.com").as_bytes()));
        assert!(is_one(
            private("sk-ecdsa-sha2-nistp256@openssh.com").as_bytes()
        ));
        assert!(!is_one(private("ssh-ed25519").as_bytes()));
        assert!(is_one(b"sk-ssh-ed25519@openssh.com AAAA amy"));
        assert!(!is_one(b"ssh-ed25519 AAAA amy"));
        assert!(!is_one(b""));
        assert!(!holds(Path::new("/not/there")));
    }
}
