//! `password_hash`: the hashes of crypt(3), by Drepper's "Unix crypt using SHA-256 and SHA-512".

use minijinja::Error;
use minijinja::Value;
use minijinja::value::Kwargs;

use super::arguments::{invalid, kwarg, text};

const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Computing this many takes about a second. The format allows a thousand times as many, which would take a
/// quarter of an hour.
const MAX_ROUNDS: u32 = 1_000_000;
/// The default of crypt(3) if the hash does not contain the number.
const UNNAMED_ROUNDS: u32 = 5000;

pub(super) fn password_hash(
    password: &Value,
    kind: Option<String>,
    salt: Option<String>,
    options: Kwargs,
) -> Result<String, Error> {
    let kind = kind.or(kwarg(&options, "hashtype")?);
    let salt = match salt.or(kwarg(&options, "salt")?) {
        Some(salt) => salt,
        None => random_salt()?,
    };
    let rounds = kwarg::<u32>(&options, "rounds")?;
    let _ = kwarg::<Value>(&options, "ident")?;
    options.assert_all_used()?;
    let kind = kind.unwrap_or_else(|| "sha512".to_owned());
    // The default numbers of rounds of Ansible.
    let (id, usual) = match kind.as_str() {
        "sha512" | "sha512_crypt" => (6, 656_000),
        "sha256" | "sha256_crypt" => (5, 535_000),
        other => {
            return Err(invalid(format!(
                "password_hash: `{other}` is not available; use sha512 or sha256"
            )));
        }
    };
    if salt.len() > 16 || !salt.bytes().all(|b| ALPHABET.contains(&b)) {
        return Err(invalid(
            "password_hash: the salt must be up to 16 letters, digits, dots and slashes",
        ));
    }
    let rounds = rounds.unwrap_or(usual);
    if rounds > MAX_ROUNDS {
        return Err(invalid(format!(
            "password_hash: too many rounds: the limit is {MAX_ROUNDS}"
        )));
    }
    let params = sha_crypt::Params::new(rounds)
        .map_err(|_| invalid("password_hash: the rounds are too few or too many"))?;
    let password = text(password)?;
    let digest = if id == 6 {
        encoded(&sha_crypt::sha512_crypt(
            password.as_bytes(),
            salt.as_bytes(),
            params,
        ))
    } else {
        encoded(&sha_crypt::sha256_crypt(
            password.as_bytes(),
            salt.as_bytes(),
            params,
        ))
    };
    let rounds = if rounds == UNNAMED_ROUNDS {
        String::new()
    } else {
        format!("rounds={rounds}$")
    };
    Ok(format!("${id}${rounds}{salt}${digest}"))
}

/// Base 64 as written by crypt(3): six bits at a time, the lowest first, and the bytes in a special order.
fn encoded(digest: &[u8]) -> String {
    let third = digest.len() / 3;
    let mut out = String::new();
    let mut write = |bytes: &[u8]| {
        let mut word = bytes
            .iter()
            .fold(0_u32, |word, b| (word << 8) | u32::from(*b));
        for _ in 0..=bytes.len() {
            out.push(char::from(ALPHABET[(word & 63) as usize]));
            word >>= 6;
        }
    };
    // One byte from each third of the digest; which third comes first rotates, depending on the algorithm.
    let turn = if digest.len() == 64 { 1 } else { 2 };
    for at in 0..third {
        let bytes = [digest[at], digest[at + third], digest[at + 2 * third]];
        let first = at * turn % 3;
        write(&[bytes[first], bytes[(first + 1) % 3], bytes[(first + 2) % 3]]);
    }
    let rest: Vec<u8> = digest[3 * third..].iter().rev().copied().collect();
    write(&rest);
    out
}

fn random_salt() -> Result<String, Error> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| invalid(format!("password_hash: {error}")))?;
    Ok(bytes
        .iter()
        .map(|b| char::from(ALPHABET[usize::from(b & 63)]))
        .collect())
}
