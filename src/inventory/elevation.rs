//! How another user is become on a host: `ansible_become` and what belongs to it.

use super::connection::{Overrides, Settings};
use super::error::InventoryError;
use super::name;
use crate::model::Elevation;

impl Settings<'_> {
    /// How to become a user where the inventory does not ask for it: whether ops can is known when it is asked to.
    pub(super) fn become_method(&self) -> Result<String, InventoryError> {
        let method = self.text(&["ansible_become_method"])?;
        let method = method.unwrap_or_else(|| "sudo".to_owned());
        if self.refuse_sudo_settings().is_ok() {
            return Ok(match method.rsplit('.').next() {
                Some("sudo") => "sudo".to_owned(),
                _ => method,
            });
        }
        let exe = self.text(&["ansible_become_exe", "ansible_sudo_exe"])?;
        let flags = self.text(&["ansible_become_flags", "ansible_sudo_flags"])?;
        let words = [Some(exe.unwrap_or(method)), flags];
        Ok(words.into_iter().flatten().collect::<Vec<_>>().join(" "))
    }

    /// ops starts `sudo` in its own way.
    fn refuse_sudo_settings(&self) -> Result<(), InventoryError> {
        for name in ["ansible_become_exe", "ansible_sudo_exe"] {
            if let Some(program) = self.text(&[name])?
                && !["sudo", "/usr/bin/sudo", "/bin/sudo"].contains(&program.as_str())
            {
                let message = format!("is `{program}`, and ops runs the `sudo` of the host's PATH");
                return Err(self.error(name, message).hint("Remove it."));
            }
        }
        for name in ["ansible_become_flags", "ansible_sudo_flags"] {
            if let Some(flags) = self.text(&[name])?
                && !are_usual_flags(&flags)
            {
                let message = format!("is `{flags}`, and ops gives sudo no flags of yours");
                return Err(self
                    .error(name, message)
                    .hint("Remove it; sudoers on the host has an option for most of them."));
            }
        }
        Ok(())
    }

    pub(super) fn elevation(
        &self,
        overrides: &Overrides,
        password: Option<String>,
    ) -> Result<Option<Elevation>, InventoryError> {
        let wanted = overrides.elevate || self.flag(&["ansible_become"])?.unwrap_or(false);
        if !wanted {
            return Ok(None);
        }
        let method = self
            .text(&["ansible_become_method"])?
            .unwrap_or_else(|| "sudo".to_owned());
        if method.rsplit('.').next() != Some("sudo") {
            return Err(self
                .error(
                    "ansible_become_method",
                    format!("is `{method}`, a way that ops does not have"),
                )
                .hint("ops becomes another user with sudo."));
        }
        self.refuse_sudo_settings()?;
        let user = match &overrides.elevate_user {
            Some(user) => user.clone(),
            None => self
                .text(&["ansible_become_user", "ansible_sudo_user"])?
                .unwrap_or_else(|| "root".to_owned()),
        };
        name::check_destination("user to become", &user).map_err(|error| {
            match self.host.var("ansible_become_user") {
                Some(var) => error.at(&var.origin),
                None => error,
            }
        })?;
        Ok(Some(Elevation {
            user,
            method: "sudo".to_owned(),
            password,
        }))
    }
}

/// Whether sudo does as these flags say when ops starts it.
fn are_usual_flags(flags: &str) -> bool {
    let long = ["--set-home", "--stdin", "--non-interactive"];
    let mut words = flags.split_whitespace();
    words.all(|word| match word.strip_prefix('-') {
        Some(letters) if !letters.starts_with('-') => {
            !letters.is_empty() && letters.chars().all(|letter| "HSn".contains(letter))
        }
        _ => long.contains(&word),
    })
}
