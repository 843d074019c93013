//! A simulated world: steps take the time and end in the way that a test defines, and time advances when
//! nothing happens.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use crate::deploy::rollout::{
    Course, Earlier, Input, News, Order, Others, Question, Report, Resumed, Rollout, Spec, Start,
    Step, StepResult, Time, World, drive, news_entry, step_entry,
};
use crate::model::{Failure, FailureKind, Phase, Version};
use crate::store::RolloutEntry;

/// How a step goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Go {
    Well,
    Badly,
    /// The host is lost, permanently.
    Lost,
    /// Never ends by itself.
    Hangs,
    /// A drain that fails before it takes the host out.
    Refused,
    /// A command of it is in doubt.
    InDoubt,
}

/// The simulated step of a host: how long it takes, and how it ends at which time.
pub(crate) type Script = dyn Fn(usize, Step, Time) -> (Duration, Go);

/// When to press Ctrl-C the first and the second time.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Keys {
    pub interrupt: Option<Time>,
    pub kill: Option<Time>,
}

#[expect(clippy::struct_excessive_bools, reason = "each is used independently")]
pub(crate) struct Fake<'a> {
    now: Time,
    script: &'a Script,
    answers: Vec<bool>,
    keys: Keys,
    /// When the step of a host ends, and how.
    running: BTreeMap<usize, Running>,
    asked: Option<bool>,
    interrupted: bool,
    killed: bool,
    readmits: bool,
    lost: HashSet<usize>,
    /// The real state of each host.
    truth: HashMap<usize, Truth>,
    most_out: usize,
    pub log: Log,
    /// What the journal of the run has of the rollout.
    journal: Vec<RolloutEntry>,
    /// The result, if it ended before the run was killed.
    report: Option<Report>,
    /// The run was killed at least once.
    died: bool,
    steps: usize,
}

#[derive(Debug, Clone, Copy)]
struct Running {
    step: Step,
    ends: Option<Time>,
    go: Go,
}

#[derive(Debug, Clone, Copy)]
struct Truth {
    in_service: bool,
    version: Version,
}

/// The events, for assertions.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// In order: a host's phases as `0 draining`, batches, and so on.
    pub lines: Vec<String>,
    pub most_out: usize,
    pub most_at_once: usize,
    /// Hosts of the batches of the rollback, in order.
    pub rolled_back: Vec<usize>,
    /// How many updates had started when the rollout was aborted.
    pub updates: usize,
    pub updates_after_abort: usize,
    aborted: bool,
    /// When a report about a host in a long phase was made, and the cause of its delay.
    pub still: Vec<(Time, usize, String)>,
    pub took: Time,
    /// How many hosts were out of service when the run was killed.
    pub out_at_death: usize,
}

impl Log {
    pub(crate) fn has(&self, line: &str) -> bool {
        self.lines.iter().any(|have| have == line)
    }

    pub(crate) fn of(&self, host: usize) -> Vec<&str> {
        let start = format!("{host} ");
        self.lines
            .iter()
            .filter_map(|line| line.strip_prefix(&start))
            .collect()
    }
}

/// The state in which a rollout finds a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    Well,
    /// Not healthy.
    Down,
    /// The balancer has it out of service.
    Out,
}

impl From<bool> for Found {
    fn from(down: bool) -> Self {
        if down { Self::Down } else { Self::Well }
    }
}

/// Runs a rollout over this many hosts.
pub(crate) fn play(
    spec: &Spec,
    found: &[impl Into<Found> + Copy],
    keys: Keys,
    answers: &[bool],
    script: &Script,
) -> (Report, Log) {
    play_and_die(spec, found, keys, answers, script, &[], None)
}

/// The same for a run that is killed at these times, and resumed. With a second script, it is resumed once
/// more after its end, and the steps go like that.
pub(crate) fn play_and_die(
    spec: &Spec,
    found: &[impl Into<Found> + Copy],
    keys: Keys,
    answers: &[bool],
    script: &Script,
    deaths: &[Time],
    again: Option<&Script>,
) -> (Report, Log) {
    let found: Vec<Found> = found.iter().map(|found| (*found).into()).collect();
    let truth = |(host, found): (usize, &Found)| {
        let truth = Truth {
            in_service: *found == Found::Well,
            version: Version::Old,
        };
        (host, truth)
    };
    let mut world = Fake {
        now: Time::ZERO,
        script,
        answers: answers.iter().rev().copied().collect(),
        keys,
        running: BTreeMap::new(),
        asked: None,
        interrupted: false,
        killed: false,
        readmits: spec.present.readmit,
        lost: HashSet::new(),
        truth: found.iter().enumerate().map(truth).collect(),
        most_out: 0,
        log: Log::default(),
        journal: Vec::new(),
        report: None,
        died: false,
        steps: 0,
    };
    let start = |(host, found): (usize, &Found)| Start {
        name: host.to_string(),
        down: *found == Found::Down,
        found_out: *found == Found::Out,
    };
    let starts: Vec<Start> = found.iter().enumerate().map(start).collect();
    let mut rollout = Rollout::new(spec.clone(), &starts, Others::default());
    world.journal.push(RolloutEntry::Begun {
        goes_on: false,
        was: None,
        hosts: starts.iter().map(|start| start.name.clone()).collect(),
        sizes: rollout.sizes(),
        out: Vec::new(),
        skipped: Vec::new(),
    });
    for death in deaths {
        let Some(cut_short) = world.drive_until(rollout, *death) else {
            rollout = Rollout::new(spec.clone(), &[], Others::default());
            break;
        };
        world.died = true;
        world.log.out_at_death = world.log.out_at_death.max(world.out());
        rollout = world.resume(spec, &starts, &cut_short);
    }
    let mut report = match world.report.take() {
        Some(report) => report,
        None => drive(rollout, &mut world),
    };
    if let Some(again) = again {
        world.journal.push(RolloutEntry::Ended { end: report.end });
        (world.script, world.keys) = (again, Keys::default());
        (world.interrupted, world.killed) = (false, false);
        let rollout = world.resume(spec, &starts, &[]);
        report = drive(rollout, &mut world);
    }
    assert!(world.running.is_empty(), "a step is still running");
    world.log.took = world.now;
    world.compare(&report, &found);
    world.log.most_out = world.most_out;
    (report, world.log)
}

impl Fake<'_> {
    /// Checks that the report is true.
    fn compare(&self, report: &Report, found: &[Found]) {
        use crate::model::Fate;
        for (host, end) in report.hosts.iter().enumerate() {
            let truth = self.truth[&host];
            let never_begun = self.log.of(host).is_empty();
            if found[host] == Found::Out && never_begun {
                assert_eq!(end.fate, Fate::LeftOut, "{host}: {report:#?}");
                continue;
            }
            let told = &end.version;
            // Whether the last step of an earlier attempt took effect is not known.
            let is_true = *told == truth.version || self.died && *told == Version::Unknown;
            assert!(is_true, "the version of {host}, {truth:?}: {report:#?}");
            match end.fate {
                Fate::Updated | Fate::RolledBack => {
                    assert!(truth.in_service, "{host} is out: {report:#?}");
                }
                // Its rollback may never have taken it out.
                Fate::LeftOut => {}
                Fate::Untouched => assert_eq!(truth.version, Version::Old),
                Fate::Checked | Fate::Unchanged => {
                    panic!("unexpected in a run without checks and skips")
                }
            }
            let in_service = truth.in_service || end.fate == Fate::LeftOut;
            assert!(
                in_service || never_begun,
                "{host} is out, and the report does not say so: {report:#?}"
            );
        }
    }

    /// Drives a rollout until the process dies. `None`: it ended before.
    fn drive_until(&mut self, mut rollout: Rollout, death: Time) -> Option<Vec<usize>> {
        let mut input = Input::Tick;
        loop {
            for order in rollout.input(self.now, input) {
                match order {
                    Order::Do {
                        host,
                        step,
                        shielded,
                    } => self.begin(host, step, shielded),
                    Order::Cancel(host) => self.cancel(host),
                    Order::Ask(question) => self.ask(question),
                    Order::Tell(news) => self.tell(news),
                }
            }
            if let Some(report) = rollout.report() {
                self.report = Some(report);
                return None;
            }
            let until = rollout.wake().map_or(death, |wake| wake.min(death));
            input = self.wait(Some(until));
            if self.now >= death {
                self.asked = None;
                let running = std::mem::take(&mut self.running).into_iter();
                // A host that is only reached is as it was.
                let changing = running.filter(|(_, running)| running.step != Step::Reach);
                return Some(changing.map(|(host, _)| host).collect());
            }
        }
    }

    /// The rollout as another attempt goes on with it.
    fn resume(&mut self, spec: &Spec, starts: &[Start], running: &[usize]) -> Rollout {
        let mut earlier =
            Earlier::read(self.journal.iter().map(|entry| (entry, 0))).expect("a plan");
        earlier.go_on();
        for host in running {
            let before = &earlier.hosts[*host].before;
            assert!(before.is_in_flight(), "{host}: {earlier:#?}");
        }
        let resumed = starts
            .iter()
            .zip(earlier.hosts)
            .map(|(start, host)| Resumed {
                start: start.clone(),
                batch: host.batch,
                before: host.before,
                unhealthy: None,
            });
        let others = Others::default();
        let resumed = resumed.collect();
        Rollout::resume(
            spec.clone(),
            resumed,
            earlier.batches,
            earlier.reason,
            others,
        )
    }

    fn out(&self) -> usize {
        self.truth.values().filter(|host| !host.in_service).count()
    }

    fn end(&mut self, host: usize, cancelled: bool) -> Input {
        let running = self.running.remove(&host).expect("it is running");
        let outcome = match running.go {
            Go::Well if !cancelled => {
                let truth = self.truth.get_mut(&host).expect("a host");
                match running.step {
                    Step::Update => truth.version = Version::New,
                    Step::Rollback => truth.version = Version::Old,
                    Step::Readmit => truth.in_service = true,
                    _ => {}
                }
                StepResult::Done
            }
            _ if cancelled => StepResult::Cancelled,
            go => {
                if go == Go::Lost {
                    self.lost.insert(host);
                }
                let kind = match go {
                    Go::Lost => FailureKind::Unreachable,
                    Go::InDoubt => FailureKind::InDoubt,
                    _ => FailureKind::Failed,
                };
                let failure = Failure::new(kind, format!("{:?} failed", running.step));
                StepResult::Failed {
                    failure: Box::new(failure.on(host.to_string())),
                    lost: go == Go::Lost,
                }
            }
        };
        Input::Ended(host, outcome)
    }
}

impl World for Fake<'_> {
    fn now(&self) -> Time {
        self.now
    }

    fn begin(&mut self, host: usize, step: Step, shielded: bool) {
        self.steps += 1;
        assert!(self.steps < 100_000, "it does not end");
        assert!(!self.killed, "a step was started after the second Ctrl-C");
        assert!(
            shielded || !self.interrupted,
            "{step:?} was started after Ctrl-C"
        );
        let (takes, mut go) = (self.script)(host, step, self.now);
        let of_the_balancer = matches!(step, Step::Drain | Step::Readmit | Step::InService);
        if self.lost.contains(&host) && !of_the_balancer {
            go = Go::Lost;
        }
        if step == Step::InService && go == Go::Well && !self.truth[&host].in_service {
            go = Go::Badly;
        }
        let truth = self.truth.get_mut(&host).expect("a host");
        match step {
            Step::Drain => truth.in_service = go == Go::Refused,
            Step::Update | Step::Rollback => {
                truth.in_service = false;
                truth.version = Version::Unknown;
            }
            _ => {}
        }
        if step == Step::Update {
            self.log.updates += 1;
            self.log.updates_after_abort += usize::from(self.log.aborted);
        }
        self.journal.extend(step_entry(&host.to_string(), step));
        let ends = (go != Go::Hangs).then(|| self.now + takes);
        let running = Running { step, ends, go };
        let before = self.running.insert(host, running);
        assert!(before.is_none(), "host {host} runs two steps at once");
        self.most_out = self.most_out.max(self.out());
        self.log.most_at_once = self.log.most_at_once.max(self.running.len());
    }

    fn cancel(&mut self, host: usize) {
        if let Some(running) = self.running.get_mut(&host) {
            // It ends at once.
            (running.ends, running.go) = (Some(self.now), Go::Hangs);
        }
    }

    fn ask(&mut self, _: Question) {
        self.asked = Some(self.answers.pop().unwrap_or(true));
    }

    fn tell(&mut self, news: News) {
        self.journal
            .extend(news_entry(&news, |host| host.to_string()));
        let word = |phase: Phase| serde_json::to_value(phase).expect("a phase");
        let line = match news {
            News::Host { host, phase, .. } => {
                format!("{host} {}", word(phase).as_str().expect("a word"))
            }
            News::BatchStarted {
                batch,
                course,
                hosts,
                ..
            } => {
                if course == Course::Back {
                    self.log.rolled_back.extend(hosts);
                }
                format!("{course:?} batch {batch}")
            }
            News::HostFinished { host, .. } => {
                // Without a `readmit`, a finished host is in service, unless it is left out.
                if !self.readmits && self.log.of(host).last() != Some(&"left_out") {
                    self.truth.get_mut(&host).expect("a host").in_service = true;
                }
                return;
            }
            News::Still { host, reason, .. } => {
                let reason = reason.unwrap_or_default();
                self.log.still.push((self.now, host, reason));
                return;
            }
            News::BatchFinished { .. } | News::HostStarted(_) => return,
            News::Waiting { on, .. } => format!("waits: {on:?}"),
            News::Aborted { reason } => {
                self.log.aborted = true;
                format!("aborted: {reason}")
            }
        };
        self.log.lines.push(line);
    }

    fn wait(&mut self, until: Option<Time>) -> Input {
        if let Some(answer) = self.asked.take() {
            return Input::Answered(Ok(answer));
        }
        let next = self
            .running
            .iter()
            .filter_map(|(host, running)| Some((running.ends?, *host)))
            .min();
        let key = match self.keys {
            Keys {
                interrupt: Some(at),
                ..
            } if !self.interrupted => Some((at, Input::Interrupted)),
            Keys { kill: Some(at), .. } if self.interrupted && !self.killed => {
                Some((at, Input::Killed))
            }
            _ => None,
        };
        let soonest = next.map(|(at, _)| at).into_iter().chain(until).min();
        if let Some((at, input)) = key
            && soonest.is_none_or(|soonest| at <= soonest)
        {
            self.now = self.now.max(at);
            self.interrupted = true;
            if matches!(input, Input::Killed) {
                self.killed = true;
                for running in self.running.values_mut() {
                    (running.ends, running.go) = (Some(self.now), Go::Hangs);
                }
            }
            return input;
        }
        let soonest = soonest.expect("it waits for something that never happens");
        self.now = self.now.max(soonest);
        match next {
            Some((at, host)) if at <= soonest => {
                let cancelled = self.running[&host].go == Go::Hangs;
                self.end(host, cancelled)
            }
            _ => Input::Tick,
        }
    }
}
