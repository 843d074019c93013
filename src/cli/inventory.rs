//! `ops inventory list|graph|show HOST`: hosts, groups and variables as ops reads them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::Subcommand;
use serde_json::{Value, json};

use crate::inventory::{Group, Inventory, InventoryError, Overrides, Shown};
use crate::model::suggest::did_you_mean;
use crate::model::{Connection, Failure, FailureKind, Host, Secrets, Via};
use crate::report::table;
use crate::transport::{Choice, Connector};

use super::diagnostics;
use super::inventory_args::InventoryArgs;
use super::login_args::TransportArgs;
use super::program::{DONE, Done, Program};

/// Inspect the inventory: hosts, groups, and where a host's variables come from
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the hosts that a pattern selects, with their groups
    List {
        /// Hosts to list: a pattern such as `web:&eu:!web3`
        #[arg(default_value = "all")]
        pattern: String,
        #[command(flatten)]
        with: With,
    },
    /// Draw the groups as a tree
    Graph {
        /// Group at the root of the tree
        #[arg(default_value = "all")]
        group: String,
        #[command(flatten)]
        inventory: InventoryArgs,
    },
    /// Show how a host is reached, and its variables with the file and line that each comes from
    Show {
        /// Host to show
        host: String,
        /// Print passwords and decrypted values instead of `[secret]`
        #[arg(long)]
        show_secrets: bool,
        #[command(flatten)]
        client: TransportArgs,
        #[command(flatten)]
        with: With,
    },
}

#[derive(Debug, clap::Args)]
struct With {
    #[command(flatten)]
    inventory: InventoryArgs,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(crate) fn run(self, _: &Program) -> Done {
        let secrets = Secrets::new();
        let load = |args: &InventoryArgs| args.load(None, BTreeMap::new(), &secrets);
        let mut is_json = false;
        let text = match self.command {
            Command::List { pattern, with } => {
                let inventory = load(&with.inventory)?;
                let hosts = inventory
                    .select(&pattern)
                    .map_err(|error| vec![error.into()])?;
                let hosts: Vec<&Host> = hosts.iter().map(AsRef::as_ref).collect();
                is_json = with.json;
                if is_json {
                    list_json(&hosts)
                } else {
                    list(&hosts)
                }
            }
            Command::Graph { group, inventory } => {
                let inventory = load(&inventory)?;
                let group = inventory.group(&group).ok_or_else(|| {
                    unknown(
                        "group",
                        &group,
                        inventory.groups().map(|group| group.name.as_str()),
                    )
                })?;
                graph(&inventory, group)
            }
            Command::Show {
                host,
                show_secrets,
                client,
                with,
            } => {
                let inventory = load(&with.inventory)?;
                let host = inventory.host(&host).ok_or_else(|| {
                    unknown(
                        "host",
                        &host,
                        inventory.hosts().map(|host| host.name.as_str()),
                    )
                })?;
                let mut vars = inventory.show(host);
                let overrides = Overrides {
                    ssh_client: client.transport,
                    ..Overrides::default()
                };
                let route = Route::of(inventory.connection(host, &overrides));
                if show_secrets {
                    for var in &mut vars {
                        var.secret = false;
                    }
                }
                is_json = with.json;
                let text = if is_json {
                    show_json(host, &route, &vars)
                } else {
                    show(host, &route, &vars)
                };
                if show_secrets {
                    text
                } else {
                    // A secret may be part of another value.
                    secrets.scrub(&text).into_owned()
                }
            }
        };
        if is_json {
            diagnostics::json(&text);
        } else {
            diagnostics::out(&text);
        }
        Ok(DONE)
    }
}

fn unknown<'n>(what: &str, name: &str, known: impl Iterator<Item = &'n str>) -> Vec<Failure> {
    let failure = Failure::new(
        FailureKind::Input,
        format!("the inventory has no {what} `{name}`"),
    );
    vec![failure.with_hint(did_you_mean(name, known))]
}

fn list(hosts: &[&Host]) -> String {
    let rows: Vec<Vec<String>> = hosts
        .iter()
        .map(|host| vec![host.name.clone(), host.groups.join(", ")])
        .collect();
    table::render(&rows)
}

fn list_json(hosts: &[&Host]) -> String {
    let hosts: Vec<Value> = hosts
        .iter()
        .map(|host| json!({ "name": host.name, "groups": host.groups.to_vec() }))
        .collect();
    format!("{:#}\n", Value::from(hosts))
}

/// The tree as Ansible draws it: groups with an `@`, hosts without.
fn graph(inventory: &Inventory, root: &Group) -> String {
    let mut text = format!("@{}:\n", root.name);
    branches(inventory, root, 1, &mut text);
    text
}

/// The inventory refuses groups that contain each other, so this ends.
fn branches(inventory: &Inventory, group: &Group, depth: usize, text: &mut String) {
    let stem = "  |".repeat(depth);
    for child in &group.children {
        let _ = writeln!(text, "{stem}--@{child}:");
        if let Some(child) = inventory.group(child) {
            branches(inventory, child, depth + 1, text);
        }
    }
    for host in inventory.own_hosts(group) {
        let _ = writeln!(text, "{stem}--{}", host.name);
    }
}

const HIDDEN: &str = "[secret]";

/// A name or value that is wider does not widen its column.
const MAX_COLUMN: usize = 40;

/// How a host is reached.
struct Route {
    /// `native`, `openssh`, `local`, or a command; none if the host cannot be reached.
    transport: Option<String>,
    /// Why it is that one, if nobody asked for it, or why there is none.
    reason: Option<String>,
}

impl Route {
    fn of(connection: Result<Connection, InventoryError>) -> Self {
        let connection = match connection {
            Ok(connection) => connection,
            Err(error) => {
                return Self {
                    transport: None,
                    reason: Some(error.message),
                };
            }
        };
        let (transport, reason) = match &connection.via {
            Via::Local => (Some("local".to_owned()), None),
            Via::Exec(command) => (Some(command.join(" ")), None),
            Via::Ssh => match Connector::new().choice(&connection) {
                Choice::Native(_) => (Some("native".to_owned()), None),
                Choice::Openssh { reason } => (Some("openssh".to_owned()), reason),
                Choice::None { reason } if connection.password.is_some() => {
                    let why = format!("a password is set, and ops cannot pass it to ssh: {reason}");
                    (None, Some(why))
                }
                Choice::None { reason } => (None, Some(reason)),
            },
        };
        Self { transport, reason }
    }
}

impl std::fmt::Display for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.transport, &self.reason) {
            (Some(transport), Some(reason)) => write!(f, "{transport} ({reason})"),
            (Some(transport), None) => f.write_str(transport),
            (None, reason) => write!(f, "! {}", reason.as_deref().unwrap_or_default()),
        }
    }
}

fn show(host: &Host, route: &Route, vars: &[Shown]) -> String {
    let groups = if host.groups.is_empty() {
        "none".to_owned()
    } else {
        host.groups.join(", ")
    };
    let mut text = format!("{}\ngroups: {groups}\ntransport: {route}\n\n", host.name);
    let rows: Vec<Vec<String>> = vars
        .iter()
        .map(|var| {
            let value = match &var.value {
                _ if var.secret => HIDDEN.to_owned(),
                Ok(value) => value.to_string(),
                Err(error) => format!("! {}", error.message),
            };
            vec![var.name.clone(), value, var.origin.to_string()]
        })
        .collect();
    text.push_str(&table::render_ragged(&rows, MAX_COLUMN));
    text
}

fn show_json(host: &Host, route: &Route, vars: &[Shown]) -> String {
    let vars: serde_json::Map<String, Value> = vars
        .iter()
        .map(|var| {
            let mut shown = json!({
                "file": var.origin.file.to_string_lossy(),
                "line": var.origin.line,
            });
            match &var.value {
                _ if var.secret => shown["secret"] = true.into(),
                Ok(value) => {
                    shown["value"] = value.clone();
                    if var.written != *value {
                        shown["written"] = var.written.clone();
                    }
                }
                Err(error) => shown["error"] = error.message.clone().into(),
            }
            (var.name.clone(), shown)
        })
        .collect();
    let mut shown = json!({ "name": host.name, "groups": host.groups.to_vec() });
    if let Some(transport) = &route.transport {
        shown["transport"] = transport.clone().into();
    }
    if let Some(reason) = &route.reason {
        shown["transport_reason"] = reason.clone().into();
    }
    shown["vars"] = vars.into();
    format!("{shown:#}\n")
}
