//! Queries to hosts about locks: each query is one script, sent to all hosts at once.

use std::time::Duration;

use futures_util::StreamExt as _;
use tokio_util::sync::CancellationToken;

use super::name::file_name;
use super::record::{Given, Record, Seen, json};
use crate::model::{Failure, FailureKind, LockHolder};
use crate::run::HostHandle;
use crate::shell::{End, Reply, Request, Step, quote_str};

/// The functions of all scripts.
const LOG: &str = include_str!("log.sh");

/// The answer of a host to [`take`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Taken {
    Got {
        /// The number of the entry.
        number: u64,
        /// The prefix of the paths of the entries on the host.
        log: String,
        /// The holder whose lease had expired.
        former: Option<Record>,
    },
    Held(Seen),
}

/// A script of `log.sh`: its functions with these names, the variables, and the call. Short programs are
/// read by a builtin of the host's `sh`, longer ones cost it a process.
fn script(functions: &[&str], variables: &[(&str, &str)], call: &str) -> String {
    let mut text = String::new();
    for (name, value) in variables {
        text.push_str(&format!("{name}={}\n", quote_str(value)));
    }
    let mut wanted = false;
    for line in LOG.lines().filter(|line| !line.starts_with('#')) {
        if let Some((name, _)) = line.split_once("()") {
            wanted = functions.contains(&name);
        }
        if wanted && !line.is_empty() {
            text.push_str(line);
            text.push('\n');
        }
        if line.ends_with('}') && (line == "}" || line.contains("() {")) {
            wanted = false;
        }
    }
    text.push_str(call);
    text
}

/// Where the log of a lock is, for `sh`. Two hosts of an inventory may be one machine, so each session has
/// its own file.
const PLACE: &str = "case $ops_all in\n\
    '') l_p=$ops_state/locks/$l_q/ l_o=${l_p}new.;;\n\
    *) l_p=$ops_all/lock.$l_q. l_o=$ops_state/new.$l_q.;;\n\
    esac\n\
    l_new=$l_o$l_id.$$\n";

fn about(lock: &str, functions: &[&str], variables: &[(&str, &str)], call: &str) -> String {
    let file = file_name(lock);
    let mut all = vec![("l_q", file.as_str())];
    all.extend_from_slice(variables);
    script(functions, &all, &format!("{PLACE}{call}"))
}

/// Takes the lock for this holder, for this many seconds.
pub(crate) fn take(holder: &LockHolder, lease: u64) -> String {
    about(
        &holder.lock,
        &[
            "l_top", "l_age", "l_say", "l_put", "l_try", "l_own", "l_take",
        ],
        &[
            ("l_id", &holder.id),
            ("l_lease", &lease.to_string()),
            ("l_info", &json(holder)),
        ],
        "l_take",
    )
}

/// Reads its state; writes nothing.
pub(crate) fn look(lock: &str) -> String {
    let functions = ["l_top", "l_age", "l_say", "l_look"];
    about(lock, &functions, &[("l_id", "-")], "l_look")
}

/// Releases the lock if `victim` holds it. `asker` names a file with the caller.
pub(crate) fn free(lock: &str, victim: &str, asker: &str, how: &Given) -> String {
    about(
        lock,
        &["l_top", "l_say", "l_put", "l_try", "l_own", "l_free"],
        &[
            ("l_id", asker),
            ("l_victim", victim),
            ("l_info", &json(how)),
        ],
        "l_free",
    )
}

/// Renews the lease.
pub(crate) fn renew(lock: &str, id: &str) -> String {
    let functions = ["l_top", "l_say", "l_renew"];
    about(lock, &functions, &[("l_id", id)], "l_renew")
}

/// Reads all locks of the host. The call of [`script`] is not about one of them.
pub(crate) fn list() -> String {
    script(
        &["l_top", "l_age", "l_say", "l_look", "l_list"],
        &[],
        "l_list",
    )
}

/// Fails if the entry does not exist, or is not the highest: with builtins only. Prints the current state
/// then.
pub(crate) fn guard(log: &str, number: u64) -> String {
    let (log, next) = (quote_str(log), number + 1);
    format!(
        "l_p={log}\n\
         if [ ! -e \"${{l_p}}{number}\" ] || [ -e \"${{l_p}}{next}\" ]; then\n\
         for l_f in \"$l_p\"1?????????; do :; done\n\
         IFS= read -r l_r <\"$l_f\"\n\
         printf '%s\\n' \"$l_r\"\n\
         exit 1\n\
         fi"
    )
}

/// Queries hosts, `forks` at a time, each for at most `limit`. The answers are in the order of the hosts.
pub(crate) async fn ask_all(
    hosts: &[HostHandle],
    script: &str,
    limit: Option<Duration>,
    cancel: &CancellationToken,
) -> Vec<Result<String, Failure>> {
    let forks = hosts.first().map_or(1, |host| host.run.settings.forks);
    let asking = hosts.iter().map(|host| async move {
        let Some(limit) = limit else {
            return ask(host, script, cancel).await;
        };
        let asked = tokio::time::timeout(limit, ask(host, script, cancel)).await;
        asked.unwrap_or_else(|_| {
            let message = format!("the host did not answer within {} s", limit.as_secs());
            Err(Failure::new(FailureKind::Unreachable, message).on(host.name()))
        })
    });
    // Collected first: the futures borrow their arguments.
    let asking: Vec<_> = asking.collect();
    futures_util::stream::iter(asking)
        .buffered(forks.max(1))
        .collect()
        .await
}

async fn ask(
    host: &HostHandle,
    script: &str,
    cancel: &CancellationToken,
) -> Result<String, Failure> {
    let request = Request::step(Step::own(script.as_bytes()));
    answer(host, host.send(cancel, request, &()).await?)
}

/// The output of the only step of a request.
///
/// # Errors
/// Fails if the step failed.
pub(crate) fn answer(host: &HostHandle, reply: Reply) -> Result<String, Failure> {
    let failed = |message: &str| Failure::new(FailureKind::Failed, message).on(host.name());
    let Some(step) = reply.steps.into_iter().next() else {
        return Err(failed("the host did not answer the query about the lock"));
    };
    match step.end {
        End::Code(0) => Ok(step.stdout.text()),
        End::Cancelled => Err(Failure::interrupted()),
        _ => {
            let said = step.stderr.text();
            let said = said.trim();
            let mut failure = failed("the host cannot store locks in the state directory of ops");
            failure.stderr = (!said.is_empty()).then(|| said.to_owned());
            Err(failure.hint("Set `ops_state_dir` in the inventory to use another directory."))
        }
    }
}

/// Parses the answer to [`take`].
pub(crate) fn taken(host: &HostHandle, said: &str) -> Result<Taken, Failure> {
    let mut lines = said.lines();
    let first = lines.next().unwrap_or_default();
    if let Some((number, log)) = first
        .strip_prefix("got ")
        .and_then(|rest| rest.split_once(' '))
        && let Ok(number) = number.parse()
    {
        return Ok(Taken::Got {
            number,
            log: log.to_owned(),
            former: lines.next().map(Record::parse),
        });
    }
    seen(host, first).map(Taken::Held)
}

/// Parses a line with the state of a lock.
pub(crate) fn seen(host: &HostHandle, line: &str) -> Result<Seen, Failure> {
    Seen::parse(line).ok_or_else(|| {
        let message = format!("unexpected answer about the lock: {line:?}");
        Failure::new(FailureKind::Failed, message).on(host.name())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_contains_what_it_calls_and_is_short() {
        let holder = LockHolder {
            lock: "deploy/shop of the north".into(),
            id: "k3f9abcd".into(),
            scope: crate::model::LockScope::Hosts,
            user: "ada".into(),
            controller: "ci-runner-12.example.com".into(),
            pid: 471_112,
            since: jiff::Timestamp::UNIX_EPOCH,
            run: "20261121-141530-k3f9".into(),
            playbook: "playbooks/rolling-update.rhai".into(),
            hosts: 12,
        };
        let take = take(&holder, 90);
        assert!(take.ends_with("l_take"), "{take}");
        for function in ["l_top", "l_age", "l_say", "l_put", "l_own", "l_take"] {
            assert_eq!(
                take.matches(&format!("{function}() {{")).count(),
                1,
                "{take}"
            );
        }
        assert!(!take.contains("l_renew"), "{take}");
        assert!(take.len() < 2000, "{} bytes", take.len());
        assert!(renew("a", "b").len() < 700);
        assert!(guard("/var/lib/ops/locks/deploy%2Fshop/", 1_000_000_001).len() < 300);
    }
}
