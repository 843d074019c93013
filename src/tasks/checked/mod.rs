//! Batches of real tasks in check mode, on a host that is a table of answers.

use std::collections::HashMap;
use std::sync::Arc;

use super::find;
use crate::declare::{Arguments, Value};
use crate::model::Outcome::{self, Failed, Skipped, Unchanged, Unknown, WouldChange};
use crate::task::{Answer, Next, PathKind, PathState, Planner, Query, Ran, RunMode, Stat, Task};
use crate::tasks::fs::Artifact;
use crate::tasks::surroundings::Surroundings;

struct Nothing;

impl Surroundings for Nothing {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String> {
        Err(path.to_owned())
    }

    fn artifact(&self, path: &str) -> Result<Arc<Artifact>, String> {
        Err(path.to_owned())
    }

    fn vars(&self) -> minijinja::Value {
        minijinja::Value::UNDEFINED
    }
}

fn value(json: serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(value),
        Json::Number(number) => Value::Int(number.as_i64().unwrap_or_default()),
        Json::String(text) => Value::Text(text),
        Json::Array(values) => Value::List(values.into_iter().map(value).collect()),
        Json::Object(map) => Value::Map(map.into_iter().map(|(k, v)| (k, value(v))).collect()),
    }
}

fn made(name: &str, arguments: serde_json::Value) -> Arc<dyn Task> {
    let (namespace, function) = name.split_once("::").expect("a name with a namespace");
    let entry = find(namespace, function).expect("a task of that name");
    let Value::List(values) = value(arguments) else {
        panic!("arguments are a list");
    };
    let made = (entry.make)(Arguments::new(values), &Nothing);
    made.unwrap_or_else(|error| panic!("{name}: {error:?}"))
}

/// A host made of answers. Anything that it was not given does not exist.
#[derive(Default)]
struct Host(HashMap<Query, Answer>);

fn table(rows: &[(&str, &str)]) -> Answer {
    let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    Answer::Table(rows.iter().map(own).collect())
}

impl Host {
    fn with(mut self, query: Query, answer: Answer) -> Self {
        self.0.insert(query, answer);
        self
    }

    fn directory(self, path: &str) -> Self {
        let mut stat = Stat::imagined(PathKind::Directory, 0o755, 0);
        (stat.uid, stat.owner) = (0, "root".to_owned());
        let state = Answer::Path(PathState::plain(stat));
        self.with(Query::Path(path.to_owned()), state)
    }

    fn file(self, path: &str) -> Self {
        let stat = Stat::imagined(PathKind::File, 0o644, 3);
        let state = Answer::Path(PathState::plain(stat));
        self.with(Query::Path(path.to_owned()), state)
            .with(
                Query::Sha256(path.to_owned()),
                Answer::Sha256(Some("0".repeat(64))),
            )
            .with(
                Query::Content(path.to_owned()),
                Answer::Content(Some(b"old".to_vec())),
            )
    }

    fn unit(self, name: &str) -> Self {
        let rows = [
            ("Names", name),
            ("Id", name),
            ("LoadState", "loaded"),
            ("ActiveState", "active"),
            ("UnitFileState", "enabled"),
            ("NeedDaemonReload", "no"),
            ("ActiveEnterTimestamp", "Sat 2026-11-28 10:00:00 UTC"),
        ];
        self.with(Query::Unit(name.to_owned()), table(&rows))
    }

    fn user(self, name: &str) -> Self {
        self.with(
            Query::User(name.to_owned()),
            table(&[("name", name), ("home", "/home/x")]),
        )
    }

    fn group(self, name: &str) -> Self {
        self.with(
            Query::Group(name.to_owned()),
            table(&[("gid", "7"), ("members", "")]),
        )
    }

    fn answer(&self, query: &Query) -> Answer {
        if let Some(answer) = self.0.get(query) {
            return answer.clone();
        }
        match query {
            Query::Path(_) => Answer::Path(PathState::ABSENT),
            Query::Sha256(_) => Answer::Sha256(None),
            Query::Content(_) => Answer::Content(None),
            Query::Package(_) => Answer::Package(None),
            Query::Unit(_) => table(&[("LoadState", "not-found"), ("ActiveState", "inactive")]),
            Query::Shell(_) | Query::Probe { .. } => Answer::Ran(Ran {
                code: 1,
                ..Ran::default()
            }),
            _ => Answer::Table(Vec::new()),
        }
    }

    /// The outcomes, each with its note.
    fn check(&self, tasks: Vec<Arc<dyn Task>>) -> Vec<(Outcome, String)> {
        let mut planner = Planner::new(tasks, RunMode::Check);
        for _ in 0..20 {
            match planner.next() {
                Next::Done => break,
                Next::Ask(queries) => {
                    let answers = queries.into_iter().map(|query| {
                        let answer = self.answer(&query);
                        (query, answer)
                    });
                    planner.answered(answers.collect());
                }
                Next::Apply { .. } | Next::Interrupted => panic!("a check changed something"),
            }
        }
        let decisions = planner.decisions().iter().cloned();
        decisions
            .map(|decision| {
                let decision = decision.expect("it is decided");
                (decision.outcome, decision.note.unwrap_or_default())
            })
            .collect()
    }

    fn outcomes(&self, tasks: Vec<Arc<dyn Task>>) -> Vec<Outcome> {
        let checked = self.check(tasks);
        checked.into_iter().map(|(outcome, _)| outcome).collect()
    }
}

macro_rules! tasks {
    ($($name:literal $arguments:tt),* $(,)?) => {
        vec![$(made($name, serde_json::json!($arguments))),*]
    };
}

mod certain;

fn noted(outcome: Outcome, note: &str) -> (Outcome, String) {
    (outcome, note.to_owned())
}

#[test]
fn a_certain_failure_is_reported_with_its_reason() {
    let host = Host::default()
        .directory("/srv")
        .file("/etc/motd")
        .file("/srv/x");
    let lacks = |tasks| host.check(tasks).remove(0);
    for (tasks, reason) in [
        (
            tasks!["files::file" ["/tmp/k/no/x", "x"]],
            "there is no directory /tmp/k/no",
        ),
        (
            tasks!["files::line" ["/tmp/k/no/x", "x"]],
            "there is no directory /tmp/k/no",
        ),
        (
            tasks!["files::link" ["/tmp/k/no/x", "/srv"]],
            "there is no directory /tmp/k/no",
        ),
        (
            tasks!["files::file" ["/etc/motd/x", "x"]],
            "/etc/motd is not a directory",
        ),
        (
            tasks!["files::directory"["/etc/motd/x/y"]],
            "/etc/motd is not a directory",
        ),
        (
            tasks!["files::file" ["/srv/y", "x", { "owner": "nosuchuser" }]],
            "there is no user nosuchuser",
        ),
        (
            tasks!["files::file" ["/srv/x", "x", { "owner": "nosuchuser" }]],
            "cannot determine which owner it would have",
        ),
        (
            tasks!["files::directory" ["/srv/y", { "group": "nosuchgroup" }]],
            "there is no group nosuchgroup",
        ),
        (
            tasks!["commands::run" ["make", { "cwd": "/srv/gone", "creates": "/srv/z" }]],
            "there is no directory /srv/gone",
        ),
        (
            tasks!["users::present" ["shop", { "groups": ["nosuchgroup"] }]],
            "there is no group nosuchgroup",
        ),
        (
            tasks!["services::running"["nosuch"]],
            "there is no unit nosuch.service",
        ),
    ] {
        let outcome = if reason.starts_with("cannot determine") {
            Unknown
        } else {
            Failed
        };
        assert_eq!(lacks(tasks), noted(outcome, reason));
    }
}

#[test]
fn what_an_earlier_task_provides_is_not_a_failure() {
    let host = Host::default().directory("/srv");
    let outcomes = host.outcomes(tasks![
        "groups::present" ["staff2"],
        "users::present" ["shop", { "groups": ["staff2"], "home": "/srv/shop" }],
        "users::present" ["other", { "groups": ["staff2"] }],
        "files::directory" ["/srv/shop/releases", { "owner": "shop" }],
        "files::file" ["/srv/shop/releases/x", "x", { "owner": "shop", "group": "staff2" }],
        "files::directory" ["/srv/a/b/c"],
        "files::file" ["/srv/a/b/x", "x"],
        "files::link" ["/srv/shop/current", "releases/x"],
        "commands::run" ["make", { "cwd": "/srv/a", "creates": "/srv/a/z" }],
    ]);
    assert_eq!(outcomes, [WouldChange; 9]);
}

#[test]
fn a_package_makes_everything_it_may_touch_unknown() {
    let host = Host::default()
        .directory("/etc")
        .file("/etc/motd")
        .unit("ssh.service")
        .group("www-data");
    let checked = host.check(tasks![
        "packages::installed" ["nginx"],
        "files::file" ["/etc/motd", "hello"],
        "files::file" ["/etc/nginx/nginx.conf", "x"],
        "services::running" ["nginx"],
        "services::running" ["ssh"],
        "services::running" ["shop"],
        "users::present" ["nginx"],
        "users::present" ["shop", { "groups": ["www-data"] }],
        "users::present" ["amy", { "groups": ["adminz"] }],
        "packages::installed" ["rsync"],
        "files::file" ["/etc/shop/x", "x"],
        "files::directory" ["/srv/shop"],
        "commands::run" ["make", { "unless": "true", "reads": ["/data"], "writes": ["/data"] }],
        "commands::run" ["make", { "unless": "true" }],
    ]);
    let by = "`packages::installed nginx`";
    let depends = format!("depends on what {by} would change");
    let tentative = format!("as things stand: {by} might change that");
    let expected = [
        (WouldChange, String::new()),
        (WouldChange, tentative.clone()),
        (Unknown, depends.clone()),
        (Unknown, depends.clone()),
        (Unchanged, tentative.clone()),
        (Unknown, depends.clone()),
        (Unknown, depends.clone()),
        (WouldChange, tentative.clone()),
        (
            Unknown,
            format!("there is no group adminz, unless {by} changes that"),
        ),
        (WouldChange, tentative),
        (
            Unknown,
            format!("there is no directory /etc/shop, unless {by} provides it"),
        ),
        (WouldChange, String::new()),
        (WouldChange, String::new()),
        (Unknown, depends),
    ];
    for (at, (checked, expected)) in checked.into_iter().zip(expected).enumerate() {
        assert_eq!(checked, expected, "task {at}");
    }
}

#[test]
fn asks_apt_whether_it_knows_a_package() {
    fn installed(update: serde_json::Value) -> Vec<Arc<dyn Task>> {
        tasks!["packages::installed" ["nosuchpkg", { "update": update }]]
    }
    let refusal = table(&[(
        "error",
        "apt would refuse: Unable to locate package nosuchpkg",
    )]);
    let mut host = Host::default();
    for update in [false.into(), ().into()] {
        for need in installed(update)[0].needs() {
            host = host.with(need.query(), refusal.clone());
        }
    }
    let refused = "apt would refuse: Unable to locate package nosuchpkg";
    assert_eq!(
        host.check(installed(false.into())),
        [noted(Failed, refused)]
    );
    let unclear = format!("{refused}, but a run would update the package lists first");
    assert_eq!(host.check(installed(().into())), [noted(Unknown, &unclear)]);
    assert_eq!(
        Host::default().outcomes(installed(().into())),
        [WouldChange]
    );
    // A source that an earlier task would add may have the package.
    let with_source = Host(host.0)
        .directory("/etc/apt/sources.list.d")
        .check(tasks![
            "files::file" ["/etc/apt/sources.list.d/x.list", "deb x"],
            "packages::installed" ["nosuchpkg", { "update": false }],
        ]);
    let reason = "depends on what `files::file /etc/apt/sources.list.d/x.list` would change";
    assert_eq!(with_source[1], noted(Unknown, reason));
}

#[test]
fn guards_depend_on_their_reads_option() {
    let host = Host::default().directory("/tmp");
    let guarded = |options: serde_json::Value| {
        let host =
            host.check(tasks!["files::file" ["/tmp/a1", "x"], "commands::run" ["make", options]]);
        host[1].clone()
    };
    for guard in ["unless", "only_if"] {
        let mut options = serde_json::json!({ "reads": ["/tmp/zz"], "writes": ["/tmp/zz"] });
        options[guard] = "test -e /tmp/zz".into();
        let expected = if guard == "unless" {
            WouldChange
        } else {
            Unchanged
        };
        assert_eq!(guarded(options.clone()), noted(expected, ""), "{guard}");
        options["reads"] = serde_json::json!(["/tmp/a1"]);
        let reason = "depends on what `files::file /tmp/a1` would change";
        assert_eq!(guarded(options.clone()), noted(Unknown, reason), "{guard}");
    }
    let skipped = guarded(serde_json::json!({ "changed_when": false }));
    assert_eq!(skipped.0, Skipped);
}

#[test]
fn a_unit_is_planned_from_the_file_that_would_be_written() {
    let directory = "/etc/systemd/system";
    let path = format!("{directory}/shop.service");
    let tasks = || {
        tasks![
            "files::file" [path, "[Service]\nExecStart=/bin/true\n"],
            "services::running" ["shop", { "enabled": true, "restart_on": [path] }],
        ]
    };
    let bare = Host::default().directory(directory);
    assert_eq!(bare.outcomes(tasks()), [WouldChange; 2]);
    let running = Host::default()
        .directory(directory)
        .file(&path)
        .unit("shop.service");
    assert_eq!(running.outcomes(tasks()), [WouldChange; 2]);
}

#[test]
fn a_service_is_planned_from_the_link_that_would_be_created() {
    let host = Host::default()
        .directory("/srv/shop")
        .directory("/srv/shop/r2")
        .unit("shop.service");
    let outcomes = host.outcomes(tasks![
        "files::link" ["/srv/shop/current", "r2"],
        "services::running" ["shop", { "restart_on": ["/srv/shop/current"] }],
    ]);
    assert_eq!(outcomes, [WouldChange; 2]);
}

#[test]
fn a_user_from_a_directory_service_is_refused() {
    let user = Host::default().user("ldapuser").group("ldapgroup");
    let outcomes = user.outcomes(tasks!["users::present"["ldapuser"]]);
    assert_eq!(outcomes, [Unchanged]);
    let change = tasks!["users::present" ["ldapuser", { "shell": "/bin/sh" }]];
    assert_eq!(user.outcomes(change.clone()), [WouldChange]);
    let Next::Ask(asked) = ({
        let mut planner = Planner::new(change.clone(), RunMode::Check);
        let Next::Ask(queries) = planner.next() else {
            panic!("expected a question")
        };
        let answers = queries
            .iter()
            .map(|query| (query.clone(), user.answer(query)));
        planner.answered(answers.collect());
        planner.next()
    }) else {
        panic!("unexpected second question")
    };
    let refused = user
        .with(asked[0].clone(), table(&[("user", "ldapuser")]))
        .check(change);
    let reason = "the user ldapuser is not in /etc/passwd: it comes from a directory service (NSS) and has \
        to be changed there";
    assert_eq!(refused, [noted(Failed, reason)]);
}
