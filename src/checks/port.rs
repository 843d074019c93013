//! `port`: whether a program listens on a port.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::checks::entry::kind;
use crate::checks::observe::{Answer, Observe};
use crate::checks::verdict::Verdict;
use crate::declare::{ArgumentError, options};

kind! {
    /// Checks whether a program on the host listens on a TCP port. It reads the tables of the kernel and
    /// opens no connection; use `tcp` for other machines.
    ///
    /// ```rhai
    /// each(hosts("web"), |h| h.check(port(8080)));
    /// ```
    port(port: i64; Options) => Port::new
}

options! {
    pub(crate) struct Options {
        /// the address that it must listen on, such as `"10.0.0.7"`; listening on all addresses also counts
        address: Option<String>,
    }
}

pub(crate) struct Port {
    port: u16,
    address: Option<std::net::IpAddr>,
}

impl Port {
    fn new(port: i64, options: Options) -> Result<Self, ArgumentError> {
        let number = u16::try_from(port).ok().filter(|port| *port > 0);
        let port = number.ok_or_else(|| {
            let message = format!("`port`: {port} is not a number from 1 to 65535");
            ArgumentError::parameter(0, message)
        })?;
        let parsed = options.address.as_deref().map(|text| {
            text.parse()
                .map_err(|_| ArgumentError::option("address", format!("invalid address: {text:?}")))
        });
        Ok(Self {
            port,
            address: parsed.transpose()?,
        })
    }
}

/// Exits with 9 if there are no such tables, with 1 if nothing listens. See proc(5), `/proc/net/tcp`: state
/// `0A` is listening.
const SCRIPT: &str = r"
set --
for ops_x in /proc/net/tcp /proc/net/tcp6; do
    if [ -r $ops_x ]; then set -- $@ $ops_x; fi
done
if [ $# = 0 ]; then exit 9; fi
";

impl Observe for Port {
    fn label(&self) -> String {
        match self.address {
            Some(address) => format!("port {} of {address}", self.port),
            None => format!("port {}", self.port),
        }
    }

    fn script(&self) -> String {
        // A grep is one process, but a shell loop would read each connection of a busy host.
        format!("{SCRIPT}grep -h ':{:04X} 0*:0000 0A ' \"$@\"", self.port)
    }

    fn verdict(&self, answer: &Answer) -> Verdict {
        let mut addresses: Vec<std::net::IpAddr> = answer
            .text()
            .lines()
            .filter_map(|line| line.split_whitespace().nth(1))
            .filter_map(|place| address(place.split(':').next()?))
            .collect();
        addresses.sort_unstable();
        addresses.dedup();
        let on: Vec<_> = addresses.iter().map(ToString::to_string).collect();
        let on = on.join(", ");
        let covers = |listening: &std::net::IpAddr, wanted: std::net::IpAddr| {
            // Listening on all IPv6 addresses includes the IPv4 ones, unless a setting prevents it.
            *listening == wanted
                || listening.is_unspecified() && (listening.is_ipv6() || wanted.is_ipv4())
        };
        match (answer.code, self.address) {
            (0, None) => Verdict::passing(format!("listens on {on}")),
            (0, Some(wanted)) if addresses.iter().any(|one| covers(one, wanted)) => {
                Verdict::passing(format!("listens on {on}"))
            }
            (0, Some(wanted)) => Verdict::critical(format!("listens on {on}, expected {wanted}")),
            (1, _) => Verdict::critical("nothing is listening"),
            (9, _) => Verdict::error("this machine has no /proc/net/tcp")
                .hint("Use `tcp`, which opens a connection."),
            (code, _) => Verdict::error(format!("exited with code {code}: {}", answer.said())),
        }
    }
}

/// An address as printed by the kernel: 32-bit words in the byte order of the machine, which is
/// little-endian wherever this matters. All zeros and similar addresses read the same in both orders.
fn address(hex: &str) -> Option<std::net::IpAddr> {
    let word = |at: usize| {
        let digits = hex.get(at..at + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.swap_bytes())
    };
    match hex.len() {
        8 => Some(Ipv4Addr::from_bits(word(0)?).into()),
        32 => {
            let words = [word(0)?, word(8)?, word(16)?, word(24)?];
            let bits = words
                .iter()
                .fold(0_u128, |bits, word| bits << 32 | u128::from(*word));
            let address = Ipv6Addr::from_bits(bits);
            Some(address.to_canonical())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::sample::sample;
    use crate::checks::verdict::State;
    use crate::declare::Value;

    const TABLE: &str = "\
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
   4: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000
";

    fn verdict(options: &[(&str, Value)], code: i32, stdout: &str) -> (State, String) {
        let verdict = sample(&KIND, vec![Value::Int(8080)], options).verdict(&Answer {
            code,
            stdout: stdout.as_bytes().to_vec(),
            ..Answer::default()
        });
        (verdict.state, verdict.message)
    }

    #[test]
    fn reads_listeners_from_the_tables() {
        let on = |address: &str| [("address", Value::from(address))];
        let both = "listens on 127.0.0.1, ::1";
        assert_eq!(verdict(&[], 0, TABLE), (State::Passing, both.into()));
        assert_eq!(verdict(&on("::1"), 0, TABLE), (State::Passing, both.into()));
        let other = format!("{both}, expected 10.0.0.7");
        assert_eq!(verdict(&on("10.0.0.7"), 0, TABLE), (State::Critical, other));
        let all = "   0: 00000000:1F90 00000000:0000 0A 0\n";
        assert_eq!(verdict(&on("10.0.0.7"), 0, all).0, State::Passing);
        assert_eq!(verdict(&on("::1"), 0, all).0, State::Critical);
        assert_eq!(
            verdict(&[], 1, ""),
            (State::Critical, "nothing is listening".into())
        );
        assert_eq!(verdict(&[], 9, "").0, State::Error);
        assert_eq!(verdict(&[], 2, "").0, State::Error);
    }
}
