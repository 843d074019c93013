//! Hosts that are already up to date: running `update` in check mode shows that it would change nothing.

use rhai::{Dynamic, FnPtr};

use super::closures::Closures;
use super::options::Wanted;
use crate::deploy::rollout::Step;
use crate::model::{Fate, HostEnd, Totals, Version};
use crate::script::builtins::HostValue;
use crate::script::on_host::call;

impl Closures<'_, '_> {
    /// Whether a host needs no update and is healthy. False if that is not certain: because of an unguarded
    /// command, a task that cannot determine it, or a failure.
    pub(super) fn is_up_to_date(&self, host: usize) -> bool {
        let changes_nothing = |(_, totals): (Dynamic, Totals)| changes_nothing(&totals);
        let update = self.wanted.closure(Step::Update);
        if !update
            .and_then(|update| self.rehearse(host, update))
            .is_some_and(changes_nothing)
        {
            return false;
        }
        let Some(healthy) = self.wanted.closure(Step::Healthy) else {
            return true;
        };
        // A health check whose own result is unknown does not count as healthy.
        let passes = |(given, totals): (Dynamic, Totals)| {
            given.as_bool() != Ok(false) && totals.unknown == 0 && totals.would_change == 0
        };
        self.rehearse(host, healthy).is_some_and(passes)
    }

    /// Runs a closure in check mode. Returns its value and the totals of its tasks, or `None` if it failed.
    fn rehearse(&self, host: usize, closure: &FnPtr) -> Option<(Dynamic, Totals)> {
        let rehearsal = self.frame.rehearsal();
        let run = rehearsal.run();
        let handle = self.hosts[host].0.in_run(run);
        let frame = rehearsal.of_host(handle.clone());
        let given = call(self.context, &frame, &HostValue(handle), closure).ok();
        let (_, totals) = run.bus.finish(|_| 0, None);
        given.map(|given| (given, totals))
    }
}

fn changes_nothing(totals: &Totals) -> bool {
    let Totals {
        unchanged,
        changed,
        would_change,
        unknown,
        skipped,
        failed,
        unreachable,
        undone,
        interrupted,
    } = *totals;
    unchanged > 0
        && [
            changed,
            would_change,
            unknown,
            skipped,
            failed,
            unreachable,
            undone,
            interrupted,
        ]
        .iter()
        .all(|count| *count == 0)
}

/// The reported result of a host that was skipped.
pub(super) fn end(wanted: &Wanted) -> HostEnd {
    let reason = if wanted.spec.present.healthy {
        "`update` would change nothing, and it is healthy"
    } else {
        "`update` would change nothing"
    };
    HostEnd {
        fate: Fate::Unchanged,
        version: Version::New,
        batch: None,
        failure: None,
        unrestored: None,
        reason: Some(reason.to_owned()),
    }
}
