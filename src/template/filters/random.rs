//! Python's random numbers, so that `random(seed=...)` returns the same as in Ansible: the Mersenne Twister
//! MT19937, seeded as Python 3 does with an integer or (using SHA-512) a string.

use minijinja::value::Kwargs;
use minijinja::{Error, Value};
use sha2::{Digest, Sha512};

use super::arguments::{invalid, kwarg};
use super::lists::items;

const N: usize = 624;
const M: usize = 397;

struct Twister {
    state: Vec<u32>,
    at: usize,
}

impl Twister {
    /// Without a seed, uses one from the system.
    fn new(seed: Option<&Value>) -> Result<Self, Error> {
        let key = match seed {
            None => {
                let mut bytes = [0_u8; 32];
                getrandom::fill(&mut bytes).map_err(|error| invalid(format!("random: {error}")))?;
                words(&bytes)
            }
            Some(seed) => match (seed.as_i64(), seed.as_str()) {
                (Some(number), None) => words(&number.unsigned_abs().to_be_bytes()),
                (_, Some(text)) => {
                    let mut bytes = text.as_bytes().to_vec();
                    bytes.extend(Sha512::digest(text));
                    words(&bytes)
                }
                _ => return Err(invalid("random: the seed must be a string or an integer")),
            },
        };
        Ok(Self::from_key(&key))
    }

    /// `init_by_array` of Matsumoto and Nishimura.
    fn from_key(key: &[u32]) -> Self {
        let mut state = vec![0_u32; N];
        state[0] = 19_650_218;
        for at in 1..N {
            state[at] = mixed(1_812_433_253, state[at - 1], index(at));
        }
        let mut at = 1;
        let mut in_key = 0;
        for _ in 0..N.max(key.len()) {
            state[at] = (state[at] ^ mixed(1_664_525, state[at - 1], 0))
                .wrapping_add(key[in_key])
                .wrapping_add(index(in_key));
            at += 1;
            in_key = (in_key + 1) % key.len();
            if at == N {
                state[0] = state[N - 1];
                at = 1;
            }
        }
        for _ in 1..N {
            state[at] =
                (state[at] ^ mixed(1_566_083_941, state[at - 1], 0)).wrapping_sub(index(at));
            at += 1;
            if at == N {
                state[0] = state[N - 1];
                at = 1;
            }
        }
        state[0] = 0x8000_0000;
        Self { state, at: N }
    }

    fn next(&mut self) -> u32 {
        if self.at == N {
            for at in 0..N {
                let joined =
                    (self.state[at] & 0x8000_0000) | (self.state[(at + 1) % N] & 0x7fff_ffff);
                let odd = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
                self.state[at] = self.state[(at + M) % N] ^ (joined >> 1) ^ odd;
            }
            self.at = 0;
        }
        let mut word = self.state[self.at];
        self.at += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    fn bits(&mut self, count: u32) -> u64 {
        if count <= 32 {
            return u64::from(self.next() >> (32 - count));
        }
        let low = u64::from(self.next());
        low | (u64::from(self.next() >> (64 - count)) << 32)
    }

    /// A number below the limit, which must not be zero.
    fn below(&mut self, limit: u64) -> u64 {
        let count = u64::BITS - limit.leading_zeros();
        loop {
            let number = self.bits(count);
            if number < limit {
                return number;
            }
        }
    }

    fn index_below(&mut self, limit: usize) -> usize {
        // It is below a length, so it fits.
        usize::try_from(self.below(limit as u64)).unwrap_or_default()
    }
}

fn mixed(factor: u32, before: u32, plus: u32) -> u32 {
    factor
        .wrapping_mul(before ^ (before >> 30))
        .wrapping_add(plus)
}

/// Indices of the state and of keys are far below 2^32.
fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or_default()
}

/// The number with these bytes, the lowest 32 bits first.
fn words(big_endian: &[u8]) -> Vec<u32> {
    let start = big_endian
        .iter()
        .position(|b| *b != 0)
        .unwrap_or(big_endian.len());
    let word = |bytes: &[u8]| bytes.iter().fold(0, |word, b| (word << 8) | u32::from(*b));
    let words: Vec<u32> = big_endian[start..].rchunks(4).map(word).collect();
    if words.is_empty() { vec![0] } else { words }
}

pub(super) fn random(
    value: &Value,
    start: Option<i64>,
    step: Option<i64>,
    options: Kwargs,
) -> Result<Value, Error> {
    let seed = options
        .get::<Option<Value>>("seed")?
        .filter(|seed| !seed.is_none());
    let start = start.or(kwarg(&options, "start")?).unwrap_or(0);
    let step = step
        .or(kwarg(&options, "step")?)
        .filter(|step| *step != 0)
        .unwrap_or(1);
    options.assert_all_used()?;
    let mut twister = Twister::new(seed.as_ref())?;
    if let Some(end) = value.as_i64().filter(|_| value.is_integer()) {
        let span = end.checked_sub(start).unwrap_or_default();
        let choices = if step > 0 {
            span.checked_add(step - 1).map(|span| span / step)
        } else {
            span.checked_add(step + 1).map(|span| span / step)
        };
        let choices = choices
            .and_then(|choices| u64::try_from(choices).ok())
            .unwrap_or(0);
        if choices == 0 {
            return Err(invalid("random: the range is empty"));
        }
        // Below the number of choices, each of which is in the range.
        let chosen = i64::try_from(twister.below(choices)).unwrap_or_default();
        return Ok(Value::from(start + step * chosen));
    }
    let list = match value.as_str() {
        Some(text) => text.chars().map(|c| Value::from(c.to_string())).collect(),
        None => items(value)?,
    };
    if list.is_empty() {
        return Err(invalid("random: the list is empty"));
    }
    Ok(list[twister.index_below(list.len())].clone())
}

pub(super) fn shuffle(value: &Value, options: Kwargs) -> Result<Vec<Value>, Error> {
    let seed = options.get::<Option<Value>>("seed")?.filter(Value::is_true);
    options.assert_all_used()?;
    let mut twister = Twister::new(seed.as_ref())?;
    let mut list = items(value)?;
    for at in (1..list.len()).rev() {
        list.swap(at, twister.index_below(at + 1));
    }
    Ok(list)
}
