//! The options for logging in to hosts, and the passwords that they ask for.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::inventory::Overrides;
use crate::model::{Failure, FailureKind, SshClient};

/// How to log in to the hosts, and as whom.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct LoginArgs {
    /// Log in as this user
    #[arg(short, long, value_name = "USER")]
    pub user: Option<String>,
    /// Log in with this private key
    #[arg(long, value_name = "FILE")]
    pub private_key: Option<PathBuf>,
    /// Become root (or the user in `ansible_become_user`) for everything
    #[arg(short = 'b', long = "become")]
    pub elevate: bool,
    #[command(flatten)]
    pub client: TransportArgs,
    /// Keep idle connections open for DURATION for the next run; 0 keeps none. Overrides `ops_persist`
    ///
    /// Your own `ssh` keeps them open, so this does not work with `--transport native`. `ops connections`
    /// lists and closes them.
    #[arg(long, value_name = "DURATION", env = "OPS_PERSIST", value_parser = length)]
    pub persist: Option<Duration>,
    /// Ask for the login password. Overrides `ansible_password`
    #[arg(short = 'k', long)]
    pub ask_pass: bool,
    /// Ask for the sudo password
    #[arg(short = 'K', long)]
    pub ask_become_pass: bool,
}

impl LoginArgs {
    /// The login settings of the command line. Asks for the passwords of `--ask-pass` and `-K`.
    ///
    /// # Errors
    /// There is no terminal to ask at.
    pub(crate) fn overrides(&self) -> Result<Overrides, Vec<Failure>> {
        let mut overrides = Overrides {
            user: self.user.clone(),
            elevate: self.elevate,
            key_file: self.private_key.clone(),
            ssh_client: self.client.transport,
            persist: self.persist,
            ..Overrides::default()
        };
        if self.ask_pass {
            overrides.password = Some(ask("--ask-pass", "login password", "ansible_password")?);
        }
        if self.ask_become_pass {
            overrides.become_password =
                Some(ask("-K", "sudo password", "ansible_become_password")?);
        }
        Ok(overrides)
    }
}

/// Asks for a password at the terminal, once and without echo.
fn ask(option: &str, what: &str, variable: &str) -> Result<String, Vec<Failure>> {
    let refused = |message: String| {
        vec![Failure::new(FailureKind::Input, message).hint(format!(
            "Set `{variable}`, from a vaulted file or the environment."
        ))]
    };
    if !std::io::stdin().is_terminal() {
        return Err(refused(format!(
            "there is no terminal to ask for the password of {option} at"
        )));
    }
    dialoguer::Password::new()
        .with_prompt(what)
        .interact()
        .map_err(|error| refused(format!("failed to ask for the password: {error}")))
}

/// A time such as `10m`, or 0.
fn length(text: &str) -> Result<Duration, String> {
    match text.trim() {
        "0" => Ok(Duration::ZERO),
        text => humantime::parse_duration(text)
            .map_err(|_| "expected a time such as 10m, or 0".to_owned()),
    }
}

/// Which SSH client is used.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct TransportArgs {
    /// SSH client to use. Overrides `ops_transport` of the inventory
    ///
    /// `native` is the client built into ops, `openssh` your own `ssh`. `auto` uses the built-in client if it
    /// supports everything in your ssh configuration, otherwise `ssh`.
    #[arg(long, value_name = "TRANSPORT", env = "OPS_TRANSPORT", value_parser = transport())]
    pub transport: Option<SshClient>,
}

/// The clients by the names that the inventory uses.
fn transport() -> impl TypedValueParser<Value = SshClient> {
    let names = SshClient::ALL.map(SshClient::name);
    PossibleValuesParser::new(names).map(|name| SshClient::from_name(&name).unwrap_or_default())
}
