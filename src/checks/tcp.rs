//! `tcp`: whether a port accepts connections.

use super::endpoint::Endpoint;
use crate::checks::entry::kind;
use crate::checks::observe::{Answer, Observe, excerpt};
use crate::checks::verdict::Verdict;
use crate::declare::{ArgumentError, options};
use crate::shell::quote_str;

kind! {
    /// Checks whether a TCP connection to a host and port can be opened. It is closed at once; nothing is
    /// sent.
    ///
    /// The state is critical if the connection is refused or times out. It is an error if the name does not
    /// resolve, or if no program that could connect is installed. The check uses bash, else perl, python3,
    /// or an nc that supports `-z`.
    ///
    /// ```rhai
    /// each(hosts("web"), |h| h.check(tcp("127.0.0.1:6379")));
    /// each(hosts("db"), |h| h.wait_until(tcp("db1:5432", #{ from: "controller", deadline: "2m" })));
    /// ```
    tcp(endpoint: Endpoint; Options) => Tcp::new
}

options! {
    pub(crate) struct Options {}
}

pub(crate) struct Tcp {
    endpoint: Endpoint,
}

impl Tcp {
    fn new(endpoint: Endpoint, _: Options) -> Result<Self, ArgumentError> {
        Ok(Self { endpoint })
    }
}

/// Exits with 0, with 7 if the connection fails, with 6 if the name does not resolve, with 9 if no program
/// here can connect. bash distinguishes the first two failures only by its message, so after a failed
/// connection the resolver is asked.
const SCRIPT: &str = r#"
if command -v bash >/dev/null 2>&1; then
    bash -c 'exec 3<>"/dev/tcp/$1/$2"' bash "$1" "$2" || {
        ops_r=0
        getent ahosts "$1" >/dev/null 2>&1 || ops_r=$?
        case $ops_r in 2) exit 6;; esac
        exit 7
    }
elif command -v perl >/dev/null 2>&1; then
    perl -e 'use Socket qw(getaddrinfo SOCK_STREAM);my($e,@a)=getaddrinfo(@ARGV,{socktype=>SOCK_STREAM});
if($e){print STDERR "$ARGV[0]: $e";exit 6}
for(@a){socket(S,$_->{family},SOCK_STREAM,0)&&connect(S,$_->{addr})&&exit 0}
print STDERR $!;exit 7' "$1" "$2"
elif command -v python3 >/dev/null 2>&1; then
    python3 -c 'import socket,sys
try: socket.create_connection(sys.argv[1:3])
except socket.gaierror as e: sys.stderr.write(str(e)); sys.exit(6)
except OSError as e: sys.stderr.write(str(e)); sys.exit(7)' "$1" "$2"
elif nc -h 2>&1 | grep -q -e '-z'; then
    nc -z "$1" "$2" || exit 7
else
    exit 9
fi
"#;

impl Observe for Tcp {
    fn label(&self) -> String {
        format!("tcp {}", self.endpoint)
    }

    fn script(&self) -> String {
        let Endpoint { host, port } = &self.endpoint;
        format!("set -- {} {port}{SCRIPT}", quote_str(host))
    }

    fn verdict(&self, answer: &Answer) -> Verdict {
        let stderr = String::from_utf8_lossy(&answer.stderr);
        let said = match stderr.lines().next() {
            // Without the operation, which is known.
            Some(first) if first.starts_with("bash:") => {
                excerpt(first.rsplit(": ").next().unwrap_or_default().as_bytes())
            }
            _ => answer.said(),
        };
        let because = |what: &str| {
            if said.is_empty() {
                what.to_owned()
            } else {
                format!("{what}: {said}")
            }
        };
        match answer.code {
            0 => Verdict::passing("accepts connections"),
            7 => Verdict::critical(because("no connection")),
            6 => Verdict::error(because("the name does not resolve")),
            9 => Verdict::error("no program that could connect is installed").hint(
                "Install bash or perl there, or run the check from elsewhere: `from: \"controller\"`.",
            ),
            code => Verdict::error(because(&format!("the check exited with code {code}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::sample::sample;
    use crate::checks::verdict::State;

    #[test]
    fn the_exit_code_decides_the_state() {
        let check = sample(&KIND, vec!["db1:5432".into()], &[]);
        assert_eq!(check.label(), "tcp db1:5432");
        let cases = [
            (0, "", State::Passing, "accepts connections"),
            (
                7,
                "bash: connect: Connection refused\nbash: line 1: /dev/tcp/db1/5432: Connection refused",
                State::Critical,
                "no connection: Connection refused",
            ),
            (7, "", State::Critical, "no connection"),
            (
                6,
                "bash: db1: Name or service not known",
                State::Error,
                "the name does not resolve: Name or service not known",
            ),
            (
                9,
                "",
                State::Error,
                "no program that could connect is installed",
            ),
            (
                2,
                "sh: x",
                State::Error,
                "the check exited with code 2: sh: x",
            ),
        ];
        for (code, stderr, state, message) in cases {
            let verdict = check.verdict(&Answer {
                code,
                stderr: stderr.as_bytes().to_vec(),
                ..Answer::default()
            });
            assert_eq!((verdict.state, verdict.message.as_str()), (state, message));
        }
    }
}
