//! Runs the methods of a login, one after the other.

use russh::client::Handle;

use super::progress::{Answer, Login, Progress, kind};
use crate::ssh::error::SshError;
use crate::ssh::handler::Handler;
use crate::ssh::settings::{LoginMethod, LoginSettings};

/// Logs in with the first method that the host accepts. Each method is used once, even if a host requires
/// several.
pub(crate) async fn run(login: &Login<'_>, handle: &mut Handle<Handler>) -> Result<(), SshError> {
    let mut tried = Progress::default();
    let LoginSettings {
        methods, password, ..
    } = &login.settings.login;
    let mut left = match password {
        Some(_) => methods.clone(),
        // Only keys can be used. A host whose configuration disables them has been left to `ssh`.
        None => vec![LoginMethod::PublicKey],
    };
    // A host that accepts only a password would count keys as failures.
    if password.is_some() && login.ask_methods(handle, &mut tried).await? {
        return Ok(());
    }
    while let Some(method) = next(&mut left, &tried) {
        tried.part_of_way = false;
        let answer = match (method, password) {
            (LoginMethod::PublicKey, _) => {
                if login.by_keys(handle, &mut tried).await? {
                    Answer::In
                } else {
                    Answer::No
                }
            }
            (_, Some(password)) => {
                login
                    .by_password(handle, method, password, &mut tried)
                    .await
            }
            (_, None) => Answer::No,
        };
        match answer {
            Answer::In => return Ok(()),
            Answer::Stop(error) => return Err(error),
            Answer::No => {}
        }
    }
    Err(login.denied(&tried))
}

/// The next method that is configured and, if the host has listed its methods, accepted by it.
fn next(left: &mut Vec<LoginMethod>, tried: &Progress) -> Option<LoginMethod> {
    let is_accepted = |method: &LoginMethod| {
        let methods = tried.methods.as_ref();
        methods.is_none_or(|methods| methods.contains(&kind(*method)))
    };
    let found = left.iter().position(is_accepted)?;
    Some(left.remove(found))
}
