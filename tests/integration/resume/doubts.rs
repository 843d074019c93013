//! Resumes a run to its end, as an operator does who looks for himself whether a command in doubt ran.

use serde_json::Value;

use crate::ops::Ops;
use crate::ran::Ran;

/// A command in doubt that a run names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Doubt {
    pub host: String,
    pub task: String,
    /// The identity of the step, as the hint has it.
    step: String,
}

/// What it took until a run was done.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Resumed {
    pub attempts: usize,
    pub doubts: usize,
}

/// The commands in doubt that a run names.
fn doubts(ran: &Ran) -> Vec<Doubt> {
    let mut found = Vec::new();
    for event in ran.events() {
        collect(&event, &mut found);
    }
    found.sort();
    found.dedup();
    found
}

fn collect(value: &Value, found: &mut Vec<Doubt>) {
    let text = |key: &str| value[key].as_str().unwrap_or_default();
    if text("message").starts_with("in doubt: ") {
        let hint = text("hint");
        let step = hint
            .split_once("--in-doubt '")
            .and_then(|(_, rest)| rest.split_once("=again'"));
        if let Some((step, _)) = step {
            found.push(Doubt {
                host: text("host").to_owned(),
                task: text("task").to_owned(),
                step: step.to_owned(),
            });
        }
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, found)),
        _ => {}
    }
}

/// Resumes the newest run until it is done. `ran`: whether a command in doubt ran. `attempt` runs an attempt; it may
/// kill it.
pub(super) fn resume(
    ops: &Ops,
    ran: impl Fn(&Doubt) -> bool,
    mut attempt: impl FnMut(&Ops) -> Ran,
) -> Resumed {
    let mut decisions: Vec<String> = Vec::new();
    let mut resumed = Resumed::default();
    while resumed.attempts < 20 {
        resumed.attempts += 1;
        let args = ["resume", "--output", "json", "--in-doubt", "stop"];
        let mut again = ops.again(args);
        for decision in &decisions {
            again = again.args(["--in-doubt", decision]);
        }
        let ended = attempt(&again);
        match ended.exit_code() {
            Some(0) => return resumed,
            None => continue,
            Some(_)
                if ended
                    .stderr
                    .contains("killed before it could change anything") =>
            {
                ops.run().ok();
                return resumed;
            }
            Some(_) => {}
        }
        let ended = ended.code(3);
        let doubts = doubts(&ended);
        assert!(!doubts.is_empty(), "{ended}");
        for doubt in doubts {
            let answer = if ran(&doubt) { "done" } else { "again" };
            decisions.push(format!("{}={answer}", doubt.step));
            resumed.doubts += 1;
        }
    }
    panic!("it does not come to an end: {decisions:#?}");
}
