//! How ops becomes another user on a host: `ansible_become` and the variables that go with it.

use super::connection::{Overrides, Settings};
use super::error::InventoryError;
use super::name;
use crate::model::Elevation;

impl Settings<'_> {
    /// Why ops cannot become another user the way the inventory asks for. It matters only once a task needs
    /// another user.
    pub(super) fn become_refusal(&self) -> Option<String> {
        let error = self.refuse_other_ways().err()?;
        Some(error.to_string())
    }

    /// ops only uses `sudo`, with its own options.
    fn refuse_other_ways(&self) -> Result<(), InventoryError> {
        if let Some(method) = self.text(&["ansible_become_method"])?
            && method.rsplit('.').next() != Some("sudo")
        {
            let message = format!("is `{method}`, which ops does not support");
            return Err(self
                .error("ansible_become_method", message)
                .hint("ops can only become another user with sudo."));
        }
        for name in ["ansible_become_exe", "ansible_sudo_exe"] {
            if let Some(program) = self.text(&[name])?
                && !["sudo", "/usr/bin/sudo", "/bin/sudo"].contains(&program.as_str())
            {
                let message =
                    format!("is `{program}`, but ops runs `sudo` from the PATH of the host");
                return Err(self.error(name, message).hint("Remove it."));
            }
        }
        for name in ["ansible_become_flags", "ansible_sudo_flags"] {
            if let Some(flags) = self.text(&[name])?
                && !are_usual_flags(&flags)
            {
                let message = format!("is `{flags}`, but ops does not pass extra flags to sudo");
                return Err(self
                    .error(name, message)
                    .hint("Remove it. For most flags there is an equivalent option of sudoers on the host."));
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
        self.refuse_other_ways()?;
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

/// Whether sudo, the way ops starts it, already behaves as these flags ask.
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
