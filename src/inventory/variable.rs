//! Variables of a host, rendered. The value of a variable whose name is that of a password is kept as a
//! secret.

use std::sync::Arc;

use serde_json::Value;

use super::error::RenderError;
use super::shown::Shown;
use super::world::World;
use super::{password, render};
use crate::model::Host;

/// The rendered value of a variable. `None` if the host has no such variable, or if it is omitted.
pub(super) fn rendered(
    world: &Arc<World>,
    host: &Host,
    name: &str,
) -> Result<Option<Value>, RenderError> {
    let value = render::var(world, host, name)?;
    if let Some(value) = &value
        && password::is_password(name)
    {
        password::keep_value(value, &world.secrets);
    }
    Ok(value)
}

/// Every variable in a form for display, by name.
pub(super) fn shown(world: &Arc<World>, host: &Host) -> Vec<Shown> {
    let mut vars = render::show(world, host);
    for var in &mut vars {
        if password::is_password(&var.name) {
            var.secret = true;
            if let Ok(value) = &var.value {
                password::keep_value(value, &world.secrets);
            }
        }
    }
    vars
}
