//! How ops connects to a host: `ansible_connection` and `ops_exec`.

use serde_json::Value;

use super::connection::{Set, Settings};
use super::error::InventoryError;
use crate::model::Via;
use crate::model::suggest::did_you_mean;

/// The variables `ansible_TOOL_...` that ops supports for a tool that runs a shell in a container. Any other
/// such variable is an error.
const CONTAINER: &[&str] = &[
    "extra_args",
    "kubeconfig",
    "context",
    "namespace",
    "pod",
    "container",
    "user",
    // Timeouts of the plugin's own file copies.
    "timeout",
    "host",
    "port",
];

impl Settings<'_> {
    pub(super) fn via(&self, address: &str, user: Option<&str>) -> Result<Via, InventoryError> {
        if let Some(set) = self.get(&["ops_exec"])? {
            return self.exec(&set).map(Via::Exec);
        }
        let Some(kind) = self.text(&["ansible_connection"])? else {
            return Ok(Via::Ssh);
        };
        match kind.rsplit('.').next().unwrap_or_default() {
            "ssh" | "smart" | "paramiko" | "paramiko_ssh" => Ok(Via::Ssh),
            "local" => Ok(Via::Local),
            tool @ ("docker" | "podman") => {
                let mut command = vec![tool.to_owned()];
                command.extend(self.extra_args(tool)?);
                command.extend(["exec", "-i"].map(str::to_owned));
                if let Some(user) = user {
                    command.extend(["-u", user].map(str::to_owned));
                }
                command.push(address.to_owned());
                Ok(Via::Exec(command))
            }
            tool @ ("kubectl" | "oc") => {
                let extra = self.extra_args(tool)?;
                let mut command = vec![tool.to_owned()];
                for (option, name) in [
                    ("--kubeconfig", "kubeconfig"),
                    ("--context", "context"),
                    ("-n", "namespace"),
                ] {
                    if let Some(value) = self.text(&[&format!("ansible_{tool}_{name}")])? {
                        command.extend([option.to_owned(), value]);
                    }
                }
                command.extend(["exec".to_owned(), "-i".to_owned()]);
                let pod = self.text(&[&format!("ansible_{tool}_pod")])?;
                command.push(pod.unwrap_or_else(|| address.to_owned()));
                if let Some(container) = self.text(&[&format!("ansible_{tool}_container")])? {
                    command.extend(["-c".to_owned(), container]);
                }
                command.push("--".to_owned());
                self.no_options(&command)?;
                command.splice(1..1, extra);
                Ok(Via::Exec(command))
            }
            other => {
                let known = ["ssh", "local", "docker", "podman", "kubectl", "oc"];
                let error = self.error(
                    "ansible_connection",
                    format!("is `{other}`, which ops does not support"),
                );
                Err(error.hint(did_you_mean(other, known).unwrap_or_else(|| {
                    "Use ssh, local, docker, podman, kubectl or oc, or set `ops_exec` to any command \
                     that runs the command given after it."
                        .to_owned()
                })))
            }
        }
    }

    /// Refuses an option as the value of another option.
    fn no_options(&self, command: &[String]) -> Result<(), InventoryError> {
        let known = ["--kubeconfig", "--context", "-n", "-i", "-c", "--"];
        match command
            .iter()
            .find(|word| word.starts_with('-') && !known.contains(&word.as_str()))
        {
            Some(word) => Err(self.error(
                "ansible_connection",
                format!("leads to {word:?}, which starts with a dash"),
            )),
            None => Ok(()),
        }
    }

    fn exec(&self, set: &Set<'_>) -> Result<Vec<String>, InventoryError> {
        let words: Option<Vec<String>> = match &set.value {
            Value::String(line) => shlex::split(line),
            Value::Array(items) => items
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect(),
            _ => None,
        };
        match words {
            Some(words) if !words.is_empty() && words.iter().all(|word| !word.contains('\0')) => {
                Ok(words)
            }
            _ => Err(self
                .error(
                    set.name,
                    "must be a command, as a line or as a list of strings",
                )
                .hint("For example `docker exec -i web1`: ops appends ` sh -c ...`.")),
        }
    }

    /// The extra arguments for the tool that enters a container. A variable that ops does not support must
    /// not be ignored.
    fn extra_args(&self, tool: &str) -> Result<Vec<String>, InventoryError> {
        let prefix = format!("ansible_{tool}_");
        let vars = self.host.vars();
        let unread = vars.keys().find(|name| {
            let rest = name.strip_prefix(&prefix);
            rest.is_some_and(|rest| !CONTAINER.contains(&rest))
        });
        if let Some(name) = unread {
            return Err(self
                .error(name, "is set, but ops does not support it")
                .hint("Write the whole command as `ops_exec`, e.g. `docker exec -i web1`."));
        }
        let name = format!("{prefix}extra_args");
        let Some(line) = self.text(&[&name])? else {
            return Ok(Vec::new());
        };
        shlex::split(&line).ok_or_else(|| self.error(&name, "has an unclosed quote"))
    }
}
