//! `postgres()`: whether a PostgreSQL server accepts connections, answers a query, and as a replica keeps
//! up.

use std::time::Duration;

use serde::Deserialize;

use super::output::{Output, need};
use crate::checks::entry::kind;
use crate::checks::observe::{Answer, Observe, StepKind, excerpt};
use crate::checks::verdict::Verdict;
use crate::declare::{ArgumentError, Span, options};
use crate::shell::quote_str;

kind! {
    /// Checks whether a PostgreSQL server accepts connections, answers a query, and as a replica keeps up.
    ///
    /// Without any of `user`, `database`, `password`, `query` and `replica_lag` the check does not log in:
    /// it only asks whether the server accepts connections. The state is critical if the server does not
    /// answer, the login is refused, the query returns another result, or a replica follows no primary. It
    /// is an error if the query fails, or if `psql` is missing (`pg_isready`, if the check does not log
    /// in). A replica that has replayed everything that it received counts as up to date; it notices after
    /// `wal_receiver_timeout` that its primary is silent.
    ///
    /// ```rhai
    /// each(hosts("db"), |h| h.become("postgres").check([
    ///     postgres(),
    ///     postgres(#{ database: "shop", query: "select count(*) > 0 from items", expect: true }),
    /// ]));
    /// ```
    postgres(; Options) => Postgres::new
}

/// Printed before the answers, and after the last one.
const CONNECTED: &str = "ops:connected";
const LAG: &str = "ops:lag";
const QUERY: &str = "ops:query";
const END: &str = "ops:end";

/// A word or a number of seconds. If everything received has been replayed, the time of the last
/// transaction shows how long there were no writes, not the lag.
const HOW_FAR: &str = "\
select case when not pg_is_in_recovery() then 'primary'
 when not exists (select from pg_stat_wal_receiver) then 'detached'
 when pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn() then '0'
 else coalesce(extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::text, 'unknown')
 end;";

options! {
    #[derive(Clone, Default)]
    pub(crate) struct Options {
        /// its address, or the directory of its socket; default: the default of `psql`
        host: Option<String>,
        /// its port; default `5432`
        port: Option<u16>,
        /// the user to log in as
        user: Option<String>,
        /// the database to log in to
        database: Option<String>,
        /// the password of the user; it never appears in a command line or in the environment
        password: Option<String>,
        /// the SSL mode of `psql`, such as `require` or `verify-full`
        sslmode: Option<String>,
        /// SQL that must return at least one row; it runs in a read-only transaction
        query: Option<String>,
        /// what the query must return: a string, a number, `true` or `false`; columns are separated by `|`
        expect: Option<Expected>,
        /// the server must be a replica that follows its primary with at most this lag, such as `"30s"`
        replica_lag: Option<Span>,
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "a string, a number, true or false")]
enum Expected {
    Bool(bool),
    Number(f64),
    Text(String),
}

impl Expected {
    fn is_met(&self, given: &str) -> bool {
        match self {
            Self::Bool(wanted) => given == if *wanted { "t" } else { "f" },
            #[expect(
                clippy::float_cmp,
                reason = "the number in the playbook is meant exactly"
            )]
            Self::Number(wanted) => given.parse::<f64>().is_ok_and(|given| given == *wanted),
            Self::Text(wanted) => given == wanted,
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Bool(true) => "t".to_owned(),
            Self::Bool(false) => "f".to_owned(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => excerpt(text.as_bytes()),
        }
    }
}

pub(crate) struct Postgres {
    /// In the format of a connection service file.
    settings: Vec<(&'static str, String)>,
    host: Option<String>,
    port: Option<u16>,
    logs_in: bool,
    query: Option<String>,
    expect: Option<Expected>,
    replica_lag: Option<Duration>,
}

impl Postgres {
    fn new(options: Options) -> Result<Self, ArgumentError> {
        let logs_in = options.user.is_some()
            || options.database.is_some()
            || options.password.is_some()
            || options.query.is_some()
            || options.replica_lag.is_some();
        if options.expect.is_some() && options.query.is_none() {
            return Err(ArgumentError::option("expect", "requires `query`"));
        }
        if options
            .query
            .as_deref()
            .is_some_and(|query| query.trim().is_empty() || query.contains('\0'))
        {
            return Err(ArgumentError::option("query", "is not a valid query"));
        }
        let mut settings = Vec::new();
        for (option, key, value) in [
            ("host", "host", options.host.clone()),
            ("port", "port", options.port.map(|port| port.to_string())),
            ("user", "user", options.user),
            ("database", "dbname", options.database),
            ("sslmode", "sslmode", options.sslmode),
            ("password", "password", options.password),
        ] {
            let Some(value) = value else { continue };
            // The file has one setting per line, and trailing spaces are removed.
            if value.contains(['\n', '\r', '\0']) || value.trim() != value || value.is_empty() {
                let message =
                    "must not be empty, contain a line break, or start or end with a space";
                return Err(ArgumentError::option(option, message));
            }
            settings.push((key, value));
        }
        Ok(Self {
            settings,
            host: options.host,
            port: options.port,
            logs_in,
            query: options.query,
            expect: options.expect,
            replica_lag: options.replica_lag.map(|span| span.0),
        })
    }

    fn is_ready(&self) -> String {
        let mut script = format!("LC_ALL=C; export LC_ALL\n{}pg_isready", need("pg_isready"));
        if let Some(host) = &self.host {
            script.push_str(&format!(" -h {}", quote_str(host)));
        }
        if let Some(port) = self.port {
            script.push_str(&format!(" -p {port}"));
        }
        script
    }

    /// The queries for `psql`.
    fn sql(&self) -> String {
        let mut sql = format!("\\echo {CONNECTED}\nbegin transaction read only;\n");
        if self.replica_lag.is_some() {
            sql.push_str(&format!("\\echo {LAG}\n{HOW_FAR}\n"));
        }
        if let Some(query) = &self.query {
            sql.push_str(&format!("\\echo {QUERY}\n{query}\n;\n"));
        }
        format!("{sql}\\echo {END}\nrollback;\n")
    }
}

impl Observe for Postgres {
    fn label(&self) -> String {
        let mut label = "postgres".to_owned();
        match (&self.host, self.port) {
            (Some(host), Some(port)) => label.push_str(&format!(" {host}:{port}")),
            (Some(host), None) => label.push_str(&format!(" {host}")),
            (None, Some(port)) => label.push_str(&format!(" :{port}")),
            (None, None) => {}
        }
        if self.replica_lag.is_some() {
            label.push_str(" replica");
        } else if let Some(query) = &self.query {
            label.push_str(&format!(" {}", excerpt(query.as_bytes())));
        }
        label
    }

    fn script(&self) -> String {
        if !self.logs_in {
            return self.is_ready();
        }
        let mut file = "[ops]\napplication_name=ops\n".to_owned();
        for (key, value) in &self.settings {
            file.push_str(&format!("{key}={value}\n"));
        }
        // All connection settings, including the password, are passed as a file that is never on disk.
        format!(
            "LC_ALL=C; export LC_ALL\n{}\
             printf '%s' {} | PGSERVICE=ops PGSERVICEFILE=/dev/fd/3 \
             psql -X -A -t -q -w -v ON_ERROR_STOP=1 -f - 3<<'OPS_SERVICE'\n{file}OPS_SERVICE\n",
            need("psql"),
            quote_str(&self.sql()),
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
        let complaint = || {
            let said = answer.said();
            said.strip_prefix("psql: error: ")
                .unwrap_or(&said)
                .to_owned()
        };
        if !self.logs_in {
            return match answer.code {
                0 => Verdict::passing("accepts connections"),
                1 => Verdict::critical("rejects connections: it is starting up or shutting down"),
                2 => Verdict::critical("no response"),
                _ => said.broken("pg_isready failed"),
            };
        }
        match answer.code {
            0 => {}
            2 => return Verdict::critical(format!("cannot connect: {}", complaint())),
            3 => return Verdict::error(format!("the query failed: {}", complaint())),
            _ => return said.broken("psql failed"),
        }
        let whole = format!("{END}\n");
        let Some((_, text)) = said
            .stdout
            .strip_suffix(&whole)
            .and_then(|text| text.split_once(&format!("{CONNECTED}\n")))
        else {
            return said.garbled("psql");
        };
        let (before, query) = match text.split_once(&format!("{QUERY}\n")) {
            Some((before, query)) => (before, Some(query)),
            None => (text, None),
        };
        let lag = before.strip_prefix(&format!("{LAG}\n")).map(str::trim);
        self.judge(lag, query)
            .unwrap_or_else(|| said.garbled("psql"))
    }
}

impl Postgres {
    /// `None` if a requested answer is missing.
    fn judge(&self, lag: Option<&str>, rows: Option<&str>) -> Option<Verdict> {
        let mut message = "accepts connections".to_owned();
        if let Some(most) = self.replica_lag {
            let behind = match lag? {
                "primary" => return Some(Verdict::critical("it is a primary, not a replica")),
                "detached" => {
                    return Some(Verdict::critical("it is a replica that follows no primary"));
                }
                "unknown" => {
                    return Some(Verdict::critical(
                        "it is a replica that has not replayed anything yet",
                    ));
                }
                seconds => seconds.parse::<f64>().ok().filter(|lag| lag.is_finite())?,
            };
            message = format!("{:.1} s behind its primary", behind.max(0.0));
            if behind > most.as_secs_f64() {
                let most = humantime::format_duration(most);
                return Some(Verdict::critical(format!("{message}, more than {most}")));
            }
        }
        if self.query.is_some() {
            let rows = rows?;
            if rows.is_empty() {
                return Some(Verdict::critical("the query returned no rows"));
            }
            let given = rows.trim_end_matches('\n');
            message = format!("the query returned {}", excerpt(given.as_bytes()));
            if let Some(expected) = self
                .expect
                .as_ref()
                .filter(|expected| !expected.is_met(given))
            {
                return Some(Verdict::critical(format!(
                    "{message}, expected {}",
                    expected.shown()
                )));
            }
        }
        Some(Verdict::passing(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::output::tests::{case, given};
    use crate::checks::verdict::State;

    fn postgres(options: &str) -> Postgres {
        Postgres::new(given(options)).expect("a check")
    }

    fn says(options: &str, text: &str) -> (State, String) {
        let verdict = postgres(options).verdict(&case(0, text, ""));
        (verdict.state, verdict.message)
    }

    #[test]
    fn the_password_is_in_no_argument_or_environment_variable() {
        let script =
            postgres(r#"{"user": "shop", "password": "it's a secret", "query": "select 1"}"#)
                .script();
        let line = script
            .lines()
            .find(|line| line.contains("secret"))
            .expect("a line");
        assert_eq!(line, "password=it's a secret");
        for wrong in [
            r#"{"password": "a\nb"}"#,
            r#"{"password": "a "}"#,
            r#"{"user": ""}"#,
            r#"{"expect": 1}"#,
            r#"{"query": " "}"#,
        ] {
            assert!(Postgres::new(given(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn without_a_login_the_exit_code_decides() {
        let state = |code| {
            postgres(r#"{"port": 5433}"#)
                .verdict(&case(code, "", ""))
                .state
        };
        assert_eq!(
            [state(0), state(1), state(2), state(3), state(127)],
            [
                State::Passing,
                State::Critical,
                State::Critical,
                State::Error,
                State::Error
            ]
        );
    }

    #[test]
    fn compares_the_result_of_a_query() {
        let gives = |expect: &str, rows: &str| {
            let options = format!(r#"{{"query": "select x"{expect}}}"#);
            says(
                &options,
                &format!("ops:connected\nops:query\n{rows}ops:end\n"),
            )
            .0
        };
        assert_eq!(gives("", "1\n"), State::Passing);
        assert_eq!(gives("", "\n"), State::Passing, "a row with an empty value");
        assert_eq!(gives("", ""), State::Critical, "no row");
        assert_eq!(gives(r#", "expect": true"#, "t\n"), State::Passing);
        assert_eq!(gives(r#", "expect": true"#, "f\n"), State::Critical);
        assert_eq!(gives(r#", "expect": 3"#, "3.0\n"), State::Passing);
        assert_eq!(gives(r#", "expect": 3"#, "4\n"), State::Critical);
        assert_eq!(gives(r#", "expect": "a|b""#, "a|b\n"), State::Passing);
        assert_eq!(gives(r#", "expect": "a""#, "a\nb\n"), State::Critical);
    }

    #[test]
    fn a_replica_must_follow_and_keep_up() {
        let lag = |value: &str| {
            says(
                r#"{"replica_lag": "30s"}"#,
                &format!("ops:connected\nops:lag\n{value}\nops:end\n"),
            )
        };
        assert_eq!(lag("0").0, State::Passing);
        assert_eq!(
            lag("29.9"),
            (State::Passing, "29.9 s behind its primary".to_owned())
        );
        assert_eq!(lag("31.02").1, "31.0 s behind its primary, more than 30s");
        for critical in ["primary", "detached", "unknown", "30.1"] {
            assert_eq!(lag(critical).0, State::Critical, "{critical}");
        }
        for garbage in ["", "NaN", "inf", "soon"] {
            assert_eq!(lag(garbage).0, State::Error, "{garbage}");
        }
    }

    #[test]
    fn an_incomplete_answer_is_an_error() {
        for text in [
            "",
            "ops:connected\n",
            "ops:connected\nops:query\n1\n",
            "ops:connected\nops:end\n",
            "ops:query\n1\nops:end\n",
        ] {
            assert_eq!(
                says(r#"{"query": "select 1"}"#, text).0,
                State::Error,
                "{text}"
            );
        }
    }

    #[test]
    fn distinguishes_a_failed_query_from_a_missing_server() {
        let state = |code| {
            postgres(r#"{"user": "x"}"#)
                .verdict(&case(code, "", "psql: error: no"))
                .state
        };
        assert_eq!(
            [state(2), state(3), state(1)],
            [State::Critical, State::Error, State::Error]
        );
    }
}
