//! `redis(address)`: whether a Redis server answers, and whether its replication is in sync.

use serde::Deserialize;

use super::endpoint::Endpoint;
use super::output::Output;
use crate::checks::entry::kind;
use crate::checks::observe::{Answer, Observe, StepKind, excerpt};
use crate::checks::verdict::Verdict;
use crate::declare::{ArgumentError, options};
use crate::shell::quote_str;

kind! {
    /// Checks whether a Redis server answers, and whether its replication is in sync.
    ///
    /// The state is critical if the server does not answer or is loading its data. It is an error if the
    /// server requires a password that was not given, or if none of `bash`, `nc` and `perl` is installed on
    /// the machine that runs the check. Valkey and KeyDB work too.
    ///
    /// ```rhai
    /// let password = secret(#{ env: "REDIS_PASSWORD" });
    /// let cache = redis("127.0.0.1:6379", #{ password: password, replication: true });
    /// each(hosts("cache"), |h| h.check(cache));
    /// ```
    redis(address: Endpoint; Options) => Redis::new
}

/// The exit code if the connection failed.
const REFUSED: i32 = 9;

options! {
    #[derive(Clone, Default)]
    pub(crate) struct Options {
        /// the password; it never appears in a command line or in the environment
        password: Option<String>,
        /// the user of the password, if it is not the default user
        user: Option<String>,
        /// if `true`, a replica must be linked to its primary and in sync, and a primary must have a
        /// replica in sync
        replication: Option<bool>,
        /// the required role: `"primary"` or `"replica"`
        role: Option<Role>,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    Primary,
    Replica,
}

impl Role {
    const fn name(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Replica => "replica",
        }
    }
}

pub(crate) struct Redis {
    endpoint: Endpoint,
    login: Option<Vec<String>>,
    replication: bool,
    role: Option<Role>,
}

impl Redis {
    fn new(endpoint: Endpoint, options: Options) -> Result<Self, ArgumentError> {
        if options.user.is_some() && options.password.is_none() {
            return Err(ArgumentError::option("user", "requires `password`"));
        }
        let mut login = None;
        if let Some(password) = options.password {
            let words: Vec<String> = options.user.into_iter().chain([password]).collect();
            if words.iter().any(|word| word.contains('\0')) {
                return Err(ArgumentError::option("password", "contains a NUL byte"));
            }
            login = Some(words);
        }
        Ok(Self {
            endpoint,
            login,
            replication: options.replication.unwrap_or(false),
            role: options.role,
        })
    }

    fn wants_role(&self) -> bool {
        self.replication || self.role.is_some()
    }

    /// The requests in the Redis protocol. The last one makes the server close the connection.
    fn requests(&self) -> String {
        let mut requests = String::new();
        if let Some(login) = &self.login {
            let words = std::iter::once("AUTH").chain(login.iter().map(String::as_str));
            requests.push_str(&request(words));
        }
        requests.push_str(&request(["PING"]));
        if self.wants_role() {
            requests.push_str(&request(["INFO", "replication"]));
        }
        format!("{requests}{}", request(["QUIT"]))
    }
}

/// An array of strings, each with its length.
fn request<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    let words: Vec<&str> = words.into_iter().collect();
    let mut text = format!("*{}\r\n", words.len());
    for word in words {
        text.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    text
}

impl Observe for Redis {
    fn label(&self) -> String {
        format!("redis {}", self.endpoint)
    }

    fn script(&self) -> String {
        let (host, port) = (quote_str(&self.endpoint.host), self.endpoint.port);
        // The requests are written to a pipe by a builtin.
        format!(
            "LC_ALL=C; export LC_ALL\n\
             ops_say() {{ printf '%s' {requests}; }}\n\
             if command -v bash >/dev/null 2>&1; then\n\
             ops_say | bash -c 'exec 3<>\"/dev/tcp/$1/$2\" || exit {REFUSED}; cat >&3; exec cat <&3' ops \
             {host} {port}\n\
             elif command -v nc >/dev/null 2>&1; then\n\
             ops_say | nc {host} {port} || exit {REFUSED}\n\
             elif command -v perl >/dev/null 2>&1; then\n\
             ops_say | perl -MIO::Socket::IP -e '\
             my $s = IO::Socket::IP->new(PeerHost => $ARGV[0], PeerPort => $ARGV[1]) or do {{ print STDERR \
             $@; exit {REFUSED} }}; \
             print $s <STDIN>; $s->flush; print while <$s>' {host} {port}\n\
             else echo 'ops:missing bash, nc or perl'\n\
             fi\n",
            requests = quote_str(&self.requests()),
        )
    }

    fn runs_as(&self) -> StepKind {
        StepKind::Command
    }

    fn verdict(&self, answer: &Answer) -> Verdict {
        let said = Output::of(answer);
        if let Some(verdict) = said.missing() {
            return verdict;
        }
        let mut rest = answer.stdout.as_slice();
        let mut next = || value(&mut rest);
        if self.login.is_some() {
            match next() {
                Some(RespValue::Status(_)) => {}
                Some(RespValue::Refusal(why)) => {
                    return Verdict::error(format!(
                        "the server rejected the password: {}",
                        excerpt(why.as_bytes())
                    ));
                }
                _ => return silent(&said, answer),
            }
        }
        match next() {
            Some(RespValue::Status(word)) if word == "PONG" => {}
            Some(RespValue::Refusal(why)) if why.starts_with("NOAUTH") => {
                return Verdict::error("the server requires a password")
                    .hint("Set it with `password`.");
            }
            Some(RespValue::Refusal(why)) => return Verdict::critical(excerpt(why.as_bytes())),
            _ => return silent(&said, answer),
        }
        if !self.wants_role() {
            return Verdict::passing("answers");
        }
        match next() {
            Some(RespValue::Text(info)) => self
                .replication(&info)
                .unwrap_or_else(|| Verdict::error("cannot read its replication status")),
            Some(RespValue::Refusal(why)) => Verdict::error(format!(
                "the server does not report its replication status: {}",
                excerpt(why.as_bytes())
            )),
            _ => silent(&said, answer),
        }
    }
}

/// The verdict if the answers end too early.
fn silent(said: &Output, answer: &Answer) -> Verdict {
    if answer.code == REFUSED {
        // `ops: line 1: /dev/tcp/127.0.0.1/1: Connection refused`: only the last part is shown.
        let said = String::from_utf8_lossy(&answer.stderr);
        let last = said.lines().rfind(|line| !line.trim().is_empty());
        let why = last.and_then(|line| line.rsplit(": ").next());
        let why = why.map_or_else(String::new, |why| format!(": {}", excerpt(why.as_bytes())));
        return Verdict::critical(format!("cannot connect{why}"));
    }
    if answer.stdout.is_empty() && answer.code == 0 {
        return Verdict::critical("does not answer");
    }
    said.garbled("the server")
}

impl Redis {
    /// `None` if the answer is incomplete.
    fn replication(&self, info: &str) -> Option<Verdict> {
        let field = |key: &str| {
            info.lines()
                .find_map(|line| line.trim_end().strip_prefix(key)?.strip_prefix(':'))
        };
        let role = match field("role")? {
            "master" => Role::Primary,
            "slave" => Role::Replica,
            _ => return None,
        };
        if let Some(wanted) = self.role.filter(|wanted| *wanted != role) {
            return Some(Verdict::critical(format!(
                "it is a {}, not a {}",
                role.name(),
                wanted.name()
            )));
        }
        if !self.replication {
            return Some(Verdict::passing(role.name()));
        }
        Some(match role {
            Role::Replica => {
                let primary = format!("{}:{}", field("master_host")?, field("master_port")?);
                match (
                    field("master_link_status")?,
                    field("master_sync_in_progress")?,
                ) {
                    ("up", "0") => Verdict::passing(format!("replica of {primary}, in sync")),
                    ("up", _) | (_, "1") => {
                        Verdict::critical(format!("replica that is still copying from {primary}"))
                    }
                    _ => Verdict::critical(format!("replica whose link to {primary} is down")),
                }
            }
            Role::Primary => {
                let known = field("connected_slaves")?.parse::<usize>().ok()?;
                let online = info
                    .lines()
                    .filter(|line| line.starts_with("slave") && line.contains("state=online"))
                    .count();
                if online == 0 {
                    Verdict::critical(format!(
                        "primary with {known} replicas, none of them in sync"
                    ))
                } else {
                    Verdict::passing(format!("primary with {online} of {known} replicas in sync"))
                }
            }
        })
    }
}

/// One answer of the server.
#[derive(Debug, PartialEq, Eq)]
enum RespValue {
    Status(String),
    Refusal(String),
    Text(String),
}

/// Takes the next answer. `None` if it is incomplete, or of an unexpected type.
fn value(rest: &mut &[u8]) -> Option<RespValue> {
    let line = line(rest)?;
    let (sort, text) = line.split_at_checked(1)?;
    match sort {
        "+" => Some(RespValue::Status(text.to_owned())),
        "-" => Some(RespValue::Refusal(text.to_owned())),
        "$" => {
            let length = text.parse::<usize>().ok()?;
            let (body, behind) = rest.split_at_checked(length)?;
            *rest = behind.strip_prefix(b"\r\n")?;
            Some(RespValue::Text(String::from_utf8_lossy(body).into_owned()))
        }
        _ => None,
    }
}

fn line(rest: &mut &[u8]) -> Option<String> {
    let end = rest.windows(2).position(|two| two == b"\r\n")?;
    let line = String::from_utf8(rest[..end].to_vec()).ok()?;
    *rest = &rest[end + 2..];
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::output::tests::{case, given};
    use crate::checks::verdict::State;

    fn redis(options: &str) -> Redis {
        let endpoint = Endpoint::try_from("127.0.0.1:6379".to_owned()).expect("an endpoint");
        Redis::new(endpoint, given(options)).expect("a check")
    }

    fn says(options: &str, text: &str) -> (State, String) {
        let verdict = redis(options).verdict(&case(0, text, ""));
        (verdict.state, verdict.message)
    }

    fn info(lines: &str) -> String {
        let lines = lines.replace('\n', "\r\n");
        format!("+PONG\r\n${}\r\n{lines}\r\n+OK\r\n", lines.len())
    }

    #[test]
    fn answers_or_reports_why_not() {
        assert_eq!(says("{}", "+PONG\r\n+OK\r\n").0, State::Passing);
        assert_eq!(
            says("{}", "-LOADING Redis is loading\r\n").0,
            State::Critical
        );
        assert_eq!(
            says("{}", "-NOAUTH Authentication required.\r\n").0,
            State::Error
        );
        assert_eq!(says("{}", "").0, State::Critical);
        let password = r#"{"password": "x"}"#;
        assert_eq!(says(password, "+OK\r\n+PONG\r\n").0, State::Passing);
        assert_eq!(
            says(password, "-WRONGPASS invalid\r\n-NOAUTH x\r\n").0,
            State::Error
        );
        assert_eq!(
            says(password, "+PONG\r\n").0,
            State::Error,
            "one answer of two"
        );
        let refused = redis("{}").verdict(&case(9, "", "bash: connect: Connection refused\n"));
        assert_eq!(refused.message, "cannot connect: Connection refused");
        for garbage in [
            "HTTP/1.1 400 Bad Request\r\n\r\n",
            "+PONG",
            "PONG\n",
            "$5\r\nPONG\r\n",
            ":1\r\n",
            "\r\n",
        ] {
            assert_eq!(says("{}", garbage).0, State::Error, "{garbage}");
        }
    }

    #[test]
    fn checks_replication_at_both_ends() {
        let state = |lines: &str| says(r#"{"replication": true}"#, &info(lines)).0;
        let replica = |status: &str, copying: &str| {
            format!(
                "# Replication\nrole:slave\nmaster_host:10.0.0.1\nmaster_port:6379\n\
                 master_link_status:{status}\nmaster_sync_in_progress:{copying}\n"
            )
        };
        assert_eq!(state(&replica("up", "0")), State::Passing);
        assert_eq!(state(&replica("up", "1")), State::Critical);
        assert_eq!(state(&replica("down", "0")), State::Critical);
        let primary = "role:master\nconnected_slaves:1\n\
            slave0:ip=127.0.0.1,port=1,state=online,offset=1,lag=0\n";
        assert_eq!(state(primary), State::Passing);
        assert_eq!(
            state(&primary.replace("online", "wait_bgsave")),
            State::Critical
        );
        assert_eq!(state("role:master\nconnected_slaves:0\n"), State::Critical);
        for garbage in ["", "role:master\n", "role:slave\n", "role:sentinel\n"] {
            assert_eq!(state(garbage), State::Error, "{garbage}");
        }
    }

    #[test]
    fn a_role_can_be_required() {
        let state = |role: &str| {
            let options = format!(r#"{{"role": "{role}"}}"#);
            says(&options, &info("role:master\nconnected_slaves:0\n")).0
        };
        assert_eq!(state("primary"), State::Passing);
        assert_eq!(state("replica"), State::Critical);
    }

    #[test]
    fn a_password_is_sent_unchanged() {
        let requests = redis(r#"{"user": "shop", "password": "a b'\"\r\n"}"#).requests();
        assert!(
            requests.starts_with("*3\r\n$4\r\nAUTH\r\n$4\r\nshop\r\n$7\r\na b'\"\r\n\r\n*1\r\n"),
            "{requests:?}"
        );
        let endpoint = Endpoint::try_from("a:1".to_owned()).expect("an endpoint");
        assert!(Redis::new(endpoint, given(r#"{"user": "x"}"#)).is_err());
    }
}
