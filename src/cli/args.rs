//! Arguments that several subcommands share.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::model::{Failure, FailureKind, SshClient};

/// Which hosts there are.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Inventory")]
pub struct InventoryArgs {
    /// An inventory: a file, a directory, a program, or `host1,host2,`. Can be given several times
    ///
    /// Without one: what `inventory` of ansible.cfg says, or inventory.toml, inventory.yml, inventory.yaml, inventory.ini, inventory/ or hosts.ini of the
    /// working directory, whichever is there; if none is, there is only `localhost`.
    ///
    /// OPS_INVENTORY stands in for it, with `:` between several.
    #[arg(short, long, value_name = "PATH")]
    pub inventory: Vec<PathBuf>,
    /// Leave out all hosts that this pattern does not select
    #[arg(short, long, value_name = "PATTERN")]
    pub limit: Option<String>,
    /// Read the password of vaulted values from this file, or from the output of this program
    #[arg(long, value_name = "[ID@]FILE")]
    pub vault_password_file: Vec<String>,
}

/// What stands in for `-i`, in this order; more than one of them is an error.
const DEFAULT_INVENTORIES: [&str; 6] = [
    "inventory.toml",
    "inventory.yml",
    "inventory.yaml",
    "inventory.ini",
    "inventory",
    "hosts.ini",
];

impl InventoryArgs {
    /// The inventories that were given, or those of `ansible.cfg`, or the one of the working directory.
    ///
    /// # Errors
    /// If several are there.
    pub fn paths(&self, configured: Vec<PathBuf>) -> Result<Vec<PathBuf>, Failure> {
        if !self.inventory.is_empty() {
            return Ok(self.inventory.clone());
        }
        let named = std::env::var_os("OPS_INVENTORY").map(|value| listed(&value));
        match named {
            Some(named) if !named.is_empty() => Ok(named),
            _ if !configured.is_empty() => one_of(configured, Path::new("inventory.toml")),
            _ => default_inventory(Path::new("")).map(|found| found.into_iter().collect()),
        }
    }
}

/// The paths of OPS_INVENTORY. A list of hosts, `web1:2222,web2,`, is one: what its colons separate are ports.
fn listed(value: &OsStr) -> Vec<PathBuf> {
    if value.as_encoded_bytes().ends_with(b",") {
        return vec![value.into()];
    }
    std::env::split_paths(value)
        .filter(|path| !path.as_os_str().is_empty())
        .collect()
}

/// What `ansible.cfg` names, unless an inventory of ops is there too.
fn one_of(configured: Vec<PathBuf>, ours: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !ours.exists() || configured.iter().any(|path| path.ends_with(ours)) {
        return Ok(configured);
    }
    let named: Vec<String> = configured
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let message = format!(
        "there are two inventories: {}, and {} of ansible.cfg",
        ours.display(),
        named.join(", ")
    );
    Err(Failure::new(FailureKind::Input, message).hint("Say which one with -i."))
}

fn default_inventory(dir: &Path) -> Result<Option<PathBuf>, Failure> {
    let mut there = DEFAULT_INVENTORIES
        .iter()
        .map(|name| dir.join(name))
        .filter(|path| path.exists());
    let first = there.next();
    match (&first, there.next()) {
        (Some(first), Some(second)) => Err(Failure::new(
            FailureKind::Input,
            format!(
                "there are two inventories: {} and {}",
                first.display(),
                second.display()
            ),
        )
        .hint("Say which one with -i.")),
        _ => Ok(first),
    }
}

/// The values of a playbook's parameters.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Parameters")]
pub struct VarArgs {
    /// Give a parameter of the playbook its value. Can be given several times
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub vars: Vec<(String, String)>,
    /// Read values of parameters from a TOML, YAML or JSON file; --var wins over it
    #[arg(long, value_name = "FILE")]
    pub vars_file: Vec<PathBuf>,
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".into()),
    }
}

/// Who to be on the hosts.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Connection")]
pub struct LoginArgs {
    /// Log in as this user
    #[arg(short, long, value_name = "USER")]
    pub user: Option<String>,
    /// Log in with this private key
    #[arg(long, value_name = "FILE")]
    pub private_key: Option<PathBuf>,
    /// Become root (or what `ansible_become_user` says) for everything
    #[arg(short = 'b', long = "become")]
    pub elevate: bool,
    #[command(flatten)]
    pub client: TransportArgs,
    /// Keep the connections for the next run, so long after their last use; 0: do not. Wins over `ops_persist`
    ///
    /// Your own `ssh` holds them, so `--transport native` cannot. `ops connections` shows them and ends them.
    #[arg(long, value_name = "DURATION", env = "OPS_PERSIST", value_parser = length)]
    pub persist: Option<Duration>,
    /// Ask for the password to log in with. Wins over `ansible_password`
    #[arg(short = 'k', long)]
    pub ask_pass: bool,
    /// Ask for the password of sudo
    #[arg(short = 'K', long)]
    pub ask_become_pass: bool,
}

/// A time such as `10m`, or 0.
fn length(text: &str) -> Result<Duration, String> {
    match text.trim() {
        "0" => Ok(Duration::ZERO),
        text => humantime::parse_duration(text)
            .map_err(|_| "expected a time such as 10m, or 0".to_owned()),
    }
}

/// What carries the connection.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Connection")]
pub struct TransportArgs {
    /// What speaks SSH. Wins over `ops_transport` of the inventory
    ///
    /// `native` is ops itself, `openssh` your own `ssh`. `auto` takes ops itself where it can do all that your ssh
    /// configuration asks for, and `ssh` elsewhere.
    #[arg(long, value_name = "TRANSPORT", env = "OPS_TRANSPORT", value_parser = transport())]
    pub transport: Option<SshClient>,
}

/// By the names that the inventory has for them.
fn transport() -> impl TypedValueParser<Value = SshClient> {
    let names = SshClient::ALL.map(SshClient::name);
    PossibleValuesParser::new(names).map(|name| SshClient::from_name(&name).unwrap_or_default())
}

/// How to run.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Run")]
pub struct RunArgs {
    /// Find out what would change, and change nothing
    #[arg(long)]
    pub check: bool,
    /// Show how contents change
    #[arg(long)]
    pub diff: bool,
    /// At most so many hosts at once, unless the playbook says otherwise
    #[arg(short, long, value_name = "N", default_value_t = 50, value_parser = forks)]
    pub forks: usize,
    /// Answer every question of the playbook with yes
    #[arg(short, long)]
    pub yes: bool,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// How many hosts at once.
pub fn forks(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("expected a number from 1 on".into()),
        Ok(forks) => Ok(forks),
    }
}

/// How the run is shown.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct OutputArgs {
    /// How the run is shown on stdout [default: live on a terminal, github or gitlab in their jobs, else plain]
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    pub output: Option<Output>,
    /// Also write a JUnit report, which most CI systems read
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// What runs right now, with what is done scrolling above
    Live,
    /// One line for each thing that happens
    Plain,
    /// One event a line, as JSON
    Json,
    /// Plain, with groups, annotations and a summary for GitHub Actions
    Github,
    /// Plain, with sections for GitLab CI
    Gitlab,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_inventory_of_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(default_inventory(dir.path()).unwrap(), None);
        let toml = dir.path().join("inventory.toml");
        std::fs::write(&toml, "").unwrap();
        assert_eq!(default_inventory(dir.path()).unwrap(), Some(toml));
        std::fs::create_dir(dir.path().join("inventory")).unwrap();
        let failure = default_inventory(dir.path()).unwrap_err();
        assert!(failure.message.contains("two inventories"), "{failure}");
        assert!(failure.hint.unwrap().contains("-i"));
    }

    #[test]
    fn the_environment_names_several_inventories() {
        let listed = |text: &str| listed(OsStr::new(text));
        assert_eq!(
            listed("a.toml:b.ini"),
            [Path::new("a.toml"), Path::new("b.ini")]
        );
        assert_eq!(listed("web1:2222,"), [Path::new("web1:2222,")]);
        assert!(listed("").is_empty());
    }

    #[test]
    fn a_variable_has_a_name() {
        assert_eq!(
            name_and_value("a=b=c"),
            Ok(("a".to_owned(), "b=c".to_owned()))
        );
        assert!(name_and_value("=x").is_err());
        assert!(name_and_value("x").is_err());
    }
}
