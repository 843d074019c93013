//! The planner on a host of registers, `/r0` to `/r4`, each with a number. A script is a few words that
//! this host understands.

mod property;
mod steps;

use std::sync::Arc;

use super::{
    Answer, Change, Decision, Found, Next, Outlook, Plan, Planner, Query, Ran, Resource, RunMode,
    Task, Touches,
};

/// What a task wants of its register.
#[derive(Debug, Clone)]
enum Want {
    /// The value of another register; four is impossible.
    Copy { from: usize },
    /// The same, unless this register is zero: only then it queries the other one.
    CopyAsking { from: usize },
    /// This value. The task declares that it may alter anything.
    Set(u32),
    /// This value; the host refuses.
    Fail(u32),
    /// This value; nothing happens.
    Idle(u32),
    /// One more, each time.
    Add,
    /// The same, if another register has this value: it cannot be proved.
    AddIf { other: usize, holds: u32 },
}

#[derive(Debug, Clone)]
struct Register {
    at: usize,
    want: Want,
    /// Whether it plans ahead.
    ahead: bool,
}

fn query(at: usize) -> Query {
    Query::Content(format!("/r{at}"))
}

fn resource(at: usize) -> Resource {
    Resource::Path(format!("/r{at}"))
}

fn answer(value: u32) -> Answer {
    Answer::Content(Some(value.to_string().into_bytes()))
}

fn held(found: &Found, at: usize) -> Result<u32, String> {
    let bytes = found.content(&format!("/r{at}"))?.ok_or("empty")?;
    let text = String::from_utf8_lossy(bytes);
    text.parse().map_err(|_| format!("{text} is not a number"))
}

fn change(apply: String) -> Change {
    Change::new(Vec::new(), apply, "")
}

impl Register {
    fn hold(&self, value: u32, found: &Found) -> Result<Plan, String> {
        if held(found, self.at)? == value {
            return Ok(Plan::Unchanged);
        }
        let apply = match self.want {
            Want::Fail(_) => "fail".to_owned(),
            Want::Idle(_) => "idle".to_owned(),
            _ => format!("set {} {value}", self.at),
        };
        Ok(Plan::Change(Box::new(
            change(apply).leaving(vec![(query(self.at), answer(value))]),
        )))
    }

    fn decide(&self, found: &Found) -> Result<Plan, String> {
        let add = format!("add {}", self.at);
        match self.want {
            Want::CopyAsking { .. } if held(found, self.at)? == 0 => Ok(Plan::Unchanged),
            Want::CopyAsking { from } if found.get(&query(from)).is_none() => {
                Ok(Plan::Ask(vec![query(from)]))
            }
            Want::Copy { from } | Want::CopyAsking { from } => match held(found, from)? {
                4 => Ok(Plan::Impossible("four is too many".to_owned())),
                value => self.hold(value, found),
            },
            Want::Set(value) | Want::Fail(value) | Want::Idle(value) => self.hold(value, found),
            Want::Add => Ok(Plan::Change(Box::new(change(add)))),
            Want::AddIf { other, holds } if held(found, other)? != holds => Ok(Plan::Unchanged),
            Want::AddIf { .. } => Ok(Plan::Change(Box::new(Change {
                provable: false,
                ..change(add)
            }))),
        }
    }
}

impl Task for Register {
    fn label(&self) -> String {
        format!("{self:?}")
    }

    fn queries(&self) -> Vec<Query> {
        match self.want {
            Want::Copy { from } => vec![query(self.at), query(from)],
            Want::Add => Vec::new(),
            Want::AddIf { other, .. } => vec![query(other)],
            _ => vec![query(self.at)],
        }
    }

    fn touches(&self) -> Touches {
        match self.want {
            Want::Set(_) => Touches::writes(Resource::Any),
            Want::CopyAsking { from } => {
                Touches::writes(resource(self.at)).and_reads(resource(from))
            }
            _ => Touches::writes(resource(self.at)),
        }
    }

    fn plans_ahead(&self) -> bool {
        self.ahead
    }

    fn plan(&self, found: &Found) -> Plan {
        self.decide(found).unwrap_or_else(Plan::Unknown)
    }
}

/// A host of registers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Registers {
    values: [u32; 5],
    /// What was sent: `ask 2`, or the scripts and how many queries went with them.
    requests: Vec<String>,
}

impl Registers {
    fn go(&mut self, tasks: &[Register], mode: RunMode) -> Vec<Decision> {
        self.go_after(tasks, mode, &mut Outlook::default())
    }

    /// The same after batches that would leave this.
    fn go_after(
        &mut self,
        tasks: &[Register],
        mode: RunMode,
        outlook: &mut Outlook,
    ) -> Vec<Decision> {
        let tasks = tasks.iter().cloned().map(|t| Arc::new(t) as Arc<dyn Task>);
        let mut planner = Planner::new(tasks.collect(), mode).after(outlook.clone());
        let before = self.requests.len();
        loop {
            assert!(self.requests.len() - before < 50, "endless loop: {self:?}");
            match planner.next() {
                Next::Done | Next::Interrupted => break,
                Next::Ask(queries) => {
                    self.requests.push(format!("ask {}", queries.len()));
                    planner.answered(self.ask(&queries));
                }
                Next::Apply { changes, ask } => {
                    assert_eq!(mode, RunMode::Apply);
                    let mut sent = Vec::new();
                    for planned in &changes {
                        sent.push(planned.change.apply.clone());
                        let ran = Ran::default();
                        let result = self.apply(&planned.change.apply);
                        let failed = result.is_err();
                        planner.ran(
                            planned,
                            result.as_ref().map(|()| &ran).map_err(Clone::clone),
                        );
                        if failed {
                            break;
                        }
                    }
                    sent.push(format!("ask {}", ask.len()));
                    self.requests.push(sent.join(", "));
                    planner.answered(self.ask(&ask));
                }
            }
        }
        *outlook = planner.outlook().clone();
        let decisions = planner.decisions().iter().cloned();
        decisions.map(|v| v.expect("decided")).collect()
    }

    fn ask(&self, queries: &[Query]) -> Vec<(Query, Answer)> {
        let number = |query: &Query| {
            let at = query.subject().trim_start_matches("/r").parse::<usize>();
            at.map_or(0, |at| self.values[at])
        };
        queries
            .iter()
            .map(|q| (q.clone(), answer(number(q))))
            .collect()
    }

    fn apply(&mut self, script: &str) -> Result<(), String> {
        let words: Vec<&str> = script.split(' ').collect();
        let number = |word: &str| word.parse::<u32>().expect("a number");
        match words.as_slice() {
            ["set", at, value] => self.values[number(at) as usize] = number(value),
            ["add", at] => self.values[number(at) as usize] += 1,
            ["idle"] => {}
            _ => return Err("refused".to_owned()),
        }
        Ok(())
    }
}
