//! The hosts that a built-in is given: an array, and the order in which they start.

use rhai::{Array, EvalAltResult, NativeCallContext};

use super::host::HostValue;
use crate::script::convert::described;
use crate::script::error::argument;

/// The hosts in an array, as `hosts(...)` returns it.
///
/// # Errors
/// An element is not a host.
pub(super) fn hosts_of(
    what: &str,
    context: &NativeCallContext<'_>,
    hosts: Array,
) -> Result<Vec<HostValue>, Box<EvalAltResult>> {
    let host = |host: rhai::Dynamic| {
        let kind = described(&host);
        host.try_cast::<HostValue>().ok_or_else(|| {
            let message = format!("`{what}` takes hosts from hosts(\"...\"), not {kind}");
            argument(context, message)
        })
    };
    hosts.into_iter().map(host).collect()
}

pub(super) fn arrange(hosts: &mut [HostValue], order: Option<&str>) -> Result<(), String> {
    match order {
        None | Some("inventory") => {}
        Some("sorted") => hosts.sort_by(|a, b| a.0.name().cmp(b.0.name())),
        Some("reverse") => hosts.reverse(),
        Some("shuffle") => shuffle(hosts),
        Some(other) => {
            return Err(format!(
                "`order` must be \"inventory\", \"sorted\", \"reverse\" or \"shuffle\", not \"{other}\""
            ));
        }
    }
    Ok(())
}

/// Fisher-Yates with the system's randomness. The modulo bias is negligible.
fn shuffle(hosts: &mut [HostValue]) {
    for last in (1..hosts.len()).rev() {
        let random = getrandom::u64().unwrap_or_default();
        let other = random % (last as u64 + 1);
        hosts.swap(last, usize::try_from(other).unwrap_or(last));
    }
}
