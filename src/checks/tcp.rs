//! `tcp`: whether something takes connections.

use super::endpoint::Endpoint;
use crate::checks::entry::kind;
use crate::checks::observe::{Answer, Observe, excerpt};
use crate::checks::verdict::Verdict;
use crate::declare::{ArgumentError, options};
use crate::shell::quote_str;

kind! {
    /// Whether a connection to a host and a port can be made. It is closed at once; nothing is sent.
    ///
    /// Refused, or no answer in time: critical. A name that does not resolve, or no program that could
    /// connect: an error. It is tried with bash, else perl, python3, or an nc that knows `-z`.
    ///
    /// ```rhai
    /// each(hosts("web"), |h| h.check(tcp("127.0.0.1:6379")));
    /// each(hosts("db"), |h| h.wait_until(tcp("db1:5432", #{ from: "controller", deadline: "2m" })));
    /// ```
    tcp(endpoint: Endpoint; Options) => Tcp::new
}

options! {
    pub struct Options {}
}

pub struct Tcp {
    endpoint: Endpoint,
}

impl Tcp {
    fn new(endpoint: Endpoint, _: Options) -> Result<Self, ArgumentError> {
        Ok(Self { endpoint })
    }
}

/// Ends with 0, with 7 where nobody takes the connection, with 6 where the name does not resolve, with 9 where nothing here can connect.
/// bash tells the two apart by words alone, so who resolves names is asked, once there is no connection.
const SCRIPT: &str = r#"
if command -v bash >/dev/null 2>&1; then
    bash -c 'exec 3<>"/dev/tcp/$1/$2"' bash "$1" "$2" || {
        ops_r=0
        getent ahosts "$1" >/dev/null 2>&1 || ops_r=$?
        case $ops_r in 2) exit 6;; esac
        exit 7
    }
elif command -v perl >/dev/null 2>&1; then
    perl -e 'use Socket qw(getaddrinfo SOCK_STREAM);my($e,@a)=getaddrinfo(@ARGV,{socktype=>SOCK_STREAM});if($e){print STDERR "$ARGV[0]: $e";exit 6}for(@a){socket(S,$_->{family},SOCK_STREAM,0)&&connect(S,$_->{addr})&&exit 0}print STDERR $!;exit 7' "$1" "$2"
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
            // Without what it was doing: that is known.
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
            0 => Verdict::passing("takes connections"),
            7 => Verdict::critical(because("no connection")),
            6 => Verdict::error(because("the name does not resolve")),
            9 => Verdict::error("there is no program here that could connect").hint(
                "Install bash or perl there, or look from elsewhere: `from: \"controller\"`.",
            ),
            code => Verdict::error(because(&format!("the check ended with code {code}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::sample::sample;
    use crate::checks::verdict::State;

    #[test]
    fn the_code_tells_who_is_to_blame() {
        let check = sample(&KIND, vec!["db1:5432".into()], &[]);
        assert_eq!(check.label(), "tcp db1:5432");
        let cases = [
            (0, "", State::Passing, "takes connections"),
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
                "there is no program here that could connect",
            ),
            (
                2,
                "sh: x",
                State::Error,
                "the check ended with code 2: sh: x",
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
