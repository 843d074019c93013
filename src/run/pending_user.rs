//! Users that an earlier task would create or remove, in check mode.

use tokio_util::sync::CancellationToken;

use crate::model::Failure;
use crate::task::{Answer, Query, RunMode};

use super::ask::ask;
use super::host::HostHandle;

/// Returns why nothing can be done as the handle's user in check mode: an earlier task would create or
/// remove the user. `None` if the user exists, or if no task affects it: then becoming the user reports the
/// error.
///
/// # Errors
/// The host does not answer.
pub fn pending_user(
    host: &HostHandle,
    cancel: &CancellationToken,
) -> Result<Option<String>, Failure> {
    let Some(user) = &host.user else {
        return Ok(None);
    };
    if host.run.settings.mode == RunMode::Apply || host.default_user() == Some(user) {
        return Ok(None);
    }
    let outlook = host.history().outlook();
    let Some(by) = outlook.who_alters_user(user) else {
        return Ok(None);
    };
    if let Some(by) = outlook.who_removes_user(user) {
        return Ok(Some(format!(
            "the user {user} would not exist: `{by}` would remove it"
        )));
    }
    let query = Query::User(user.clone());
    let as_default = host.as_user(host.default_user().map(ToOwned::to_owned));
    let answers = ask(&as_default, cancel, vec![query])?;
    let is_missing = matches!(answers.first(), Some((_, Answer::Table(rows))) if rows.is_empty());
    Ok(is_missing
        .then(|| format!("there is no user {user} yet: depends on what `{by}` would change")))
}
